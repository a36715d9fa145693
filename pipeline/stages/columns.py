"""The gutter cut: two columns that a page draws row by row are read one after the other.

Most two-column pages draw one column and then the other, and plain extraction reads them well.
A few (tables turned into PDF, some web exports) draw each row across both columns, so that the
lines of the left and the right are mixed. Only where the page's own drawing shows that, and both
sides then turn out to hold headings of a CV, are the sides read apart.
"""

# ruff: noqa: PLR2004 - a matrix has six numbers, a move two

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Final

import msgspec
from pypdf import PageObject, mult
from pypdf.generic import ContentStream, NameObject

from pipeline.vocabulary.sections import heading, starts_or_ends_as_heading

SHOWS: Final = frozenset((b"Tj", b"TJ", b"'", b'"'))
UNIT: Final = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
ROWS_MIN = 6  # fewer rows that cross are a table of dates, not a layout
GUTTER_POINTS_MIN = 90.0
INDENT_POINTS = 40.0  # bullets and sub-items stand this far inside the right column
SAME_POINTS = 2.5
SHOWS_MAX = 20_000  # a page with more is a drawing


class Show(msgspec.Struct, frozen=True):
    """One drawing of text: which operation, and where."""

    index: int
    x: float
    y: float


def across_the_gutter(page: PageObject, text: str) -> str | None:
    """Return the page's text with its columns apart, or None where it reads well as it is."""
    if not any(starts_or_ends_as_heading(line) for line in text.splitlines()):
        return None
    content = page.get("/Contents")
    if content is None:
        return None
    # As bytes: strings that were decoded do not go back into a page as they were.
    operations = ContentStream(content.get_object(), page.pdf, "bytes").operations
    shows = positions(operations)
    cut = gutter(shows)
    if cut is None:
        return None
    edge, top = cut
    head = {show.index for show in shows if show.y > top}
    right = {show.index for show in shows if show.y <= top and show.x >= edge - SAME_POINTS}
    left = {show.index for show in shows} - head - right
    sides = [_text_of(page, operations, side) for side in (head, left, right)]
    if all(any(heading(line) for line in side.splitlines()) for side in sides[1:]):
        return "\n".join(side.strip("\n") for side in sides if side.strip())
    return None


def positions(operations: Iterable[tuple[Any, bytes]]) -> list[Show]:
    """Follow the text and graphics matrices; return where each text is shown."""
    shows: list[Show] = []
    state = _Pen()
    for index, (operands, operator) in enumerate(operations):
        state.take(operator, operands)
        if operator in SHOWS:
            x, y = state.place()
            shows.append(Show(index, x, y))
            if len(shows) > SHOWS_MAX:
                return []
    return shows


class _Pen:
    """The matrices of a page that decide where text lands (PDF 32000-1, 9.4.2)."""

    def __init__(self) -> None:
        self.graphics: list[float] = UNIT
        self.kept: list[list[float]] = []
        self.line: list[float] = UNIT
        self.leading = 0.0

    def take(self, operator: bytes, operands: Any) -> None:
        handler = HANDLERS.get(operator)
        if handler is not None:
            numbers = [float(value) for value in operands if isinstance(value, int | float)]
            handler(self, numbers)

    def place(self) -> tuple[float, float]:
        matrix = mult(self.line, self.graphics)
        return matrix[4], matrix[5]

    def keep(self, _: list[float]) -> None:
        if len(self.kept) < 256:
            self.kept.append(self.graphics)

    def restore(self, _: list[float]) -> None:
        if self.kept:
            self.graphics = self.kept.pop()

    def transform(self, numbers: list[float]) -> None:
        if len(numbers) == 6:
            self.graphics = mult(numbers, self.graphics)

    def begin(self, _: list[float]) -> None:
        self.line = UNIT

    def set_line(self, numbers: list[float]) -> None:
        if len(numbers) == 6:
            self.line = numbers

    def move(self, numbers: list[float]) -> None:
        if len(numbers) == 2:
            self.line = mult([1.0, 0.0, 0.0, 1.0, *numbers], self.line)

    def move_and_lead(self, numbers: list[float]) -> None:
        if len(numbers) == 2:
            self.leading = -numbers[1]
            self.move(numbers)

    def lead(self, numbers: list[float]) -> None:
        if len(numbers) == 1:
            self.leading = numbers[0]

    def next_line(self, _: list[float]) -> None:
        self.move([0.0, -self.leading])


HANDLERS: Final[dict[bytes, Callable[[_Pen, list[float]], None]]] = {
    b"q": _Pen.keep, b"Q": _Pen.restore, b"cm": _Pen.transform, b"BT": _Pen.begin,
    b"Tm": _Pen.set_line, b"Td": _Pen.move, b"TD": _Pen.move_and_lead, b"TL": _Pen.lead,
    b"T*": _Pen.next_line, b"'": _Pen.next_line, b'"': _Pen.next_line,
}  # fmt: skip


def gutter(shows: list[Show]) -> tuple[float, float] | None:
    """Return (left edge of the right column, y of its highest row), or None for no such layout."""
    rows: dict[int, list[Show]] = {}
    for show in shows:
        rows.setdefault(round(show.y / 2), []).append(show)
    starts: Counter[int] = Counter()
    for row in rows.values():
        first = min(show.x for show in row)
        starts.update({round(show.x) for show in row if show.x > first + GUTTER_POINTS_MIN})
    for edge, count in starts.most_common(4):
        if count < ROWS_MIN:
            break
        paired = [row for row in rows.values() if _crosses(row, edge)]
        if len(paired) >= ROWS_MIN and _drawn_across(paired, edge):
            return float(edge), max(show.y for row in paired for show in row) + SAME_POINTS
    return None


def _crosses(row: list[Show], edge: float) -> bool:
    """Say whether a row has text at the left and begins another text at the right's edge."""
    right = [show.x for show in row if show.x >= edge - SAME_POINTS]
    left = [show.x for show in row if show.x < edge - GUTTER_POINTS_MIN]
    return bool(left and right) and min(right) <= edge + INDENT_POINTS


def _drawn_across(paired: list[list[Show]], edge: float) -> bool:
    """Say whether the drawing goes from side to side in each row, not down one side first."""
    ordered = sorted((show for row in paired for show in row), key=lambda show: show.index)
    sides = [show.x >= edge - SAME_POINTS for show in ordered]
    turns = sum(1 for before, after in pairwise(sides) if before != after)
    return turns >= 1.5 * len(paired)


def _text_of(page: PageObject, operations: list[tuple[Any, bytes]], kept: set[int]) -> str:
    """Extract the page as if it drew only the texts kept; nested forms go with the head."""
    chosen: list[tuple[Any, bytes]] = []
    for index, (operands, operator) in enumerate(operations):
        if operator not in SHOWS or index in kept:
            if operator != b"Do":
                chosen.append((operands, operator))
        elif operator in (b"'", b'"'):
            chosen.append(([], b"T*"))
    stream = ContentStream(None, None)
    stream.operations = chosen
    side = PageObject(page.pdf)
    side.update(page)
    side[NameObject("/Contents")] = stream
    return side.extract_text()
