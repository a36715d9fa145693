"""How far the searches of the tests go: `make test DEPTH=10` for ten times the examples."""

import os

DEPTH = float(os.environ.get("DEPTH") or 1)


def examples(many: int) -> int:
    """Return how many examples to try where the suite by itself tries `many`."""
    return max(1, round(many * DEPTH))
