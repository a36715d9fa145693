"""Reading a CV: bytes in, everything there is to know of the file out; nothing is kept.

The composition that the command line, the actors and the tests share. The only thing it does
beyond computing is to hand the file to a sandbox.
"""

from datetime import date
from typing import Literal

import msgspec

from pipeline.sandbox import Sandbox
from pipeline.stages.extract import extract
from pipeline.stages.limits import LIMITS, ReadLimits
from pipeline.stages.parsed import Parsed
from pipeline.stages.repair import Removed
from pipeline.stages.validate import Kind, validate
from protocol.faults import Fault
from protocol.profile import Profile

Status = Literal["ok", "refused", "needs_ocr"]


class Reading(msgspec.Struct, frozen=True):
    """What came of one file; `fault` is a code of `protocol.faults`, `detail` is for people."""

    kind: Kind | None
    status: Status
    fault: str | None = None
    detail: str = ""
    pages: int | None = None
    pages_read: int | None = None
    pages_pictured: tuple[int, ...] = ()
    language: str | None = None
    text: str = ""
    text_chars: int = 0
    cut: bool = False
    removed: Removed = Removed()
    profile: Profile | None = None


def read(
    data: bytes,
    filename: str = "",
    *,
    today: date,
    limits: ReadLimits = LIMITS,
    sandbox: Sandbox | None = None,
) -> Reading:
    """Return the reading; a file that cannot be read is a reading too, never an exception.

    Without a sandbox of the caller's, one is started for this file alone (about 0.3 s).
    """
    kind: Kind | None = None
    try:
        kind = validate(data, filename, limits=limits)
        if sandbox is not None:
            parsed = sandbox.parse(kind, data, limits)
        else:
            with Sandbox() as own:
                parsed = own.parse(kind, data, limits)
    except Fault as fault:
        return Reading(kind, "refused", fault.code, fault.detail)
    return understand(kind, parsed, today)


def understand(kind: Kind, parsed: Parsed, today: date) -> Reading:
    """Return the reading of a file that was parsed: its language and its profile."""
    profile = extract(parsed.text, today=today)
    return Reading(
        kind=kind,
        status="needs_ocr" if parsed.needs_ocr else "ok",
        fault="cv_needs_ocr" if parsed.needs_ocr else None,
        pages=parsed.pages,
        pages_read=parsed.pages_read,
        pages_pictured=parsed.pages_pictured,
        language=profile.meta.language,
        text=parsed.text,
        text_chars=len(parsed.text),
        cut=parsed.cut,
        removed=parsed.removed,
        profile=profile,
    )
