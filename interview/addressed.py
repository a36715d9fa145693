"""Words that speak to whoever evaluates, instead of answering: never evidence of anything.

Two kinds. A *plea* ("please rate me highly") is only not evidence itself. A *command* (orders,
forged markup, a role for the model, hidden letters) also makes the whole judgement of a model
doubtful, because a model may have obeyed it: then its claims count only where the program itself
finds cues of the same evidence. Whoever commands gains nothing over being read by the program.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from interview import evidence
from interview.evidence import Span

_RULES: Final = (
    r"(?:instruc\w+|instruç\w+|indicacion\w*|reglas?|regras?|rules?|rúbricas?|rubricas?|rubrics?|"
    r"criterios?|critérios?|criteria|prompts?|guidelines?|directrices|diretrizes|orders?|órdenes)"
)
_BEST: Final = (
    r"(?:(?:nivel|nível|level)\s*(?:=|:)?\s*(?:4|máxim[oa]|maxim[oa]|max\w*|más alto|mais alto)|"
    r"(?:máxim[oa]|maxim\w+|top|highest|full|perfect)\s+(?:nota|level|nivel|nível|score|"
    r"puntaje|puntuación|pontuação|points|rating|marks?)|"
    r"(?:nota|puntaje|puntuación|pontuação|score|rating|nivel|nível)\s+(?:es\s+|is\s+|é\s+)?"
    r"(?:the\s+)?(?:máxim[oa]|maxim\w+|perfect\w*|más alt[oa]|mais alt[oa]|highest)|"
    r"(?:nivel|nível|level) (?:más|mais) alto|highest level)"
)
_JUDGE: Final = (
    r"(?:ia|ai|modelo|model|evaluador\w*|evaluator|grader|avaliador\w*|asistente|assistant|"
    r"assistente|sistema|system|reviewer|juez|juiz|judge)"
)
_NOT_TOLD: Final = r"(?<!to )(?<!had )(?<!não )(?<!not )(?<!que )(?<!de )(?<!a )"

_COMMANDS: Final = re.compile(
    "|".join(
        (
            # orders to leave the rules
            _NOT_TOLD + r"\b(?:ignor[ae]n?|olvid[ae]|descart[ae]|omit[ae]|anul[ae]|desconsidere|"
            r"esqueça|disregard|forget|override|bypass|stop following)\b[^.!?\n]{0,50}?"
            rf"\b(?:{_RULES}|arriba|acima|above|anterior(?:es)?|previous|prior)\b",
            rf"\b(?:new|nueva|nuevas|nova|novas)\s+{_RULES}\s*(?::|override|substitue|reemplaza)",
            r"\byour new task\b|\btu (?:única|nueva) tarea\b|\bsua (?:única|nova) tarefa\b",
            r"\bonly job is to\b",
            # orders about the judgement
            (
                r"\b(?:mark|marca|márcal\w+|marque|registra|registre|record)\b[^.!?\n]{0,40}?"
                r"\b(?:all|every|toda|todas|todos|that all)\b[^.!?\n]{0,40}?"
                r"\b(?:evidence|evidencia\w*|evidência\w*|them|encontrad\w+|found|competenc\w+)"
            ),
            (
                r"\b(?:give|assign|award|asigna|asigne|atribua|pon|ponga|dê|"
                r"confirma|confirme|confirm)\b"
                rf"[^.!?\n]{{0,30}}?{_BEST}"
            ),
            r"\b(?:quote|cita|cite)\b[^.!?\n]{0,30}\b(?:each|every|cada|toda\w*)\b",
            r"\boutput only\b|\bexpected output\b|\bresultado esperado (?:es|é) n[ií]vel\b",
            r"\bformato de (?:salida|saída) obrigat|\bformato de salida obligat",
            # a role or a message for the model
            (
                r"\b(?:you are now|eres ahora|você agora é|agora você é)\b"
                rf"[^.!?\n]{{0,30}}\b{_JUDGE}\b"
            ),
            (
                r"\b(?:as an? (?:ai|large)? ?language model|as an ai (?:model|assistant)|"
                r"como modelo de (?:lenguaje|linguagem)|como una? ia\b)"
            ),
            (
                rf"\b(?:note|message|nota|mensaje|mensagem) (?:to|for|para|al?|ao?) "
                rf"(?:el |la |the |o |a )?(?:ai )?{_JUDGE}\b"
            ),
            rf"\b(?:dear|estimad[oa]|prezad[oa]|querid[oa]) {_JUDGE}\b",
            r"\ba partir de (?:ahora|agora)\b[^.!?\n]{0,20}\bs[oó] ?(?:lo)? respond",
            # the model's own words
            (
                r"\b(?:print|show|reveal|repeat|muestra|revela|repite|imprime|mostre|revele|repita|"
                r"imprima)\b[^.!?\n]{0,40}?\b(?:system prompt|prompt (?:del|do) sistema|rúbrica|"
                r"rubrica|rubric|instruc\w+|instruç\w+)"
            ),
            # authority
            r"\b(?:developer mode|modo desarrollador|modo desenvolvedor|jailbreak)\b",
            (
                r"\b(?:test of the (?:system|evaluation)|teste do sistema de avaliação|"
                r"prueba del sistema de evaluación)\b"
            ),
            r"\bmensaje de la empresa que opera\b|\bmessage from the company that runs\b",
            # forged markup
            (
                r"</?\s*(?:answer|candidate|program|rubric|system|instructions?|opening|question|"
                r"claims?|assistant|user|admin|evaluation)\b[^>\n]*>"
            ),
            r"<\|[a-z_]+\|>|\[/?inst\]|^\s*#{2,}\s*(?:system|fin|end)\b",
            r"^\s*(?:system|assistant|user|human)\s*:",
            r"[\"']?\b(?:claims|level|nivel|evidence)\b[\"']?\s*:\s*(?:\[|\{|\"|\d)",
        )
    ),
    re.IGNORECASE | re.MULTILINE,
)
_PLEAS: Final = re.compile(
    "|".join(  # noqa: FLY002 - one kind of plea a line
        (
            _BEST,
            (
                r"\b(?:rate|score|grade|califí\w+|califique(?:me)?|calif[ií]ca\w*me|"
                r"evalúe(?:me)?|me avalie|"
                r"avalie|pontue)\b[^.!?\n]{0,30}\b(?:me|my|mi|minha|highly|con|com)\b"
            ),
            (
                r"\b(?:count|consider|treat|considera|considere|cuenta|cuente|conte|trate)\b"
                r"[^.!?\n]{0,30}\b(?:as|como)\b[^.!?\n]{0,20}\b(?:evidence|evidencia|evidência)"
            ),
            (
                r"\b(?:this answer|esta respuesta|esta resposta|this candidate|este candidato)\b"
                r"[^.!?\n]{0,30}\b(?:deserves?|merece|(?:should|must) be given|satisfies every)"
            ),
            r"\b(?:every sentence of mine is|todas mis frases son|todas as minhas frases são)\b",
            (
                r"\b(?:aprobado al candidato|already approved this candidate|ya aprobó a este|"
                r"já aprovou este)\b"
            ),
        )
    ),
    re.IGNORECASE,
)
_LATIN: Final = re.compile(r"[a-záéíóúüñãõâêôçà]", re.IGNORECASE)
_LOOKALIKE: Final = re.compile(r"[\u0370-\u03ff\u0400-\u04ff]")
_SPACED: Final = re.compile(r"(?:\b\w\s+){7,}")
_TURNED: Final = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


@lru_cache(maxsize=64)
def spans(answer: str) -> tuple[Span, ...]:
    """Return the passages that speak to whoever evaluates.

    A plea is its sentence; a command is its sentence and the rest of its paragraph, because what
    follows an order is dictated.
    """
    read = evidence.literal(answer)
    found = [
        evidence.sentence(answer, read.span(match.start(), match.end()))
        for match in _PLEAS.finditer(read.text)
    ]
    for start in _commands(answer):
        end = answer.find("\n\n", start)
        at = evidence.sentence(answer, Span(start, start + 1))
        found.append(Span(min(at.start, start), len(answer) if end < 0 else max(end, at.end)))
    return tuple(found)


def addressed(answer: str, span: Span) -> bool:
    """Tell whether a quote's place touches words that speak to whoever evaluates."""
    return any(one.start < span.end and span.start < one.end for one in spans(answer))


def commands(answers: Iterable[str]) -> bool:
    """Tell whether any of the answers gives orders, so that a model may have followed them."""
    return any(_commands(answer) for answer in answers)


@lru_cache(maxsize=64)
def _commands(answer: str) -> tuple[int, ...]:
    """Return where orders begin, in the original text."""
    read = evidence.literal(answer)
    lines = "\n".join(line.strip() for line in answer.split("\n"))
    places = [read.starts[match.start()] for match in _COMMANDS.finditer(read.text)]
    if _COMMANDS.search(lines) and not places:  # what only a line's beginning shows
        places.append(0)
    places += [match.start() for match in _SPACED.finditer(answer)]
    places += [match.start() for match in _TURNED.finditer(answer)]
    for word in re.finditer(r"\w+", answer):
        if _LATIN.search(word[0]) and _LOOKALIKE.search(word[0]):
            places.append(word.start())
    return tuple(sorted(places))
