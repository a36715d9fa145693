"""The words of a CV that are shown as evidence: whole sentences or clauses, never a torn one.

A quote is one stretch of the text; where the sentence goes on, the cut is told by an ellipsis.
"""

import re
from typing import Final

QUOTE_CHARS_MAX: Final = 160
ELLIPSIS: Final = "…"
WRAPPED_CHARS_MIN: Final = 45  # a shorter line ended because its writer ended it
LINES_MAX: Final = 3  # that a sentence is followed, up and down
_SENTENCE: Final = re.compile(r"[.;!?]\s+(?=[^\W_a-záéíóúñçãõâêô])")
_CLAUSE: Final = re.compile(r"[,;:.](?=\s)|(?=\s[–—|•·(-]\s)|(?=\s\()")


def quote(text: str, start: int, end: int) -> str:
    """Return the sentence or line in which `text[start:end]` stands, short enough to be read."""
    left, right = _block(text, start, end)
    if right - left > QUOTE_CHARS_MAX:
        left, right = _sentence(text, left, right, start, end)
    begin, stop = left, right
    if right - left > QUOTE_CHARS_MAX:
        begin, stop = _cut(text, left, right, start, end)
    words = text[begin:stop].strip().rstrip(",;:")
    before = ELLIPSIS if text[left:begin].strip() else ""
    return f"{before}{words}{ELLIPSIS if text[stop:right].strip() else ''}"


def _block(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the lines of a place with those that a narrow page wrapped the sentence into."""
    left = text.rfind("\n", 0, start) + 1
    right = _line_end(text, end)
    for _ in range(LINES_MAX):
        above = text.rfind("\n", 0, max(0, left - 1)) + 1
        if left == 0 or not _goes_on(text[above : left - 1], text[left:right]):
            break
        left = above
    last = text.rfind("\n", left, right) + 1 or left
    for _ in range(LINES_MAX):
        stop = _line_end(text, right + 1)
        if right >= len(text) or not _goes_on(text[last:right], text[right + 1 : stop]):
            break
        last, right = right + 1, stop
    return left, right


def _line_end(text: str, place: int) -> int:
    found = text.find("\n", place)
    return len(text) if found < 0 else found


def _goes_on(line: str, following: str) -> bool:
    line, following = line.rstrip(), following.lstrip()
    return len(line) >= WRAPPED_CHARS_MIN and line[-1] not in ".;:!?" and following[:1].islower()


def _sentence(text: str, left: int, right: int, start: int, end: int) -> tuple[int, int]:
    for found in _SENTENCE.finditer(text, left, right):
        if found.end() <= start:
            left = found.end()
        elif found.start() + 1 >= end:
            return left, found.start() + 1
    return left, right


def _cut(text: str, left: int, right: int, start: int, end: int) -> tuple[int, int]:
    """Return a part around the place: from the beginning, or a clause's, to a clause's end."""
    end = min(end, start + QUOTE_CHARS_MAX)
    ends = [found.end() for found in _CLAUSE.finditer(text, left, right)]
    begin = left
    if end - left > QUOTE_CHARS_MAX:
        near = max(left, start - QUOTE_CHARS_MAX // 2)
        begin = next((one for one in ends if near <= one <= start), _after_space(text, near, start))
    limit = min(right, max(end, begin + QUOTE_CHARS_MAX))
    stop = max((one for one in ends if end <= one <= limit), default=0)
    return begin, stop or _before_space(text, limit, right, end)


def _after_space(text: str, place: int, start: int) -> int:
    while 0 < place < start and not text[place - 1].isspace():
        place += 1
    return place


def _before_space(text: str, place: int, right: int, end: int) -> int:
    first = place
    while place > end and place < right and not text[place].isspace():
        place -= 1
    return place if place > end or first == end else end
