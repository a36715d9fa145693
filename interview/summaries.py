"""The sentences at the head of a report, in the candidate's language: what the numbers are not."""

from collections.abc import Sequence
from typing import Final

from interview import bank, rubric
from protocol.report import CompetencyReport

_KIND: Final = {
    "es": {
        "coverage": "Este informe mide cuánta de la evidencia esperada aparece en las respuestas, "
        "buscando palabras sin inteligencia artificial. No es una recomendación de contratación "
        "ni una nota de la persona.",
        "rubric": "Un modelo propuso citas y el programa comprobó que estén literalmente en las "
        "respuestas y calculó los niveles a partir de ellas. No es una recomendación de "
        "contratación ni una nota de la persona.",
    },
    "en": {
        "coverage": "This report measures how much of the expected evidence appears in the "
        "answers, by looking for words, without AI. It is not a hiring recommendation and not a "
        "score of the person.",
        "rubric": "A model proposed quotes; the program checked that they stand literally in the "
        "answers and computed the levels from them. It is not a hiring recommendation and not a "
        "score of the person.",
    },
    "pt": {
        "coverage": "Este relatório mede quanto da evidência esperada aparece nas respostas, "
        "procurando palavras, sem inteligência artificial. Não é uma recomendação de contratação "
        "nem uma nota da pessoa.",
        "rubric": "Um modelo propôs citações; o programa verificou que estão literalmente nas "
        "respostas e calculou os níveis a partir delas. Não é uma recomendação de contratação "
        "nem uma nota da pessoa.",
    },
}
_SHARE: Final = {
    "es": "Se encontró el {percent} % de la evidencia esperada, ponderada; se trataron {reached} "
    "de {planned} temas.",
    "en": "{percent}% of the expected evidence was found, weighted; {reached} of {planned} topics "
    "were reached.",
    "pt": "Encontrou-se {percent} % da evidência esperada, ponderada; foram abordados {reached} "
    "de {planned} temas.",
}
_UNTOUCHED: Final = {
    "es": "No se llegó a tratar, y por eso queda sin nivel: {names}.",
    "en": "Not reached, and therefore without a level: {names}.",
    "pt": "Não foi abordado e por isso fica sem nível: {names}.",
}
_DROPPED: Final = {
    "es": "Se descartaron {count} afirmaciones del modelo por no tener una cita literal.",
    "en": "{count} of the model's claims were dropped for want of a literal quote.",
    "pt": "Foram descartadas {count} afirmações do modelo por não terem uma citação literal.",
}
_BY_PERSON: Final = {
    "es": "La decisión corresponde a una persona, que debe leer las respuestas.",
    "en": "The decision is a person's, who has to read the answers.",
    "pt": "A decisão cabe a uma pessoa, que deve ler as respostas.",
}
_PENDING: Final = {
    "es": "La evaluación no pudo completarse y queda pendiente de revisión por una persona. Las "
    "respuestas están guardadas completas; nada se ha calculado por otro medio.",
    "en": "The evaluation could not be completed and is pending a person's review. The answers "
    "are kept in full; nothing has been computed by other means.",
    "pt": "A avaliação não pôde ser concluída e está pendente de revisão por uma pessoa. As "
    "respostas estão guardadas por completo; nada foi calculado por outro meio.",
}


def write(
    kind: str,
    locale: str,
    reports: Sequence[CompetencyReport],
    coverage: float,
    dropped: int,
) -> str:
    """Return the summary of a finished evaluation; its numbers are those of the reports."""
    language = bank.load(locale).language
    untouched = [one.name for one in reports if one.level is None]
    sentences = [
        _KIND[language][kind],
        _SHARE[language].format(
            percent=round(coverage * 100),
            reached=len(reports) - len(untouched),
            planned=len(reports),
        ),
    ]
    if untouched:
        sentences.append(_fill(_UNTOUCHED[language], "{names}", "; ".join(untouched)))
    if dropped:
        sentences.append(_DROPPED[language].format(count=dropped))
    sentences.append(_BY_PERSON[language])
    return " ".join(sentences)


def _fill(text: str, place: str, words: str) -> str:
    # A skill's name comes from an opening: it is put in as it is, never read as a template.
    return text.replace(place, words)


def pending(locale: str) -> str:
    """Return the summary of an evaluation that waits for a person."""
    return _PENDING[bank.load(locale).language]


assert set(_KIND) == set(rubric.LEVEL_NAMES) == set(bank.LANGUAGES)
