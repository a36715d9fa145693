"""Repairs of extracted text: what no person sees or means is taken out, and counted first.

The result is what PostgreSQL accepts, what spans point into, and what a reader would say the
page reads. Repairing twice changes nothing.
"""

# ruff: noqa: PLR2004 - the numbers are Unicode's own

import re
import unicodedata
from typing import Final

import msgspec

LIGATURES: Final = {
    0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st",
    0xFB06: "st",
}  # fmt: skip
ZERO_WIDTH: Final = frozenset((0x200B, 0x200C, 0x200D, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064,
                               0xFEFF, 0x180E, 0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0))  # fmt: skip
BIDI: Final = frozenset((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
TAGS: Final = (0xE0000, 0xE007F)
VARIATION: Final = (*range(0xFE00, 0xFE10),)
VARIATION_MORE: Final = (0xE0100, 0xE01EF)
SPACES: Final = frozenset((0x00A0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000))
BULLETS: Final = frozenset((0xF0B7, 0xF0A7, 0xF0D8, 0xF076, 0xF0FC, 0xF02D, 0xF06C, 0x25CF, 0x25AA,
                            0x25A0, 0x25E6, 0x2023, 0x2043, 0x27A2, 0x2756, 0x2794, 0x25B8, 0x25BA,
                            0x2713, 0x2714, 0x25C6, 0x25CB, 0xF0A8, 0xF071))  # fmt: skip
SOFT_HYPHEN: Final = 0x00AD
# Bytes that an encoding left as controls: what Windows means by them, DEL being PDF's bullet.
MISREAD: Final = {
    0x7F: "•", 0x80: "€", 0x85: "\n", 0x91: "'", 0x92: "'", 0x93: '"', 0x94: '"', 0x95: "•",
    0x96: "–", 0x97: "—",
}  # fmt: skip

# LaTeX draws an accent as its own sign before the letter: "Educaci´on".
_ACCENTS: Final = {"´": "\u0301", "`": "\u0300", "¨": "\u0308", "˜": "\u0303", "ˆ": "\u0302"}
_LOOSE_ACCENT: Final = re.compile(r"(?<=[A-Za-z])([´¨˜ˆ]) ?([aeiounAEIOUNı])(?=[a-zA-Z\s,.;:)]|$)")
_SPACED_LINE: Final = re.compile(
    r"^[^\W\d_](?:[ \t]{1,6}[^\W\d_]){3,60}[ \t]{0,3}:?$", re.MULTILINE
)
_WIDE: Final = re.compile(r"[ \t]{2,}")
_TRAILING: Final = re.compile(r"[ \t]+(?=\n)|[ \t]+\Z")
# A word divided at the end of a line; not an address, whose hyphens are its own.
_DIVIDED: Final = re.compile(
    r"(?<![\w./@:-])([^\W\d_]+(?:-\n[a-zß-ÿ]{2,})+)(?![\w@/-])([,.;:)]{0,3})[ \n]?"
)
# A tab that a PDF swallowed: "Lima2017 – 2019", "S.A.C.Marzo 2021".
_GLUED: Final = re.compile(
    r"(?<=[a-zß-ÿ.)])(?=(?:19|20)\d\d\s{0,2}[–—-]\s{0,2}(?:(?:19|20)\d\d\b|[A-Z]))"
    r"|(?<=[a-zß-ÿ.)])(?=[A-Z][a-zç]{2,9}\.? (?:de )?(?:19|20)\d\d\b)"
)
_MANY_LINES: Final = re.compile(r"\n{3,}")
_TABS: Final = re.compile(r"\t[ \t]*")


class Removed(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many characters of each kind were taken out; large counts are worth a look."""

    nul: int = 0
    surrogates: int = 0
    controls: int = 0
    zero_width: int = 0
    bidi: int = 0
    tags: int = 0
    private_use: int = 0
    vanished: int = 0  # letters a DOCX marks as hidden; counted by its walker


class Repaired(msgspec.Struct, frozen=True):
    """The text and what was taken out of it."""

    text: str
    removed: Removed


def repair(text: str) -> Repaired:
    """Return the text as a person would read it."""
    counts = dict.fromkeys(Removed.__struct_fields__, 0)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    for old in ("\f", "\v", "\u2029"):
        text = text.replace(old, "\n")
    text = text.replace("\u00ad\n", "-\n")  # what a soft hyphen becomes at the end of a line
    text = text.translate({number: _judge(number, counts, text) for number in set(map(ord, text))})
    text = unicodedata.normalize("NFC", text)
    text = _LOOSE_ACCENT.sub(_compose, text)
    text = _SPACED_LINE.sub(_join, text)
    text = _TRAILING.sub("", _TABS.sub("\t", text))
    text = _DIVIDED.sub(_undivide, text)
    text = _GLUED.sub(" ", text)
    text = _MANY_LINES.sub("\n\n", text).strip("\n\t ")
    return Repaired(text, Removed(**counts))


def _judge(number: int, counts: dict[str, int], text: str) -> str | None:
    """Return what stands for a character, and count it where it is dropped."""
    char = chr(number)
    if number in LIGATURES:
        return LIGATURES[number]
    if number in MISREAD:
        return MISREAD[number]
    if number in SPACES:
        return " "
    if number in BULLETS:
        return "•"
    kind = _dropped(number)
    if kind is None:
        return char
    if kind:
        counts[kind] += text.count(char)
    return None


def _dropped(number: int) -> str | None:
    """Return the name a dropped character is counted under ("" for none), None for a kept one."""
    if number == 0:
        return "nul"
    if 0xD800 <= number <= 0xDFFF:
        return "surrogates"
    if number in ZERO_WIDTH:
        return "zero_width"
    if number in BIDI:
        return "bidi"
    if TAGS[0] <= number <= TAGS[1]:
        return "tags"
    if VARIATION_MORE[0] <= number <= VARIATION_MORE[1] or number in VARIATION:
        return "zero_width"
    if 0xE000 <= number <= 0xF8FF or number >= 0xF0000:
        return "private_use"
    if number == SOFT_HYPHEN:
        return ""
    if (number < 32 and number not in (9, 10)) or 0x7F <= number < 0xA0:
        return "controls"
    return None


def _compose(match: re.Match[str]) -> str:
    letter = "i" if match[2] == "ı" else match[2]
    whole = unicodedata.normalize("NFC", letter + _ACCENTS[match[1]])
    return whole if len(whole) == 1 else match[0]


def _undivide(match: re.Match[str]) -> str:
    return match[1].replace("-\n", "") + match[2] + "\n"


def _join(match: re.Match[str]) -> str:
    """Close up a letter-spaced heading; wider gaps are the spaces between its words."""
    line = match[0]
    if _WIDE.search(line):
        words = _WIDE.split(line.strip())
        if all(len(word) < 2 or " " in word for word in words) and len(words) < len(line) // 4:
            return " ".join(word.replace(" ", "") for word in words)
        if all(len(word.strip(":")) == 1 for word in words):
            return "".join(words)
        return line
    return line.replace(" ", "").replace("\t", "")
