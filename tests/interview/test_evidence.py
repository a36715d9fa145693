"""Evidence: quotes are the candidate's own words, cues are whole words that nothing denies."""

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from interview import bank
from interview.bank import Evidence
from interview.evidence import (
    EDGES,
    PASSAGE_CHARS_MAX,
    Span,
    coverage,
    declined,
    denied,
    find_quote,
    literal,
    passage,
    thin,
)

ANSWER = (
    "En mi último trabajo reduje   el tiempo de cierre de diez a seis días.\n"
    "Mi jefa me dijo: “está muy bien”. No logré convencer a finanzas, pero medí los datos."
)
RESULT = Evidence("result", "Da un resultado", ("logré", "reduje", "medí"))
SPANISH = st.text(alphabet="aábcdeéiílmnñoóprstuúv ,.\n'\"“”’", max_size=120)


@pytest.mark.parametrize(
    "quote",
    [
        "reduje el tiempo de cierre",
        "“reduje el tiempo de cierre”",
        'Mi jefa me dijo: "está muy bien"',
        "diez a seis días. Mi jefa",
        unicodedata.normalize("NFD", "En mi último trabajo"),
        "reduje el tiempo de cierre de diez a seis días…",
    ],
)
def test_what_a_copyist_changes_is_forgiven(quote: str) -> None:
    """White space, the shape of quotation marks, Unicode form and punctuation at the ends."""
    assert find_quote(ANSWER, quote) is not None


@pytest.mark.parametrize(
    "quote",
    [
        "Reduje el tiempo de cierre",
        "ultimo trabajo",
        "redujimos el tiempo",
        "reduje el tiempo del cierre",
        "educ",
        "duje el tiempo",
        "",
        "…",
        "logré convencer a recursos humanos",
    ],
)
def test_other_words_are_not_a_quote(quote: str) -> None:
    """Case, accents, a changed or added word, half a word: none is the candidate's own."""
    assert find_quote(ANSWER, quote) is None


@given(SPANISH, st.data())
def test_a_found_quote_points_at_itself(answer: str, data: st.DataObject) -> None:
    """Any run of whole words of the answer is found, and the span reads the same words."""
    words = answer.split()
    assume(words)
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    quote = " ".join(words[start:end])
    assume(any(char.isalnum() for char in quote))
    found = find_quote(answer, quote)
    assert found is not None
    text = answer[found[0] : found[1]]
    assert find_quote(text, quote) is not None
    assert find_quote(quote, text) is not None


PIECES = st.sampled_from(
    ["é", "e\u0301", "ß", "ﬁ", "İ", "\u200b", "“", "'", " ", "\n", "a", "한", "😀", "\u0301", "…"]
)


@given(st.lists(PIECES, min_size=1, max_size=30), st.data())
def test_what_is_found_is_what_was_asked_for(pieces: list[str], data: st.DataObject) -> None:
    """With any letters in any form: the words at the span are the quote's words, all of them."""
    answer = "".join(pieces)
    start = data.draw(st.integers(0, len(answer) - 1))
    quote = answer[start : data.draw(st.integers(start + 1, len(answer)))]
    found = find_quote(answer, quote)
    if found is not None:
        there = literal(answer[found[0] : found[1]]).text
        assert there.strip(EDGES) == literal(quote).text.strip(EDGES)


def test_half_a_letter_is_not_a_quote() -> None:
    """A letter and the accent that stands on it are one, whatever their Unicode form."""
    answer = "Medí el ﬁ\u0301n"
    assert find_quote(answer, "Medí el ﬁ") is None
    assert find_quote(answer, "\u0301") is None
    assert find_quote(answer, "el ﬁ\u0301n") is not None


def test_a_flood_of_cues_is_read_only_so_far() -> None:
    """An answer that repeats one word a thousand times costs no more than a hundred."""
    assert len(coverage("reduje " * 1_000, [RESULT])["result"]) == 100


@given(SPANISH, SPANISH)
@example("e\u0301xito", "\u0301xito")
def test_a_span_is_always_inside_the_answer(answer: str, quote: str) -> None:
    """Whatever is asked for, the span indexes the original answer and is not empty."""
    found = find_quote(answer, quote)
    assert found is None or 0 <= found[0] < found[1] <= len(answer)


def test_cues_are_found_without_regard_to_case_and_accents() -> None:
    """A candidate who types without accents shows as much as one who does not."""
    assert coverage("REDUJE costos y medi todo", [RESULT])["result"] == [Span(0, 6), Span(16, 20)]


def test_cues_are_whole_words() -> None:
    """The cue "plan" is not in "planta"."""
    assert coverage("Trabajé en la planta", [Evidence("plan", "", ("plan",))]) == {}


@pytest.mark.parametrize(
    "answer",
    [
        "No logré cerrar el proyecto.",
        "no lo logré",
        "Nunca medí nada",
        "I didn't reduje",
        "Aún no, por falta de tiempo, no reduje costos",
        "Não logré",
    ],
)
def test_a_negation_in_the_same_clause_denies_the_cue(answer: str) -> None:
    """Saying "no logré" is not a result."""
    assert coverage(answer, [RESULT]) == {}


@pytest.mark.parametrize(
    "answer",
    [
        "No fue fácil, pero logré cerrar.",
        "No me rendí y logré cerrar.",
        "No solo logré cerrar, también...",
        "No había plan. Logré cerrar.",
    ],
)
def test_a_negation_of_something_else_does_not(answer: str) -> None:
    """Another clause, a join, or "not only" leaves the cue as it is."""
    assert "result" in coverage(answer, [RESULT])


def test_a_cue_that_holds_its_own_negation_counts() -> None:
    """Here "no estaba de acuerdo" is what the evidence looks for."""
    cue = Evidence("disagreement", "", ("no estaba de acuerdo",))
    assert coverage("Yo no estaba de acuerdo con el plazo", [cue])


def test_a_quote_behind_its_no_is_denied() -> None:
    """Quoting "logré convencer" out of "No logré convencer" turns the answer around."""
    assert denied(ANSWER, ANSWER.index("logré convencer"))
    assert not denied(ANSWER, ANSWER.index("No logré convencer"))
    assert not denied(ANSWER, ANSWER.index("reduje"))


@given(st.text(alphabet="ab c.,;\n", min_size=1, max_size=900), st.data())
def test_a_passage_is_short_and_holds_the_words(answer: str, data: st.DataObject) -> None:
    """The sentence or clause around a cue is an exact piece of the answer, at most 240 long."""
    start = data.draw(st.integers(0, len(answer) - 1))
    end = data.draw(st.integers(start + 1, min(len(answer), start + 40)))
    assume(not answer[start].isspace() and not answer[end - 1].isspace())
    place = passage(answer, Span(start, end))
    assert place.end - place.start <= PASSAGE_CHARS_MAX
    assert place.start <= start < end <= place.end
    assert answer[place.start : place.end].strip() == answer[place.start : place.end]


def test_a_passage_is_the_sentence() -> None:
    """A recruiter reads a whole thought."""
    at = ANSWER.index("medí")
    place = passage(ANSWER, Span(at, at + 4))
    assert ANSWER[place.start : place.end] == (
        "No logré convencer a finanzas, pero medí los datos."
    )


@pytest.mark.parametrize(
    "answer", ["Sí.", "No sé", "no sabría decirle, la verdad, " * 2, "ok " * 5]
)
def test_few_words_and_not_knowing_are_thin(answer: str) -> None:
    """Under twelve words, or "no sé" in a short answer."""
    assert thin(answer)


def test_a_full_answer_is_not_thin() -> None:
    """A "no sé" inside a real answer does not make it thin."""
    assert not thin(ANSWER)
    assert not thin("Al principio no sé si lo hice bien, pero " + ANSWER)


@pytest.mark.parametrize(
    "answer", ["Prefiero no responder.", "I'd rather not say", "Prefiro não responder isso"]
)
def test_declining_is_understood(answer: str) -> None:
    """A candidate may keep something to themselves."""
    assert declined(answer)
    assert not declined(ANSWER)


@pytest.mark.parametrize("locale", bank.LANGUAGES)
def test_every_cue_of_the_bank_is_found_in_itself(locale: str) -> None:
    """No cue is written in a way that the search cannot see."""
    for competency in bank.load(locale).competencies:
        for item in competency.levels.values():
            for expected in item.evidence:
                for cue in expected.cues:
                    assert coverage(f"Así: {cue}, 12.", [expected]), (expected.id, cue)
