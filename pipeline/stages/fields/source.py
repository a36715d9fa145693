"""The text being read and the evidence gathered from it: no value without its span."""

from datetime import date

from pipeline.stages.fields.dates import mend
from pipeline.stages.fields.lines import Block, Cut, Line, blocks, split, tidy, trim
from pipeline.stages.fields.privacy import identity_numbers
from pipeline.vocabulary.folding import fold
from protocol.profile import Span


class Source:
    """A CV's text, its folded twin of the same length, its lines and its blocks."""

    def __init__(self, text: str, today: date) -> None:
        """Split the text; nothing is read yet."""
        self.text = text
        self.folded = fold(text)
        self.today = today
        self.lines: list[Line] = mend(text, split(text), today)
        self.blocks: list[Block] = blocks(self.lines)
        self.evidence: dict[str, Span] = {}
        self.private = identity_numbers(self.folded)

    def open_header(self, name_line: int) -> None:
        """Begin a header at the line of the name: it may stand below a whole sidebar."""
        self.blocks = blocks(self.lines, name_line)

    def keep(self, path: str, cut: Cut) -> str:
        """Return the value at a piece of the text, and note it as the evidence of `path`."""
        cut = trim(self.text, cut, " \t\n")
        self.evidence[path] = Span(cut.start, cut.end)
        return tidy(self.text[cut.start : cut.end])

    def note(self, path: str, start: int, end: int) -> None:
        """Note where a computed value (a date, a phone) was read."""
        self.evidence[path] = Span(start, end)

    def is_private(self, start: int, end: int) -> bool:
        """Say whether a piece holds a national identity number."""
        return any(cut.start < end and start < cut.end for cut in self.private)
