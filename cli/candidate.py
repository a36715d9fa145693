"""A simulated candidate for the demo: answers every question from the CV's own lines."""

from itertools import cycle, islice
from typing import Any, Final

_FRAMES: Final = {
    "es": (
        (
            "Por ejemplo, en {company}, como {position}, {did}. Primero analicé la situación con el "
            "equipo, después implementé el cambio paso a paso y al final medimos el resultado: {more}. "
            "Aprendí a pedir datos antes de decidir."
        ),
        (
            "Le cuento un caso de {company}. Trabajé como {position} y me encargué de esto: {did}. "
            "Tuve que priorizar, coordiné con otras áreas y logramos terminar a tiempo. {more}. Si lo "
            "hiciera de nuevo, haría antes una prueba pequeña."
        ),
        (
            "En {company} hubo un problema que me tocó resolver: {did}. Revisé los datos, encontré la "
            "causa, propuse una solución y la puse en marcha. El resultado: {more}. Uso sobre todo "
            "{skills}."
        ),
    ),
    "en": (
        (
            "For example, at {company}, as {position}, {did}. First I analysed the situation with the "
            "team, then I implemented the change step by step and in the end we measured the result: "
            "{more}. I learned to ask for data before deciding."
        ),
        (
            "Let me tell you about {company}. I worked as {position} and was responsible for this: "
            "{did}. I had to prioritise, I coordinated with other teams and we delivered on time. "
            "{more}. Next time I would run a small test earlier."
        ),
        (
            "At {company} there was a problem that I had to solve: {did}. I looked at the data, found "
            "the cause, proposed a solution and put it in place. The result: {more}. I mostly use "
            "{skills}."
        ),
    ),
    "pt": (
        (
            "Por exemplo, na {company}, como {position}, {did}. Primeiro analisei a situação com a "
            "equipe, depois implementei a mudança passo a passo e no final medimos o resultado: {more}."
            " Aprendi a pedir dados antes de decidir."
        ),
        (
            "Vou contar um caso da {company}. Trabalhei como {position} e fui responsável por isto: "
            "{did}. Tive que priorizar, coordenei com outras áreas e conseguimos entregar no prazo. "
            "{more}. Da próxima vez faria antes um teste pequeno."
        ),
        (
            "Na {company} houve um problema que precisei resolver: {did}. Revisei os dados, encontrei "
            "a causa, propus uma solução e a coloquei em prática. O resultado: {more}. Uso "
            "principalmente {skills}."
        ),
    ),
}
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
    found = []
    for job in profile.get("work", []):
        lines = [*job.get("highlights", []), *([job["summary"]] if job.get("summary") else [])]
        name, role = job.get("name") or company, job.get("position") or position
        found.extend((name, role, _clean(line)) for line in lines or [did])
    return found or [(company, position, did)]


def _clean(line: str) -> str:
    return " ".join(line.split())[:_LINE_CHARS_MAX].rstrip(" .;,")


def _lower(text: str) -> str:
    """Let a line stand inside a sentence; acronyms keep their capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
