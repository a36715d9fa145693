"""The plan: weights, turns, levels and gaps come from the opening and the CV, and only there."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interview import bank
from interview.plan import TURNS_PER_TOPIC_MAX, CvBrief, OpeningBrief, Plan, build
from protocol import limits

BACKEND = OpeningBrief(
    title="Desarrolladora backend",
    category="Tecnología",
    description="Trabajo en equipo con clientes internos y plazos definidos.",
    must_have=["3 años de experiencia con Python", "PostgreSQL", "Kubernetes"],
    nice_to_have=["Kafka"],
    seniority="Senior",
    language="es",
)
CV = CvBrief(
    name="Rosa Quispe",
    label="Ingeniera de software",
    skills=["Python", "Django", "PostgreSQL"],
    work=["Desarrolladora backend en Andina SAC"],
    years=7.0,
)
TEXT = st.text(max_size=60)
OPENINGS = st.builds(
    OpeningBrief,
    title=TEXT,
    category=TEXT,
    description=st.text(max_size=300),
    must_have=st.lists(TEXT, max_size=6),
    nice_to_have=st.lists(TEXT, max_size=4),
    seniority=st.sampled_from(["", "Junior", "semi senior", "Senior", "pleno", "practicante"]),
    language=st.sampled_from(["es", "en", "pt"]),
)
CVS = st.none() | st.builds(
    CvBrief,
    name=TEXT,
    label=TEXT,
    summary=TEXT,
    skills=st.lists(TEXT, max_size=8),
    work=st.lists(TEXT, max_size=4),
    years=st.floats(0, 60),
)
MINUTES = st.integers(limits.MINUTES_MIN, limits.MINUTES_MAX)
LOCALES = st.sampled_from(["es-PE", "en", "pt"])


def plan(opening: OpeningBrief, cv: CvBrief | None, minutes: int = 20, locale: str = "es") -> Plan:
    return build(
        opening, cv, company="Andina", candidate_name="Rosa", minutes=minutes, locale=locale
    )


@given(OPENINGS, CVS, MINUTES, LOCALES)
def test_every_plan_is_whole(
    opening: OpeningBrief, cv: CvBrief | None, minutes: int, locale: str
) -> None:
    """Weights sum to 1, turns to turns_max, 4-6 competencies, and the bank has each of them."""
    made = plan(opening, cv, minutes, locale)
    topics = made.competencies
    assert math.isclose(sum(topic.weight for topic in topics), 1.0, abs_tol=1e-9)
    assert sum(topic.turns for topic in topics) == made.turns_max <= limits.TURNS_MAX
    assert all(1 <= topic.turns <= TURNS_PER_TOPIC_MAX and topic.weight > 0 for topic in topics)
    assert 4 <= len({topic.competency for topic in topics}) <= 6
    keys = [(topic.competency, topic.skill) for topic in topics]
    assert len(set(keys)) == len(keys)
    for topic in topics:
        assert bank.load(locale).item(topic.competency, topic.level)
        assert bool(topic.skill) == (topic.competency == "technical_depth")
    assert plan(opening, cv, minutes, locale) == made
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(made)), Plan) == made


@given(OPENINGS, CVS, MINUTES)
def test_technical_depth_is_planned_whenever_the_opening_requires_something(
    opening: OpeningBrief, cv: CvBrief | None, minutes: int
) -> None:
    """Whatever the description talks about, its requirements are asked about."""
    made = plan(opening, cv, minutes)
    skills = [topic.skill for topic in made.competencies if topic.skill]
    words = any(c.isprintable() and not c.isspace() for c in "".join(opening.nice_to_have))
    assert bool(skills) == bool(made.must_have or words)


def test_a_description_full_of_other_things_does_not_push_the_requirements_out() -> None:
    """The gap is asked about even where every other competency is mentioned three times."""
    words = "cliente usuario satisfacción comunicar presentar redactar equipo colaborar problema "
    words += "analizar resolver plazo planificar objetivos cambios adaptarse flexible"
    service = OpeningBrief(
        title="Atención al cliente", description=words, must_have=["SAP"], seniority="mid"
    )
    assert "SAP" in {topic.skill for topic in plan(service, CV).competencies}


def test_gaps_are_must_haves_that_the_cv_does_not_show() -> None:
    """Accents, case and filler words do not hide a skill; a missing one is a gap."""
    made = plan(BACKEND, CV)
    assert made.gaps == ["Kubernetes"]
    assert made.strengths == ["3 años de experiencia con Python", "PostgreSQL"]


def test_technical_questions_go_to_the_gap_and_to_the_most_important_must_have() -> None:
    """With eight turns there are two: first the gap, then the first requirement."""
    skills = [topic.skill for topic in plan(BACKEND, CV).competencies if topic.skill]
    assert skills == ["Kubernetes", "Python"]


def test_without_a_cv_nothing_is_called_a_gap() -> None:
    """No CV is not a CV without skills."""
    made = plan(BACKEND, None)
    assert made.gaps == []
    assert made.competencies[0].skill == "Python"


@pytest.mark.parametrize(
    ("seniority", "years", "level"),
    [
        ("Senior", 1.0, "senior"),
        ("Semi senior", 9.0, "mid"),
        ("Practicante", 9.0, "junior"),
        ("", 1.0, "junior"),
        ("", 4.0, "mid"),
        ("", 12.0, "senior"),
        ("", None, "mid"),
        ("Sênior", None, "senior"),
        ("Júnior", None, "junior"),
    ],
)
def test_the_opening_decides_the_level_and_the_years_only_where_it_is_silent(
    seniority: str, years: float | None, level: str
) -> None:
    """A person with nine years who applies for a trainee's place is asked as a trainee."""
    opening = msgspec.structs.replace(BACKEND, seniority=seniority)
    cv = None if years is None else msgspec.structs.replace(CV, years=years)
    assert {topic.level for topic in plan(opening, cv).competencies} == {level}


def test_a_role_changes_what_weighs_most() -> None:
    """Sales weighs customers; a manager's opening brings leadership in."""
    sales = OpeningBrief(title="Ejecutiva de ventas", category="Ventas", seniority="mid")
    assert plan(sales, None).competencies[0].competency == "customer_focus"
    head = OpeningBrief(title="Jefe de almacén", category="Logística", seniority="senior")
    assert "leadership" in {topic.competency for topic in plan(head, None).competencies}


def test_minutes_become_turns() -> None:
    """About two and a half minutes a turn, and never fewer turns than competencies."""
    assert [plan(BACKEND, CV, minutes).turns_max for minutes in (5, 10, 20, 30, 60, 90)] == [
        4, 4, 8, 12, 24, 24,
    ]  # fmt: skip


@given(st.text(max_size=200))
def test_a_cv_cannot_change_competencies_weights_or_order(words: str) -> None:
    """Whatever stands in a CV, it moves only which requirement is asked about."""
    with_words = plan(BACKEND, CvBrief(summary=words, skills=[words], years=7.0)).competencies
    without = plan(BACKEND, CvBrief(years=7.0)).competencies
    assert [(t.competency, t.level, t.weight, t.turns) for t in with_words] == [
        (t.competency, t.level, t.weight, t.turns) for t in without
    ]


def test_texts_for_the_greeting_are_one_clean_line() -> None:
    """Control characters and line breaks in a name or a title do not reach a question."""
    made = build(
        msgspec.structs.replace(BACKEND, title="Backend\n\x00 {company}\u202e"),
        None,
        company="Andina\tSAC",
        candidate_name="Rosa\r\nQuispe",
        minutes=20,
        locale="es-PE",
    )
    assert made.opening_title == "Backend {company}"
    assert (made.company, made.candidate_name) == ("Andina SAC", "Rosa Quispe")


@pytest.mark.parametrize(
    ("must_have", "skill"),
    [
        ("5 años de experiencia en desarrollo backend", "desarrollo backend"),
        ("Al menos 3 años de experiencia con Python", "Python"),
        ("Experiencia de 2 años en ventas", "ventas"),
        ("5+ years of experience in backend development", "backend development"),
        ("3 years experience with SQL", "SQL"),
        ("4 anos de experiência em logística", "logística"),
        ("Experiencia en SAP", "Experiencia en SAP"),
        ("Inglés B2", "Inglés B2"),
    ],
)
def test_a_skill_is_named_without_its_years(must_have: str, skill: str) -> None:
    """A question goes deep into what is done, not into for how long."""
    opening = msgspec.structs.replace(BACKEND, must_have=[must_have], nice_to_have=[])
    assert {t.skill for t in plan(opening, None).competencies if t.skill} == {skill}


def test_years_alone_are_no_skill() -> None:
    """Nobody is asked about "5 años de experiencia"; it stays a requirement."""
    opening = msgspec.structs.replace(BACKEND, must_have=["5 años de experiencia", "Kafka"])
    made = plan(opening, None)
    assert {topic.skill for topic in made.competencies if topic.skill} == {"Kafka"}
    assert made.must_have == ["5 años de experiencia", "Kafka"]
