"""A CV's text becomes a profile: measured on fictitious people, and safe on any text at all."""

import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import vocabulary
from pipeline.stages.extract import extract
from pipeline.stages.fields.dates import ranges
from pipeline.stages.parse import parse
from pipeline.stages.repair import repair
from pipeline.stages.validate import Kind, validate
from protocol.profile import Profile, Span, fold
from tests import cv_files
from tests.cv_people import ANA, CARMEN, DATE_STYLES, HEAD_STYLES, PEOPLE, Person

TODAY = date(2026, 11, 24)
Maker = Callable[[Person, str, str], bytes | None]


def plain(said: str | None) -> str:
    return fold(said or "").strip(" .")


def wrong(person: Person, profile: Profile, text: str) -> list[str]:
    """Compare a profile with the truth, field by field; nothing means every field is right."""
    basics = profile.basics
    studies = [
        (plain(f"{study.study_type or ''} {study.area or ''}"), plain(study.institution),
         study.end_date) for study in profile.education
    ]  # fmt: skip
    pairs: list[tuple[str, object, object]] = [
        ("name", plain(basics.name), plain(person.name)),
        ("label", plain(basics.label), plain(person.label)),
        ("email", basics.email, person.email),
        ("phone", basics.phone, person.e164),
        ("city", basics.location and basics.location.city, person.city),
        ("summary", plain(basics.summary), plain(person.profile)),
        ("jobs",
         [(plain(j.position), plain(j.name), j.start_date, j.end_date) for j in profile.work],
         [(plain(j.position), plain(j.company), j.start, j.end) for j in person.jobs]),
        ("current", [j.current for j in profile.work], [j.end is None for j in person.jobs]),
        ("tasks",
         [[plain(t) for t in j.highlights or (j.summary or "",)] for j in profile.work],
         [[plain(t) for t in j.tasks] for j in person.jobs]),
        ("schools", [s[1:] for s in studies],
         [(plain(s.school), s.end) for s in person.studies]),
        ("degrees", [set(s[0].split()) for s in studies],
         [set(plain(s.degree).split()) & set(t[0].split())
          for s, t in zip(person.studies, studies, strict=False)]),
        ("skills", person.canonical - {skill.name for skill in profile.skills}, set()),
        ("languages",
         [(plain(t.language), plain(t.fluency), t.code) for t in profile.languages],
         [(plain(w), plain(level), code) for w, level, code in person.languages]),
        ("courses", [(plain(c.name), c.date) for c in profile.certificates],
         [(plain(name), year) for name, year in person.courses]),
        ("years", profile.meta.years_of_experience, person.years),
        ("language", profile.meta.language, person.locale),
        ("evidence", profile.check(text), []),
    ]  # fmt: skip
    return [f"{what}: {got!r} is not {want!r}" for what, got, want in pairs if got != want]


def judge(person: Person, data: bytes | None) -> None:
    assert data is not None
    kind: Kind = validate(data)
    text = parse(kind, data).text
    assert wrong(person, extract(text, today=TODAY), text) == []


PDF_MAKERS: dict[str, Maker] = {
    "one column": cv_files.pdf_one_column,
    "two columns": cv_files.pdf_two_columns,
    "row by row": lambda p, h, d: cv_files.pdf_two_columns(p, h, d, by_row=True),
    "typst": cv_files.pdf_typst,
    "typst sidebar": lambda p, h, d: cv_files.pdf_typst(p, h, d, sidebar=True),
    "docx table": cv_files.docx_table,
}


@pytest.mark.parametrize("head", HEAD_STYLES)
@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name.split()[0])
def test_every_field_is_right_however_jobs_and_dates_are_written(person: Person, head: str) -> None:
    for dates in DATE_STYLES:
        judge(person, cv_files.docx_flow(person, head, dates))


@pytest.mark.parametrize("maker", PDF_MAKERS)
@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name.split()[0])
def test_every_field_is_right_whatever_tool_made_the_file(person: Person, maker: str) -> None:
    for head, dates in zip(HEAD_STYLES, itertools.cycle(DATE_STYLES), strict=False):
        judge(person, PDF_MAKERS[maker](person, head, dates))


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("target", ["pdf", "doc", "docx:MS Word 2007 XML"])
def test_every_field_is_right_in_what_libreoffice_writes(target: str) -> None:
    if target == "doc" and shutil.which("catdoc") is None:
        pytest.skip("catdoc is not installed")
    judge(ANA, cv_files.office(cv_files.docx_flow(ANA, "right_of_position"), "docx", target))


@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
def test_every_field_is_right_in_what_a_browser_prints() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for person, head in ((ANA, "right_of_position"), (CARMEN, "stacked")):
            page, out = Path(folder) / "cv.html", Path(folder) / "cv.pdf"
            page.write_text(cv_files.page_html(person, head), encoding="utf-8")
            subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
                 f"--user-data-dir={folder}/profile", "--no-pdf-header-footer",
                 f"--print-to-pdf={out}", str(page)],
                check=True, capture_output=True, timeout=120,
            )  # fmt: skip
            judge(person, out.read_bytes())


# What CVs in the wild do ------------------------------------------------------------------


def read(text: str) -> Profile:
    text = repair(text).text
    profile = extract(text, today=TODAY)
    assert profile.check(text) == []
    return profile


def test_a_name_on_two_lines_below_a_sidebar_with_spaced_headings() -> None:
    profile = read(
        "C O N T A C T O\n987 654 321\nrosa.mamani@example.com\nLos Olivos, Lima\n"
        "I D I O M A S\nEspañol\nNativo\nInglés\nBásico\n"
        "ROSA ELENA\nMAMANI CCORI\nASISTENTE ADMINISTRATIVA\nP E R F I L\n"
        "Soy asistente administrativa con orden y buen trato al público.\n"
        "E X P E R I E N C I A  L A B O R A L\nASISTENTE ADMINISTRATIVA\n"
        "Corporación Los Andes S.A.C. | Lima\nFebrero del 2021 a la fecha\n"
        "- Manejo de agenda.\nLogros:\n- Reduje en 20% los tiempos de pago.\n"
        "RECEPCIONISTA\nClínica San Gabriel | Lima\nMarzo del 2019 - Enero del 2021\n- Agenda.\n"
    )
    assert profile.basics.name == "Rosa Elena Mamani Ccori"
    assert profile.basics.label == "ASISTENTE ADMINISTRATIVA"
    assert [(t.code, t.level) for t in profile.languages] == [("es", "native"), ("en", "A1")]
    assert [(j.name, j.start_date) for j in profile.work] == [
        ("Corporación Los Andes S.A.C.", "2021-02"),
        ("Clínica San Gabriel", "2019-03"),
    ]
    assert len(profile.work[0].highlights) == 2


def test_positions_at_one_employer_share_its_name_and_each_month_counts_once() -> None:
    profile = read(
        "Ana Ruiz\nExperiencia\nBanco Andino\nEne 2015 – Dic 2023\nJefe de Productos\n"
        "Ene 2019 – Dic 2023\n• Lancé tres tarjetas.\nAnalista de Productos\nEne 2015 – Dic 2018\n"
        "• Análisis de precios.\n"
    )
    assert [(j.position, j.name) for j in profile.work] == [
        ("Jefe de Productos", "Banco Andino"),
        ("Analista de Productos", "Banco Andino"),
    ]
    assert profile.meta.years_of_experience == 9.0


def test_years_come_from_the_experience_section_only() -> None:
    profile = read(
        "Ana Ruiz\nEXPERIENCIA\nAnalista\nBanco Sol\n01/2020 - 12/2021\nEDUCACIÓN\n"
        "Universidad de Lima\nBachiller en Economía\n2010 - 2019\n"
    )
    assert profile.meta.years_of_experience == 2.0


def test_what_lies_in_the_future_does_not_count_and_today_is_told() -> None:
    text = "EXPERIENCIA\nAnalista\nBanco Sol\n11/2025 - actualidad\n"
    assert extract(text, today=date(2026, 10, 1)).meta.years_of_experience == 1.0
    assert extract(text, today=date(2025, 11, 1)).meta.as_of == "2025-11-01"


@pytest.mark.parametrize(
    "label", ["DNI: 45612378", "C.E. N° 001234567", "RUC 10456123789", "CPF: 529.982.247-25"]
)
def test_a_national_identity_number_is_kept_nowhere(label: str) -> None:
    profile = read(
        f"Luis Torres Vega\n{label}\nCel. 964 123 456\nPERFIL\nIngeniero con {label} y experiencia "
        f"en obras.\nEXPERIENCIA\nResidente de Obra\nConstructora Mantaro SAC\n2015 - 2019\n"
        f"• Identificado con {label}\n• Dirigí la obra.\n"
    )
    kept = msgspec.json.encode(profile).decode()
    assert label.split()[-1] not in kept
    assert profile.basics.phone == "+51964123456"


def test_the_referees_contact_is_never_the_candidates() -> None:
    profile = read(
        "Ana Ruiz Soto\nEXPERIENCIA\nAnalista\nBanco Sol\n2020 - 2021\nREFERENCIAS\n"
        "Pedro Gómez, Gerente, 999 111 222, pedro@example.com\n"
    )
    assert profile.basics.name == "Ana Ruiz Soto"
    assert profile.basics.email is None
    assert profile.basics.phone is None


@pytest.mark.parametrize(
    ("written", "begin", "end", "current"),
    [
        ("Ene 2019 – Actualidad", "2019-01", None, True),
        ("01/2019 - 03/2021", "2019-01", "2021-03", False),
        ("2019-2021", "2019", "2021", False),
        ("março de 2020 até o momento", "2020-03", None, True),
        ("Desde febrero del 2021 hasta la fecha", "2021-02", None, True),
        ("desde 2018", "2018", None, True),
        ("15/03/2018 al 30/11/2020", "2018-03", "2020-11", False),
        ("Set. 2016 a Dic. 2018", "2016-09", "2018-12", False),
        ("Jan '19 to Present", "2019-01", None, True),
        ("Ene - Mar 2020", "2020-01", "2020-03", False),
        ("nov - feb 2020", "2019-11", "2020-02", False),
        ("2019/01 – 2020/06", "2019-01", "2020-06", False),
        ("fev/2018 – dez/2019", "2018-02", "2019-12", False),
        ("from May 2017 until August 2019", "2017-05", "2019-08", False),
        ("03/19 - 05/21", "2019-03", "2021-05", False),
        ("agosto 2020 hasta la\nactualidad", "2020-08", None, True),
        ("2021 – 2019", "2019", "2021", False),
    ],
)
def test_ranges_are_read_as_people_write_them(
    written: str, begin: str, end: str | None, current: bool
) -> None:
    found = ranges(written, 10, TODAY)[0]
    assert str(found.begin) == begin
    assert (None if found.until is None else str(found.until)) == end
    assert found.current is current
    assert found.start >= 10
    assert found.end == 10 + len(written)


@pytest.mark.parametrize("text", ["987 654 321", "ISO 9001", "100 - 200 clientes", "may", "2150"])
def test_other_numbers_are_no_dates(text: str) -> None:
    assert ranges(text, 0, TODAY) == []


# Skills -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "name"),
    [
        ("k8s", "Kubernetes"),
        ("contabilidade", "Contabilidad"),
        ("customer service", "Atención al cliente"),
        ("ATENDIMENTO AO CLIENTE", "Atención al cliente"),
        (".net", ".NET"),
        ("C#", "C#"),
        ("c++", "C++"),
        ("node.js", "Node.js"),
        ("bases de datos", "Databases"),
        ("hacer pan", None),
    ],
)
def test_aliases_have_one_name(term: str, name: str | None) -> None:
    assert vocabulary.canonical(term) == name


def test_skills_are_found_with_their_place() -> None:
    text = "Manejo de Excel avanzado, R, Go y PL/SQL; atención al\ncliente. I go to R&D."
    found = vocabulary.find(text)
    assert [name for name, _, _ in found] == [
        "Excel", "R", "Go", "Oracle Database", "Atención al cliente"
    ]  # fmt: skip
    assert [text[start:end] for _, start, end in found][-1] == "atención al\ncliente"


def test_everyday_words_are_skills_in_a_list_only() -> None:
    assert vocabulary.find("Trabajé en una organización pública con seguridad y limpieza.") == []
    assert len(vocabulary.find("Organización, seguridad y limpieza")) == 3


def test_a_company_or_a_school_is_no_skill_and_neither_is_a_link() -> None:
    profile = read(
        "Ana Ruiz\ngithub.com/anaruiz | ana@docker.com\nEXPERIENCIA\nAnalista\n"
        "Logística Total SAC\n2019 - 2020\n• Ordené archivos.\n"
    )
    assert profile.skills == ()


def test_a_level_stays_with_its_skill() -> None:
    levels = {
        s.name: s.level for s in read("HABILIDADES\nExcel (avanzado), SQL - básico, SAP").skills
    }
    assert levels == {"Excel": "avanzado", "SQL": "básico", "SAP": None}


# Any text at all --------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["EXPERIENCIA", "EDUCACIÓN", "Idiomas:", "HABILIDADES", "Inglés", "avanzado", "Analista", "SAC",
     "Ene 2019", "–", "Actualidad", "2019", "- ", "• ", "\n", "\n\n", ",", " | ", "Lima", "Perú",
     "ana@example.com", "987 654 321", "DNI 45612378", "Python", "(", ")", ":", "\t", "Universidad",
     "Bachiller en", "Ana Ruiz", "linkedin.com/in/x", "REFERENCIAS", "9", ".", "de", "desde"]
)  # fmt: skip
SOUP = st.lists(PIECES, max_size=60).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=400), SOUP))
def test_any_text_gives_a_profile_whose_every_span_is_true(text: str) -> None:
    profile = extract(text, today=TODAY, language="es")
    assert profile.check(text) == []
    assert extract(text, today=TODAY, language="es") == profile


@pytest.mark.parametrize(
    "unit",
    ["a", "a ", "A B C\n", "2019 - ", "2019-2021\n", "- ", "(", "1 ", "@", "a@", "a@b.", "www.",
     "·", "a-\n", "de 2019 ", "Enero 2019 a ", "experiencia\n", "idiomas: ", "inglés ", "dni 1",
     "+51 9", "Lima, ", "sap,", "Analista 2019 - 2020, ", "s.a.c. ", "http://a",
     "EDUCACION\nBachiller en X\n"],
)  # fmt: skip
def test_the_longest_text_of_anything_is_read_to_the_end(unit: str) -> None:
    text = repair(unit * (200_000 // len(unit))).text
    assert extract(text, today=TODAY, language="es").check(text) == []


# Evidence ---------------------------------------------------------------------------------


def sample() -> tuple[str, Profile]:
    text = parse("docx", cv_files.docx_flow(ANA)).text
    return text, extract(text, today=TODAY)


def test_every_value_points_at_the_words_it_came_from() -> None:
    text, profile = sample()
    for path, value in profile.values():
        span = profile.evidence.get(path)
        if span is not None and path in ("/basics/name", "/basics/email", "/work/0/name"):
            assert text[span.start : span.end] == value
    assert profile.evidence["/work/0/endDate"].source == "deterministic"


def test_a_value_without_evidence_is_found_out() -> None:
    text, profile = sample()
    left = {path: span for path, span in profile.evidence.items() if path != "/work/0/name"}
    assert msgspec.structs.replace(profile, evidence=left).check(text) == [
        "/work/0/name: no evidence"
    ]


@pytest.mark.parametrize("span", [Span(0, 10**9), Span(-1, 3), Span(5, 5), Span(0, 1)])
def test_a_span_that_says_something_else_is_found_out(span: Span) -> None:
    text, profile = sample()
    forged = msgspec.structs.replace(profile, evidence={**profile.evidence, "/basics/email": span})
    assert len(forged.check(text)) == 1


def test_the_whole_text_is_no_evidence_for_a_word() -> None:
    text, profile = sample()
    forged = {**profile.evidence, "/work/0/name": Span(0, len(text))}
    assert msgspec.structs.replace(profile, evidence=forged).check(text) != []


def test_an_invented_value_is_found_out() -> None:
    text, profile = sample()
    job = msgspec.structs.replace(profile.work[0], start_date="2011-03", name="Otra Empresa")
    forged = msgspec.structs.replace(profile, work=(job, *profile.work[1:]))
    assert len(forged.check(text)) == 2


def test_a_profile_survives_json() -> None:
    _, profile = sample()
    assert msgspec.json.decode(msgspec.json.encode(profile), type=Profile) == profile
