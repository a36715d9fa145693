"""What an answer shows: quotes that stand in it literally, and cues of the evidence expected.

Everything here points into the candidate's own text: a span is `answer[start:end]`, and nothing
is ever taken from the question, the CV or a model's words.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Final, Protocol

import msgspec

from interview import clauses

SUBSTANCE_WORDS: Final = 12  # fewer are not yet an answer
PASSAGE_CHARS_MAX: Final = 240
CUES_READ_MAX: Final = 100  # in one answer, for one kind of evidence: more say nothing new
SHORT_REFUSAL_WORDS: Final = 25  # "no sé" inside a long answer is not a refusal

_PLAIN: Final = {
    "\u2018": "'", "\u2019": "'", "\u02bc": "'", "`": "'", "\u00b4": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
}  # fmt: skip
_UNSEEN: Final = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")  # take no room on paper
_WORD: Final = re.compile(r"\w+")
_UNKNOWN: Final = re.compile(
    r"\b(no (lo )?se|no sabria|ni idea|no tengo idea|no recuerdo|no me acuerdo|paso|"
    r"i (really )?(do not|don't) (know|remember)|no idea|not sure|"
    r"(eu )?nao (sei|lembro|me lembro)|nao saberia|nao tenho ideia)\b"
)
_DECLINED: Final = re.compile(
    r"\b(prefiero no (responder|contestar|hablar)|no (quiero|deseo) (responder|contestar)|"
    r"(i('d| would)? )(prefer not to|rather not)|(do not|don't) want to answer|"
    r"prefiro nao (responder|falar)|nao quero responder)\b"
)
_SENTENCE_END: Final = re.compile(r"(?<!S/)[.!?\u2026]+(?=\s|$)|\n+")
_CLAUSE_END: Final = re.compile(r"[,;:()\u2014\u2013]+(?=\s|$)|\s\(")
_PART_END: Final = re.compile(rf"{_CLAUSE_END.pattern}|\s(?:y|e|and|pero|but|mas)\s", re.IGNORECASE)
EDGES: Final = " \t\r\n\"'.,;:\u2026"


class Span(msgspec.Struct, frozen=True, order=True):
    """A place in an answer: `answer[start:end]`."""

    start: int
    end: int


class Expected(Protocol):
    """Evidence that is looked for; the bank's `Evidence` is one."""

    @property
    def id(self) -> str:
        """The evidence's id."""

    @property
    def cues(self) -> tuple[str, ...]:
        """Words that hint at it."""

    @property
    def needs_number(self) -> bool:
        """Whether its label promises figures, so that the sentence has to hold one."""

    @property
    def may_be_imagined(self) -> bool:
        """Whether "next time I would" shows it, as it shows a lesson."""


class Reading(msgspec.Struct, frozen=True):
    """A text made comparable, with the place in the original for each of its characters."""

    text: str
    starts: list[int]
    ends: list[int]

    def span(self, start: int, end: int) -> Span:
        """Return where `text[start:end]` stands in the original."""
        return Span(self.starts[start], self.ends[end - 1])


# Quotes --------------------------------------------------------------------------------------


def find_quote(answer: str, quote: str) -> tuple[int, int] | None:
    """Return where `quote` stands in `answer`, or None when it is not the candidate's own words.

    Only what a copyist changes without noticing is forgiven: runs of white space, the Unicode
    form, the shape of quotation marks, and punctuation at the quote's ends. Case, accents and
    every word must be the same, and the quote must begin and end at a word's edge.
    """
    wanted = literal(quote).text.strip(EDGES)
    if not wanted:
        return None
    read = literal(answer)
    at = read.text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if _at_word_edges(read, at, end):
            span = read.span(at, end)
            return span.start, span.end
        at = read.text.find(wanted, at + 1)
    return None


def _at_word_edges(read: Reading, start: int, end: int) -> bool:
    def cut(at: int) -> bool:
        """Tell whether a word, or a letter and its accent, stands across this place."""
        if not 0 < at < len(read.text):
            return False
        across = read.text[at - 1].isalnum() and read.text[at].isalnum()
        return across or read.starts[at - 1] == read.starts[at]

    return not cut(start) and not cut(end)


def denied(answer: str, start: int) -> bool:
    """Tell whether a negation stands just before `start`, in the same clause.

    A quote that begins after the "no" of "no logré" says the opposite of the answer.
    """
    read = folded(answer)
    at = next((i for i, place in enumerate(read.starts) if place >= start), len(read.text))
    return clauses.denied(read.text, at, at)


@lru_cache(maxsize=64)
def literal(text: str) -> Reading:
    """Return the text composed (NFC), with single spaces and straight quotation marks."""
    return _read(text, lambda cluster: unicodedata.normalize("NFC", cluster))


@lru_cache(maxsize=64)
def folded(text: str) -> Reading:
    """Return the text also without case and accents, for finding cues."""
    return _read(text, _fold)


def _fold(cluster: str) -> str:
    plain = unicodedata.normalize("NFKD", cluster.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


class _Normal(Protocol):
    def __call__(self, cluster: str, /) -> str: ...


def _read(text: str, normal: _Normal) -> Reading:
    known: dict[str, str] = {}
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at, size = 0, len(text)
    while at < size:
        end = at + 1
        while end < size and unicodedata.combining(text[end]):
            end += 1
        cluster = text[at:end]
        if cluster.isspace():
            plain = "" if out and out[-1] == " " else " "
        else:
            plain = known.get(cluster, "\0")
            if plain == "\0":
                plain = known[cluster] = (
                    "" if cluster in _UNSEEN else _PLAIN.get(cluster) or normal(cluster)
                )
        for char in plain:
            out.append(char)
            starts.append(at)
            ends.append(end)
        at = end
    return Reading("".join(out), starts, ends)


# Coverage --------------------------------------------------------------------------------------


def coverage(answer: str, expected: Iterable[Expected]) -> dict[str, list[Span]]:
    """Return the evidence that the answer hints at: id -> the cues' places, in order.

    Cues are found as whole words, whatever their case and accents; one that its clause denies
    ("no logré") or only imagines ("haría una prueba") does not count, nor one of a result in
    figures whose sentence has none. Evidence without a cue is not in the result.
    """
    read = folded(answer)
    found: dict[str, list[Span]] = {}
    for item in expected:
        spans = [
            read.span(match.start(), match.end())
            for match in islice(_pattern(tuple(item.cues)).finditer(read.text), CUES_READ_MAX)
            if _shows(answer, read, match, item)
        ]
        if spans:
            found[item.id] = spans
    return found


def hinted(answer: str, expected: Iterable[Expected]) -> set[str]:
    """Return the ids of the evidence that the answer hints at: the keys of `coverage`, sooner."""
    read = folded(answer)
    return {
        item.id
        for item in expected
        if any(
            _shows(answer, read, match, item)
            for match in islice(_pattern(tuple(item.cues)).finditer(read.text), CUES_READ_MAX)
        )
    }


def _shows(answer: str, read: Reading, match: re.Match[str], item: Expected) -> bool:
    if clauses.denied(read.text, match.start(), match.end()):
        return False
    if not item.may_be_imagined and clauses.imagined(read.text, match.start()):
        return False
    if not item.needs_number:
        return True
    place = sentence(answer, read.span(match.start(), match.end()))
    return clauses.figures(folded(answer[place.start : place.end]).text)


@lru_cache(maxsize=2048)
def _pattern(cues: tuple[str, ...]) -> re.Pattern[str]:
    plain = {folded(cue).text.strip() for cue in cues} - {""}
    if not plain:
        return re.compile(r"(?!)")
    longest_first = sorted(plain, key=lambda cue: (-len(cue), cue))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")


def sentence(answer: str, span: Span) -> Span:
    """Return the whole sentence around `span`, however long, without white space at its ends."""
    start = max((m.end() for m in _SENTENCE_END.finditer(answer, 0, span.start)), default=0)
    after = _SENTENCE_END.search(answer, span.end)
    return _trim(answer, start, after.end() if after else len(answer))


def passage(answer: str, span: Span, chars_max: int = PASSAGE_CHARS_MAX) -> Span:
    """Return the sentence around `span`, or its clause where the sentence is too long to read.

    The result is never longer than `chars_max` (a longer span is cut) and has no white space at
    its ends.
    """
    whole = sentence(answer, span)
    if whole.end - whole.start <= chars_max:
        return whole
    return _within(answer, span, _CLAUSE_END, chars_max)


def clause(answer: str, span: Span, chars_max: int = PASSAGE_CHARS_MAX) -> Span:
    """Return the part of the sentence around `span` between commas and "and"s."""
    return _within(answer, span, _PART_END, chars_max)


def _within(answer: str, span: Span, ending: re.Pattern[str], chars_max: int) -> Span:
    whole = sentence(answer, span)
    ends = (m.end() for m in ending.finditer(answer, whole.start, span.start))
    after = ending.search(answer, span.end, whole.end)
    part = _trim(answer, max(ends, default=whole.start), after.start() if after else whole.end)
    return part if part.end - part.start <= chars_max else _window(answer, span, chars_max)


def _window(answer: str, span: Span, chars_max: int) -> Span:
    """Return as many whole words around the span as fit."""
    room = max(0, chars_max - (span.end - span.start))
    start = max(0, span.start - room // 2)
    end = min(len(answer), start + chars_max)
    if start > 0:
        cut = re.search(r"\s", answer[start : span.start])
        start = start + cut.end() if cut else span.start
    if end < len(answer):
        cuts = list(re.finditer(r"\s", answer[span.end : end]))
        end = span.end + cuts[-1].start() if cuts else min(end, max(span.end, start + 1))
    return _trim(answer, start, min(end, start + chars_max))


def _trim(answer: str, start: int, end: int) -> Span:
    while start < end and answer[start].isspace():
        start += 1
    while end > start and answer[end - 1].isspace():
        end -= 1
    return Span(start, end)


# Substance -------------------------------------------------------------------------------------


def word_count(text: str) -> int:
    """Return how many words the text has."""
    return len(_WORD.findall(text))


def thin(answer: str) -> bool:
    """Tell whether the answer has too little in it to look for evidence: a few words, "no sé"."""
    if not _has_words(answer, SUBSTANCE_WORDS):
        return True
    if _has_words(answer, SHORT_REFUSAL_WORDS + 1):
        return False
    return bool(_UNKNOWN.search(folded(answer).text))


def declined(answer: str) -> bool:
    """Tell whether the candidate would rather not answer, which is respected without asking on."""
    if _has_words(answer, SHORT_REFUSAL_WORDS + 1):
        return False
    return bool(_DECLINED.search(folded(answer).text))


def _has_words(text: str, count: int) -> bool:
    """Tell whether the text has so many words, without reading on from there."""
    return next(islice(_WORD.finditer(text), count - 1, None), None) is not None
