"""Clauses: what an answer denies, imagines or leaves without a figure is not evidence."""

import pytest

from interview import bank
from interview.bank import Evidence
from interview.evidence import coverage


def expected(locale: str) -> dict[str, Evidence]:
    return {
        evidence.id: evidence
        for competency in bank.load(locale).competencies
        for item in competency.levels.values()
        for evidence in item.evidence
    }


def shown(locale: str, answer: str) -> set[str]:
    return set(coverage(answer, expected(locale).values()))


@pytest.mark.parametrize(
    ("locale", "answer", "name"),
    [
        ("es", "No hice nada para que no se repitiera", "prevention"),
        ("es", "No hicimos nada para evitar que volviera a pasar", "prevention"),
        ("es", "Nunca en todo ese tiempo medí los datos", "data_used"),
        ("es", "No tuve tiempo de hacer ninguna de las pruebas", "verification"),
        ("es", "Lo entregué sin hacer pruebas", "verification"),
        ("es", "Jamás verifiqué los saldos", "verification"),
        ("es", "Las pruebas nunca se hicieron", "verification"),
        ("es", "No logramos bajar de 20 errores", "measured_result"),
        ("en", "I didn't do anything so that it would not happen again", "prevention"),
        ("en", "We never actually tested it", "verification"),
        ("pt", "Eu não fiz nada para que não se repetisse", "prevention"),
        ("pt", "Eu nunca naquela empresa verifiquei os saldos", "verification"),
    ],
)
def test_what_was_not_done_is_not_evidence(locale: str, answer: str, name: str) -> None:
    """A negation anywhere before the words in their clause, or right after them."""
    assert name not in shown(locale, answer)


@pytest.mark.parametrize(
    ("locale", "answer", "name"),
    [
        ("es", "Creé una lista para que no se repitiera", "prevention"),
        ("es", "Para que no se repitiera documenté los pasos", "prevention"),
        ("es", "No había orden así que verifiqué cada saldo", "verification"),
        ("es", "No paré hasta que descubrí el motivo", "root_cause"),
        ("es", "Sin embargo verifiqué cada saldo", "verification"),
        ("en", "I wrote a checklist so it would not happen again", "prevention"),
        ("en", "Nobody asked but I tested it", "verification"),
        ("pt", "Criei uma lista para que não se repetisse com o cliente", "prevention"),
        ("pt", "No ano passado eu verifiquei os saldos com minha equipe", "verification"),
    ],
)
def test_a_no_of_something_else_leaves_it_evidence(locale: str, answer: str, name: str) -> None:
    """A purpose, a cause or a contrast that holds a "no" denies nothing of what was done."""
    assert name in shown(locale, answer)


@pytest.mark.parametrize(
    ("locale", "answer", "counts"),
    [
        ("es", "Logramos terminar a tiempo", False),
        ("es", "En 2023 logramos terminar a tiempo", False),
        ("es", "Mejoró mucho. Éramos 5 personas", False),
        ("es", "Redujimos el cierre de ocho a cinco días", True),
        ("es", "Bajó un 20 % el error", True),
        ("es", "Ahorramos S/. 3 000", True),
        ("en", "We improved a lot", False),
        ("en", "We reduced it by half", True),
        ("pt", "Conseguimos terminar no prazo", False),
        ("pt", "Reduzimos de dez para seis dias", True),
    ],
)
def test_a_result_in_figures_has_a_figure(locale: str, answer: str, counts: bool) -> None:
    """The label promises figures: the same sentence gives an amount; a year is none."""
    assert ("measured_result" in shown(locale, answer)) == counts


@pytest.mark.parametrize(
    ("locale", "answer"),
    [
        ("es", "Si lo hiciera de nuevo, haría antes una prueba pequeña y pruebas con usuarios"),
        ("es", "La próxima vez hice una prueba"),
        ("en", "Next time I would have it tested first"),
        ("pt", "Da próxima vez eu faria testes antes"),
    ],
)
def test_what_would_be_done_is_a_lesson_and_nothing_done(locale: str, answer: str) -> None:
    """Words for another time show what was learned, not what was checked."""
    assert "verification" not in shown(locale, answer)
    if "haría antes" not in answer:
        assert "lesson" in shown(locale, answer)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("Al final medimos el resultado paso por paso", "technical_detail"),
        ("Era parte del proceso y del sistema", "technical_detail"),
        ("Si lo hiciera de nuevo, haría antes una prueba pequeña", "verification"),
        ("Analicé las variaciones del control y el área ahorró", "prevention"),
    ],
)
def test_words_that_everybody_uses_are_no_hint(answer: str, name: str) -> None:
    """A cue says by itself what its label says."""
    assert name not in shown("es", answer)
