"""Matching: explained, deterministic, rising where it should, and never a rejection."""

import re
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import sample
from pipeline import reasons
from pipeline.matching import (
    NO_WORDS,
    WORDS_MAX,
    closeness,
    match,
    opening_words,
    profile_words,
)
from pipeline.quotes import ELLIPSIS, QUOTE_CHARS_MAX, quote
from pipeline.reading import read
from pipeline.requirements import judge, prepare
from pipeline.stages.extract import extract
from protocol.profile import Profile
from storage.matches import Match
from storage.openings import NewOpening, Opening
from tests.pipeline.conftest import ACCOUNTANT, ANA

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
DEV = """John Perez
Backend Developer

Summary
Backend developer building REST APIs with Python, Django and PostgreSQL.

Experience
Software Engineer, Acme Inc
January 2019 - Present
Built microservices with Python, Docker and k8s.

Education
Bachelor of Computer Science, Test University
2014 - 2018

Languages
English: native
Spanish: intermediate

Skills
Python, Django, PostgreSQL, Docker
"""


def opening(**changes: Any) -> Opening:
    new = msgspec.structs.replace(ACCOUNTANT, **changes)
    fields = {name: getattr(new, name) for name in NewOpening.__struct_fields__}
    return Opening(id=UUID(int=1), version=3, created_at=NOW, updated_at=NOW, **fields)


def matched(
    new: Opening, text: str = ANA, *, cosine: float | None = 0.6, profile: Profile | None = None
) -> Match:
    return match(
        new,
        cv_id=UUID(int=2),
        profile=profile or extract(text, today=TODAY),
        text=text,
        profile_version=7,
        cosine=cosine,
    )


def verdict(term: str, text: str = ANA, language: str = "es") -> tuple[bool, str, str]:
    found = judge(term, prepare(extract(text, today=TODAY), text), language)
    return found.met, found.evidence, found.reason


def test_an_accountant_matches_the_accountants_opening() -> None:
    """Every gate passes, with words of the CV, and what is missing is named."""
    found = matched(opening())
    assert found.gates_passed
    assert [gate.term for gate in found.gates] == ACCOUNTANT.must_have
    assert all(gate.evidence and gate.evidence in ANA for gate in found.gates)
    assert found.score > 0.8
    assert (found.opening_version, found.profile_version) == (3, 7)


def test_another_trade_scores_far_lower_and_is_shown_all_the_same() -> None:
    """A failed gate is a reason a person reads; there is a row, a score and a reason."""
    found = matched(opening(), DEV, cosine=0.15)
    assert not found.gates_passed
    assert 0.0 <= found.score < 0.35
    assert all(gate.reason for gate in found.gates)
    assert {one.term for one in found.missing} >= {"SAP"}


def test_what_matched_and_what_is_missing_is_everything_asked_for() -> None:
    """Each must-have and nice-to-have is on one of the lists, and on one only."""
    new = opening(must_have=["SAP", "Kubernetes", "Inglés avanzado"], nice_to_have=["Excel", "Go"])
    found = matched(new)
    told = [one.term for one in found.matched] + [one.term for one in found.missing]
    for term in (*new.must_have, *new.nice_to_have):
        assert told.count(term) == 1


def test_weights_of_what_matched_are_shares_of_the_score() -> None:
    """They never add up to more than the score itself."""
    found = matched(opening())
    assert 0 < sum(one.weight for one in found.matched) <= found.score + 0.01


@pytest.mark.parametrize(("term", "text", "said"), [
    ("SAP", ANA, True),
    ("Hojas de cálculo", ANA, True),  # Excel by another name
    ("Kubernetes", DEV, True),  # said as k8s
    ("React o Django", DEV, True),
    ("React y Django", DEV, False),
    ("Bachiller en Contabilidad", ANA, True),
    ("Título universitario en Ingeniería Civil", ANA, False),
    ("Bachelor's degree in Computer Science", DEV, True),
    ("Maestría en Contabilidad", ANA, False),
    ("Inglés básico", ANA, True),
    ("Inglés avanzado", ANA, False),
    ("Portugués intermedio", ANA, False),
    ("English C1", DEV, True),
    ("3 años de experiencia en contabilidad", ANA, True),
    ("Mínimo 10 años de experiencia en contabilidad", ANA, False),
    ("5+ years with Python", DEV, True),
    ("20 years with Python", DEV, False),
    ("5 años de experiencia", ANA, True),
    ("5 años de experiencia en minería", ANA, False),
    ("Registro de facturas", ANA, True),
    ("Manejo de grúas torre", ANA, False),
])  # fmt: skip
def test_a_requirement_is_met_as_a_reader_would_say(term: str, text: str, said: bool) -> None:
    """Skills by any name, languages by level, degrees by rank and area, years by the jobs."""
    met, evidence, reason = verdict(term, text)
    assert met is said, reason
    assert reason
    if met:
        assert evidence
        assert evidence.strip(ELLIPSIS) in text


def test_a_denied_skill_is_not_said() -> None:
    """Words such as "sin experiencia en SAP" do not name SAP as a skill."""
    assert verdict("SAP", "Ana Torres\nContadora\nSin experiencia en SAP")[0] is False
    assert verdict("SAP", "Ana Torres\nContadora\nExperiencia en SAP")[0] is True


def test_reasons_are_in_the_openings_language() -> None:
    """The recruiter reads them."""
    texts = {verdict("Kubernetes", language=language)[2] for language in ("es", "en", "pt")}
    assert len(texts) == 3
    for key, said in reasons.REASONS.items():
        assert set(said) == {"es", "en", "pt"}, key


def test_evidence_is_short_and_of_whole_words() -> None:
    """A CV that is one endless line gives a passage, not the whole of it."""
    text = "palabra " * 400 + "SAP " + "palabra " * 400
    _, evidence, _ = verdict("SAP", text)
    assert "SAP" in evidence
    assert len(evidence) <= QUOTE_CHARS_MAX + 2 * len(ELLIPSIS)
    assert set(evidence.strip(ELLIPSIS).split()) == {"palabra", "SAP"}


def test_only_the_text_that_is_given_counts() -> None:
    """What the reader removed as hidden is not in the text, and plays no role at all."""
    hidden = ANA + "\nKubernetes Python Docker Terraform AWS director general 30 años"
    plain, stuffed = (extract(text, today=TODAY) for text in (ANA, hidden))
    assert plain != stuffed
    assert matched(opening()) == matched(opening(), profile=plain)


def test_who_the_person_is_plays_no_role() -> None:
    """Name, email, phone and city neither raise nor lower anything, nor are they embedded."""
    one = matched(opening())
    other = (
        ANA.replace("Ana Lucía Torres Quispe", "Pedro José Mamani Flores")
        .replace("ana.torres@example.com", "pedro@example.org")
        .replace("Lima", "Puno")
    )
    two = matched(opening(), other)
    assert (one.score, one.gates, one.missing) == (two.score, two.gates, two.missing)
    words = profile_words(extract(ANA, today=TODAY))
    assert not any(part in words for part in ("Torres", "Lucía", "example.com", "987", "Lima"))


def test_an_opening_that_asks_for_nothing_still_has_a_score() -> None:
    """Neither lists nor vector: what is left decides."""
    bare = opening(must_have=[], nice_to_have=[], description="", title="Puesto")
    found = matched(bare, cosine=None)
    assert found.gates == []
    assert found.gates_passed
    assert 0.0 <= found.score <= 1.0


@settings(max_examples=60, deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1))
def test_closeness_rises_with_the_cosine(a: float, b: float) -> None:
    """Monotone, between 0 and 1."""
    low, high = sorted((a, b))
    assert 0.0 <= closeness(low) <= closeness(high) <= 1.0


TERMS = st.sampled_from(
    [
        "SAP",
        "Excel",
        "Kubernetes",
        "Inglés avanzado",
        "3 años de experiencia",
        "x",
        "¿?",
        "👩‍💻",
        "Bachiller",
        "a" * 200,
        "C",
        "99 años de experiencia con SAP",
        "(.*)",
        "\\d+",
        "{names}",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(TERMS, max_size=6), st.lists(TERMS, max_size=4),
    st.sampled_from([ANA, DEV, "", "\n\n", "x" * 500, "SAP\n" * 50]),
    st.one_of(st.none(), st.floats(-1, 1)), st.sampled_from(["es", "en", "pt"]),
)  # fmt: skip
def test_any_opening_against_any_cv_is_told_the_same_twice(
    must: list[str], nice: list[str], text: str, cosine: float | None, language: str
) -> None:
    """Deterministic to the digit, within 0 and 1, and a gate for every must-have."""
    new = opening(must_have=must, nice_to_have=nice, language=language)
    first, second = matched(new, text, cosine=cosine), matched(new, text, cosine=cosine)
    assert first == second
    assert 0.0 <= first.score <= 1.0
    assert [gate.term for gate in first.gates] == must
    assert first.gates_passed is all(gate.passed for gate in first.gates)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(["SAP", "Excel", "Kubernetes", "Docker", "Power BI"]), min_size=1))
def test_one_more_skill_never_lowers_the_score(asked: set[str]) -> None:
    """A CV that says one thing more of what is asked for scores at least as high."""
    new = opening(must_have=sorted(asked), nice_to_have=[], description="")
    base = "Ana Torres\nContadora\n\nHabilidades\nExcel"
    scores = [matched(new, base).score]
    for skill in ("SAP", "Kubernetes", "Docker", "Power BI"):
        base += f", {skill}"
        scores.append(matched(new, base).score)
    assert scores == sorted(scores)


def test_what_is_embedded_is_bounded_and_never_empty() -> None:
    """An endless description is cut; a text without a letter has words of our own."""
    assert len(opening_words(opening(description="palabra " * 5000)).split()) == WORDS_MAX
    assert profile_words(Profile()) == NO_WORDS
    assert opening_words(opening(title="!!!", must_have=[], nice_to_have=[], description=""))


@pytest.mark.parametrize(
    ("term", "years"),
    [
        ("3 años de experiencia en finanzas o control de gestión", (8.0, 10.0)),
        ("4 años en planeamiento financiero", (4.7, 4.9)),
        ("2 años de experiencia en enfermería", (0.0, 0.0)),
    ],
)
def test_years_are_counted_over_the_jobs_of_any_subject_that_is_enough(
    term: str, years: tuple[float, float]
) -> None:
    """`a o b`: jobs that name either, by their titles too (finanzas, financiero)."""
    reading = read(sample.sample_cv(), "cv.pdf", today=TODAY)
    assert reading.profile is not None
    verdict = judge(term, prepare(reading.profile, reading.text), "es")
    counted = re.match(r"[\d.]+(?= años en puestos)", verdict.reason)
    low, high = years
    assert low <= float(counted[0] if counted else 0.0) <= high, verdict
    assert verdict.met is (low > 0)


@pytest.mark.parametrize(
    ("term", "said", "reason"),
    [
        ("SQL avanzado", False, "indica nivel intermedio; se pide avanzado"),
        ("SQL intermedio", True, "menciona: SQL"),
        ("Excel avanzado", True, "menciona: Excel"),
        ("Power BI avanzado", True, "sin decir el nivel"),
    ],
)
def test_a_skill_below_the_level_asked_for_is_not_met(term: str, said: bool, reason: str) -> None:
    """The CV's own word for the level counts; where it states none, the reason says so."""
    reading = read(sample.sample_cv(), "cv.pdf", today=TODAY)
    assert reading.profile is not None
    verdict = judge(term, prepare(reading.profile, reading.text), "es")
    assert verdict.met is said
    assert reason in verdict.reason
    assert verdict.evidence in reading.text


JAVA = """Rosa Quispe
Desarrolladora

Experiencia
Desarrolladora Java, Banco Sur
Enero 2016 - Diciembre 2020
- Mantuve pantallas de caja en Java.

Desarrolladora de servicios, Tienda Norte
Enero 2021 - Diciembre 2023
- Atendí incidencias de clientes.
- Desarrollé el back-end de pagos con Node.js.
"""


def test_years_are_quoted_from_a_line_that_names_their_subject() -> None:
    """A job that does not name it is neither counted nor quoted, whatever its title."""
    met, evidence, reason = verdict("3 años como desarrollador Back-end", JAVA)
    assert met, reason
    assert "back-end de pagos" in evidence
    assert "Banco Sur" not in evidence
    assert reason.startswith("3 años en puestos que mencionan Back")


@pytest.mark.parametrize(
    "term", ["5 años con Kubernetes", "5 años de experiencia en minería", "5 years of nursing"]
)
def test_years_that_are_not_found_are_answered_in_years(term: str) -> None:
    """Not with the names of a skill."""
    met, evidence, reason = verdict(term)
    assert (met, evidence) == (False, "")
    assert reason.startswith("El CV no dice cuántos años")
    assert "otros nombres" not in reason


def test_a_quote_ends_where_its_sentence_or_clause_ends() -> None:
    """A wrapped sentence is followed to its end; a long one is cut at a clause, and says so."""
    wrapped = (
        "Elaboro el presupuesto anual de 14 centros de costo, con una desviación promedio\n"
        "de 3 % en 2025.\nOtra línea."
    )
    place = wrapped.index("presupuesto")
    assert quote(wrapped, place, place + 11) == wrapped.removesuffix("\nOtra línea.")
    long = "Lideré el área de costos, " + "revisé cada una de las cuentas del mes con SAP, " * 6
    place = long.index("SAP")
    said = quote(long, place, place + 3)
    assert said.endswith(f"con SAP{ELLIPSIS}")
    assert len(said) <= QUOTE_CHARS_MAX + len(ELLIPSIS)
    two = "Trabajé en una tienda de barrio y en su almacén por muchos meses del año. " * 2 + (
        "Luego aprendí SAP en un curso."
    )
    place = two.index("SAP")
    assert quote(two, place, place + 3) == "Luego aprendí SAP en un curso."
    assert quote("SAP", 0, 3) == "SAP"


@settings(max_examples=80, deadline=None)
@given(st.text("ab .,;\n(–A", max_size=500), st.integers(0, 500), st.integers(1, 300))
def test_any_quote_stands_in_its_text_and_holds_its_place(text: str, at: int, size: int) -> None:
    """Literal but for the ellipses, and bounded."""
    start = min(at, len(text))
    end = min(start + size, len(text))
    said = quote(text, start, end)
    assert said.strip(ELLIPSIS) in text
    assert len(said) <= QUOTE_CHARS_MAX + 2 * len(ELLIPSIS)
