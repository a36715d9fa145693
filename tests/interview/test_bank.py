"""Facts about the written question bank: complete, equal in three languages, polite and lawful."""

import re
from collections import Counter
from collections.abc import Iterator
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interview.bank import LANGUAGES, LEVELS, Bank, Item, load

COMPETENCIES = (
    "problem_solving",
    "technical_depth",
    "delivery",
    "teamwork",
    "communication",
    "customer_focus",
    "learning",
    "ownership",
    "adaptability",
    "leadership",
)

# Forms of "tú" and "vos"; the suffix catches the preterite (hiciste, lograste, pudiste).
# "recuerda" and its like are also what "usted" does: they count only where they begin a sentence.
INFORMAL = re.compile(
    r"\b(?:tú|tu|tus|ti|te|contigo|tuyo|tuya|vos|eres|sos|estás|has|tienes|tenés|puedes|podés"
    r"|podrías|harías|quieres|querés|sabes|sabés|crees|haces|hacés|hablas|cuentas|piensas|recuerdas"
    r"|cuéntame|contame|dime|decime|háblame|explícame|descríbeme|imagínate"
    r"|[a-záéíóúñ]+(?:aste|iste))\b"
    r"|(?:^|(?<=[.:!] ))(?:cuenta|explica|describe|piensa|recuerda|imagina|comparte|mira)\b",
    re.IGNORECASE,
)
NOT_INFORMAL = frozenset({"existe", "consiste", "contraste", "desgaste", "triste", "chiste"})

FORBIDDEN = {
    "es": r"edad|años tiene|salud|enfermedad\w*|discapacidad\w*|embaraz\w*|famili\w*|hij[oa]s?"
    r"|espos[oa]|casad[oa]|solter[oa]|religi\w*|iglesia|sindica\w*|polític\w*|partido|origen"
    r"|nacionalidad|raza|etnia|orientación sexual|sueldo\w*|salari\w*|remuneraci\w*|cuánto gana\w*"
    r"|actitud\w*|personalidad|voz|acento|apariencia|aspecto|sonri\w*|foto\w*|confianza en sí",
    "en": r"age|aged|health\w*|illness\w*|disab\w*|pregnan\w*|famil\w*|child|children|kids|husband"
    r"|wife|spouse|married|single|religio\w*|church|unions?|politic\w*|nationality|native|race"
    r"|ethnic\w*|sexual|salar\w*|wages?|earn|earned|pay|attitude\w*|personality|voice|accent"
    r"|appearance|looks|smile\w*|photo\w*|confidence",
    "pt": r"idade|saúde|doença\w*|deficiência\w*|grávida\w*|gravidez|famíli\w*|filh[oa]s?|espos[oa]"
    r"|marido|casad[oa]|solteir[oa]|religi\w*|igreja|sindica\w*|polític\w*|partido|origem"
    r"|nacionalidade|raça|etnia|orientação sexual|salári\w*|remuneraç\w*|quanto ganha\w*"
    r"|atitude\w*|personalidade|voz|sotaque|aparência|sorri\w*|foto\w*|autoconfiança",
}

PRAISE = {
    "es": r"excelente|muy bien|buena|bueno|perfecto|interesante|correct[oa]|genial|lástima|mal",
    "en": r"excellent|great|good|well|perfect|interesting|correct|right|wrong|impressive|nice",
    "pt": r"excelente|muito bem|ótim[oa]|bom|boa|perfeit[oa]|interessante|corret[oa]|legal|mal",
}

VALUES = {
    "opening_title": "Analista contable",
    "company": "Grupo Ñandú S.A.C.",
    "skill": "Excel avanzado",
    "candidate": "Rosa Quispe",
    "minutes": 30,
}

banks = pytest.mark.parametrize("bank", [load(x) for x in LANGUAGES], ids=LANGUAGES)


def items(bank: Bank) -> Iterator[tuple[str, str, Item]]:
    """Walk competency, level and item in the order in which they are written."""
    for competency in bank.competencies:
        for level, item in competency.levels.items():
            yield competency.id, level, item


def questions(bank: Bank) -> list[str]:
    """Collect every question: openings and probes."""
    return [q for _, _, i in items(bank) for q in (i.opening, *(p.text for p in i.probes))]


def spoken(bank: Bank) -> list[str]:
    """Collect every sentence that a candidate is shown."""
    return [
        *questions(bank),
        bank.greeting,
        bank.closing,
        *bank.bridges,
        *bank.follow_up_bridges,
        *bank.gentle_bridges,
    ]


def placeholders(text: str) -> set[str]:
    """Name the placeholders of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def matches(pattern: str, text: str) -> list[str]:
    """Find whole words of a pattern in a text, in any case."""
    return re.findall(rf"\b(?:{pattern})\b", text, re.IGNORECASE)


def informal(text: str) -> list[str]:
    """Find Spanish words that address a person as "tú" or "vos"."""
    return [w for w in INFORMAL.findall(text) if w.lower() not in NOT_INFORMAL]


def skeleton(bank: Bank) -> list[tuple[str, str, list[str], list[str]]]:
    """Reduce a bank to what must not depend on its language."""
    return [
        (competency, level, [e.id for e in item.evidence], [p.asks for p in item.probes])
        for competency, level, item in items(bank)
    ]


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("es-PE", "es"),
        ("es", "es"),
        ("ES_mx", "es"),
        ("en", "en"),
        ("en-US", "en"),
        ("pt-BR", "pt"),
        ("pt_BR", "pt"),
        ("pt", "pt"),
        ("qu-PE", "es"),
        ("", "es"),
    ],
)
def test_a_locale_speaks_its_language(locale: str, language: str) -> None:
    """A locale is reduced to its language, and an unknown one speaks Spanish."""
    assert load(locale).language == language


@given(st.text())
def test_any_text_as_a_locale_gives_a_bank(locale: str) -> None:
    """No locale, however odd, reaches the file system or raises."""
    assert load(locale).language in LANGUAGES


def test_a_bank_is_read_once() -> None:
    """Two locales of one language share the same bank."""
    assert load("es-PE") is load("es")


def test_an_unknown_competency_or_level_is_a_key_error() -> None:
    """Nothing is asked in place of what the bank does not have."""
    bank = load("es")
    for competency, level in (("charisma", "mid"), ("teamwork", "chief")):
        with pytest.raises(KeyError):
            bank.item(competency, level)


@banks
def test_every_competency_has_every_level(bank: Bank) -> None:
    """Ten competencies times three levels, each found by its name."""
    assert tuple(c.id for c in bank.competencies) == COMPETENCIES
    for competency in bank.competencies:
        assert tuple(competency.levels) == LEVELS
        assert competency.name
        assert competency.description.endswith(".")
        for level, item in competency.levels.items():
            assert bank.item(competency.id, level) is item


@banks
def test_all_languages_ask_for_the_same_evidence(bank: Bank) -> None:
    """Competencies, levels, evidence ids and probe targets do not depend on the language."""
    assert skeleton(bank) == skeleton(load("es"))


@banks
def test_an_item_has_four_evidences_and_three_probes_for_different_ones(bank: Bank) -> None:
    """Each probe asks for another evidence of its own item."""
    for competency, level, item in items(bank):
        ids = [e.id for e in item.evidence]
        asked = [p.asks for p in item.probes]
        where = (bank.language, competency, level)
        assert len(set(ids)) == len(ids) == 4, where
        assert len(set(asked)) == len(asked) == 3, where
        assert set(asked) <= set(ids), where


@banks
def test_an_evidence_reads_well_and_means_one_thing(bank: Bank) -> None:
    """Ids are snake_case and each id has one label that no other id has."""
    by_id = {e.id: e for _, _, item in items(bank) for e in item.evidence}
    for _, _, item in items(bank):
        for evidence in item.evidence:
            assert by_id[evidence.id] == evidence
    assert all(re.fullmatch(r"[a-z]+(?:_[a-z]+)*", name) for name in by_id)
    assert len({e.label for e in by_id.values()}) == len(by_id)
    assert all(e.label[0].isupper() and not e.label.endswith(".") for e in by_id.values())


@banks
def test_cues_are_lower_case_unique_and_enough(bank: Bank) -> None:
    """Each evidence has ten to eighteen clean cues, none of them written twice."""
    for _, _, item in items(bank):
        for evidence in item.evidence:
            cues = evidence.cues
            assert 10 <= len(cues) <= 18, evidence.id
            assert len(set(cues)) == len(cues), (evidence.id, Counter(cues).most_common(1))
            for cue in cues:
                assert cue == cue.lower() == " ".join(cue.split()), cue
                assert len(cue) >= 3, cue
                assert re.fullmatch(r"[^\W\d_]+(?:[ '-][^\W\d_]+)*", cue), cue


@banks
def test_a_cue_hints_at_one_evidence_of_its_item(bank: Bank) -> None:
    """One phrase of an answer never covers two of the evidences it is checked for."""
    for competency, level, item in items(bank):
        cues = Counter(cue for evidence in item.evidence for cue in evidence.cues)
        assert max(cues.values()) == 1, (competency, level, cues.most_common(1))


@banks
def test_only_the_allowed_placeholders_are_used_and_all_format(bank: Bank) -> None:
    """A skill is named in technical_depth only, and always there; probes need no value."""
    for competency, _, item in items(bank):
        found = placeholders(item.opening)
        assert found <= {"opening_title", "company", "skill"}
        assert ("skill" in found) == (competency == "technical_depth")
        assert all(not placeholders(probe.text) for probe in item.probes)
    assert placeholders(bank.greeting) == {"candidate", "company", "opening_title", "minutes"}
    for text in (bank.closing, *bank.bridges, *bank.follow_up_bridges, *bank.gentle_bridges):
        assert not placeholders(text)
    for text in spoken(bank):
        assert not set("{}") & set(text.format(**VALUES))


@banks
def test_no_sentence_is_said_twice(bank: Bank) -> None:
    """Two questions of a bank never share their text, whatever their case."""
    repeated = [t for t, n in Counter(t.lower() for t in spoken(bank)).items() if n > 1]
    assert not repeated


@banks
def test_a_question_asks(bank: Bank) -> None:
    """Each has a question mark; Spanish opens as many as it closes; nobody asks three at once."""
    for text in questions(bank):
        assert 1 <= text.count("?") <= 2, text
        assert text == text.strip()
        assert text[-1] in "?.", text
        assert text.count("¿") == (text.count("?") if bank.language == "es" else 0), text


@banks
def test_questions_have_a_readable_length(bank: Bank) -> None:
    """An opening has room for a context, and a probe stays short."""
    for _, _, item in items(bank):
        assert 60 <= len(item.opening) <= 320, item.opening
        assert all(25 <= len(probe.text) <= 160 for probe in item.probes)
    assert len(bank.greeting) <= 500


@banks
def test_the_first_question_is_read_at_a_glance(bank: Bank) -> None:
    """Greeting and question together have at most 60 words, with names as long as usual."""
    usual = {
        "candidate": "Rosa Quispe",
        "company": "Textiles Andinos S.A.",
        "opening_title": "Analista de datos",
        "minutes": "20",
        "skill": "modelado de datos",
    }
    for competency, level, item in items(bank):
        words = f"{bank.greeting} {item.opening}".format(**usual).split()
        assert len(words) <= 60, (competency, level, len(words))


@banks
def test_there_are_four_bridges_of_each_kind_and_none_judges(bank: Bank) -> None:
    """A bridge leads on without telling a candidate how the answer was."""
    assert len(bank.bridges) == len(bank.follow_up_bridges) == 4
    assert len(bank.gentle_bridges) == 2
    for text in (*bank.bridges, *bank.follow_up_bridges, *bank.gentle_bridges):
        assert "?" not in text
        assert not matches(PRAISE[bank.language], text), text


@banks
def test_nothing_forbidden_is_asked(bank: Bank) -> None:
    """No word of age, health, family, belief, politics, origin, pay, manner or looks is said."""
    for text in spoken(bank):
        assert not matches(FORBIDDEN[bank.language], text), text


def test_spanish_says_usted() -> None:
    """No sentence in Spanish addresses a candidate as "tú" or "vos"."""
    for text in spoken(load("es")):
        assert not informal(text), (informal(text), text)


@pytest.mark.parametrize(
    "text",
    [
        "Cuéntame de un logro.",
        "Gracias. Recuerda un caso.",
        "¿Qué hiciste?",
        "¿Tienes un ejemplo?",
        "¿Cuál fue tu aporte?",
    ],
)
def test_the_check_for_usted_can_fail(text: str) -> None:
    """The informal forms that people write most are found."""
    assert informal(text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "¿Qué edad tiene usted?"),
        ("es", "¿Piensa tener hijos?"),
        ("es", "¿Cuál era su sueldo?"),
        ("en", "Do you have children?"),
        ("en", "What was your salary?"),
        ("pt", "Qual é a sua religião?"),
        ("pt", "Qual era o seu salário?"),
    ],
)
def test_the_check_for_forbidden_topics_can_fail(language: str, text: str) -> None:
    """A question that the law forbids is found."""
    assert matches(FORBIDDEN[language], text)
