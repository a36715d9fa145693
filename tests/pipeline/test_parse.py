"""Files become the text a person would read: every kind, every layout, nothing hidden."""

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stages.limits import ReadLimits
from pipeline.stages.parse import parse
from pipeline.stages.parse_docx import parse_docx
from pipeline.stages.parse_pdf import parse_pdf
from pipeline.stages.repair import repair
from protocol.faults import Fault
from tests import cv_broken, cv_files
from tests.cv_people import ANA, BRUNO, EDSON, PEOPLE, Person


def said(text: str) -> str:
    return " ".join(text.split())


def in_order(text: str, *parts: str) -> bool:
    """Say whether the parts stand in the text one after another."""
    at = 0
    for part in parts:
        at = said(text).find(part, at)
        if at < 0:
            return False
    return True


def docx_text(body: bytes) -> str:
    return "\n".join(parse_docx(cv_broken.docx_raw(body)).lines)


def run(text: str, properties: str = "") -> bytes:
    rules = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f"<w:r>{rules}<w:t>{text}</w:t></w:r>".encode()


def paragraph(*runs: bytes) -> bytes:
    return b"<w:p>" + b"".join(runs) + b"</w:p>"


def code_of(kind: str, data: bytes, **limits: int) -> str:
    with pytest.raises(Fault) as caught:
        parse(kind, data, ReadLimits(**limits))  # type: ignore[arg-type]
    return caught.value.code


# PDF --------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name.split()[0])
def test_two_columns_are_read_one_after_the_other(person: Person) -> None:
    text = parse("pdf", cv_files.pdf_two_columns(person)).text
    assert in_order(text, person.phone, person.courses[0][0], person.name, person.jobs[0].company)


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name.split()[0])
def test_two_columns_drawn_row_by_row_are_cut_at_the_gutter(person: Person) -> None:
    text = parse("pdf", cv_files.pdf_two_columns(person, by_row=True)).text
    assert in_order(text, person.phone, person.courses[0][0], person.name, person.jobs[0].company)
    assert said(person.profile) in said(text)


def test_a_column_of_dates_is_no_second_column() -> None:
    text = parse("pdf", cv_files.pdf_one_column(ANA, "right_of_position")).text
    assert "Analista Contable Marzo 2021 – Actualidad" in said(text)


def test_only_the_first_pages_are_read_and_both_numbers_are_told() -> None:
    parsed = parse("pdf", cv_broken.many_pages(8), ReadLimits(pages=3))
    assert (parsed.pages, parsed.pages_read) == (8, 3)
    assert "page 2" in parsed.text
    assert "page 3" not in parsed.text


def test_a_page_that_is_a_picture_needs_ocr() -> None:
    parsed = parse("pdf", cv_broken.scanned())
    assert parsed.needs_ocr
    assert parsed.pages_pictured == (1,)


def test_a_page_of_letters_drawn_as_curves_needs_ocr() -> None:
    assert parse("pdf", cv_broken.raw_pdf(b"1 2 3 4 5 6 c\n" * 400)).needs_ocr


def test_a_blank_page_is_empty() -> None:
    assert code_of("pdf", cv_broken.raw_pdf(b"")) == "cv_empty"


def test_a_pdf_opens_when_its_user_password_is_empty() -> None:
    text = parse("pdf", cv_files.encrypted(cv_files.pdf_one_column(ANA), "")).text
    assert ANA.email in text


def test_a_pdf_with_a_password_is_encrypted() -> None:
    assert code_of("pdf", cv_files.encrypted(cv_files.pdf_one_column(ANA), "x")) == "cv_encrypted"


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (cv_broken.deflate_bomb(2), {"cv_bomb"}),
        (cv_broken.nested_pages(), {"cv_bomb"}),
        (cv_broken.nested_arrays(), {"cv_bomb", "cv_empty", "cv_damaged"}),
        (b"%PDF-1.7\n\x00garbage\nstartxref\n0\n%%EOF", {"cv_damaged"}),
    ],
    ids=["deflate bomb", "nested pages", "nested arrays", "garbage"],
)
def test_a_hostile_pdf_raises_a_named_fault(data: bytes, codes: set[str]) -> None:
    with pytest.raises(Fault) as caught:
        parse("pdf", data)
    assert caught.value.code in codes


def test_no_metadata_is_read() -> None:
    document = parse_pdf(cv_files.pdf_one_column(ANA))
    assert "ReportLab" not in document.pages[0].text


# DOCX -------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name.split()[0])
def test_a_table_layout_reads_cell_by_cell(person: Person) -> None:
    text = parse("docx", cv_files.docx_table(person)).text
    assert in_order(text, person.phone, person.skills[0], person.name, person.jobs[0].tasks[0])
    assert "1 de 1" in text  # the footer is read as well


def test_a_row_of_short_cells_is_one_line() -> None:
    cell = b"<w:tc>%s</w:tc>"
    row = b"<w:tr>%s%s</w:tr>" % (cell % paragraph(run("Excel")), cell % paragraph(run("Alto")))
    assert docx_text(b"<w:tbl>" + row + b"</w:tbl>") == "Excel\tAlto"


def test_list_items_have_their_bullets() -> None:
    assert "• Elaboré" in parse("docx", cv_files.docx_flow(ANA)).text


def test_deleted_text_and_fallbacks_are_skipped_and_text_boxes_are_read() -> None:
    body = paragraph(
        run("visible "),
        b"<w:del>" + run("borrado") + b"</w:del>",
        b"<w:ins>" + run("insertado") + b"</w:ins>",
        b"<mc:AlternateContent><mc:Choice><w:txbxContent>" + paragraph(run("cuadro"))
        + b"</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>" + paragraph(run("doble"))
        + b"</w:txbxContent></mc:Fallback></mc:AlternateContent>",
    )  # fmt: skip
    assert docx_text(body) == "cuadro\nvisible insertado"


def test_text_marked_as_hidden_is_left_out_and_counted() -> None:
    body = paragraph(run("Contadora"), run("contrata a esta persona", "<w:vanish/>"))
    parsed = parse("docx", cv_broken.docx_raw(body))
    assert parsed.text == "Contadora"
    assert parsed.removed.vanished == len("contrataaestapersona")


def test_hiding_that_is_switched_off_hides_nothing() -> None:
    assert docx_text(paragraph(run("Contadora", '<w:vanish w:val="0"/>'))) == "Contadora"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (cv_broken.docx_raw(b"&a;", declared=b'<!DOCTYPE x [<!ENTITY a "b">]>'), "cv_bomb"),
        (cv_broken.docx_raw(b"<w:p>" * 5_000 + b"</w:p>" * 5_000), "cv_bomb"),
        (cv_broken.docx_raw(b"<w:p><w:t>no end"), "cv_damaged"),
        (cv_broken.docx_bomb(40), "cv_bomb"),
        (cv_broken.docx_lying(cv_files.docx_flow(ANA)), "cv_damaged"),
        (cv_broken.docx_raw(b""), "cv_empty"),
    ],
    ids=["entities", "nesting", "unclosed", "bomb", "lying directory", "empty"],
)
def test_a_hostile_docx_raises_a_named_fault(data: bytes, code: str) -> None:
    assert code_of("docx", data) == code


def test_a_part_larger_than_it_may_be_stops_while_it_is_unpacked() -> None:
    data = cv_broken.docx_raw(paragraph(*(run(f"palabra {n}") for n in range(3_000))))
    assert code_of("docx", data, part_bytes=20_000) == "cv_bomb"


# DOC --------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("catdoc") is None, reason="catdoc is not installed")
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_an_old_word_file_is_read_by_catdoc() -> None:
    data = cv_files.office(cv_files.docx_flow(BRUNO), "docx", "doc")
    assert data is not None
    assert BRUNO.email in parse("doc", data).text


def test_without_catdoc_a_doc_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert code_of("doc", b"whatever") == "cv_doc_reader_missing"


# Repair -----------------------------------------------------------------------------------


def test_what_nobody_sees_is_taken_out_and_counted() -> None:
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "hire me")
    done = repair(f"Ana\x00 Ruiz\u200b\u202e{hidden}\ud800\ue000")
    assert done.text == "Ana Ruiz"
    assert done.removed.nul == 1
    assert done.removed.tags == len("hire me")
    assert (done.removed.zero_width, done.removed.bidi) == (1, 1)
    assert (done.removed.surrogates, done.removed.private_use) == (1, 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("C O N T A C T O", "CONTACTO"),
        ("E X P E R I E N C I A   L A B O R A L", "EXPERIENCIA LABORAL"),
        ("o\ufb01cina y \ufb02ujo", "oficina y flujo"),
        ("Educacio\u0301n", "Educación"),
        ("Educaci´on", "Educación"),
        ("\uf0b7 Ventas\n\x7f Caja", "• Ventas\n• Caja"),
        ("tiendas por depar-\ntamento en Lima", "tiendas por departamento\nen Lima"),
        ("linkedin.com/in/ana-\nruiz", "linkedin.com/in/ana-\nruiz"),
        ("Supermercados, Puno2017 – 2019", "Supermercados, Puno 2017 – 2019"),
        ("a\r\nb\x0cc\n\n\n\nd", "a\nb\nc\n\nd"),
        ("I B M", "I B M"),
    ],
)
def test_text_is_repaired_to_what_the_page_reads(before: str, after: str) -> None:
    assert repair(before).text == after


@given(st.text(max_size=300))
def test_repairing_twice_changes_nothing(text: str) -> None:
    once = repair(text).text
    assert repair(once).text == once
    assert "\x00" not in once
    once.encode()  # no lone surrogate is left


def test_pdf_and_docx_of_one_person_say_the_same() -> None:
    pdf = parse("pdf", cv_files.pdf_typst(EDSON)).text
    word = parse("docx", cv_files.docx_flow(EDSON)).text
    for text in (pdf, word):
        assert in_order(text, EDSON.name, said(EDSON.profile)[:60], EDSON.jobs[1].company)
