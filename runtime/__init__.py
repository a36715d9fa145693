"""How a process behaves: its settings, clock, logs, metrics and lifecycle."""
