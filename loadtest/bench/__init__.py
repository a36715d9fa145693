"""The measurements: what a session costs, what it adds, and what the floor under it would be."""
