"""Skills in a text: the longest phrase wins, and short or everyday words need their context."""

import re
from typing import Final, NamedTuple

from pipeline.vocabulary import business, technical
from pipeline.vocabulary.trie import Trie

_LIST_BEFORE: Final = re.compile(r"(?:\A|[,;/|•·:(\[\n\t+-])[ \t]*\Z")
_AND_BEFORE: Final = re.compile(r"\b(?:y|e|and|o|or|ou)[ \t]*\Z")
_LIST_AFTER: Final = re.compile(r"[ \t]*(?:\Z|[,;/|•·)\]\n\t.+-]|(?:y|e|and|o|or|ou)\b)")
LOOK_CHARS = 8
LIST_CHARS = 60
RULES = "!?~"
ADDRESS: Final = ("@", "_")
_DOMAIN: Final = re.compile(r"\.(?:com|org|net|io|dev|me|pe|br|co)\b")


class Found(NamedTuple):
    """A skill found: its canonical name and where it is."""

    canonical: str
    start: int
    end: int


class _Entry(NamedTuple):
    name: str
    category: str
    phrase: str
    rule: str  # "", "!" (spelling counts), "~" (only in a list) or "?" (both)


def _entries(terms: str) -> list[_Entry]:
    entries: list[_Entry] = []
    group = ""
    for line in filter(None, map(str.strip, terms.replace("\n+ ", ", ").splitlines())):
        if line.startswith("["):
            group = line.strip("[]")
            continue
        head, _, aliases = line.partition(" = ")
        name = head.lstrip(RULES)
        phrases = [head, *(alias.strip() for alias in aliases.split(",") if alias.strip())]
        for phrase in phrases:
            plain = phrase.lstrip(RULES)
            entries.append(_Entry(name, group, plain, phrase[: len(phrase) - len(plain)]))
    return entries


_ENTRIES: Final = _entries(technical.TERMS) + _entries(business.TERMS)
_BY_PHRASE: Final = {f"{entry.name}\0{entry.phrase}": entry for entry in _ENTRIES}
_TRIE: Final = Trie((entry.phrase, f"{entry.name}\0{entry.phrase}") for entry in _ENTRIES)
_CATEGORY: Final = {entry.name: entry.category for entry in _ENTRIES}
_DOTTED: Final = frozenset(entry.phrase for entry in _ENTRIES if entry.phrase.startswith("."))


def find(text: str) -> list[tuple[str, int, int]]:
    """Return (canonical, start, end) of every skill named in the text, in order."""
    found: list[tuple[str, int, int]] = []
    for hit in _TRIE.find(text):
        entry = _BY_PHRASE[hit.value]
        start = hit.start
        if entry.phrase in _DOTTED:
            if start == 0 or text[start - 1] != ".":
                continue
            start -= 1
        if _stands(text, start, hit.end, entry):
            found.append(Found(entry.name, start, hit.end))
    return found


def _stands(text: str, start: int, end: int, entry: _Entry) -> bool:
    """Apply the entry's rule, and refuse pieces of addresses such as an e-mail's."""
    if text[max(0, start - 1) : start] in ADDRESS or text[end : end + 1] in ADDRESS:
        return False
    if _DOMAIN.match(text, end):
        return False
    said = text[start:end]
    if entry.rule == "!":
        return said in (entry.phrase, entry.phrase.title(), entry.phrase.upper())
    if entry.rule == "?" and said != entry.phrase:
        return False
    if entry.rule in ("?", "~"):
        return _listed(text, start, end, strict=entry.rule == "~")
    return True


def _listed(text: str, start: int, end: int, *, strict: bool) -> bool:
    """Say whether a word is an item: separators around it, or the "y" that ends a list.

    Strictly, the list has to show a comma: "Python y R" is one, "seguridad y limpieza" is none.
    """
    before = text[max(0, start - LIST_CHARS) : start].rpartition("\n")[2]
    opens = _LIST_BEFORE.search(text, max(0, start - LOOK_CHARS), start)
    ends_list = _AND_BEFORE.search(before) and ("," in before or not strict)
    return bool((opens or ends_list) and _LIST_AFTER.match(text, end, end + LOOK_CHARS))


def canonical(term: str) -> str | None:
    """Return the canonical name of a term, or None for one that is not known."""
    term = term.strip()
    hits = _TRIE.find(term)
    value = _TRIE.get(term)
    if value is not None and len(hits) == 1:
        entry = _BY_PHRASE[value]
        if entry.phrase not in _DOTTED or term.startswith("."):
            return entry.name
    return None


def category(name: str) -> str | None:
    """Return the group of a canonical name, such as "data"."""
    return _CATEGORY.get(name)
