"""Folding: letters without case and accents, one for one, so that offsets stay true."""

import unicodedata
from typing import Final


def _plain(number: int) -> str:
    char = chr(number)
    base = unicodedata.normalize("NFD", char)[0]
    lowered = base.lower()
    return lowered if len(lowered) == 1 else char


# Latin, its extensions, and the dashes and quotes that writers use for one another.
_TABLE: Final[dict[int, str]] = {
    **{number: _plain(number) for number in range(0x41, 0x250)},
    **{number: _plain(number) for number in range(0x1E00, 0x1F00)},
    **dict.fromkeys(range(0x2010, 0x2016), "-"),
    0x2212: "-",
    0x2018: "'",
    0x2019: "'",
    0xA0: " ",
    0xBA: "o",
    0xAA: "a",
}


def fold(text: str) -> str:
    """Return the text in lower case without accents, of exactly the same length."""
    return text.translate(_TABLE)
