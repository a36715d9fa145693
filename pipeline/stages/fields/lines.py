"""A CV's text as lines and blocks: where each section begins, and what stands under it."""

import re
from typing import Final, Literal, NamedTuple

import msgspec

from pipeline.vocabulary.folding import fold
from pipeline.vocabulary.sections import Section, heading, inline

Part = Section | Literal["header"]

BULLET: Final = re.compile(r"^(?:[•·*▪►✓–—>|]\s{0,4}|-\s{1,4}|-(?=[A-ZÁÉÍÓÚÑ])|\d{1,2}[.)]\s{1,4})")
FURNITURE: Final = re.compile(
    r"^(?:(?:pagina|page|pag\.?)\s{0,2}\d{1,3}(?:\s{0,2}(?:de|of|/)\s{0,2}\d{1,3})?|\d{1,2}\s{0,2}/"
    r"\s{0,2}\d{1,2}|\d{1,2}|curriculum vitae|curriculo|hoja de vida|resume|cv|[-_=.]{3,200})$"
)
# In a job these open a list of what was done there; elsewhere they are sections of their own.
SUBTITLES: Final = re.compile(
    r"^(?:principales |key |main |algunos )?(?:logros?|achievements?|accomplishments|actividades"
    r"|tecnologias|herramientas|technologies|tools|proyectos|projects|stack|conquistas|projetos"
    r"|ferramentas|activities|software|tech stack)(?: destacados| clave)?\s{0,2}:?$"
)
NUMBERED_HEAD: Final = re.compile(
    r"^(?:empresa|compania|company|institucion|entidad|empleador|cargo|puesto|position|role)"
    r"\b.{0,9}:"
)
LINES_MAX = 20_000


class Cut(NamedTuple):
    """A piece of the text."""

    start: int
    end: int


class Line(msgspec.Struct, frozen=True):
    """One line without its margin and bullet; `text` is the source from start to end."""

    text: str
    start: int
    end: int
    bullet: bool = False

    @property
    def cut(self) -> Cut:
        """Where it stands."""
        return Cut(self.start, self.end)


class Block(msgspec.Struct, frozen=True):
    """A section's lines; the first block, before any heading, is the header."""

    part: Part
    lines: list[Line]


def split(text: str) -> list[Line]:
    """Return the lines that say something, with their bullets taken off."""
    lines: list[Line] = []
    at = 0
    pending = False  # a bullet that was drawn on a line of its own
    for raw in text.split("\n")[:LINES_MAX]:
        start, at = at, at + len(raw) + 1
        bare = raw.strip()
        if not bare or FURNITURE.match(fold(bare[:201])):
            continue
        start += len(raw) - len(raw.lstrip())
        match = BULLET.match(bare)
        body = bare[match.end() :] if match else bare
        if not body:
            pending = True
            continue
        start += len(bare) - len(body)
        bullet = match is not None and not (
            bare[0].isdigit() and NUMBERED_HEAD.match(fold(body[:40]))
        )
        lines.append(Line(body, start, start + len(body), pending or bullet))
        pending = False
    return lines


def blocks(lines: list[Line], name_line: int = -1) -> list[Block]:
    """Group the lines under their headings; the candidate's name opens a header anywhere."""
    found = [Block("header", [])]
    for number, line in enumerate(lines):
        if number == name_line and found[-1].part != "header":
            found.append(Block("header", []))
        part = found[-1].part
        section = heading(line.text)
        if section is not None and _opens(line, part):
            found.append(Block(section, []))
            continue
        opened = inline(line.text)
        if opened is not None and not line.bullet and _opens_inline(opened[0], part):
            section, offset = opened
            body = line.text[offset:]
            found.append(Block(section, [Line(body, line.end - len(body), line.end)]))
            continue
        found[-1].lines.append(line)
    return found


def _opens(line: Line, part: Part) -> bool:
    """Say whether a line that reads like a heading is one here."""
    if line.text.isupper():
        return True
    if line.bullet:
        return False
    return part not in ("work", "projects") or not SUBTITLES.match(fold(line.text))


def _opens_inline(section: Section, part: Part) -> bool:
    """Inside a job "Tecnologías: Java" and the like belong to the job."""
    return part not in ("work", "projects") or section in ("languages", "education", "references")


def of(found: list[Block], *parts: Part) -> list[Block]:
    """Return the blocks of the sections named."""
    return [block for block in found if block.part in parts]


def tidy(text: str) -> str:
    """Return a value as it is kept: one line, single spaces."""
    return " ".join(text.split())


def trim(text: str, cut: Cut, edges: str = " \t\n,;:|·•-–—()[]/") -> Cut:
    """Return the piece without the separators at its edges."""
    start, end = cut
    while start < end and text[start] in edges:
        start += 1
    while end > start and text[end - 1] in edges:
        end -= 1
    if text[start:end].count("(") > text[start:end].count(")") and text[end : end + 1] == ")":
        end += 1
    return Cut(start, end)
