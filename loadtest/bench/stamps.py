"""Stamps inside the pieces: when the engine was asked, gave a piece, and when it was let go.

The clock is the machine's monotonic one, which its processes share, so that a receiver can tell
how long ago the server had a piece in its hands.
"""

import re
from typing import Final

import msgspec

from runtime import clock

_MARK: Final = re.compile(r"\[([bef])(\d+)\]")
ASKED, PIECE, LEFT = "b", "e", "f"


def stamp(kind: str) -> str:
    """Return a stamp of now."""
    return mark(kind, clock.monotonic_ns())


def mark(kind: str, moment: int) -> str:
    """Return a stamp of a moment."""
    return f"[{kind}{moment}]"


class Stamps(msgspec.Struct):
    """What one frame's text carries, in nanoseconds; `asked` and `left` are 0 where absent."""

    asked: int
    pieces: list[int]
    left: int


def read(text: str) -> Stamps:
    """Return the stamps of a frame's text."""
    found = Stamps(0, [], 0)
    for kind, digits in _MARK.findall(text):
        if kind == PIECE:
            found.pieces.append(int(digits))
        elif kind == ASKED:
            found.asked = int(digits)
        else:
            found.left = int(digits)
    return found
