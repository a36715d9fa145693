"""Studies: a degree, a school or a date seen a second time begins the next one."""

# ruff: noqa: PLR2004 - a weight or a length is judged where it stands

import re
from typing import Final

from pipeline.stages.fields.dates import Range, ranges
from pipeline.stages.fields.headers import STRONG, without
from pipeline.stages.fields.lines import Cut, Line, tidy, trim
from pipeline.stages.fields.source import Source
from pipeline.vocabulary.folding import fold
from pipeline.vocabulary.places import is_place
from pipeline.vocabulary.studies import DEGREE, JOINT, OWN_SUBJECT, SCHOOL
from protocol.profile import Education

COMMA: Final = re.compile(r"[,;(]\s{0,2}")
LABEL: Final = re.compile(
    r"^(?:institucion|centro de estudios|universidad|carrera|grado|titulo|especialidad|nivel"
    r"|institution|degree|curso|instituicao)\s{0,2}:\s{0,3}"
)
STUDIES_MAX = 20
LINE_CHARS_MAX = 220
DEGREE_AT_MAX = 40  # a degree further inside a line is only mentioned there
FIELD_CHARS_MAX = 140


class _Study:
    """One course of study being gathered."""

    def __init__(self) -> None:
        self.school: Cut | None = None
        self.degree: Cut | None = None
        self.subject: Cut | None = None
        self.period: Range | None = None

    def empty(self) -> bool:
        return self.school is None and self.degree is None and self.subject is None


def education(source: Source) -> tuple[Education, ...]:
    """Return the studies of the CV in the order they stand."""
    studies: list[_Study] = []
    for block in source.blocks:
        if block.part == "education":
            studies.extend(_studies(source, block.lines))
    kept = [study for study in studies if not study.empty()][:STUDIES_MAX]
    return tuple(_write(source, number, study) for number, study in enumerate(kept))


def _studies(source: Source, lines: list[Line]) -> list[_Study]:
    studies = [_Study()]
    for line in lines:
        if len(line.text) > LINE_CHARS_MAX or source.is_private(*line.cut):
            continue
        found = ranges(line.text, line.start, source.today)
        spans = [Cut(period.start, period.end) for period in found]
        for cut in without(source.text, line, spans):
            for piece, kind in _pieces(source.text, cut):
                _take(source, studies, piece, kind)
        if found:
            _date(studies, found[0])
    return studies


def _pieces(text: str, cut: Cut) -> list[tuple[Cut, str]]:
    """Return the parts of a line with what each is: "school", "degree", "place" or ""."""
    match = LABEL.match(fold(text[cut.start : cut.end]))
    if match and not SCHOOL.match(fold(text[cut.start + match.end() : cut.end])[:1]):
        inner = trim(text, Cut(cut.start + match.end(), cut.end))
        cut = inner if inner.end > inner.start else cut
    pieces: list[tuple[Cut, str]] = []
    for part in _split(text, cut, STRONG):
        fresh = True
        for piece in _split(text, part, COMMA):
            kind = _kind(text[piece.start : piece.end])
            if not kind and pieces and not fresh and pieces[-1][1] in ("degree", "school"):
                last, last_kind = pieces.pop()
                pieces.append((Cut(last.start, piece.end), last_kind))
            else:
                pieces.append((piece, kind))
            fresh = False
    return pieces


def _split(text: str, cut: Cut, pattern: re.Pattern[str]) -> list[Cut]:
    parts: list[Cut] = []
    at = cut.start
    for match in pattern.finditer(text, cut.start, cut.end):
        parts.append(trim(text, Cut(at, match.start())))
        at = match.end()
    parts.append(trim(text, Cut(at, cut.end)))
    return [part for part in parts if part.end - part.start > 1]


def _kind(said: str) -> str:
    folded = fold(said)
    if is_place(said):
        return "place"
    degree, school = DEGREE.search(folded), SCHOOL.search(folded)
    if degree and degree.start() <= DEGREE_AT_MAX:
        return "degree" if school is None or degree.start() < school.start() else "school"
    return "school" if school else ""


def _take(source: Source, studies: list[_Study], piece: Cut, kind: str) -> None:
    study = studies[-1]
    if kind == "degree":
        degree, subject, school = _degree(source.text, piece)
        if study.degree is not None or study.subject is not None:
            study = _next(studies)
        study.degree, study.subject = degree, subject
        if school is not None:
            _take(source, studies, school, "school")
    elif kind == "school":
        if study.school is not None:
            study = _next(studies)
        study.school = piece
    elif kind == "" and study.school is not None and study.degree is None:
        said = source.text[piece.start : piece.end]
        if study.subject is None and said[:1].isupper() and len(said.split()) <= 8:
            study.subject = piece


def _next(studies: list[_Study]) -> _Study:
    studies.append(_Study())
    return studies[-1]


def _date(studies: list[_Study], period: Range) -> None:
    study = studies[-1]
    if study.period is not None:
        study = _next(studies)
    study.period = period


def _degree(text: str, piece: Cut) -> tuple[Cut | None, Cut | None, Cut | None]:
    """Divide a piece into the degree's kind, its subject and, behind "en la", the school."""
    folded = fold(text[piece.start : piece.end])
    match = DEGREE.search(folded)
    if match is None:
        return None, piece, None
    school = SCHOOL.search(folded, match.end())
    end = piece.end
    institution: Cut | None = None
    if school is not None:
        joint = re.search(r"\s(?:en la|en el|por la|de la|da|pela|at|from|en|na|no)\s{1,2}$",
                          folded[: school.start()])  # fmt: skip
        cut_at = joint.start() if joint else school.start()
        institution = trim(text, Cut(piece.start + school.start(), piece.end))
        end = piece.start + cut_at
    degree = trim(text, Cut(piece.start + match.start(), piece.start + match.end()))
    joint = JOINT.match(folded[match.end() : end - piece.start])
    own = OWN_SUBJECT.search(match[0])
    if own:
        subject = trim(text, Cut(degree.start + own.start(), end))
        words = match[0][: own.start()].split()
        return (Cut(degree.start, degree.start + len(words[0])) if words else None,
                subject, institution)  # fmt: skip
    if joint is None:
        rest = trim(text, Cut(degree.end, end))
        if rest.end > rest.start and text[rest.start : rest.end][:1].isupper():
            return degree, rest, institution
        return trim(text, Cut(degree.start, end)), None, institution
    subject = trim(text, Cut(piece.start + match.end() + joint.end(), end))
    return degree, subject if subject.end > subject.start else None, institution


def _write(source: Source, number: int, study: _Study) -> Education:
    path = f"/education/{number}"
    fields: dict[str, str] = {}
    for field, pointer, cut in (
        ("institution", "institution", study.school),
        ("study_type", "studyType", study.degree),
        ("area", "area", study.subject),
    ):
        if cut is not None and tidy(source.text[cut.start : cut.end]):
            kept = Cut(cut.start, min(cut.end, cut.start + FIELD_CHARS_MAX))
            fields[field] = source.keep(f"{path}/{pointer}", kept)
    period = study.period
    current = False
    if period is not None and period.begin is not None:
        current = period.current
        if not period.single:
            fields["start_date"] = str(period.begin)
            source.note(f"{path}/startDate", period.start, period.end)
        if not period.current and period.until is not None:
            fields["end_date"] = str(period.until)
        source.note(f"{path}/endDate", period.start, period.end)
    return Education(current=current, **fields)
