"""How many instances there should be, and why."""
