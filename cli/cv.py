"""`entrevistador cv FILE`: what the house reads in one CV; no services, nothing stored."""

import argparse
import pathlib
import sys
from typing import Final

import msgspec

from pipeline.reading import Reading, read
from pipeline.stages.limits import LIMITS
from protocol.profile import Profile, Work
from protocol.refusals import LOCALES, message
from runtime import clock

REFUSED = 2
SKILLS_SHOWN = 30

UNREADABLE: Final = {
    "missing": {
        "es": "no existe el archivo",
        "en": "there is no such file",
        "pt": "o arquivo não existe",
    },
    "folder": {
        "es": "es una carpeta, no un archivo",
        "en": "it is a folder, not a file",
        "pt": "é uma pasta, não um arquivo",
    },
    "special": {
        "es": "no es un archivo común",
        "en": "it is not a regular file",
        "pt": "não é um arquivo comum",
    },
    "permission": {
        "es": "no hay permiso para leerlo",
        "en": "there is no permission to read it",
        "pt": "não há permissão para ler",
    },
    "other": {
        "es": "no se pudo leer",
        "en": "it could not be read",
        "pt": "não foi possível ler",
    },
}


class Line(msgspec.Struct, frozen=True):
    """The one line that `--json` prints; other programs rely on its fields."""

    kind: str | None
    status: str
    fault: str | None
    pages: int | None
    language: str | None
    text_chars: int
    profile: Profile | None


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "cv",
        help="read one CV (PDF, DOCX, DOC) and show what was understood",
        description="Reads one CV and shows its profile. No services, and nothing is stored.",
        epilog="Exit: 0 read (or a picture that needs OCR), 2 refused, with the reason.",
    )
    parser.add_argument("file", metavar="FILE", help="the CV: PDF, DOCX or DOC, up to 50 MB")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument(
        "--locale", choices=LOCALES, default="es", help="the language of a refusal (es)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the file and print what came of it; 2 with the reason where nothing did."""
    path = pathlib.Path(args.file)
    try:
        data = load(path)
    except OSError as problem:
        print(f"{path}: {UNREADABLE[_why(path, problem)][args.locale]}", file=sys.stderr)
        return REFUSED
    reading = read(data, path.name, today=clock.today())
    if args.json:
        print(as_json(reading), flush=True)
    if reading.status == "refused":
        print(f"{path}: {message(reading.fault or '', args.locale, reading.detail)}",
              file=sys.stderr)  # fmt: skip
        return REFUSED
    if not args.json:
        print(summary(reading))
    if reading.status == "needs_ocr":
        print(f"{path}: {message('cv_needs_ocr', args.locale)}", file=sys.stderr)
    return 0


def load(path: pathlib.Path) -> bytes:
    """Return the file's bytes, never more than one past the limit; raises OSError."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(0, "special")
    with path.open("rb") as file:
        return file.read(LIMITS.file_bytes + 1)


def _why(path: pathlib.Path, problem: OSError) -> str:
    if isinstance(problem, FileNotFoundError):
        return "missing"
    if isinstance(problem, IsADirectoryError):
        return "folder"
    if isinstance(problem, PermissionError):
        return "folder" if path.is_dir() else "permission"
    return "special" if problem.strerror == "special" else "other"


def as_json(reading: Reading) -> str:
    """Return the reading as one line of JSON."""
    line = Line(
        reading.kind, reading.status, reading.fault, reading.pages, reading.language,
        reading.text_chars, reading.profile,
    )  # fmt: skip
    return msgspec.json.encode(line).decode()


def summary(reading: Reading) -> str:
    """Return the profile as a person reads it, in Spanish."""
    profile = reading.profile or Profile()
    basics = profile.basics
    place = basics.location
    where = ", ".join(part for part in ((place.city, place.country_code) if place else ()) if part)
    out = [
        (basics.name or "(sin nombre)") + (f" — {basics.label}" if basics.label else ""),
        f"  {_size(reading)}, idioma: {reading.language or '?'}",
    ]
    contact = " · ".join(part for part in (basics.email, basics.phone, where) if part)
    if contact:
        out.append(f"  {contact}")
    if profile.work:
        out.append(f"\nExperiencia ({profile.meta.years_of_experience:g} años)")
        out += [f"  {_job(job)}" for job in profile.work]
    if profile.education:
        out.append("\nEducación")
        for study in profile.education:
            what = " en ".join(part for part in (study.study_type, study.area) if part)
            said = ", ".join(part for part in (what, study.institution, study.end_date) if part)
            out.append(f"  {said}")
    if profile.skills:
        names = [skill.name for skill in profile.skills[:SKILLS_SHOWN]]
        more = len(profile.skills) - len(names)
        out.append("\nHabilidades\n  " + ", ".join(names) + (f" y {more} más" if more else ""))
    if profile.languages:
        said = ", ".join(f"{t.language} ({t.fluency or '?'})" for t in profile.languages)
        out.append(f"\nIdiomas\n  {said}")
    if profile.certificates:
        out.append("\nCertificados y cursos")
        out += [f"  {c.name}" + (f" ({c.date})" if c.date else "") for c in profile.certificates]
    out.append(f"\nCada dato lleva su evidencia: {len(profile.evidence)} citas del texto (--json).")
    return "\n".join(out)


def _size(reading: Reading) -> str:
    """Say how much was read, and what was left out of it."""
    parts = [(reading.kind or "").upper()]
    if reading.pages is not None:
        parts.append(f"{reading.pages} página(s)")
        if reading.pages_read is not None and reading.pages_read < reading.pages:
            parts.append(f"leídas las primeras {reading.pages_read}")
    parts.append(f"{reading.text_chars} caracteres" + (" (texto recortado)" if reading.cut else ""))
    removed = reading.removed
    unseen = removed.zero_width + removed.bidi + removed.tags + removed.vanished
    if unseen:
        parts.append(f"{unseen} caracteres ocultos retirados")
    return ", ".join(parts)


def _job(job: Work) -> str:
    until = "actualidad" if job.current else job.end_date or "?"
    when = f"{job.start_date or '?'} a {until}: "
    return when + ", ".join(part for part in (job.position, job.name, job.location) if part)
