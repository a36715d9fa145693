"""What the worker and the sandbox say to each other: plain data, never code."""

import struct

import msgspec

from pipeline.stages.limits import ReadLimits
from pipeline.stages.parsed import Parsed
from pipeline.stages.validate import Kind

RECORD = struct.Struct(">cI")  # on the control socket: R (run, with a socket) or K (kill), job
LENGTH = struct.Struct(">I")
STATUS = struct.Struct(">i")


class Order(msgspec.Struct, frozen=True):
    """What the worker asks for; `size` bytes of the file follow it."""

    kind: Kind
    size: int
    limits: ReadLimits


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a child found: the text, or the code of the fault."""

    parsed: Parsed | None = None
    fault: str = ""
    detail: str = ""
