"""What parsing a file yields: the text a person would read, and what there is to know of it."""

import msgspec

from pipeline.stages.repair import Removed


class Parsed(msgspec.Struct, frozen=True):
    """The text, how much of the file it is, and what was taken out of it."""

    text: str
    pages: int | None  # None where the format has no pages of its own
    pages_read: int | None
    pages_pictured: tuple[int, ...] = ()  # pages, from 1, that are pictures of text
    needs_ocr: bool = False
    cut: bool = False  # the text was longer than is kept
    removed: Removed = Removed()
