"""The content of a file decides what it is, never its name."""

import io
import random
import zipfile

import pytest

from pipeline.stages.limits import ReadLimits
from pipeline.stages.validate import OLE, sniff, validate
from protocol.faults import KINDS, Fault
from protocol.refusals import LOCALES, MESSAGES, message
from tests import cv_broken, cv_files
from tests.cv_people import ANA, PEOPLE


def refused(data: bytes, name: str = "cv.pdf", **limits: int) -> tuple[str, str]:
    """Return the code and detail of the fault a file is refused with."""
    with pytest.raises(Fault) as caught:
        validate(data, name, limits=ReadLimits(**limits))
    return caught.value.code, caught.value.detail


def archive(*names: str, data: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as members:
        for name in names:
            members.writestr(name, data)
    return out.getvalue()


def test_a_pdf_is_a_pdf_under_any_name() -> None:
    assert validate(cv_files.pdf_one_column(ANA), "foto.jpg") == "pdf"


def test_junk_before_a_pdf_is_forgiven() -> None:
    assert validate(b"\n" * 200 + cv_files.pdf_one_column(ANA), "") == "pdf"


def test_a_docx_called_doc_is_a_docx() -> None:
    assert validate(cv_files.docx_flow(ANA), "cv.doc") == "docx"


@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\x00" * 50, b"\xef\xbb\xbf\n"])
def test_a_file_without_a_letter_is_empty(data: bytes) -> None:
    assert refused(data)[0] == "cv_empty"


@pytest.mark.parametrize(
    ("data", "really"),
    [
        ("María Rojas\nContadora\n".encode(), "text"),
        ("Currículo".encode("utf-16"), "text"),
        ("Currículo de María".encode("latin-1"), "text"),
        (b"BMW mecanico con experiencia", "text"),
        (b"{\\rtf1\\ansi Hola}", "rtf"),
        (b"  <!DOCTYPE html><html><body>CV", "html"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "image"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "image"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image"),
        (b"\x00\x00\x00\x20ftypheic" + bytes(8), "image"),
        (bytes(range(256)) * 20, "unknown"),
        (archive("foto.jpg"), "zip"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "spreadsheet"),
        (archive("[Content_Types].xml", "ppt/slides.xml"), "slides"),
        (OLE + bytes(600) + "Workbook".encode("utf-16-le"), "spreadsheet"),
        (OLE + bytes(600), "unknown"),
    ],
)
def test_what_is_no_cv_file_is_refused_by_what_it_is(data: bytes, really: str) -> None:
    assert refused(data) == ("cv_not_a_cv_file", really)


def test_an_odt_is_named_as_one() -> None:
    data = archive("mimetype", data=b"application/vnd.oasis.opendocument.text")
    assert refused(data) == ("cv_not_a_cv_file", "odt")


def test_more_than_the_limit_is_too_large_whatever_it_is() -> None:
    assert refused(b"%PDF-" + bytes(200), file_bytes=100)[0] == "cv_too_large"
    assert refused(bytes(200), file_bytes=100)[0] == "cv_too_large"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_pdf_cut_short_is_damaged_and_never_read_in_part(share: float) -> None:
    whole = cv_files.pdf_one_column(ANA)
    assert refused(whole[: int(len(whole) * share)])[0] == "cv_damaged"


def test_a_docx_cut_short_is_damaged() -> None:
    whole = cv_files.docx_flow(ANA)
    assert refused(whole[: len(whole) // 2])[0] == "cv_damaged"


def test_a_docx_that_would_unpack_too_far_is_a_bomb_before_anything_is_unpacked() -> None:
    assert refused(cv_broken.docx_bomb(30))[0] == "cv_bomb"


def test_an_archive_with_a_giant_directory_is_a_bomb_before_it_is_read() -> None:
    data = bytearray(archive("[Content_Types].xml", "word/document.xml"))
    end = data.rfind(b"PK\x05\x06")
    data[end + 12 : end + 16] = (40 << 20).to_bytes(4, "little")
    assert refused(bytes(data))[0] == "cv_bomb"


def test_a_picture_inside_a_docx_may_shrink_as_it_likes() -> None:
    data = archive("[Content_Types].xml", "word/document.xml", "word/media/a.bmp")
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as members:
        members.writestr("word/media/b.bmp", bytes(5 << 20))
    assert validate(out.getvalue()) == "docx"


def test_a_docx_with_a_password_is_encrypted() -> None:
    assert refused(OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"))[0] == "cv_encrypted"


def test_an_old_word_file_with_a_password_is_encrypted() -> None:
    header = b"\xec\xa5" + bytes(8) + (0x0100).to_bytes(2, "little") + bytes(500)
    names = "WordDocument".encode("utf-16-le")
    assert refused(OLE + bytes(504) + header + names)[0] == "cv_encrypted"
    plain = b"\xec\xa5" + bytes(510)
    assert validate(OLE + bytes(504) + plain + names) == "doc"


def test_random_bytes_are_never_taken_for_a_cv() -> None:
    source = random.Random(7)
    for size in (1, 10, 1_000, 100_000):
        assert sniff(source.randbytes(size) + b"\x01") in ("unknown", "text", "image", "zip")


def test_every_maker_makes_what_it_says() -> None:
    for person in PEOPLE:
        assert validate(cv_files.docx_table(person)) == "docx"
        assert validate(cv_files.pdf_two_columns(person)) == "pdf"


def test_every_refusal_is_told_in_three_languages_with_what_to_do_next() -> None:
    assert set(MESSAGES) <= set(KINDS)
    for code, texts in MESSAGES.items():
        assert set(texts) == set(LOCALES), code
        for text in texts.values():
            assert len(text.split(". ")) > 1 or "(" in text, text


def test_a_refusal_says_what_the_file_really_is() -> None:
    assert "imagen" in message("cv_not_a_cv_file", "es", "image")
    assert "plain text" in message("cv_not_a_cv_file", "en", "text")
    assert message("no_such_code", "fr") == MESSAGES["cv_crashed"]["es"]
