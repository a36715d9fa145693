"""DOCX to text: every `w:t` a reader can see, in the order of the page, and nothing else.

The walker is a stream over expat: no tree, so depth and size cost nothing; entity and document
type declarations are refused. Text boxes, tables, headers, footers and notes are read; deleted
text, fallbacks of newer drawings and text marked as hidden are not (the last is counted).
"""

import io
import lzma
import posixpath
import zipfile
import zlib
from typing import Final
from xml.parsers import expat

import msgspec

from pipeline.stages.limits import LIMITS, ReadLimits
from pipeline.stages.validate import zip_bomb
from protocol.faults import Fault

WORD: Final = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
COMPATIBILITY: Final = "http://schemas.openxmlformats.org/markup-compatibility/2006"
OFF: Final = frozenset(("0", "false", "off"))
SKIPPED: Final = frozenset(("w:del", "w:moveFrom", "mc:Fallback", "w:rubyPr", "w:rt"))
AROUND: Final = ("header", "footer", "footnotes", "endnotes")
CHUNK_BYTES = 64 * 1024
BASED_ON_MAX = 32
PICTURE_BYTES_MIN = 20 * 1024
BROKEN: Final = (
    zipfile.BadZipFile, expat.ExpatError, zlib.error, lzma.LZMAError, KeyError, EOFError,
    ValueError, NotImplementedError, RuntimeError, OSError,
)  # fmt: skip


class Styles(msgspec.Struct, frozen=True):
    """The styles that hide their text, and those that make a paragraph an item of a list."""

    hidden: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()


class Story(msgspec.Struct):
    """What one part of the document says; `vanished` counts its hidden letters."""

    lines: list[str]
    vanished: int = 0
    pictured: bool = False  # a picture large enough to be a scanned page


class _Paragraph:
    """A paragraph being read: its pieces and whether it is an item or hidden."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.item = False
        self.hidden = False


class _Parser:
    """Expat with the safety catches on; subclasses say what an element means."""

    def __init__(self, limits: ReadLimits) -> None:
        self.limits = limits
        self.depth = 0
        self.nodes = 0
        self.expat = expat.ParserCreate(namespace_separator=" ")
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self.text
        self.expat.StartDoctypeDeclHandler = _refuse
        self.expat.EntityDeclHandler = _refuse

    def feed(self, data: bytes) -> None:
        """Read one whole part."""
        for at in range(0, len(data), CHUNK_BYTES):
            self.expat.Parse(data[at : at + CHUNK_BYTES], False)
        self.expat.Parse(b"", True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.nodes += 1
        if self.depth > self.limits.xml_depth or self.nodes > self.limits.xml_nodes:
            raise Fault("cv_bomb", "xml")
        self.start(_short(name), {_short(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self.depth -= 1
        self.end(_short(name))

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Hear of an element that opens."""

    def end(self, tag: str) -> None:
        """Hear of an element that closes."""

    def text(self, data: str) -> None:
        """Hear of character data."""


def _refuse(*_: object) -> None:
    raise Fault("cv_bomb", "xml declares entities")


def _short(name: str) -> str:
    """Return `w:t` for the name with its namespace spelt out."""
    space, _, local = name.rpartition(" ")
    if space in WORD:
        return f"w:{local}"
    return f"mc:{local}" if space == COMPATIBILITY else local


class _StyleReader(_Parser):
    """Collects what the styles say about hiding and lists, following what they are based on."""

    def __init__(self, limits: ReadLimits) -> None:
        super().__init__(limits)
        self.current = ""
        self.based: dict[str, str] = {}
        self.hides: dict[str, bool] = {}
        self.lists: set[str] = set()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "w:style":
            self.current = attributes.get("w:styleId", "")
        elif tag == "w:basedOn":
            self.based[self.current] = attributes.get("w:val", "")
        elif tag == "w:vanish":
            self.hides[self.current] = attributes.get("w:val", "1") not in OFF
        elif tag == "w:numPr":
            self.lists.add(self.current)

    def styles(self) -> Styles:
        """Return the verdict for every style."""
        names = {*self.based, *self.hides, *self.lists}
        return Styles(
            frozenset(name for name in names if self._hidden(name)),
            frozenset(name for name in names if self.lists.intersection(self._chain(name))),
        )

    def _chain(self, name: str) -> list[str]:
        chain: list[str] = []
        while name and name not in chain and len(chain) < BASED_ON_MAX:
            chain.append(name)
            name = self.based.get(name, "")
        return chain

    def _hidden(self, name: str) -> bool:
        return next((self.hides[n] for n in self._chain(name) if n in self.hides), False)


class _Walker(_Parser):
    """Reads one story: the body, a header, a footer or the notes."""

    def __init__(self, limits: ReadLimits, styles: Styles) -> None:
        super().__init__(limits)
        self.styles = styles
        self.story = Story([])
        self.skipping = 0
        self.paragraphs: list[_Paragraph] = []
        self.cells: list[list[list[str]]] = []  # of each open table, the cells of its open row
        self.sinks: list[list[str]] = [self.story.lines]
        self.in_text = False
        self.run_hidden = False
        self.in_paragraph_properties = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self.skipping or tag in SKIPPED:
            self.skipping += 1
        elif tag == "w:p":
            self.paragraphs.append(_Paragraph())
        elif tag == "w:t":
            self.in_text = True
        elif tag == "w:r":
            self.run_hidden = False
        elif tag in ("w:tab", "w:ptab") and not self.in_paragraph_properties:
            self._add("\t")
        elif tag in ("w:br", "w:cr"):
            self._add("\n")
        elif tag == "w:noBreakHyphen":
            self._add("-")
        elif tag == "w:tr":
            self.cells.append([])
        elif tag == "w:tc" and self.cells:
            self.cells[-1].append([])
            self.sinks.append(self.cells[-1][-1])
        else:
            self._property(tag, attributes)

    def _property(self, tag: str, attributes: dict[str, str]) -> None:
        value = attributes.get("w:val", "1")
        if tag == "w:pPr":
            self.in_paragraph_properties += 1
        elif tag == "w:vanish" and not self.in_paragraph_properties:
            self.run_hidden = value not in OFF
        elif tag == "w:rStyle" and value in self.styles.hidden:
            self.run_hidden = True
        elif tag == "w:pStyle" and self.paragraphs:
            self.paragraphs[-1].item |= value in self.styles.listed
            self.paragraphs[-1].hidden = value in self.styles.hidden
        elif tag == "w:numPr" and self.paragraphs:
            self.paragraphs[-1].item = True

    def end(self, tag: str) -> None:
        if self.skipping:
            self.skipping -= 1
        elif tag == "w:t":
            self.in_text = False
        elif tag == "w:p" and self.paragraphs:
            self._close_paragraph(self.paragraphs.pop())
        elif tag == "w:tc" and len(self.sinks) > 1:
            self.sinks.pop()
        elif tag == "w:tr" and self.cells:
            self._close_row(self.cells.pop())
        elif tag == "w:r":
            self.run_hidden = False
        elif tag == "w:pPr":
            self.in_paragraph_properties -= 1

    def text(self, data: str) -> None:
        if self.in_text and not self.skipping:
            self._add(data)

    def _add(self, data: str) -> None:
        if not self.paragraphs:
            return
        if self.run_hidden or self.paragraphs[-1].hidden:
            self.story.vanished += sum(1 for char in data if not char.isspace())
        else:
            self.paragraphs[-1].pieces.append(data)

    def _close_paragraph(self, paragraph: _Paragraph) -> None:
        text = "".join(paragraph.pieces).strip(" ")
        if text.strip() and paragraph.item:
            text = f"• {text}"
        self.sinks[-1].append(text)

    def _close_row(self, cells: list[list[str]]) -> None:
        """A row of short cells is one line; cells that hold paragraphs are columns of a layout."""
        filled = [[line for line in cell if line.strip()] for cell in cells]
        if all(len(cell) <= 1 for cell in filled):
            self.sinks[-1].append("\t".join(cell[0] for cell in filled if cell))
        else:
            for cell in filled:
                self.sinks[-1].extend(cell)


def parse_docx(data: bytes, limits: ReadLimits = LIMITS) -> Story:
    """Return the lines of a DOCX; raises Fault where it is damaged, protected or a bomb."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _parse(archive, limits)
    except BROKEN as problem:
        raise Fault("cv_damaged", type(problem).__name__) from None


def _parse(archive: zipfile.ZipFile, limits: ReadLimits) -> Story:
    if zip_bomb(archive.infolist(), limits):
        raise Fault("cv_bomb", "zip")
    names = archive.namelist()
    main = _main_part(names)
    folder = posixpath.dirname(main)
    left = [limits.zip_bytes]
    styles = Styles()
    if f"{folder}/styles.xml" in names:
        reader = _StyleReader(limits)
        reader.feed(_unpack(archive, f"{folder}/styles.xml", limits, left))
        styles = reader.styles()
    around = sorted(name for name in names if _is_around(name, folder))
    heads = [name for name in around if posixpath.basename(name).startswith("header")]
    tails = [name for name in around if name not in heads]
    pictured = any("/media/" in m.filename and m.file_size > PICTURE_BYTES_MIN
                   for m in archive.infolist())  # fmt: skip
    whole = Story([], pictured=pictured)
    seen: set[tuple[str, ...]] = set()
    for name in (*heads, main, *tails):
        walker = _Walker(limits, styles)
        walker.feed(_unpack(archive, name, limits, left))
        lines = tuple(walker.story.lines)
        whole.vanished += walker.story.vanished
        if lines not in seen and any(line.strip() for line in lines):  # headers repeat by page
            seen.add(lines)
            whole.lines.extend(lines)
    return whole


def _main_part(names: list[str]) -> str:
    if "word/document.xml" in names:
        return "word/document.xml"
    other = sorted(name for name in names if name.endswith("document.xml"))
    if not other:
        raise Fault("cv_damaged", "no document part")
    return other[0]


def _is_around(name: str, folder: str) -> bool:
    base = posixpath.basename(name)
    inside = posixpath.dirname(name) == folder and base.endswith(".xml")
    return inside and base.rstrip("0123456789.xml").startswith(AROUND)


def _unpack(archive: zipfile.ZipFile, name: str, limits: ReadLimits, left: list[int]) -> bytes:
    """Inflate one part, never past what is left: a directory may lie about sizes."""
    allowed = min(limits.part_bytes, left[0])
    with archive.open(name) as member:
        data = member.read(allowed + 1)
    if len(data) > allowed:
        raise Fault("cv_bomb", "zip")
    left[0] -= len(data)
    return data
