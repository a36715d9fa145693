"""A trie of words: finds the longest known phrases of a text in one pass over its words."""

# ruff: noqa: PLR2004 - a weight or a length is judged where it stands

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from pipeline.vocabulary.folding import fold

WORD: Final = re.compile(r"[a-z0-9]+(?:\+\+|\+|#)?")
GAP_CHARS_MAX = 3
_GAP: Final = frozenset(" .-/&'\n\t_")


class Hit(msgspec.Struct, frozen=True):
    """A phrase found: what it stands for and where it is."""

    value: str
    start: int
    end: int


class _Node:
    __slots__ = ("next", "value")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.value: str | None = None


def stem(word: str) -> str:
    """Return a word without its plural s: "ventas" and "venta" are one."""
    return word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] != "s" else word


def words(folded: str) -> Iterator[tuple[str, int, int]]:
    """Yield (stem, start, end) of every word of a folded text."""
    for match in WORD.finditer(folded):
        yield stem(match[0]), match.start(), match.end()


class Trie:
    """Phrases by their words; look-ups are linear in the text."""

    def __init__(self, phrases: Iterable[tuple[str, str]]) -> None:
        """Build from (phrase, value); a phrase given twice keeps its first value."""
        self._root = _Node()
        for phrase, value in phrases:
            node = self._root
            for word, _, _ in words(fold(phrase)):
                node = node.next.setdefault(word, _Node())
            if node.value is None and node is not self._root:
                node.value = value

    def get(self, phrase: str) -> str | None:
        """Return the value of exactly this phrase."""
        node: _Node | None = self._root
        for word, _, _ in words(fold(phrase)):
            node = node.next.get(word) if node is not None else None
        return node.value if node is not None else None

    def find(self, text: str) -> list[Hit]:
        """Return the longest phrases, from left to right, none inside another."""
        folded = fold(text)
        tokens = list(words(folded))
        hits: list[Hit] = []
        at = 0
        while at < len(tokens):
            last, value = self._longest(folded, tokens, at)
            if value is None:
                at += 1
            else:
                hits.append(Hit(value, tokens[at][1], tokens[last][2]))
                at = last + 1
        return hits

    def _longest(
        self, folded: str, tokens: list[tuple[str, int, int]], at: int
    ) -> tuple[int, str | None]:
        node, best, value = self._root, at, None
        for index in range(at, len(tokens)):
            word, start, _ = tokens[index]
            if index > at and not _joined(folded, tokens[index - 1][2], start):
                break
            child = node.next.get(word)
            if child is None:
                break
            node = child
            if node.value is not None:
                best, value = index, node.value
        return best, value


def _joined(folded: str, end: int, start: int) -> bool:
    """Say whether two words belong together: a space, a hyphen, a dot, the turn of a line."""
    return start - end <= GAP_CHARS_MAX and all(char in _GAP for char in folded[end:start])
