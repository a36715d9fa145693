"""A simulated candidate for the demo: answers every question from the CV's own lines."""

from itertools import cycle, islice
from typing import Any, Final

from cli import sample

_FRAMES: Final = {language: sample.answers(language) for language in ("es", "en", "pt")}
_UNKNOWN: Final = {
    "es": ("mi último trabajo", "parte del equipo", "ordené el trabajo del área"),
    "en": ("my last job", "part of the team", "I put the team's work in order"),
    "pt": ("meu último trabalho", "parte da equipe", "organizei o trabalho da área"),
}
_LINE_CHARS_MAX: Final = 300


class Candidate:
    """Answers in `language`; the same profile and turn always give the same words."""

    def __init__(self, profile: dict[str, Any] | None, language: str) -> None:
        """Answer from a profile as the API gives it (JSON Resume shape), or without one."""
        self._language = language if language in _FRAMES else "es"
        self._facts = list(_facts(profile or {}, self._language))
        names = [skill.get("name", "") for skill in (profile or {}).get("skills", [])]
        self._skills = ", ".join(name for name in names if name) or "Excel"

    def answer(self, turn: int) -> str:
        """Return the answer to the question of `turn` (1 is the first)."""
        frames = _FRAMES[self._language]
        company, position, did = self._facts[(turn - 1) % len(self._facts)]
        more = self._facts[turn % len(self._facts)][2]
        skills = ", ".join(islice(cycle(self._skills.split(", ")), turn % 5, turn % 5 + 3))
        return frames[(turn - 1) % len(frames)].format(
            company=company, position=position, did=_lower(did), more=_lower(more), skills=skills
        )


def _facts(profile: dict[str, Any], language: str) -> "list[tuple[str, str, str]]":
    company, position, did = _UNKNOWN[language]
    found: list[tuple[str, str, str]] = []
    for job in profile.get("work", []):
        lines = [*job.get("highlights", []), *([job["summary"]] if job.get("summary") else [])]
        name = (job.get("name") or company).rstrip(".")
        role = job.get("position") or position
        found.extend((name, role, _clean(line)) for line in lines or [did])
    return found or [(company, position, did)]


def _clean(line: str) -> str:
    return " ".join(line.split())[:_LINE_CHARS_MAX].rstrip(" .;,")


def _lower(text: str) -> str:
    """Let a line stand inside a sentence; acronyms keep their capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
