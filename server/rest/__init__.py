"""REST under /api/v1: short handlers, each one transaction, over the house's resources."""
