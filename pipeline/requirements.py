"""One requirement of an opening against one CV: met or not, by which words, and why.

Only the CV's text as it was read and the profile read from it are looked at. A requirement is a
language, years of experience, a degree, skills of the vocabulary, or else plain words.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from pipeline import vocabulary
from pipeline.quotes import quote
from pipeline.reasons import say
from pipeline.requirement_words import DEGREE_ASKED, DEGREES, LANGUAGES, LEVEL_WORDS, LEVELS
from pipeline.vocabulary.folding import fold
from protocol.profile import Profile

WORDS_SHARE: Final = 2 / 3  # of a requirement's telling words, on one line or two neighbours
STEM_CHARS: Final = 6  # "contable", "contabilidad" and "contador" meet at their beginnings
DENIED_CHARS: Final = 40

YEARS: Final = re.compile(
    r"(\d{1,2}|un|una|uno|dos|tres|cuatro|cinco|one|two|three|four|five|um|dois|duas|quatro)"
    r"\s*(?:\+|o mas|a mas|or more|ou mais)?\s*(?:\([^)]*\)\s*)?(?:anos?|years?|yrs?)\b"
)
NUMBERS: Final = {
    "un": 1, "una": 1, "uno": 1, "one": 1, "um": 1, "dos": 2, "two": 2, "dois": 2, "duas": 2,
    "tres": 3, "three": 3, "cuatro": 4, "four": 4, "quatro": 4, "cinco": 5, "five": 5,
}  # fmt: skip
EITHER: Final = re.compile(r"\s(?:o|u|or|ou)\s|/")
SKILL_LEVEL: Final = re.compile(
    r"\b(?:basic[oa]?|intermedi[oa]|intermediari[oa]|intermediate|avanzad[oa]|avancad[oa]|"
    r"advanced|expert[oa]?)\b"
)
SKILL_RANKS: Final = (
    (1, ("basic", "elemental", "inicial")),
    (2, ("intermed",)),
    (3, ("avan", "advanced", "expert", "domin", "senior")),
)
DENIED: Final = re.compile(
    r"\b(?:sin|without|sem|no (?:tengo|poseo|manejo|cuento con)|nao (?:tenho|possuo))\b[^.;,\n]*$"
)
_EMPTY: Final = (
    "para como con los las del una uno por que sus nivel conocimiento conocimientos manejo uso "
    "experiencia dominio capacidad deseable indispensable minimo minima anos experience knowledge "
    "with and the for from years level ability skills strong good using minimum desirable must "
    "experiencia conhecimento conhecimentos com dos das minimo anos nivel habilidade saber sobre "
    "en de el la y o e um uma bueno buena buen excelente similares afines otros otras herramientas "
    "area sector puesto puestos cargo cargos posiciones roles trabajo laboral general "
    "profesional profissional similar comprobada comprovada previa work job basico "
    "intermedio avanzado anios ano year yrs mas mais more menos least menor mayor"
)
EMPTY_WORDS: Final = frozenset(_EMPTY.split())
_DEGREE_WORDS: Final = (
    "titulo titulado carrera profesional formacion grado academica superior diploma graduado "
    "egresado area"
)
WORD_CHARS_MIN: Final = 3


class Verdict(msgspec.Struct, frozen=True):
    """How far one requirement is met (0 to 1), the words that say so, and the reason."""

    share: float
    evidence: str
    reason: str

    @property
    def met(self) -> bool:
        """Whether nothing of it is missing."""
        return self.share >= 1.0


class Subject(msgspec.Struct, frozen=True):
    """What years are asked of: a skill or plain words, and how many of them must be there."""

    skill: str
    words: dict[str, str]  # stem -> the requirement's own word
    least: int


class Cv(msgspec.Struct, frozen=True):
    """A CV prepared for many requirements: each thing is looked for once."""

    profile: Profile
    text: str
    lines: tuple[tuple[int, int, frozenset[str]], ...]  # start, end, the stems in it
    skills: dict[str, tuple[int, int]]  # canonical -> where it is first said
    jobs: tuple[tuple[frozenset[str], frozenset[str]], ...]  # of each job: skills, stems


def prepare(profile: Profile, text: str) -> Cv:
    """Find the skills and lines of a CV's text."""
    lines, start = [], 0
    for line in text.split("\n"):
        end = start + len(line)
        if line.strip():
            lines.append((start, end, _stems_in(fold(line))))
        start = end + 1
    skills: dict[str, tuple[int, int]] = {}
    for name, begin, end in vocabulary.find(text):
        if name not in skills and not _denied(text, begin):
            skills[name] = (begin, end)
    jobs = []
    for job in profile.work:
        words = "\n".join((job.position or "", job.summary or "", *job.highlights))
        named = frozenset(name for name, _, _ in vocabulary.find(words))
        jobs.append((named, _stems_in(fold(words))))
    return Cv(profile, text, tuple(lines), skills, tuple(jobs))


def judge(term: str, cv: Cv, language: str) -> Verdict:
    """Say how far the CV meets one requirement; the reason is in the opening's language."""
    folded = fold(term)
    years = _years_asked(folded)
    skills = named_skills(term)
    if years is not None:
        return _years(years, skills, folded, cv, language)
    spoken = _language_asked(folded)
    if spoken is not None:
        return _language(*spoken, cv, language)
    if DEGREE_ASKED.search(folded):
        return _degree(folded, cv, language)
    if skills:
        return _skills(skills, folded, cv, language)
    return _words(folded, cv, language)


@lru_cache(maxsize=256)  # openings' words only: a candidate's are not kept
def named_skills(term: str) -> tuple[str, ...]:
    """Return the canonical skills that an opening's text names, each once, in order."""
    return tuple(dict.fromkeys(name for name, _, _ in vocabulary.find(term)))


def _denied(text: str, start: int) -> bool:
    return DENIED.search(fold(text[max(0, start - DENIED_CHARS) : start])) is not None


def _years_asked(folded: str) -> int | None:
    found = YEARS.search(folded)
    if found is None:
        return None
    number = found[1]
    return NUMBERS[number] if number in NUMBERS else int(number)


def _years(asked: int, skills: Sequence[str], folded: str, cv: Cv, language: str) -> Verdict:
    total = cv.profile.meta.years_of_experience
    words = [word for word in _telling(YEARS.sub(" ", folded)) if not word.isdigit()]
    if not skills and not words:
        evidence = _evidence(cv, (f"/work/{n}/startDate" for n in range(len(cv.profile.work))))
        reason = say("years", language, total=f"{total:g}", asked=asked)
        return Verdict(min(1.0, total / max(asked, 1)), evidence, reason)
    names = ", ".join(skills or words)
    known, jobs = _years_with(subjects := _subjects(folded), cv)
    said = [name for name in skills if name in cv.skills]
    if known:
        told = ", ".join(dict.fromkeys(_told(subjects, jobs, cv))) or names
        reason = say("years_with", language, known=f"{known:g}", asked=asked, names=told)
        return Verdict(min(1.0, known / max(asked, 1)), _job_quote(subjects, jobs, cv), reason)
    if said:
        evidence = quote(cv.text, *cv.skills[said[0]])
        reason = say("years_unsaid", language, total=f"{total:g}", asked=asked, names=names)
        return Verdict(min(1.0, total / max(asked, 1)), evidence, reason)
    return Verdict(0.0, "", say("years_missing", language, names=names, asked=asked))


def _subjects(folded: str) -> list[Subject]:
    """Return the subjects of which one is enough: "finanzas o control de gestion" has two.

    Where skills are named they are what is asked for: a job of the same role without them is none.
    """
    found: list[Subject] = []
    for part in EITHER.split(YEARS.sub(" ", folded)):
        spans = vocabulary.find(part)
        for name, start, end in spans:
            words = {_stem(word): word for word in _telling(part[start:end])}
            found.append(Subject(name, words, len(words)))
        words = {_stem(word): word for word in _telling(part)}
        if words and not spans:
            found.append(Subject("", words, (len(words) + 1) // 2))
    return found


def _named(subject: Subject, skills: Iterable[str], stems: Iterable[str]) -> list[str]:
    """Return what is named of a subject, in its own words; nothing if that is too little."""
    if subject.skill and subject.skill in skills:
        return [subject.skill]
    here = [word for stem, word in subject.words.items() if stem in stems]
    if not here or len(here) < subject.least:
        return []
    return [subject.skill] if subject.skill else here


def _told(subjects: Sequence[Subject], jobs: Sequence[int], cv: Cv) -> Iterable[str]:
    for subject in subjects:
        for job in jobs:
            yield from _named(subject, *cv.jobs[job])


def _years_with(subjects: Sequence[Subject], cv: Cv) -> tuple[float, list[int]]:
    """Return the years of the jobs that name a subject, overlaps counted once, and which."""
    months: set[int] = set()
    jobs: list[int] = []
    for number, (job, said) in enumerate(zip(cv.profile.work, cv.jobs, strict=True)):
        if not any(_named(subject, *said) for subject in subjects):
            continue
        until = cv.profile.meta.as_of if job.current else job.end_date
        start, end = _month(job.start_date, 1), _month(until, 12)
        if start is not None and end is not None:
            months.update(range(start, end + 1))
            jobs.append(number)
    return round(len(months) / 12, 1), jobs


def _job_quote(subjects: Sequence[Subject], jobs: Sequence[int], cv: Cv) -> str:
    """Return a line of a counted job that holds what the years are of, or nothing."""
    for number in jobs:
        job = cv.profile.work[number]
        points = (f"highlights/{n}" for n in range(len(job.highlights)))
        paths = (f"/work/{number}/{part}" for part in ("position", "summary", *points))
        for span in filter(None, map(cv.profile.evidence.get, paths)):
            for subject in subjects:
                place = _place(subject, cv.text[span.start : span.end])
                if place is not None:
                    return quote(cv.text, span.start + place[0], span.start + place[1])
    return ""


def _place(subject: Subject, words: str) -> tuple[int, int] | None:
    """Return where in a job's words the subject stands: the skill by any name, or its words."""
    for name, start, end in vocabulary.find(words):
        if name == subject.skill:
            return start, end
    plain = re.finditer(r"[a-z0-9+#.]{2,}", fold(words))
    here = {_stem(found[0].strip(".")): found.span() for found in plain}
    if not _named(subject, (), here):
        return None
    return min(here[stem] for stem in subject.words if stem in here)


def _month(date: str | None, default: int) -> int | None:
    if not date:
        return None
    year, *rest = date.split("-")
    return int(year) * 12 + (int(rest[0]) if rest else default) - 1


def _language_asked(folded: str) -> tuple[str, str] | None:
    for code, names in LANGUAGES.items():
        if any(re.search(rf"\b{name}\b", folded) for name in names):
            return code, _level(folded)
    return None


def _level(folded: str) -> str:
    found = re.search(r"\b([abc][12])\b", folded)
    if found:
        return found[1].upper()
    longest = ("", "")
    for level, words in LEVEL_WORDS.items():
        for word in words:
            if word in folded and len(word) > len(longest[0]):
                longest = (word, level)
    return longest[1]


def _language(code: str, level: str, cv: Cv, language: str) -> Verdict:
    for number, spoken in enumerate(cv.profile.languages):
        if spoken.code != code:
            continue
        paths = (f"/languages/{number}/fluency", f"/languages/{number}/language")
        evidence = _evidence(cv, paths)
        if not level:
            return Verdict(1.0, evidence, say("language_said", language, name=spoken.language))
        if spoken.level not in LEVELS:
            reason = say("language_level_unsaid", language, name=spoken.language, level=level)
            return Verdict(0.5, evidence, reason)
        have, need = LEVELS.index(spoken.level), LEVELS.index(level)
        reason = say(
            "language_level", language, name=spoken.language, have=spoken.level, level=level
        )
        return Verdict(1.0 if have >= need else 0.5 * (have + 1) / (need + 1), evidence, reason)
    return Verdict(0.0, "", say("language_missing", language))


def _degree(folded: str, cv: Cv, language: str) -> Verdict:
    need = min((rank for rank, words in DEGREES if any(w in folded for w in words)), default=1)
    area = _telling(folded, skip=_DEGREE_STEMS)
    best = Verdict(0.0, "", say("degree_missing", language))
    for number, study in enumerate(cv.profile.education):
        said = fold(" ".join(filter(None, (study.study_type, study.area, study.institution))))
        rank = max((rank for rank, words in DEGREES if any(w in said for w in words)), default=1)
        paths = (f"/education/{number}/{part}" for part in ("studyType", "area", "institution"))
        evidence = _evidence(cv, paths)
        near = not area or any(_stem(word) in said for word in area)
        if rank >= need and near:
            return Verdict(1.0, evidence, say("degree_said", language))
        share = 0.5 if near and area else 0.25 if rank >= need else 0.0
        if share > best.share:
            best = Verdict(share, evidence, say("degree_other", language))
    return best


def _skills(names: Sequence[str], folded: str, cv: Cv, language: str) -> Verdict:
    either = EITHER.search(folded) is not None
    said = [name for name in names if name in cv.skills]
    if not said:
        return Verdict(0.0, "", say("skill_missing", language, names=", ".join(names)))
    evidence = quote(cv.text, *cv.skills[said[0]])
    if either or len(said) == len(names):
        asked = SKILL_LEVEL.search(folded)
        if asked is not None:
            return _skill_level(said, asked[0], cv, language)
        return Verdict(1.0, evidence, say("skill_said", language, names=", ".join(said)))
    absent = ", ".join(name for name in names if name not in cv.skills)
    reason = say("skill_partly", language, names=", ".join(said), absent=absent)
    return Verdict(len(said) / len(names), evidence, reason)


def _skill_level(said: Sequence[str], asked: str, cv: Cv, language: str) -> Verdict:
    """Hold the level asked for against the one the CV states; an unstated one is let pass, said."""
    levels = {skill.name: skill.level for skill in cv.profile.skills if skill.level}
    need = _skill_rank(asked)
    for name in said:
        level = levels.get(name)
        if level is not None and _skill_rank(fold(level)) < need:
            evidence = quote(cv.text, *cv.skills[name])
            reason = say("skill_level", language, name=name, have=level, asked=asked)
            return Verdict(0.5, evidence, reason)
    stated = all(name in levels for name in said)
    names = ", ".join(said)
    reason = (
        say("skill_said", language, names=names)
        if stated
        else say("skill_level_unsaid", language, names=names, asked=asked)
    )
    return Verdict(1.0, quote(cv.text, *cv.skills[said[0]]), reason)


def _skill_rank(folded: str) -> int:
    for rank, stems in SKILL_RANKS:
        if folded.startswith(stems):
            return rank
    return 2


def _words(folded: str, cv: Cv, language: str) -> Verdict:
    words = _telling(folded)
    if not words:
        return Verdict(0.0, "", say("words_missing", language))
    stems = [_stem(word) for word in words]
    best, place = 0.0, (0, 0)
    for index, (start, end, here) in enumerate(cv.lines):
        spots = [(end, here)]
        if index + 1 < len(cv.lines):
            _, stop, below = cv.lines[index + 1]
            spots.append((stop, here | below))
        for stop, stretch in spots:
            share = sum(stem in stretch for stem in stems) / len(stems)
            if share > best:
                best, place = share, (start, stop)
    if best < WORDS_SHARE:
        return Verdict(round(best / 2, 4), "", say("words_missing", language))
    evidence = quote(cv.text, *place)
    return Verdict(1.0, evidence, say("words_said", language))


def _telling(folded: str, skip: frozenset[str] = frozenset()) -> list[str]:
    words = re.findall(r"[a-z0-9+#.]{3,}", folded)
    plain = (word.strip(".") for word in words)
    return [
        word
        for word in dict.fromkeys(plain)
        if word not in EMPTY_WORDS and len(word) >= WORD_CHARS_MIN and _stem(word) not in skip
    ]


def _stems_in(line: str) -> frozenset[str]:
    return frozenset(_stem(word.strip(".")) for word in re.findall(r"[a-z0-9+#.]{2,}", line))


def _stem(word: str) -> str:
    return word[:STEM_CHARS].replace("z", "c")  # finanzas, financiero


def _evidence(cv: Cv, paths: Iterable[str]) -> str:
    for path in paths:
        span = cv.profile.evidence.get(path)
        if span is not None:
            return quote(cv.text, span.start, span.end)
    return ""


_DEGREE_STEMS: Final = frozenset(
    _stem(word) for _, words in DEGREES for phrase in words for word in phrase.split()
) | frozenset(map(_stem, _DEGREE_WORDS.split()))
