"""Search the ownership protocol and its wrong variants: `python -m tests.model --takes 3 …`."""

import argparse
import sys

from tests.model.ownership import search
from tests.model.stores import RIGHT, WRONG, Bounds


def main() -> None:
    """Search within the bounds of the command line; the wrong variants within small ones."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=main.__doc__)
    for name, default in Bounds()._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=default)
    bounds = Bounds(**vars(parser.parse_args()))
    sys.stdout.write(f"the protocol, {bounds}: {search(RIGHT, bounds).told()}\n")
    for name, variant in WRONG.items():
        found = search(variant, Bounds(takes=2, turns=2, empties=2, sweeps=1))
        sys.stdout.write(f"{name}: {found.told()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
