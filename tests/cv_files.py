"""Makes CV files of fictitious people at test time: many layouts, by many tools."""

import html
import io
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import docx
import pypdf
import typst
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from tests.cv_people import TITLES, JobTruth, Person, period_text

Style = Literal["name", "label", "heading", "plain", "pair", "bullet"]


class Item(NamedTuple):
    """One thing to draw; `right` stands at the margin of the same line."""

    style: Style
    text: str
    right: str = ""


def head_items(person: Person, job: JobTruth, head: str, dates: str) -> list[Item]:
    """Write the head of a job in one of the ways people do."""
    period = period_text(job.start, job.end, dates, person.locale)
    place = f"{job.company}, {job.place}"
    labels = {"es": ("Empresa", "Cargo", "Periodo"), "en": ("Company", "Position", "Period"),
              "pt": ("Empresa", "Cargo", "Período")}[person.locale]  # fmt: skip
    ways: dict[str, list[Item]] = {
        "stacked": [Item("plain", job.position), Item("plain", place), Item("plain", period)],
        "right_of_position": [Item("pair", job.position, period), Item("plain", place)],
        "right_of_company": [Item("pair", place, period), Item("plain", job.position)],
        "date_first": [Item("plain", period), Item("plain", job.company),
                       Item("plain", job.position)],
        "one_line": [Item("plain", f"{job.position} | {job.company} | {period}")],
        "labelled": [Item("plain", f"{labels[0]}: {job.company}"),
                     Item("plain", f"{labels[1]}: {job.position}"),
                     Item("plain", f"{labels[2]}: {period}")],
        "company_first": [Item("plain", job.company.upper()),
                          Item("plain", f"{job.position} ({period})")],
        "networked": [Item("plain", job.position), Item("plain", job.company),
                      Item("plain", f"{period} (2 años 3 meses)"), Item("plain", job.place)],
    }  # fmt: skip
    return ways[head]


def sections(person: Person, head: str, dates: str) -> dict[str, list[Item]]:
    """Return the sections of a CV by name, headings included."""
    title = TITLES[person.locale]
    jobs = [item for job in person.jobs
            for item in (*head_items(person, job, head, dates),
                         *(Item("bullet", task) for task in job.tasks))]  # fmt: skip
    studies = [
        Item("plain", text)
        for study in person.studies
        for text in (study.school, study.degree,
                     f"{study.start} – {study.end}" if study.start else study.end)
    ]  # fmt: skip
    return {
        "top": [Item("name", person.name), Item("label", person.label)],
        "contact": [Item("plain", f"{person.place} | {person.phone} | {person.email}")],
        "summary": [Item("heading", title[0]), Item("plain", person.profile)],
        "work": [Item("heading", title[1]), *jobs],
        "education": [Item("heading", title[2]), *studies],
        "skills": [Item("heading", title[3]), Item("plain", ", ".join(person.skills))],
        "languages": [Item("heading", title[4]),
                      *(Item("plain", f"{word}: {level}") for word, level, _ in person.languages)],
        "courses": [Item("heading", title[5]),
                    *(Item("bullet", f"{name} – {year}") for name, year in person.courses)],
        "references": [Item("heading", title[7]),
                       Item("plain", "Pedro Ejemplo Ruiz, 999 000 111, referencia@example.com")],
    }  # fmt: skip


FLOW = ("top", "contact", "summary", "work", "education", "skills", "languages", "courses",
        "references")  # fmt: skip
SIDE = ("contact_titled", "skills", "languages", "courses")
MAIN = ("top", "summary", "work", "education", "references")


def items(person: Person, head: str = "stacked", dates: str = "long") -> list[Item]:
    """Return a whole CV, top to bottom."""
    parts = sections(person, head, dates)
    return [item for name in FLOW for item in parts[name]]


def two_sides(person: Person, head: str, dates: str) -> tuple[list[Item], list[Item]]:
    """Return the items of a sidebar and of the main column."""
    parts = sections(person, head, dates)
    parts["contact_titled"] = [
        Item("heading", TITLES[person.locale][6]),
        Item("plain", person.phone),
        Item("plain", person.email),
        Item("plain", person.place),
    ]
    side = [item for name in SIDE for item in parts[name]]
    return side, [item for name in MAIN for item in parts[name]]


# PDF by reportlab -------------------------------------------------------------------------

SIZES = {"name": 18, "label": 12, "heading": 12, "plain": 10, "pair": 10, "bullet": 10}
FONTS = {"name": "Helvetica-Bold", "heading": "Helvetica-Bold", "pair": "Helvetica-Bold"}


def wrap(item: Item, width: float) -> list[Item]:
    """Break an item's text into the lines that fit."""
    font, size = FONTS.get(item.style, "Helvetica"), SIZES[item.style]
    text = item.text.upper() if item.style == "heading" else item.text
    lines: list[str] = [""]
    for word in text.split():
        wider = f"{lines[-1]} {word}".strip()
        if stringWidth(wider, font, size) > width - (12 if item.style == "bullet" else 0):
            lines.append(word)
        else:
            lines[-1] = wider
    first, *rest = lines
    return [Item(item.style, first, item.right), *(Item("plain", line, "~") for line in rest)]


class Pen:
    """Draws items down a column, opening pages as they fill."""

    def __init__(self, canvas: Canvas, x: float, width: float, y: float = 790) -> None:
        self.canvas, self.x, self.width, self.y = canvas, x, width, y

    def draw(self, line: Item) -> None:
        style, size = line.style, SIZES[line.style]
        self.y -= size + (10 if style == "heading" else 4)
        self.canvas.setFont(FONTS.get(style, "Helvetica"), size)
        indent = 12 if style == "bullet" or line.right == "~" else 0
        if style == "bullet":
            self.canvas.drawString(self.x, self.y, "•")
        self.canvas.drawString(self.x + indent, self.y, line.text)
        if line.right and line.right != "~":
            self.canvas.drawRightString(self.x + self.width, self.y, line.right)


def pdf_one_column(person: Person, head: str = "stacked", dates: str = "long") -> bytes:
    """A plain CV, one column, as many pages as it takes."""
    out = io.BytesIO()
    canvas = Canvas(out, A4)
    pen = Pen(canvas, 50, 490)
    for item in items(person, head, dates):
        for line in wrap(item, 490 if not item.right else 300):
            if pen.y < 70:
                canvas.showPage()
                pen.y = 790
            pen.draw(line)
    canvas.save()
    return out.getvalue()


def pdf_two_columns(person: Person, head: str = "stacked", dates: str = "long",
                    *, by_row: bool = False) -> bytes:  # fmt: skip
    """A sidebar and a main column, drawn one after the other or row by row."""
    out = io.BytesIO()
    canvas = Canvas(out, A4)
    side, main = two_sides(person, head, dates)
    left = [line for item in side for line in wrap(item, 150)]
    right = [line for item in main for line in wrap(item, 310)]
    if by_row:
        _rows(canvas, left, right)
    else:
        for column, x, width in ((left, 40, 150), (right, 220, 310)):
            pen = Pen(canvas, x, width)
            for line in column:
                pen.draw(line)
    canvas.save()
    return out.getvalue()


def _rows(canvas: Canvas, left: Sequence[Item], right: Sequence[Item]) -> None:
    for number in range(max(len(left), len(right))):
        y = 790 - 14 * number
        for column, x in ((left, 40), (right, 220)):
            if number < len(column):
                line = column[number]
                canvas.setFont(FONTS.get(line.style, "Helvetica"), 10)
                mark = "• " if line.style == "bullet" else ""
                tail = f"  {line.right}" if line.right and line.right != "~" else ""
                canvas.drawString(x, y, mark + line.text + tail)


# PDF by typst and by a browser ------------------------------------------------------------


def pdf_typst(person: Person, head: str = "stacked", dates: str = "long",
              *, sidebar: bool = False) -> bytes:  # fmt: skip
    """A CV set by typst, with ligatures, kerning and justified text."""

    def code(things: Sequence[Item]) -> str:
        return "\n".join(_typst(item) for item in things)

    if sidebar:
        side, main = two_sides(person, head, dates)
        body = f"#grid(columns: (30%, 70%), gutter: 16pt, [{code(side)}], [{code(main)}])"
    else:
        body = code(items(person, head, dates))
    rules = '#set page(paper: "a4", margin: 2cm)\n#set text(size: 10pt)\n#set par(justify: true)\n'
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "cv.typ"
        source.write_text(rules + body, encoding="utf-8")
        return bytes(typst.compile(str(source)))


def _typst(item: Item) -> str:
    text = "".join(f"\\{char}" if char in "#$*_@<>[]\\-+=/~`" else char for char in item.text)
    right = item.right.replace("-", "\\-")
    return {
        "name": f'#text(18pt, weight: "bold")[{text}]\n',
        "label": f"#text(12pt)[{text}]\n",
        "heading": f"= {text}\n",
        "plain": f"{text} \\\n",
        "pair": f"*{text}* #h(1fr) {right} \\\n",
        "bullet": f"\n- {text}\n",
    }[item.style]


def page_html(person: Person, head: str = "stacked", dates: str = "long") -> str:
    """A two-column web CV."""

    def code(things: Sequence[Item]) -> str:
        return "\n".join(_html(item) for item in things)

    side, main = two_sides(person, head, dates)
    return (
        "<!doctype html><meta charset=utf-8><style>body{font:10pt sans-serif;display:grid;"
        "grid-template-columns:30% 66%;gap:4%}h1{font-size:18pt}h2{font-size:12pt;"
        "text-transform:uppercase}p{margin:0}.pair{display:flex;justify-content:space-between}"
        f"</style><aside>{code(side)}</aside><main>{code(main)}</main>"
    )


def _html(item: Item) -> str:
    text, right = html.escape(item.text), html.escape(item.right)
    tag = {"name": "h1", "heading": "h2", "bullet": "li"}.get(item.style, "p")
    if item.style == "pair":
        return f'<p class="pair"><b>{text}</b><span>{right}</span></p>'
    return f"<{tag}>{text}</{tag}>"


# DOCX and what LibreOffice makes of it ----------------------------------------------------


def _saved(document: Any) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def docx_flow(person: Person, head: str = "stacked", dates: str = "long") -> bytes:
    """A Word CV of plain paragraphs and lists."""
    document = docx.Document()
    for item in items(person, head, dates):
        _paragraph(document, item)
    return _saved(document)


def _paragraph(holder: Any, item: Item) -> None:
    if item.style == "bullet":
        holder.add_paragraph(item.text, style="List Bullet")
        return
    paragraph = holder.add_paragraph()
    run = paragraph.add_run(item.text + (f"\t{item.right}" if item.right else ""))
    run.bold = item.style in ("name", "heading", "pair")


def docx_table(person: Person, head: str = "stacked", dates: str = "long") -> bytes:
    """A Word CV laid out as a table: a sidebar cell and a main cell, the contact in the header."""
    document = docx.Document()
    side, main = two_sides(person, head, dates)
    cells = document.add_table(rows=1, cols=2).rows[0].cells
    for cell, things in ((cells[0], side), (cells[1], main)):
        for item in things:
            _paragraph(cell, item)
    document.sections[0].footer.paragraphs[0].text = "Página 1 de 1"
    return _saved(document)


def office(data: bytes, source: str, target: str) -> bytes | None:
    """Convert by LibreOffice; None where it is not installed."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"cv.{source}"
        path.write_bytes(data)
        subprocess.run(
            [program, f"-env:UserInstallation=file://{folder}/profile", "--headless",
             "--convert-to", target, "--outdir", f"{folder}/out", str(path)],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        return (pathlib.Path(folder) / "out" / f"cv.{target.split(':')[0]}").read_bytes()


def encrypted(data: bytes, user: str, owner: str = "owner-secret") -> bytes:
    """Protect a PDF; an empty user password opens without asking."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(user_password=user, owner_password=owner, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
