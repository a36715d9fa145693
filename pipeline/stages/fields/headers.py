"""The head of a job: which words are the position, which the employer, which the place."""

# ruff: noqa: PLR2004 - a weight or a length is judged where it stands

import re
from typing import Final, NamedTuple

from pipeline.stages.fields.lines import Cut, Line, trim
from pipeline.vocabulary.folding import fold
from pipeline.vocabulary.places import is_place
from pipeline.vocabulary.titles import employer_score, title_score

STRONG: Final = re.compile(r"\s[-–—|·•/:~]+\s|\s?[|•·]\s?|\t+| {3,}|[-–—]{2}|\s?—\s?|\s–(?=\w)")
COMMA: Final = re.compile(r"[,;]\s{1,3}")
AT: Final = re.compile(r"\s(?:en|at|na|no|em|@|para|en la|en el)\s(?=[A-ZÁÉÍÓÚÑ0-9\"])")
LABELS: Final = (
    ("position", re.compile(r"^(?:cargo|puesto|posicion|position|role|title|funcion|job title"
                            r"|cargo ocupado|puesto ocupado|ocupacion)\s{0,2}[:\t]\s{0,3}")),
    ("name", re.compile(r"^(?:empresa|compania|company|employer|institucion|organizacion|entidad"
                        r"|empleador|razon social|centro de labores)\s{0,2}[:\t]\s{0,3}")),
    ("location", re.compile(r"^(?:lugar|ubicacion|ciudad|location|local|sede|cidade)"
                            r"\s{0,2}[:\t]\s{0,3}")),
    ("drop", re.compile(r"^(?:periodo|fechas?|period|dates?|duracion|tiempo|duracao|rubro|area"
                        r"|tipo|sector|industria)\s{0,2}(?:[:\t]|$)")),
)  # fmt: skip
DURATION: Final = re.compile(
    r"\(?\b\d{1,2}\+?\s{0,2}(?:anos?|years?|yrs?)(?:\s{0,2}(?:y|e|and|,)?\s{0,2}\d{1,2}\s{0,2}"
    r"(?:mes(?:es)?|months?|mos?))?\b\)?|\(?\b\d{1,2}\s{0,2}(?:mes(?:es)?|months?|mos?)\b\)?"
)
HEAD_CHARS_MAX = 110
SEGMENTS_MAX = 8
FIELD_CHARS_MAX = 120


class Head(NamedTuple):
    """The pieces found; any may be missing."""

    position: Cut | None = None
    name: Cut | None = None
    location: Cut | None = None


def is_head(line: Line) -> bool:
    """Say whether a line could stand at the head of a job: short, and not a sentence."""
    text = line.text
    if line.bullet or len(text) > HEAD_CHARS_MAX or not (text[0].isupper() or text[0].isdigit()):
        return False
    if text.endswith(":") or len(text.split()) > 14:
        return False
    return not text.endswith(".") or employer_score(text) > 0 or text.count(".") > 2


def without(text: str, line: Line, spans: list[Cut]) -> list[Cut]:
    """Return what is left of a line when its dates and their brackets are taken out."""
    pieces: list[Cut] = []
    at = line.start
    for span in sorted(spans):
        pieces.append(trim(text, Cut(at, max(at, span.start))))
        at = max(at, span.end)
    pieces.append(trim(text, Cut(at, line.end)))
    return [piece for piece in pieces if piece.end - piece.start > 1]


def read(text: str, cuts: list[Cut]) -> Head:
    """Judge the pieces of a head, in the order they stand."""
    head = Head()
    segments: list[Cut] = []
    for cut in cuts:
        labelled = _labelled(text, cut)
        if labelled is None:
            segments.extend(_segments(text, cut))
        elif labelled[0] != "drop" and getattr(head, labelled[0]) is None:
            head = head._replace(**{labelled[0]: labelled[1]})
    segments = segments[:SEGMENTS_MAX]
    if head.location is None:
        places = [segment for segment in segments if is_place(text[segment.start : segment.end])]
        head = head._replace(location=places[0] if places else None)
        segments = [segment for segment in segments if segment not in places]
    return _assign(text, head, segments)


def _labelled(text: str, cut: Cut) -> tuple[str, Cut] | None:
    folded = fold(text[cut.start : cut.end])
    for field, pattern in LABELS:
        match = pattern.match(folded)
        if match:
            return field, trim(text, Cut(cut.start + match.end(), cut.end))
    return None


def _segments(text: str, cut: Cut) -> list[Cut]:
    pieces = _cut_at(text, cut, STRONG)
    pieces = [part for piece in pieces for part in _without_place(text, piece)]
    kept: list[Cut] = []
    for whole in pieces:
        gone = DURATION.search(fold(text[whole.start : whole.end]))
        end = whole.start + gone.start() if gone else whole.end
        piece = trim(text, Cut(whole.start, end))
        if 1 < piece.end - piece.start <= FIELD_CHARS_MAX:
            kept.append(piece)
    return kept


def _cut_at(text: str, cut: Cut, pattern: re.Pattern[str]) -> list[Cut]:
    pieces: list[Cut] = []
    at = cut.start
    for match in pattern.finditer(text[cut.start : cut.end]):
        pieces.append(trim(text, Cut(at, cut.start + match.start())))
        at = cut.start + match.end()
    pieces.append(trim(text, Cut(at, cut.end)))
    return [piece for piece in pieces if piece.end > piece.start]


def _without_place(text: str, cut: Cut) -> list[Cut]:
    """Cut a place off the end: "Estudio Rivera SAC, Lima, Perú" or "Estudio Rivera (Lima)"."""
    said = text[cut.start : cut.end]
    for match in list(re.finditer(r"[,(]\s{0,2}", said))[:6]:
        tail = trim(text, Cut(cut.start + match.end(), cut.end))
        if tail.end > tail.start and is_place(text[tail.start : tail.end]):
            head = trim(text, Cut(cut.start, cut.start + match.start()))
            return [head, tail] if head.end > head.start else [tail]
    return [cut]


def _assign(text: str, head: Head, segments: list[Cut]) -> Head:
    position, name = head.position, head.name
    if position is None:
        position = _best_position(text, segments)
        segments = [segment for segment in segments if segment != position]
    if name is None and not segments and position is not None and head.position is None:
        position, name = _divide(text, position)
    if name is None and segments:
        scores = [employer_score(text[cut.start : cut.end]) for cut in segments]
        name = segments[scores.index(max(scores))]
        segments = [segment for segment in segments if segment != name]
        if position is None and segments and title_score(text[name.start : name.end]) == 0:
            position = segments[0]
    return head._replace(position=position, name=name)


def _best_position(text: str, segments: list[Cut]) -> Cut | None:
    best: Cut | None = None
    best_score = 0
    for segment in segments:
        said = text[segment.start : segment.end]
        titled = title_score(said)
        score = titled - employer_score(said)
        if titled and score > best_score:
            best, best_score = segment, score
    if best is None:
        titles = [s for s in segments if title_score(text[s.start : s.end])]
        best = titles[0] if titles and len(segments) > 1 else None
        if best is None and len(titles) == 1 and AT.search(text[titles[0].start : titles[0].end]):
            best = titles[0]
        if (
            best is None
            and len(titles) == 1
            and COMMA.search(text[titles[0].start : titles[0].end])
        ):
            best = titles[0]
    return best


def _divide(text: str, cut: Cut) -> tuple[Cut, Cut | None]:
    """Divide "Jefe de Ventas en Banco Andino" or "Jefe de Ventas, Banco Andino"."""
    said = text[cut.start : cut.end]
    for pattern in (AT, COMMA):
        for match in list(pattern.finditer(said))[:4]:
            first = trim(text, Cut(cut.start, cut.start + match.start()))
            second = trim(text, Cut(cut.start + match.end(), cut.end))
            titled = title_score(text[first.start : first.end])
            other = text[second.start : second.end]
            if titled and not title_score(other) and other:
                return first, second
            if not titled and title_score(other) and employer_score(text[first.start : first.end]):
                return second, first
    return cut, None
