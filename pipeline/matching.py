"""How well a CV answers an opening: one number made of parts that can each be read.

score = sum(weight x share) / sum(weight) over the parts that the opening has:

  must-haves    0.45   each must-have counts the same; a partly met one counts in part
  nice-to-haves 0.15   likewise
  described     0.10   skills that title and description name and neither list does, and what else
                       the description asks for in its sentences
  seniority     0.10   years of experience against 0, 2 and 5 for junior, mid and senior
  closeness     0.20   the embeddings' cosine, mapped by a fixed rising curve

A cosine is no percentage: two texts of one trade rarely pass 0.8 and two of any trades rarely
fall under 0.2, so it goes through a logistic curve around COSINE_MIDDLE. Must-haves are also
gates: shown with their reason and evidence, and never a rejection by themselves.
"""

import math
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from pipeline.quotes import quote
from pipeline.reasons import say
from pipeline.requirements import Cv, Verdict, judge, named_skills, prepare
from protocol import limits
from protocol.profile import Profile
from storage.matches import Gate, Match, Matched, Missing
from storage.openings import Opening

MATCHER_VERSION: Final = 4  # raised with every change of rules or weights

WEIGHTS: Final = {
    "must": 0.45, "nice": 0.15, "described": 0.10, "seniority": 0.10, "close": 0.20,
}  # fmt: skip
SENIORITY_YEARS: Final = {"junior": 0.0, "mid": 2.0, "senior": 5.0}
COSINE_MIDDLE: Final = 0.45
COSINE_SPREAD: Final = 0.10
NO_WORDS: Final = "curriculum vitae"  # a text without a letter has no vector
WORDS_MAX: Final = 250  # the embedder's time grows with the text: 19 ms for these

assert math.isclose(sum(WEIGHTS.values()), 1.0)


def match(
    opening: Opening,
    *,
    cv_id: UUID,
    profile: Profile,
    text: str,
    profile_version: int,
    cosine: float | None,
) -> Match:
    """Explain how a CV answers an opening; the same inputs give the same match, to the digit."""
    cv = prepare(profile, text)
    language = opening.language
    must = [(term, judge(term, cv, language)) for term in opening.must_have]
    nice = [(term, judge(term, cv, language)) for term in opening.nice_to_have]
    described = _described(opening, cv)
    years = _seniority(opening, profile)
    parts: dict[str, float] = {"seniority": years.share}
    if must:
        parts["must"] = _mean(verdict.share for _, verdict in must)
    if nice:
        parts["nice"] = _mean(verdict.share for _, verdict in nice)
    if described:
        parts["described"] = _mean(verdict.share for _, verdict in described)
    if cosine is not None:
        parts["close"] = closeness(cosine)
    whole = sum(WEIGHTS[part] for part in parts)
    score = sum(WEIGHTS[part] * share for part, share in parts.items()) / whole
    gates = [
        Gate(term, passed=verdict.met, reason=verdict.reason, evidence=verdict.evidence)
        for term, verdict in must
    ]
    matched, missing = _explain(
        opening, must=must, nice=nice, described=described, years=years, whole=whole
    )
    return Match(
        opening_id=opening.id,
        cv_id=cv_id,
        score=round(min(1.0, max(0.0, score)), 4),
        gates_passed=all(gate.passed for gate in gates),
        matched=matched,
        missing=missing,
        gates=gates,
        opening_version=opening.version,
        profile_version=profile_version,
        matcher=MATCHER_VERSION,
    )


def closeness(cosine: float) -> float:
    """Map a cosine to 0..1 by a curve that always rises and says nothing of percentages."""
    return 1.0 / (1.0 + math.exp(-(cosine - COSINE_MIDDLE) / COSINE_SPREAD))


def profile_words(profile: Profile) -> str:
    """Return what of a profile is embedded: what the person does, not who they are."""
    basics = profile.basics
    parts = [basics.label or "", basics.summary or ""]
    parts.extend(skill.name for skill in profile.skills)
    for job in profile.work:
        parts.extend((job.position or "", job.summary or "", *job.highlights))
    parts.extend(
        " ".join(filter(None, (study.study_type, study.area))) for study in profile.education
    )
    return _words(parts)


def opening_words(opening: Opening) -> str:
    """Return what of an opening is embedded."""
    lists = (*opening.must_have, *opening.nice_to_have)
    return _words([opening.title, ", ".join(lists), opening.description])


def _words(parts: Iterable[str]) -> str:
    kept = ". ".join(part.strip(" \n.") for part in parts if part.strip(" \n."))
    words = " ".join(kept.split()[:WORDS_MAX])
    return words if any(map(str.isalnum, words)) else NO_WORDS


def _mean(shares: Iterable[float]) -> float:
    values = list(shares)
    return sum(values) / len(values)


def _described(opening: Opening, cv: Cv) -> list[tuple[str, Verdict]]:
    """Judge what only the title and the description name: known skills, then their sentences."""
    listed = {
        name for term in (*opening.must_have, *opening.nice_to_have) for name in named_skills(term)
    }
    said = named_skills(f"{opening.title}\n{opening.description}")
    missing = Verdict(0.0, "", say("described", opening.language))
    found = [
        (name, Verdict(1.0, quote(cv.text, *cv.skills[name]), "") if name in cv.skills else missing)
        for name in said
        if name not in listed
    ]
    found += [(term, judge(term, cv, opening.language)) for term in opening.described]
    return found[: limits.DESCRIBED_MAX]


def _seniority(opening: Opening, profile: Profile) -> Verdict:
    asked = SENIORITY_YEARS.get(opening.seniority, 0.0)
    total = profile.meta.years_of_experience
    share = 1.0 if asked <= 0 else min(1.0, total / asked)
    reason = say("seniority", opening.language, total=f"{total:g}", asked=f"{asked:g}")
    return Verdict(share, "", reason)


def _explain(
    opening: Opening,
    *,
    must: list[tuple[str, Verdict]],
    nice: list[tuple[str, Verdict]],
    described: list[tuple[str, Verdict]],
    years: Verdict,
    whole: float,
) -> tuple[list[Matched], list[Missing]]:
    """Return what matched, with its share of the score, and what is missing, with the reason."""
    matched: list[Matched] = []
    missing: list[Missing] = []
    for part, verdicts in (("must", must), ("nice", nice), ("described", described)):
        for term, verdict in verdicts:
            weight = round(WEIGHTS[part] * verdict.share / len(verdicts) / whole, 4)
            if verdict.met:
                matched.append(Matched(term, verdict.evidence, weight))
            else:
                missing.append(Missing(term, verdict.reason))
    if not years.share >= 1.0:
        missing.append(Missing(say("seniority_term", opening.language), years.reason))
    return matched, missing
