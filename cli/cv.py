"""`entrevistador cv FILE`: what the house reads in one CV; no services, nothing stored."""

import argparse
import pathlib
import sys

import msgspec

from cli.words import DEFAULT, Words
from pipeline.reading import Reading, read
from pipeline.stages.limits import LIMITS
from protocol.profile import Education, Profile, Work
from protocol.refusals import LOCALES, message
from runtime import clock

REFUSED = 2
SKILLS_SHOWN = 30


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
        epilog="Exit code: 0 when it was read, or is a picture that needs OCR (standard error says "
        "so); 2 when it was refused, with the reason on standard error.",
    )
    parser.add_argument("file", metavar="FILE", help="the CV: PDF, DOCX or DOC, up to 50 MB")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument(
        "--locale", choices=LOCALES, default=DEFAULT, help=f"the language it speaks ({DEFAULT})"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the file and print what came of it; 2 with the reason where nothing did."""
    path, words = pathlib.Path(args.file), Words(args.locale)
    try:
        data = load(path)
    except OSError as problem:
        print(f"{path}: {unreadable(path, problem, words)}", file=sys.stderr)
        return REFUSED
    reading = read(data, path.name, today=clock.today())
    if args.json:
        print(as_json(reading), flush=True)
    if reading.status == "refused":
        print(f"{path}: {message(reading.fault or '', args.locale, reading.detail)}",
              file=sys.stderr)  # fmt: skip
        return REFUSED
    if not args.json:
        print(summary(reading, words))
    if reading.status == "needs_ocr":
        print(f"{path}: {message('cv_needs_ocr', args.locale)}", file=sys.stderr)
    return 0


def load(path: pathlib.Path) -> bytes:
    """Return the file's bytes, never more than one past the limit; raises OSError."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(0, "special")
    with path.open("rb") as file:
        return file.read(LIMITS.file_bytes + 1)


def unreadable(path: pathlib.Path, problem: OSError, words: Words) -> str:
    """Say why `load` could not read a file."""
    if isinstance(problem, (FileNotFoundError, NotADirectoryError)):
        return words("missing")
    if path.is_dir():
        return words("folder")
    if isinstance(problem, PermissionError):
        return words("permission")
    return words("special" if problem.strerror == "special" else "other")


def as_json(reading: Reading) -> str:
    """Return the reading as one line of JSON."""
    line = Line(
        reading.kind, reading.status, reading.fault, reading.pages, reading.language,
        reading.text_chars, reading.profile,
    )  # fmt: skip
    return msgspec.json.encode(line).decode()


def summary(reading: Reading, words: Words) -> str:
    """Return the profile as a person reads it."""
    profile = reading.profile or Profile()
    basics = profile.basics
    place = basics.location
    where = ", ".join(part for part in ((place.city, place.country_code) if place else ()) if part)
    out = [
        (basics.name or words("nameless")) + (f" — {basics.label}" if basics.label else ""),
        f"  {_size(reading, words)}",
    ]
    contact = " · ".join(part for part in (basics.email, basics.phone, where) if part)
    if contact:
        out.append(f"  {contact}")
    if profile.work:
        years = words.count("years", profile.meta.years_of_experience)
        out.append("\n" + words("work", years=years))
        out += [f"  {_job(job, words)}" for job in profile.work]
    if profile.education:
        out.append("\n" + words("education"))
        out += [f"  {_study(study, words)}" for study in profile.education]
    if profile.skills:
        names = [skill.name for skill in profile.skills[:SKILLS_SHOWN]]
        left = len(profile.skills) - len(names)
        more = words("more", n=left) if left else ""
        out.append(f"\n{words('skills')}\n  {', '.join(names)}{more}")
    if profile.languages:
        said = ", ".join(f"{t.language} ({t.fluency or '?'})" for t in profile.languages)
        out.append(f"\n{words('languages')}\n  {said}")
    if profile.certificates:
        out.append("\n" + words("certificates"))
        out += [f"  {c.name}" + (f" ({c.date})" if c.date else "") for c in profile.certificates]
    out.append("\n" + words.count("evidence", len(profile.evidence)))
    return "\n".join(out)


def _size(reading: Reading, words: Words) -> str:
    """Say how much was read, and what was left out of it."""
    parts = [(reading.kind or "").upper()]
    if reading.pages is not None:
        parts.append(words.count("pages", reading.pages))
        if reading.pages_read is not None and reading.pages_read < reading.pages:
            parts.append(words("pages_read", n=reading.pages_read))
    cut = f" ({words('chars_cut')})" if reading.cut else ""
    parts.append(words.count("chars", reading.text_chars or 0) + cut)
    removed = reading.removed
    unseen = removed.zero_width + removed.bidi + removed.tags + removed.vanished
    if unseen:
        parts.append(words.count("hidden", unseen))
    parts.append(words("language", code=reading.language or "?"))
    return ", ".join(parts)


def _study(study: Education, words: Words) -> str:
    what = study.study_type or study.area
    if study.study_type and study.area:
        what = words("study", kind=study.study_type, area=study.area)
    return ", ".join(part for part in (what, study.institution, study.end_date) if part)


def _job(job: Work, words: Words) -> str:
    until = words("today") if job.current else job.end_date or "?"
    when = words("until", start=job.start_date or "?", end=until)
    return when + ", ".join(part for part in (job.position, job.name, job.location) if part)
