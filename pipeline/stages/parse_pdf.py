"""PDF to text with pypdf's plain extraction, page by page; runs in the sandbox's child.

Never a layout or sort mode: they interleave columns. Where a page draws two columns row by row
and so reads across the gutter, `columns` cuts it. Pictures are looked at by their size only.
"""

import io
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from pypdf import PageObject, PasswordType, PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError

from pipeline.stages.columns import across_the_gutter
from pipeline.stages.limits import LIMITS, ReadLimits
from protocol.faults import Fault

LETTERS_MIN = 40  # a page with fewer, beside a large picture, was scanned
PICTURE_PIXELS_MIN = 250_000
CURVES_MIN = 300  # letters drawn as outlines: many curves, no text
CURVE: Final = re.compile(rb"[\d.] c\s")
FORMS_DEPTH_MAX = 3
OBJECTS_MAX = 200


class Page(msgspec.Struct, frozen=True):
    """One page's text; `pictured` says that a person sees words there that are not text."""

    text: str
    pictured: bool = False


class Pdf(msgspec.Struct, frozen=True):
    """The pages read, and how many the file has."""

    pages: list[Page]
    pages_total: int


def parse_pdf(data: bytes, limits: ReadLimits = LIMITS) -> Pdf:
    """Return the text of the first pages; raises Fault where the file cannot be read whole."""
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise Fault("cv_encrypted")
        total = len(reader.pages)
        if not total:
            raise Fault("cv_damaged", "no pages")
        pages = [_page(reader.pages[index]) for index in range(min(total, limits.pages))]
    except (Fault, MemoryError):
        raise
    except Exception as problem:  # noqa: BLE001
        # A damaged file makes pypdf raise nearly anything: what matters is which refusal it is.
        raise _refusal(problem) from None
    return Pdf(pages, total)


def _refusal(problem: Exception) -> Fault:
    if isinstance(problem, FileNotDecryptedError):
        return Fault("cv_encrypted")
    if isinstance(problem, LimitReachedError | RecursionError):
        return Fault("cv_bomb", type(problem).__name__)
    if isinstance(problem, DependencyError):
        return Fault("cv_crashed", type(problem).__name__)
    return Fault("cv_damaged", type(problem).__name__)


def _page(page: PageObject) -> Page:
    text = page.extract_text()
    text = across_the_gutter(page, text) or text
    letters = sum(1 for char in text if char.isalpha())
    return Page(text, pictured=letters < LETTERS_MIN and _has_picture(page))


def _has_picture(page: PageObject) -> bool:
    if any(pixels >= PICTURE_PIXELS_MIN for pixels in _pictures(page, FORMS_DEPTH_MAX)):
        return True
    content = page.get_contents()
    return content is not None and len(CURVE.findall(content.get_data())) >= CURVES_MIN


def _pictures(holder: Any, depth: int) -> Iterator[int]:
    """Yield the pixels of each picture a page may draw, without decoding any."""
    resources = _get(holder, "/Resources")
    objects = _get(resources, "/XObject")
    if not hasattr(objects, "values"):
        return
    for _, reference in zip(range(OBJECTS_MAX), objects.values(), strict=False):
        thing = reference.get_object()
        kind = _get(thing, "/Subtype")
        if kind == "/Image":
            width, height = _get(thing, "/Width"), _get(thing, "/Height")
            if isinstance(width, int | float) and isinstance(height, int | float):
                yield int(width * height)
        elif kind == "/Form" and depth:
            yield from _pictures(thing, depth - 1)


def _get(holder: Any, key: str) -> Any:
    """Return a value of a PDF dictionary, following the reference; None for anything else."""
    if not hasattr(holder, "get"):
        return None
    value = holder.get(key)
    return value.get_object() if hasattr(value, "get_object") else value
