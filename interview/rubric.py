"""The scale of the report: levels 0 to 4 as a share of the expected evidence, and their names."""

from typing import Final

from interview import bank
from interview.bank import Evidence
from interview.plan import PlannedCompetency

LEVEL_MAX: Final = 4
NOT_REACHED: Final = {"es": "No se llegó a tratar", "en": "Not reached", "pt": "Não foi abordado"}
LEVEL_NAMES: Final = {
    "es": ("Sin evidencia", "Evidencia inicial", "Evidencia parcial", "Evidencia amplia",
           "Evidencia completa"),
    "en": ("No evidence", "First evidence", "Partial evidence", "Broad evidence",
           "Complete evidence"),
    "pt": ("Sem evidência", "Evidência inicial", "Evidência parcial", "Evidência ampla",
           "Evidência completa"),
}  # fmt: skip


def level(found: int, expected: int) -> int:
    """Return 0-4: the quarters of the expected evidence that were found, any at all being 1."""
    if not 0 <= found <= expected or expected < 1:
        raise ValueError("found must be between 0 and expected, and something expected")
    return max(LEVEL_MAX * found // expected, min(found, 1))


def level_name(value: int | None, locale: str) -> str:
    """Return what a recruiter reads for a level, in the locale's language."""
    language = bank.load(locale).language
    return NOT_REACHED[language] if value is None else LEVEL_NAMES[language][value]


def expected(topic: PlannedCompetency, locale: str) -> tuple[Evidence, ...]:
    """Return the evidence that a good answer on this topic shows."""
    return bank.load(locale).item(topic.competency, topic.level).evidence


def topic_name(topic: PlannedCompetency, locale: str) -> str:
    """Return the topic's name for people: the competency and the skill, where it has one."""
    names = {competency.id: competency.name for competency in bank.load(locale).competencies}
    name = names[topic.competency]
    return f"{name}: {topic.skill}" if topic.skill else name
