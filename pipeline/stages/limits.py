"""What reading one CV may cost, in bytes, pages and seconds."""

import msgspec

from protocol import limits


class ReadLimits(msgspec.Struct, frozen=True):
    """Bounds of one reading; the defaults are the product's promise."""

    file_bytes: int = limits.CV_BYTES_MAX
    pages: int = limits.CV_PAGES_MAX
    text_chars: int = limits.CV_TEXT_CHARS_MAX
    wall_seconds: float = limits.CV_STAGE_SECONDS["parse"]
    cpu_seconds: int = 20
    address_bytes: int = 1 << 30
    zip_bytes: int = 256 << 20  # of all the members of a DOCX, unpacked
    zip_members: int = 2_000
    zip_ratio: int = 200  # unpacked to packed, of members above one MiB
    part_bytes: int = 32 << 20  # one XML part of a DOCX, unpacked
    xml_depth: int = 256
    xml_nodes: int = 2_000_000


LIMITS = ReadLimits()
