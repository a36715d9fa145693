"""Parse: a file's bytes to the text a person would read, whatever the kind."""

import msgspec

from pipeline.stages.limits import LIMITS, ReadLimits
from pipeline.stages.parse_doc import parse_doc
from pipeline.stages.parse_docx import Story, parse_docx
from pipeline.stages.parse_pdf import LETTERS_MIN, parse_pdf
from pipeline.stages.parsed import Parsed
from pipeline.stages.repair import Removed, repair
from pipeline.stages.validate import Kind
from protocol.faults import Fault


def parse(kind: Kind, data: bytes, limits: ReadLimits = LIMITS) -> Parsed:
    """Return what the file says; raises Fault with the reason where it does not open."""
    if kind == "pdf":
        return _pdf(data, limits)
    if kind == "docx":
        return _flowing(parse_docx(data, limits), limits)
    return _flowing(Story([parse_doc(data, limits)]), limits)


def _pdf(data: bytes, limits: ReadLimits) -> Parsed:
    document = parse_pdf(data, limits)
    text, removed, cut = _finish("\n\n".join(page.text for page in document.pages), limits)
    pictured = tuple(n for n, page in enumerate(document.pages, 1) if page.pictured)
    letters = sum(1 for char in text if char.isalpha())
    scanned = bool(pictured) and letters < LETTERS_MIN * len(document.pages)
    if not letters and not scanned:
        raise Fault("cv_empty", "no text")
    return Parsed(
        text, document.pages_total, len(document.pages), pictured, scanned, cut, removed
    )  # fmt: skip


def _flowing(story: Story, limits: ReadLimits) -> Parsed:
    text, removed, cut = _finish("\n".join(story.lines), limits)
    letters = sum(1 for char in text if char.isalpha())
    scanned = story.pictured and letters < LETTERS_MIN
    if not letters and not scanned:
        raise Fault("cv_empty", "no text")
    removed = msgspec.structs.replace(removed, vanished=story.vanished)
    return Parsed(text, None, None, needs_ocr=scanned, cut=cut, removed=removed)


def _finish(text: str, limits: ReadLimits) -> tuple[str, Removed, bool]:
    cut = len(text) > limits.text_chars
    repaired = repair(text[: limits.text_chars])
    return repaired.text[: limits.text_chars], repaired.removed, cut
