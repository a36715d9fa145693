"""What an opening asks for in its sentences: the word list's finds, completed by a model's.

Every find of the model is a literal passage of the opening, short, not known already, and about
work. What an opening says of age, sex, family or looks is never made a requirement here, whoever
asks for it. Without a model there are the word list's finds, and nothing waits.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from interview.evidence import find_quote
from llm import work
from pipeline import vocabulary
from pipeline.requirements import EMPTY_WORDS, WORD_CHARS_MIN, named_skills
from pipeline.toolbox import Toolbox, aside
from pipeline.vocabulary.folding import fold
from protocol import limits
from protocol.faults import Fault
from runtime import metrics
from runtime.logs import Log
from storage.openings import Opening

log = Log("pipeline.described")
WORDS_MAX: Final = 14
CHARS_MIN, CHARS_MAX = 2, 120
TEXT_CHARS_MIN: Final = 40  # a shorter description says no more than its lists
# Folded beginnings of words, es/en/pt: a requirement too few is better than one of these.
_PROTECTED: Final = re.compile(
    r"\b(?:edad(?:es)?|anos de edad|joven(?:es)?|idade|jove(?:m|ns)|years old|young|age[ds]?|"
    r"sexo|genero|gender|varon(?:es)?|hombres?|mujer(?:es)?|homens?|mulher(?:es)?|m[ae]n|wom[ae]n|"
    r"male|female|masculin\w*|femenin\w*|feminin\w*|senoritas?|solter\w*|solteir\w*|casad\w*|"
    r"married|"
    r"estado civil|marital|sin hijos|con hijos|filhos|children|embaraz\w*|gravid\w*|pregnan\w*|"
    r"buena presencia|boa aparencia|apariencia|aparencia|appearance|good.looking|foto\w*|photo\w*|"
    r"estatura|peso corporal|nacionalidad\w*|nacionalidade|nationality|raza|raca|etni\w*|ethnic\w*|"
    r"religi\w*|catolic\w*|catholic|evangelic\w*|sindical\w*|sindicat\w*|trade union|"
    r"afiliacion politica|"
    r"discapacidad|deficiencia fisica|disabilit\w*|(?:menor|mayor|maior)(?:es)? de \d+|"
    r"(?:entre|from|between|de) \d+ (?:y|a|e|and|to) \d+ (?:anos|years)(?! (?:de )?exp))\b"
)


async def found(tools: Toolbox, tenant_id: UUID, opening: Opening) -> list[str] | None:
    """Return what a model finds in the opening's sentences, checked; None when it was not asked.

    A model that is away, too dear or too slow finds nothing, and it is counted why.
    """
    if not tools.settings.asks_with_model or len(opening.description) < TEXT_CHARS_MIN:
        return None
    known = [*opening.must_have, *opening.nice_to_have, *_skills(opening)]
    request = work.point_at(
        tenant_id,
        title=opening.title,
        description=opening.description,
        known=known,
        language=opening.language,
    )
    try:
        gateway = await aside(tools.gateway)
        answer = await gateway.complete(request)
    except Fault as fault:
        if not fault.code.startswith("model_"):
            raise
        metrics.extractions.labels(fault.code).inc()
        log.info("opening_not_read", opening_id=opening.id, code=fault.code)
        return None
    proposed = work.requirements_of(answer.text)
    if proposed is None:
        metrics.extractions.labels("unfit").inc()
        return None
    terms = checked(proposed, opening)
    metrics.extractions.labels("found" if terms else "nothing").inc()
    return terms


def checked(proposed: Iterable[str], opening: Opening) -> list[str]:
    """Return the passages of the opening that may stand as requirements, in its own words."""
    text = opening.description
    listed = [fold(term) for term in (*opening.must_have, *opening.nice_to_have)]
    skills = set(_skills(opening)) | {
        name for term in (*opening.must_have, *opening.nice_to_have) for name in named_skills(term)
    }
    kept: dict[str, str] = {}
    for passage in proposed:
        span = find_quote(text, passage)
        if span is None:
            continue
        term = " ".join(text[span[0] : span[1]].split())
        folded = fold(term)
        if not CHARS_MIN <= len(term) <= CHARS_MAX or len(term.split()) > WORDS_MAX:
            continue
        if _PROTECTED.search(folded) or _known(folded, [*listed, *kept]):
            continue
        if _listed(term, skills):
            continue
        kept[folded] = term
        if len(kept) == limits.DESCRIBED_MAX:
            break
    return list(kept.values())


def _skills(opening: Opening) -> Sequence[str]:
    return named_skills(f"{opening.title}\n{opening.description}")


def _listed(term: str, skills: set[str]) -> bool:
    """Tell whether a passage says no more than skills that the word list has found."""
    spans = vocabulary.find(term)
    if not spans or not {name for name, _, _ in spans} <= skills:
        return False
    rest = term
    for _, start, end in sorted(spans, key=lambda span: -span[1]):
        rest = f"{rest[:start]} {rest[end:]}"
    left = _words(fold(rest)).split()
    return all(word in EMPTY_WORDS or len(word) < WORD_CHARS_MIN for word in left)


def _known(folded: str, others: Iterable[str]) -> bool:
    """Tell whether one of the others says the same, or more of it, or nearly all of it."""
    mine = _words(folded)
    for other in map(_words, others):
        if f" {mine} " in f" {other} ":
            return True
        if other and f" {other} " in f" {mine} " and mine.count(" ") <= other.count(" ") + 2:
            return True
    return False


def _words(folded: str) -> str:
    return " ".join(re.findall(r"[\w+#.]+", folded))
