"""Dates and ranges of dates as people write them in a CV, in Spanish, English and Portuguese."""

import re
from datetime import date
from itertools import pairwise
from typing import Final, NamedTuple

from pipeline.stages.fields.lines import Line
from pipeline.vocabulary.folding import fold

YEAR_MIN = 1950
YEARS_AHEAD_MAX = 8  # a course of study may end in the future
LINE_CHARS_MAX = 400
TAIL_CHARS = 40
DANGLING_CHARS_MAX = 90
BREAK_CHARS_MAX = 5  # between the lines of one head there is nothing but the break

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "enero ene january jan janeiro",
            "febrero feb february fevereiro fev",
            "marzo mar march marco",
            "abril abr april apr",
            "mayo may maio mai",
            "junio jun june junho",
            "julio jul july julho",
            "agosto ago august aug",
            "septiembre setiembre sept sep set september setembro",
            "octubre oct october outubro out",
            "noviembre nov november novembro",
            "diciembre dic december dec dezembro dez",
        ),
        1,
    )
    for name in names.split()
}
_NAMES: Final = "|".join(sorted(MONTHS, key=len, reverse=True))
_YEAR: Final = r"(?:19|20)\d\d"
_TOKEN: Final = re.compile(
    rf"""(?<![\w])(?:
      (?:\d{{1,2}}\s{{1,2}}(?:de\s)?|)(?P<name>{_NAMES})\b\.?\s{{0,2}}
        (?:(?:del?|of)\s{{1,2}}|[-/,]\s{{0,2}})?(?:\d{{1,2}}(?:st|nd|rd|th)?,\s{{0,2}})?
        (?:(?P<y1>{_YEAR})|'?(?P<y1s>\d\d))(?!\d)
    | (?:(?:0?[1-9]|[12]\d|3[01])\s?[/.-]\s?)?(?P<m2>0?[1-9]|1[0-2])\s?[/.-]\s?(?P<y2>{_YEAR})(?!\d)
    | (?P<y3>{_YEAR})\s?[/.-]\s?(?P<m3>0[1-9]|1[0-2])(?:[/.-]\d\d)?(?!\d)
    | (?P<y4>{_YEAR})(?!\d)
    | (?P<m5>0[1-9]|1[0-2])/(?P<y5s>\d\d)(?![\d/])
    | (?P<alone>{_NAMES})\b\.?
    | (?:(?:la|el|o|a|the)\s{1, 3})?(?P<now>actualidad|actualmente|actual|presente|present|fecha
        \sactual|fecha|hoy\sen\sdia|hoy|dias\satuais|dia\sde\shoje
        |current|currently|now|today|ongoing|date
        |en\scurso|em\scurso|momento\satual|momento|atualidade|atualmente|atual|hoje|vigente
        |cursando)\b
    )""",
    re.VERBOSE,
)
_TO: Final = re.compile(
    r"^\.?\s{0,3}(?:[-~>]{1,2}|/|\|?a|al|hasta|to|until|till|thru|through|ate|ao)\s{0,3}"
    r"(?:(?:la|el|o|a|the)\s{1,3})?$"
)
_DANGLING: Final = re.compile(r" (?:de|del|la|los|las|y|e|en|of|and|the|da|do|das|dos|[Ss]an|&)$")
_NEAR: Final = re.compile(rf"{_YEAR}|\b(?:{_NAMES})\b")
_SINCE: Final = re.compile(r"(?:\bdesde|\bsince|\ba partir de|\bpartir de)(?: el| o| la)?\s{1,2}$")
_FROM: Final = re.compile(r"(?:\bdesde|\bfrom|\bde|\bdel|\bsince)(?: el| o)?\s{1,2}$")
SINCE_CHARS = 20


class When(NamedTuple):
    """A year, and a month where one is given."""

    year: int
    month: int | None = None

    def __str__(self) -> str:
        """YYYY or YYYY-MM."""
        return f"{self.year:04}" if self.month is None else f"{self.year:04}-{self.month:02}"


class Range(NamedTuple):
    """From when to when; `end` is None for "until now", and `start` for a single end date."""

    begin: When | None
    until: When | None
    current: bool
    start: int
    end: int
    single: bool = False


class _Token(NamedTuple):
    when: When | None
    kind: str  # "date", "short" (only in a pair), "month" (only before a dated month), "now"
    month: int | None
    start: int
    end: int


def ranges(line: str, offset: int, today: date) -> list[Range]:
    """Return the ranges a line names, then its single dates; spans count from `offset`."""
    folded = fold(line[:LINE_CHARS_MAX])
    tokens = _tokens(folded, today)
    found: list[Range] = []
    singles: list[Range] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        pair = _pair(folded, token, after) if after is not None else None
        if pair is not None and after is not None:
            start = _opening(folded, token.start)
            found.append(pair._replace(start=start + offset, end=after.end + offset))
            index += 2
            continue
        if token.kind == "date":
            since = _SINCE.search(folded[max(0, token.start - SINCE_CHARS) : token.start])
            span = token.start + offset, token.end + offset
            if since:
                found.append(Range(token.when, None, True, *span))
            else:
                singles.append(Range(token.when, token.when, False, *span, single=True))
        index += 1
    return found + singles


def _opening(folded: str, start: int) -> int:
    """Return where a range begins with its "desde" or "from"."""
    look = max(0, start - SINCE_CHARS)
    match = _FROM.search(folded[look:start])
    return look + match.start() if match else start


def _tokens(folded: str, today: date) -> list[_Token]:
    tokens: list[_Token] = []
    for match in _TOKEN.finditer(folded):
        when, kind, month = _read(match, today)
        if kind:
            tokens.append(_Token(when, kind, month, match.start(), match.end()))
    return tokens


def _read(match: re.Match[str], today: date) -> tuple[When | None, str, int | None]:
    got = match.groupdict()
    if got["now"]:
        return None, "now", None
    if got["alone"]:
        return None, "month", MONTHS[got["alone"]]
    short = got["y1s"] or got["y5s"]
    year = (
        _full(int(short), today) if short else int(got["y1"] or got["y2"] or got["y3"] or got["y4"])
    )
    month = MONTHS[got["name"]] if got["name"] else int(got["m2"] or got["m3"] or got["m5"] or 0)
    if not YEAR_MIN <= year <= today.year + YEARS_AHEAD_MAX:
        return None, "", None
    return When(year, month or None), "short" if got["y5s"] else "date", month or None


def _full(short: int, today: date) -> int:
    return 2000 + short if 2000 + short <= today.year + YEARS_AHEAD_MAX else 1900 + short


def _pair(folded: str, first: _Token, second: _Token) -> Range | None:
    """Return the range two dates make when only a dash or "hasta" stands between them."""
    if first.kind == "now" or second.kind == "month":
        return None
    if not _TO.match(folded[first.end : second.start]):
        return None
    if second.kind == "now":
        return None if first.when is None else Range(first.when, None, True, 0, 0)
    begin, until = first.when, second.when
    if first.kind == "month" and until is not None:
        if until.month is None or first.month is None:
            return None
        begin = When(until.year - (first.month > until.month), first.month)
    if begin is None or until is None:
        return None
    if (until.year, until.month or 12) < (begin.year, begin.month or 1):
        begin, until = until, begin
    return Range(begin, until, False, 0, 0)


def mend(text: str, lines: list[Line], today: date) -> list[Line]:
    """Join a line that breaks off inside a date or a range with the line that goes on with it."""
    mended: list[Line] = []
    for line in lines:
        last = mended[-1] if mended else None
        if last is not None and (_dangles(last, line) or _broken(text, last, line, today)):
            mended[-1] = Line(text[last.start : line.end], last.start, line.end, last.bullet)
        else:
            mended.append(line)
    return mended


def _dangles(last: Line, line: Line) -> bool:
    """Say whether a line ends in a word that nothing ends in: "Universidad Nacional de San"."""
    near = line.start - last.end <= BREAK_CHARS_MAX and not line.bullet
    return near and len(last.text) <= DANGLING_CHARS_MAX and bool(_DANGLING.search(last.text[-12:]))


def _broken(text: str, last: Line, line: Line, today: date) -> bool:
    """Say whether one date, or the two of a range, stand across the end of a line."""
    if line.start - last.end > BREAK_CHARS_MAX or not text[line.start - 1].isspace():
        return False
    if len(last.text) > LINE_CHARS_MAX:
        return False
    begin = max(last.start, last.end - TAIL_CHARS)
    around = fold(text[begin : min(line.end, line.start + TAIL_CHARS)])
    if not _NEAR.search(around):
        return False
    edge = last.end - begin
    tokens = _tokens(around, today)
    if any(token.start < edge < token.end for token in tokens):
        return True
    return any(
        first.end <= edge < second.start + 1 and _pair(around, first, second) is not None
        for first, second in pairwise(tokens)
    )


def months(begin: When, until: When | None, today: date) -> range:
    """Return the months a job covers, counted from year 0.

    Between two years alone lies their difference ("2017 - 2019" is two years); a year by itself
    counts as half of one; nothing counts beyond `today`.
    """
    now = today.year * 12 + today.month - 1
    first = begin.year * 12 + (begin.month or 1) - 1
    if until is None:
        last = now
    elif until.month is not None:
        last = until.year * 12 + until.month - 1
    elif begin.month is None and until.year == begin.year:
        last = first + 5
    else:
        last = until.year * 12 - 1 if begin.month is None else until.year * 12 + 11
    return range(first, min(last, now) + 1)
