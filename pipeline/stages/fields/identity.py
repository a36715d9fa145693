"""Whose CV it is: the name and the line that says what they are."""

# ruff: noqa: PLR2004 - a weight or a length is judged where it stands

import re
from typing import Final

from pipeline.stages.fields.lines import Cut, Line, Part, tidy
from pipeline.stages.fields.source import Source
from pipeline.vocabulary import find
from pipeline.vocabulary.folding import fold
from pipeline.vocabulary.names import GIVEN
from pipeline.vocabulary.places import is_place
from pipeline.vocabulary.sections import heading
from pipeline.vocabulary.studies import SCHOOL
from pipeline.vocabulary.titles import employer_score, title_score

LABELLED: Final = re.compile(
    r"^(?:nombres? y apellidos?|nombres? completos?|apellidos? y nombres?|nombres?|nome completo"
    r"|nome|full name|name|candidat[eo])\s{0,2}[:\t-]\s{0,4}"
)
WORD: Final = re.compile(r"[^\W\d_](?:[^\W\d_]|['’.-])*")
PARTICLES: Final = frozenset(
    ("de", "del", "la", "las", "los", "y", "da", "do", "das", "dos", "e", "van", "von", "di", "san")
)
CUT_AT: Final = re.compile(r"\s[|·•–—-]\s|\t|  +|,? (?:CPA|MBA|PMP|PhD)\b|\s?\|\s?")
NAME_CHARS_MAX = 70
WORDS_MIN, WORDS_MAX = 2, 6
LINES_LOOKED_AT = 120
SCORE_MIN = 4
LABEL_CHARS_MAX = 110
LABEL_LINES = 3
PHONE_DIGITS_MIN = 5


class _Candidate:
    """A line, or two, that could be the name."""

    def __init__(self, first: int, last: int, cut: Cut, words: list[str]) -> None:
        self.first = first
        self.last = last
        self.cut = cut
        self.words = words


def name(source: Source, email: str | None) -> tuple[str | None, int, int]:
    """Return the name and the numbers of its first and last line (-1 where there is none)."""
    for number, line in enumerate(source.lines[:LINES_LOOKED_AT]):
        match = LABELLED.match(fold(line.text))
        if match and _words(line.text[match.end() :]):
            cut = Cut(line.start + match.end(), line.end)
            return _cased(source.keep("/basics/name", cut)), number, number
    best: _Candidate | None = None
    best_score = SCORE_MIN - 1
    parts = _parts(source)
    for candidate in _candidates(source):
        score = _score(source, candidate, email, parts)
        if score > best_score:
            best, best_score = candidate, score
    if best is None:
        return None, -1, -1
    return _cased(source.keep("/basics/name", best.cut)), best.first, best.last


def _parts(source: Source) -> dict[int, Part]:
    return {line.start: block.part for block in source.blocks for line in block.lines}


def _candidates(source: Source) -> list[_Candidate]:
    found: list[_Candidate] = []
    lines = source.lines[:LINES_LOOKED_AT]
    for number, line in enumerate(lines):
        cut = _head_of(line)
        words = _words(source.text[cut.start : cut.end])
        if not words or line.bullet:
            continue
        if len(words) >= WORDS_MIN:
            found.append(_Candidate(number, number, cut, words))
        after = lines[number + 1] if number + 1 < len(lines) else None
        if after is None or len(words) > 3 or cut.end != line.end or after.bullet:
            continue
        more = _words(after.text)
        alike = line.text.isupper() == after.text.isupper()
        if more and len(more) <= 3 and alike and WORDS_MIN <= len(words) + len(more) <= WORDS_MAX:
            found.append(_Candidate(number, number + 1, Cut(cut.start, after.end), words + more))
    return found


def _head_of(line: Line) -> Cut:
    """Return the part of a line before a separator: "Ana Ruiz | Contadora"."""
    match = CUT_AT.search(line.text)
    return Cut(line.start, line.start + match.start()) if match and match.start() else line.cut


def _words(text: str) -> list[str]:
    """Return the words of a text that looks like a name, or nothing."""
    text = text.strip(" ,.")
    if not 3 <= len(text) <= NAME_CHARS_MAX:
        return []
    parts = text.replace(",", " ").split()
    if len(parts) > WORDS_MAX or not all(WORD.fullmatch(part) for part in parts):
        return []
    capital = all(part[0].isupper() or fold(part) in PARTICLES for part in parts)
    return parts if capital else []


def _score(source: Source, candidate: _Candidate, email: str | None, parts: dict[int, Part]) -> int:
    lines = source.lines
    own = lines[candidate.first : candidate.last + 1]
    if any(heading(line.text) or _is_something_else(line.text) for line in own):
        return -1
    folded = [fold(word) for word in candidate.words]
    local = fold(email.split("@", 1)[0]) if email else ""
    part = parts.get(own[0].start, "header")
    score = min(4, 2 * sum(1 for word in folded if word in GIVEN))
    score += min(6, 3 * sum(1 for word in folded if len(word) > 2 and word in local))
    score += 3 if candidate.first == 0 else 2 if candidate.first < 4 else 0
    score += 2 if part == "header" else 0
    score -= 6 if part in ("references", "education", "work") and candidate.first > 3 else 0
    after = lines[candidate.last + 1] if candidate.last + 1 < len(lines) else None
    if after is not None and (title_score(after.text) or "@" in after.text):
        score += 2
    if len(own) == 2:
        score += _two_lines(own, folded, local)
    text = source.text[candidate.cut.start : candidate.cut.end]
    score -= 5 if title_score(text) else 0
    score -= 4 if employer_score(text) or SCHOOL.search(fold(text)) else 0
    return score


def _two_lines(own: list[Line], folded: list[str], local: str) -> int:
    """Weigh a name on two lines: the second must be surnames, not what the person is."""
    second = [fold(word) for word in own[1].text.split()]
    if title_score(own[1].text) or is_place(own[1].text):
        return -9
    first_is_given = any(word in GIVEN for word in folded[: len(folded) - len(second)])
    whole_alone = len(folded) - len(second) >= 3
    known = any(len(word) > 2 and word in local for word in second)
    return (1 if first_is_given else 0) + (1 if known else -2) - (2 if whole_alone else 0)


def _is_something_else(text: str) -> bool:
    """Say whether a line is a place or nothing but a skill."""
    if is_place(text):
        return True
    return any(end - start >= 0.8 * len(text) for _, start, end in find(text))


def _cased(name: str) -> str:
    """Write a name in capitals the way names are written."""
    if not name.isupper():
        return name
    words = [
        word.lower() if number and fold(word) in PARTICLES else _capital(word)
        for number, word in enumerate(name.split())
    ]
    return " ".join(words)


def _capital(word: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda match: match[0][0] + match[0][1:].lower(), word)


def label(source: Source, name_line: int) -> str | None:
    """Return what the candidate calls themselves, from the name's line or just below it."""
    if name_line < 0:
        return None
    own = source.lines[name_line]
    match = CUT_AT.search(own.text)
    if match and title_score(own.text[match.end() :]):
        return source.keep("/basics/label", Cut(own.start + match.end(), own.end))
    for line in source.lines[name_line + 1 : name_line + 1 + LABEL_LINES]:
        if heading(line.text):
            return None
        plain = "@" not in line.text and sum(map(str.isdigit, line.text)) < PHONE_DIGITS_MIN
        short = len(line.text) < 60 or (len(line.text) <= LABEL_CHARS_MAX and line.text[-1] != ".")
        if plain and short and title_score(line.text):
            return source.keep("/basics/label", line.cut)
    return None


def summary(source: Source) -> str | None:
    """Return the profile a CV opens with: its own section, or the long lines of the header."""
    for block in source.blocks:
        if block.part == "summary" and block.lines:
            return _run(source, block.lines)
    for block in source.blocks:
        if block.part == "header":
            long = [n for n, line in enumerate(block.lines) if _is_prose(line.text)]
            if long and len(block.lines[long[0]].text) > 60:
                return _run(source, block.lines[long[0] : long[-1] + 1])
    return None


SUMMARY_CHARS_MAX = 1_800


def _run(source: Source, lines: list[Line]) -> str | None:
    kept: list[Line] = []
    for line in lines:
        if line.end - lines[0].start > SUMMARY_CHARS_MAX or source.is_private(line.start, line.end):
            break
        if "@" in line.text and len(line.text.split()) < 6:
            break
        kept.append(line)
    if not kept or len(tidy(source.text[kept[0].start : kept[-1].end])) < 20:
        return None
    return source.keep("/basics/summary", Cut(kept[0].start, kept[-1].end))


def _is_prose(text: str) -> bool:
    return len(text.split()) > 7 and "@" not in text and not title_score(text[:12]) > 3
