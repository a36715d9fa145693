"""The sentences at the head of a report, in the candidate's language: what the numbers are not."""

from collections.abc import Sequence
from typing import Final

from interview import bank, rubric
from protocol.report import CompetencyReport

_KIND: Final = {
    "es": {
        "coverage": "Este informe señala posibles coincidencias entre las respuestas y la "
        "evidencia esperada, buscando palabras sin inteligencia artificial: conviene leer cada "
        "cita. No es una recomendación de contratación "
        "ni una nota de la persona.",
        "rubric": "Un modelo propuso citas y el programa comprobó que estén literalmente en las "
        "respuestas y calculó los niveles a partir de ellas. No es una recomendación de "
        "contratación ni una nota de la persona.",
    },
    "en": {
        "coverage": "This report points to possible matches between the answers and the expected "
        "evidence, by looking for words, without AI: each quote has to be read. It is "
        "not a hiring recommendation and not a score of the person.",
        "rubric": "A model proposed quotes; the program checked that they stand literally in the "
        "answers and computed the levels from them. It is not a hiring recommendation and not a "
        "score of the person.",
    },
    "pt": {
        "coverage": "Este relatório aponta possíveis correspondências entre as respostas e a "
        "evidência esperada, procurando palavras, sem inteligência artificial: convém ler cada "
        "citação. Não é uma recomendação de contratação "
        "nem uma nota da pessoa.",
        "rubric": "Um modelo propôs citações; o programa verificou que estão literalmente nas "
        "respostas e calculou os níveis a partir delas. Não é uma recomendação de contratação "
        "nem uma nota da pessoa.",
    },
}
_SHARE: Final = {
    "es": {
        "coverage": "En los temas tratados hay posibles coincidencias con {found} de {expected} "
        "evidencias esperadas ({percent} %, ponderado).",
        "rubric": "En los temas tratados hay citas para {found} de {expected} evidencias "
        "esperadas ({percent} %, ponderado).",
    },
    "en": {
        "coverage": "In the topics reached there are possible matches for {found} of {expected} "
        "expected pieces of evidence ({percent}%, weighted).",
        "rubric": "In the topics reached there are quotes for {found} of {expected} expected "
        "pieces of evidence ({percent}%, weighted).",
    },
    "pt": {
        "coverage": "Nos temas abordados há possíveis correspondências com {found} de {expected} "
        "evidências esperadas ({percent} %, ponderado).",
        "rubric": "Nos temas abordados há citações para {found} de {expected} evidências "
        "esperadas ({percent} %, ponderado).",
    },
}
_UNTOUCHED: Final = {
    "es": "No se llegó a tratar, y por eso no cuenta ni tiene nivel: {names}.",
    "en": "Not reached, and therefore not counted and without a level: {names}.",
    "pt": "Não foi abordado e por isso não conta nem tem nível: {names}.",
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
    reached = [one for one in reports if one.level is not None]
    sentences = [
        _KIND[language][kind],
        _SHARE[language][kind].format(
            percent=round(coverage * 100),
            found=sum(len(one.found) for one in reached),
            expected=sum(len(one.expected) for one in reached),
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
