"""What the stand-in says: a question in the language asked for, or claims with real quotes."""

import hashlib
import json
import re
from typing import Any, Final

from loadtest import model_jobs
from loadtest.model_rules import blocks

QUESTIONS: Final = {
    "es": (
        (
            "Cuénteme de un trabajo reciente en el que tuvo que resolver algo difícil. ¿Qué "
            "hizo usted "
            "en concreto y cómo supo que había funcionado?"
        ),
        (
            "Piense en una ocasión en la que el plan cambió a mitad de camino. ¿Qué decidió "
            "primero y "
            "con quién lo conversó?"
        ),
        "¿Qué parte de ese trabajo estuvo a su cargo y qué resultado se pudo medir al final?",
        "Descríbame, paso a paso, cómo preparó esa tarea y qué herramientas utilizó en cada etapa.",
        "¿Qué haría distinto si volviera a empezar ese proyecto, y qué aprendió de él?",
        (
            "¿Cómo explicó su propuesta a personas que no conocían el tema y cómo comprobó que la "
            "habían entendido?"
        ),
    ),
    "en": (
        (
            "Tell me about a recent piece of work where you had to solve something difficult. What "
            "exactly did you do, and how did you know that it had worked?"
        ),
        (
            "Think of a time when the plan changed halfway through. What did you decide first, and "
            "whom did you talk to about it?"
        ),
        "Which part of that work was yours, and what result could be measured at the end?",
        "Describe step by step how you prepared that task and which tools you used at each stage.",
        "What would you do differently if you began that project again, and what did you learn?",
        (
            "How did you explain your proposal to people who did not know the subject, and how did "
            "you check that they had understood it?"
        ),
    ),
    "pt": (
        (
            "Conte-me sobre um trabalho recente em que precisou resolver algo difícil. O que "
            "você fez "
            "concretamente e como soube que tinha funcionado?"
        ),
        (
            "Pense em uma ocasião em que o plano mudou no meio do caminho. O que decidiu "
            "primeiro e "
            "com quem conversou?"
        ),
        "Que parte desse trabalho ficou sob sua responsabilidade e que resultado pôde ser medido?",
        "Descreva, passo a passo, como preparou essa tarefa e que ferramentas usou em cada etapa.",
        "O que faria diferente se recomeçasse esse projeto, e o que aprendeu com ele?",
        (
            "Como explicou a sua proposta a pessoas que não conheciam o assunto e como "
            "verificou que "
            "tinham entendido?"
        ),
    ),
}
INVENTED: Final = {
    "es": "Nadie dijo estas palabras en toda la entrevista",
    "en": "Nobody said these words in the whole interview",
    "pt": "Ninguém disse estas palavras em toda a entrevista",
}
THOUGHT: Final = "The directive asks for one question about the topic; it should stay short."
CHARS_PER_TOKEN: Final = 4  # how the stand-in counts: four characters of text, rounded up
QUOTE_WORDS_MIN, QUOTE_CHARS_MAX = 3, 200

_LANGUAGE: Final = re.compile(r"language[^\n]{0,40}?\b(es|en|pt)(?:[-_][A-Z]{2})?\b", re.IGNORECASE)
_ANSWER: Final = re.compile(
    r'<answer-(?P<mark>[0-9a-f]+) turn="(?P<turn>\d+)"[^>]*>\n?(?P<text>.*?)\n?</answer-(?P=mark)>',
    re.DOTALL,
)
_QUESTION: Final = re.compile(r"<question>(.*?)</question>", re.DOTALL)
_RUBRIC: Final = re.compile(r"<rubric>(.*?)</rubric>", re.DOTALL)
_SENTENCE: Final = re.compile(r"[^.!?\n]+")


def tokens(text: str) -> int:
    """Return how many tokens the stand-in counts for a text."""
    return -(-len(text) // CHARS_PER_TOKEN)


def reply(body: dict[str, Any], *, obedient: bool = False) -> str:
    """Return the answer to a request: always the same for the same prompt.

    `obedient` is the worst model there can be: it gives whatever an answer could order it to give.
    """
    form = body.get("output_config", {}).get("format")
    if form and (asked_for := model_jobs.reply(body, form["schema"], obedient=obedient)):
        return asked_for
    if form:
        return _obeyed(body) if obedient else _claims(body)
    if obedient:
        return f"{blocks(body)[-1].get('text', '')} {blocks(body)[0].get('text', '')}"
    texts = [block.get("text", "") for block in blocks(body)]
    language = _language("\n".join(texts))
    asked = QUESTIONS[language]
    # The number of questions before and the last block: turns differ, attempts at one do not.
    before = sum(1 for turn in body["messages"] if turn["role"] == "assistant")
    digest = hashlib.blake2b(texts[0].encode(), digest_size=4).digest()
    return asked[(int.from_bytes(digest, "big") + before) % len(asked)]


def _language(prompt: str) -> str:
    found = _LANGUAGE.search(prompt)
    return found[1].lower() if found else "es"


def _claims(body: dict[str, Any]) -> str:
    """Return claims whose quotes are sentences of the answers, and one that nobody said."""
    prompt = "\n".join(block.get("text", "") for block in blocks(body))
    answers = {int(found["turn"]): found["text"] for found in _ANSWER.finditer(prompt)}
    rubric = _RUBRIC.search(prompt)
    claims: list[dict[str, Any]] = []
    for row in json.loads(rubric[1]) if rubric else []:
        names = [item["id"] for item in row["evidence"]]
        quotes = [(turn, text) for turn in row["turns"] for text in _quotes(answers.get(turn, ""))]
        claims.extend(
            {"competency": row["competency"], "evidence": name, "turn": turn, "quote": text}
            for name, (turn, text) in zip(names, quotes, strict=False)
        )
    if claims:
        claims.append({**claims[0], "quote": INVENTED[_language(prompt)]})
    # One claim nobody can support, so that the check of quotes has something to drop.
    return json.dumps({"claims": claims}, ensure_ascii=False)


def _obeyed(body: dict[str, Any]) -> str:
    """Return every claim that could be ordered: for all evidence of every topic, each sentence.

    Of that topic's answers and of the others', of the questions, whole answers, and words that
    nobody said; with levels that nobody asked for.
    """
    prompt = "\n".join(block.get("text", "") for block in blocks(body))
    answers = {int(found["turn"]): found["text"] for found in _ANSWER.finditer(prompt)}
    asked = [json.loads(found[1]) for found in _QUESTION.finditer(prompt)]
    rubric = _RUBRIC.search(prompt)
    claims: list[dict[str, Any]] = []
    for row in json.loads(rubric[1]) if rubric else []:
        names = [item["id"] for item in row["evidence"]]
        for turn, answer in answers.items():
            words = [*_quotes(answer), *(line for line in answer.split("\n") if line), answer]
            words += [*asked, INVENTED[_language(prompt)]]
            # Each passage serves two kinds of evidence: shift them so that all get their share.
            claims.extend(
                {
                    "competency": row["competency"],
                    "evidence": names[(number + step) % len(names)],
                    "turn": turn,
                    "quote": quote,
                    "level": 4,
                }
                for number, quote in enumerate(words)
                for step in range(2)
            )
    return json.dumps({"claims": claims, "level": 4}, ensure_ascii=False)


def _quotes(answer: str) -> list[str]:
    sentences = (found[0].strip() for found in _SENTENCE.finditer(answer))
    return [
        text[:QUOTE_CHARS_MAX].rpartition(" ")[0] if len(text) > QUOTE_CHARS_MAX else text
        for text in sentences
        if len(text.split()) >= QUOTE_WORDS_MIN
    ]
