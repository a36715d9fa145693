"""What a file really is: its content decides, never its name.

The first look at an upload. Nothing is unpacked or parsed here beyond a ZIP's own directory,
so that this stage is safe in the worker itself; parsing happens in the sandbox.
"""

import io
import zipfile
from typing import Final, Literal

from pipeline.stages.limits import LIMITS, ReadLimits
from protocol.faults import Fault

Kind = Literal["pdf", "docx", "doc"]
What = Literal[
    "pdf", "docx", "doc", "empty", "rtf", "html", "odt", "image", "text", "spreadsheet",
    "slides", "zip", "bomb", "encrypted", "damaged", "unknown",
]  # fmt: skip

PDF_HEAD_BYTES = 1024  # readers accept junk before the header within this
PDF_TAIL_BYTES = 16 * 1024  # and after the end marker within this
TEXT_SAMPLE_BYTES = 4096
DIRECTORY_ENTRY_BYTES_MAX = 512  # one member's line in a ZIP's directory, name included

OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
IMAGES: Final = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00",
)  # fmt: skip
ISO_IMAGES: Final = (b"heic", b"heix", b"mif1", b"avif", b"heif")
BLANK: Final = b" \t\r\n\f\v\x00\xef\xbb\xbf\xff\xfe"


def validate(data: bytes, filename: str = "", *, limits: ReadLimits = LIMITS) -> Kind:  # noqa: ARG001
    """Return the kind of CV file, or raise a Fault that names why it is none.

    `filename` is what the person called it: it is never trusted and never decides.
    """
    if len(data) > limits.file_bytes:
        raise Fault("cv_too_large")
    what = sniff(data, limits)
    if what == "pdf":
        _whole_pdf(data)
        return "pdf"
    if what == "docx":
        return "docx"
    if what == "doc":
        return "doc"
    if what == "empty":
        raise Fault("cv_empty")
    if what == "bomb":
        raise Fault("cv_bomb")
    if what == "encrypted":
        raise Fault("cv_encrypted")
    if what == "damaged":
        raise Fault("cv_damaged")
    raise Fault("cv_not_a_cv_file", what)


def sniff(data: bytes, limits: ReadLimits = LIMITS) -> What:
    """Say what the bytes are."""
    if not data.strip(BLANK):
        return "empty"
    if b"%PDF-" in data[:PDF_HEAD_BYTES]:
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(data, limits)
    if data.startswith(OLE):
        return _ole(data)
    if data.lstrip(BLANK).startswith(b"{\\rtf"):
        return "rtf"
    if data.startswith(IMAGES) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return "image"
    if data.startswith(b"BM") and data[6:10] == bytes(4):
        return "image"
    if data[4:8] == b"ftyp" and data[8:12] in ISO_IMAGES:
        return "image"
    return _text(data)


def _text(data: bytes) -> What:
    sample = data[:TEXT_SAMPLE_BYTES]
    start = sample.lstrip(BLANK).lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "html"
    if start.startswith(b"<?xml") and b"<html" in start:
        return "html"
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    odd = sum(1 for byte in sample if byte < ord(" ") and byte not in b"\t\n\r\f\x1b")
    return "text" if odd * 100 <= len(sample) else "unknown"


def _zip(data: bytes, limits: ReadLimits) -> What:
    """Read the archive's own directory; nothing is unpacked."""
    if _directory_bytes(data) > limits.zip_members * DIRECTORY_ENTRY_BYTES_MAX:
        return "bomb"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            kind = _zip_kind(archive, {member.filename for member in members})
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError):
        # The directory is at the end: a Word file that was cut lost it.
        return "damaged" if b"word/" in data or b"[Content_Types].xml" in data else "zip"
    if kind == "docx":
        if any(member.flag_bits & 1 for member in members):
            return "encrypted"
        if zip_bomb(members, limits):
            return "bomb"
    return kind


def _directory_bytes(data: bytes) -> int:
    """Return the declared size of the archive's directory: reading it costs memory."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 66_000))
    if end < 0 or end + 22 > len(data):
        return 0
    if data[max(0, end - 20) : max(0, end - 16)] == b"PK\x06\x07":
        at = int.from_bytes(data[end - 12 : end - 4], "little")
        return int.from_bytes(data[at + 40 : at + 48], "little")
    return int.from_bytes(data[end + 12 : end + 16], "little")


def _zip_kind(archive: zipfile.ZipFile, names: set[str]) -> What:
    if "mimetype" in names:
        with archive.open("mimetype") as member:
            kind = member.read(80)
        return "odt" if kind.startswith(b"application/vnd.oasis.opendocument.text") else "zip"
    if "[Content_Types].xml" not in names:
        return "zip"
    folders = {name.split("/", 1)[0] for name in names}
    if "word" in folders:
        return "docx"
    if "xl" in folders:
        return "spreadsheet"
    if "ppt" in folders:
        return "slides"
    return "docx" if any(name.endswith("document.xml") for name in names) else "zip"


def zip_bomb(members: list[zipfile.ZipInfo], limits: ReadLimits) -> bool:
    """Say whether an archive declares more than a CV may unpack to."""
    if len(members) > limits.zip_members:
        return True
    if sum(member.file_size for member in members) > limits.zip_bytes:
        return True
    return any(  # of what is unpacked here: a picture may well shrink a thousandfold
        member.filename.endswith((".xml", ".rels"))
        and member.file_size > (1 << 20)
        and member.file_size > limits.zip_ratio * max(member.compress_size, 1)
        for member in members
    )


def _ole(data: bytes) -> What:
    """Tell the OLE kinds apart by the names of their streams, which are UTF-16."""

    def has(name: str) -> bool:
        return name.encode("utf-16-le") in data

    if has("EncryptedPackage"):
        return "encrypted"
    if has("WordDocument"):
        return "encrypted" if _word_encrypted(data) else "doc"
    if has("Workbook") or has("Book\x00"):
        return "spreadsheet"
    if has("PowerPoint Document"):
        return "slides"
    return "unknown"


def _word_encrypted(data: bytes) -> bool:
    """Read the encryption bit of a Word 97 header; streams begin at sectors of 512 bytes."""
    for start in range(512, min(len(data) - 12, 1 << 20), 512):
        if data[start : start + 2] == b"\xec\xa5":
            return bool(int.from_bytes(data[start + 10 : start + 12], "little") & 0x0100)
    return False


def _whole_pdf(data: bytes) -> None:
    """Refuse a PDF without its end: a reader would quietly show only part of the person."""
    tail = data[-PDF_TAIL_BYTES:]
    if b"startxref" not in tail and b"%%EOF" not in tail:
        raise Fault("cv_damaged", "truncated")
