"""The plan of an interview: which competencies, how deep, with which weight and how many turns.

It is built once from the opening and the CV; a model may weigh the opening's words before the
candidate joins, and nothing said later changes it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from interview import families
from interview.families import TECHNICAL
from protocol import limits
from protocol.profile import fold

MINUTES_PER_TURN: Final = 2.5  # a question, reading it, and about 150 written words
TURNS_MIN: Final = 4  # one for each of the fewest competencies
TURNS_PER_TOPIC_MAX: Final = 1 + limits.FOLLOW_UPS_MAX
THOUSANDTHS: Final = 1_000
WEIGHT_MAX: Final = 5  # of a competency that a model weighs
WHOLE: Final = 60  # parts of a competency's points; the first skill's question weighs most
SPLIT: Final = {0: (WHOLE,), 1: (WHOLE,), 2: (36, 24), 3: (30, 15, 15)}  # by number of skills
NAME_CHARS_MAX, TERM_CHARS_MAX = 80, 120
_YEARS: Final = (
    r"(?:al menos |m[ií]nimo (?:de )?|m[aá]s de |at least |minimum (?:of )?|over |mais de |"
    r"pelo menos |no m[ií]nimo )?\(?(?:\d+|un|dos|tres|cuatro|cinco|two|three|four|five|dois|"
    r"tr[eê]s|quatro)\)?\+?(?: ?(?:-|\u2013|a|to|o) ?\d+)? ?\+?"
    r"(?:años?|anos?|years?|yrs)['\u2019]?(?: o más| or more| ou mais)?"
)
_PRACTICE: Final = (
    r"(?:experiencia|experiência|experience)"
    r"(?: (?:laboral|profesional|previa|comprobada|prévia|profissional|comprovada))?"
)
_LINK: Final = r"(?: (?:en|con|como|de|in|with|as|of|em|com|no|na|trabajando (?:en|con)))?"
_LENGTH: Final = re.compile(
    rf"^(?:{_YEARS}(?: (?:de|of))?(?: {_PRACTICE})?|{_PRACTICE}(?: (?:de|of))? {_YEARS})"
    rf"{_LINK}(?:\s+|$)",
    re.IGNORECASE,
)
SHARE_FOR_EVIDENCE: Final = 2 / 3  # of a requirement's telling words, to count as shown in the CV


class OpeningBrief(msgspec.Struct, frozen=True):
    """What of an opening matters to the plan; the lists are in order of importance."""

    title: str
    category: str = ""
    description: str = ""
    must_have: list[str] = []
    nice_to_have: list[str] = []
    seniority: str = ""
    language: str = ""


class CvBrief(msgspec.Struct, frozen=True):
    """What of a CV matters to the plan; `work` holds one line for each job."""

    name: str = ""
    label: str = ""
    summary: str = ""
    skills: list[str] = []
    work: list[str] = []
    years: float = 0.0


class PlannedCompetency(msgspec.Struct, frozen=True):
    """One topic: a competency at a level; technical depth is asked once for each `skill`.

    `weight` is this topic's share of the whole (they sum to 1); `turns` counts its follow-ups.
    """

    competency: str
    level: str
    weight: float
    turns: int
    skill: str = ""


class Plan(msgspec.Struct, frozen=True):
    """The interview as agreed before it begins; topics are asked in this order."""

    locale: str
    opening_title: str
    company: str
    candidate_name: str
    minutes: int
    seconds: float
    turns_max: int
    competencies: list[PlannedCompetency]
    must_have: list[str]
    gaps: list[str]  # must-haves that the CV does not show; empty without a CV
    strengths: list[str]  # requirements that the CV does show
    refined: bool = False  # a model chose and weighed the competencies by the opening's words


class Weighed(msgspec.Struct, frozen=True):
    """One competency as a model proposes it: `weight` from 1 (minor) to WEIGHT_MAX (decisive)."""

    competency: str
    weight: int


def build(
    opening: OpeningBrief,
    cv: CvBrief | None,
    *,
    company: str,
    candidate_name: str,
    minutes: int,
    locale: str,
) -> Plan:
    """Return the plan; the same input gives the same plan, with a CV or without one."""
    must_have = _terms(opening.must_have)
    nice_to_have = _terms(opening.nice_to_have)
    gaps, strengths = _compare(must_have, nice_to_have, cv)
    level = families.level(opening.seniority, cv.years if cv else None)
    turns = max(TURNS_MIN, min(limits.TURNS_MAX, int(minutes / MINUTES_PER_TURN)))
    skills = _skills(must_have, nice_to_have, gaps)
    points = families.points(
        level=level,
        role=f"{opening.category} {opening.title}",
        description=" ".join((opening.description, *must_have, *nice_to_have)),
    )
    if not skills:
        del points[TECHNICAL]  # nothing to go deep into: its question names a requirement
    topics = _topics(points, skills, level=level, turns=turns)
    return Plan(
        locale=locale,
        opening_title=_clean(opening.title, NAME_CHARS_MAX),
        company=_clean(company, NAME_CHARS_MAX),
        candidate_name=_clean(candidate_name or (cv.name if cv else ""), NAME_CHARS_MAX),
        minutes=minutes,
        seconds=minutes * 60.0,
        turns_max=sum(topic.turns for topic in topics),
        competencies=topics,
        must_have=must_have,
        gaps=gaps,
        strengths=strengths,
    )


def refined(plan: Plan, proposed: Sequence[Weighed]) -> Plan | None:
    """Return the plan with the competencies proposed, in that order; None when they don't fit.

    As many as before, each once, weights within bounds, and technical depth where it was: its
    skills, the level, the turns and the time stay what code has made of opening and CV.
    """
    names = [one.competency for one in proposed]
    before = {topic.competency for topic in plan.competencies}
    skills = [topic.skill for topic in plan.competencies if topic.competency == TECHNICAL]
    if len(names) != len(before) or len(set(names)) != len(names):
        return None
    if not set(names) <= set(families.ORDER) or bool(skills) != (TECHNICAL in names):
        return None
    if not all(1 <= one.weight <= WEIGHT_MAX for one in proposed):
        return None
    points = {one.competency: one.weight for one in proposed}
    topics = _shared(names, points, skills, level=plan.competencies[0].level, turns=plan.turns_max)
    return msgspec.structs.replace(plan, competencies=topics, refined=True)


def _topics(
    points: dict[str, int], skills: Sequence[str], *, level: str, turns: int
) -> list[PlannedCompetency]:
    """Choose 4 to 6 competencies by their points and share weight and turns among them.

    Technical depth may take up to three topics, one for each skill: the first has its place by
    weight, the others come last, so that a short interview still reaches every competency.
    """
    count = 4 if turns < 12 else 5 if turns < 16 else 6  # noqa: PLR2004 - room for follow-ups
    chosen = sorted(points, key=lambda name: (-points[name], families.ORDER.index(name)))[:count]
    if TECHNICAL in points and TECHNICAL not in chosen:
        chosen[-1] = TECHNICAL  # the gaps between opening and CV are asked about in any case
    deep = min(len(skills), 1 if turns < 8 else 2 if turns < 20 else 3)  # noqa: PLR2004
    return _shared(chosen, points, skills[:deep], level=level, turns=turns)


def _shared(
    chosen: Sequence[str],
    points: Mapping[str, int],
    skills: Sequence[str],
    *,
    level: str,
    turns: int,
) -> list[PlannedCompetency]:
    """Share weight and turns among competencies in their order, the other skills after them."""
    parts = SPLIT[len(skills)]
    named = [(name, skills[0] if name == TECHNICAL else "") for name in chosen]
    shares = [points[name] * (parts[0] if name == TECHNICAL else WHOLE) for name in chosen]
    if TECHNICAL in chosen:
        named += [(TECHNICAL, skill) for skill in skills[1:]]
        shares += [points[TECHNICAL] * part for part in parts[1:]]
    weights = _apportion(THOUSANDTHS, shares, least=1, most=THOUSANDTHS)
    budget = min(turns, TURNS_PER_TOPIC_MAX * len(named))
    spans = _apportion(budget, shares, least=1, most=TURNS_PER_TOPIC_MAX)
    return [
        PlannedCompetency(name, level, weight / THOUSANDTHS, span, skill)
        for (name, skill), weight, span in zip(named, weights, spans, strict=True)
    ]


def _apportion(total: int, shares: Sequence[int], *, least: int, most: int) -> list[int]:
    """Split `total` in proportion to `shares`, each part within its bounds, exactly.

    Every unit goes to the part that is furthest below its exact share.
    """
    parts = [least] * len(shares)
    exact = [total * share / sum(shares) for share in shares]
    for _ in range(total - sum(parts)):
        open_ = [i for i, part in enumerate(parts) if part < most]
        parts[max(open_, key=lambda i: (exact[i] - parts[i], -i))] += 1
    return parts


def _skills(must_have: list[str], nice_to_have: list[str], gaps: list[str]) -> list[str]:
    """Order what to go deep into: the first gap, the first must-have, the rest after them."""
    ordered = [*gaps[:1], *must_have[:1], *gaps, *must_have, *nice_to_have]
    skills = (_LENGTH.sub("", term) for term in ordered)  # a number of years is no skill
    return list(dict.fromkeys(skill for skill in skills if skill))


def _compare(
    must_have: list[str], nice_to_have: list[str], cv: CvBrief | None
) -> tuple[list[str], list[str]]:
    if cv is None:
        return [], []
    words = set(_words(" ".join((cv.label, cv.summary, *cv.skills, *cv.work))))
    gaps = [term for term in must_have if not _shown(term, words)]
    shown = [term for term in (*must_have, *nice_to_have) if _shown(term, words)]
    return gaps, shown


def _shown(term: str, words: set[str]) -> bool:
    """Tell whether the CV has most of the words that make the requirement what it is."""
    telling = [word for word in _words(term) if word not in families.FILLER]
    if not telling:
        return True
    hits = sum(1 for word in telling if word in words or word.rstrip("s") in words)
    return hits >= SHARE_FOR_EVIDENCE * len(telling)


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w+#.]+", fold(text)) if word.strip(".")]


def _terms(terms: Iterable[str]) -> list[str]:
    cleaned = (_clean(term, TERM_CHARS_MAX).rstrip(".;,: ") for term in terms)
    return list(dict.fromkeys(term for term in cleaned if term))


def _clean(text: str, chars_max: int) -> str:
    """Return the text on one line, without control characters, cut at a word."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= chars_max:
        return line
    return line[: chars_max + 1].rpartition(" ")[0] or line[:chars_max]


assert limits.MINUTES_MIN / MINUTES_PER_TURN < TURNS_MIN <= limits.TURNS_MAX
assert TURNS_PER_TOPIC_MAX * 8 == limits.TURNS_MAX  # six competencies and two more skills
assert all(sum(parts) == WHOLE for parts in SPLIT.values())
