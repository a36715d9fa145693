"""`entrevistador cv FILE`: one line for programs, a page for people, a reason for refusals."""

import argparse
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from cli import cv, sample
from protocol.refusals import MESSAGES
from tests import cv_broken, cv_files
from tests.cv_people import ANA, EDSON


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    cv.add(parser.add_subparsers(required=True))
    args = parser.parse_args(["cv", *words])
    return int(args.run(args))


def one_line(out: str) -> dict[str, Any]:
    assert out.endswith("\n")
    assert out.count("\n") == 1
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ana.pdf").write_bytes(cv_files.pdf_two_columns(ANA))
    (tmp_path / "edson.docx").write_bytes(cv_files.docx_table(EDSON))
    (tmp_path / "vacio.pdf").write_bytes(b"")
    (tmp_path / "cortado.pdf").write_bytes(cv_files.pdf_one_column(ANA)[:1200])
    (tmp_path / "texto.pdf").write_text("Ana Paredes\nAnalista", encoding="utf-8")
    (tmp_path / "clave.pdf").write_bytes(cv_files.encrypted(cv_files.pdf_one_column(ANA), "x"))
    (tmp_path / "foto.pdf").write_bytes(cv_broken.scanned())
    with (tmp_path / "grande.pdf").open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(60 << 20)
    return tmp_path


def test_json_is_one_line_with_the_agreed_fields(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(folder / "ana.pdf"), "--json") == 0
    said = capsys.readouterr()
    line = one_line(said.out)
    assert list(line) == [
        "kind", "status", "fault", "pages", "language", "text_chars", "profile"
    ]  # fmt: skip
    assert (line["kind"], line["status"], line["fault"]) == ("pdf", "ok", None)
    assert (line["pages"], line["language"]) == (1, "es")
    assert line["profile"]["basics"]["name"] == ANA.name
    assert line["profile"]["evidence"]["/basics/name"]["source"] == "deterministic"
    assert said.err == ""


def test_people_get_a_page_in_spanish(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(folder / "edson.docx")) == 0
    out = capsys.readouterr().out
    assert EDSON.name in out
    assert "2020-03 a actualidad: Analista de Logística, Varejo Bom Preço Ltda" in out
    assert "Habilidades" in out


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("vacio.pdf", "cv_empty"),
        ("cortado.pdf", "cv_damaged"),
        ("texto.pdf", "cv_not_a_cv_file"),
        ("grande.pdf", "cv_too_large"),
        ("clave.pdf", "cv_encrypted"),
    ],
)
@pytest.mark.parametrize("locale", ["es", "en", "pt"])
def test_a_refusal_is_2_with_its_reason_in_the_readers_language(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, fault: str, locale: str
) -> None:
    assert run(str(folder / name), "--json", "--locale", locale) == 2
    said = capsys.readouterr()
    line = one_line(said.out)
    assert (line["status"], line["fault"], line["profile"]) == ("refused", fault, None)
    assert MESSAGES[fault][locale].split(". ")[-1] in said.err
    assert said.err.count("\n") == 1


def test_a_text_called_pdf_is_told_to_be_text(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(folder / "texto.pdf")) == 2
    said = capsys.readouterr()
    assert "es texto sin formato" in said.err
    assert said.out == ""


def test_a_scan_is_0_and_says_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(folder / "foto.pdf"), "--json") == 0
    said = capsys.readouterr()
    assert one_line(said.out)["status"] == "needs_ocr"
    assert "imagen" in said.err


@pytest.mark.parametrize("name", ["no-existe.pdf", "."])
def test_what_is_no_file_is_2_in_plain_words(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run(str(folder / name)) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_pipe_is_not_waited_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(folder / "tubo.pdf")
    assert run(str(folder / "tubo.pdf"), "--locale", "en") == 2
    assert "not a regular file" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ana.pdf").chmod(stat.S_IWUSR)
    assert run(str(folder / "ana.pdf")) == 2
    assert "permiso" in capsys.readouterr().err


def test_permission_is_told_from_absence(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(cv, "load", refuse)
    assert run(str(folder / "ana.pdf")) == 2
    assert "no hay permiso" in capsys.readouterr().err


def test_nothing_of_the_cv_goes_to_standard_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(str(folder / "ana.pdf"))
    run(str(folder / "clave.pdf"))
    assert ANA.email not in capsys.readouterr().err


def test_the_sample_cv_is_two_pages_of_spanish_that_match_the_sample_opening_in_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cv.pdf").write_bytes(sample.sample_cv())
    assert run(str(tmp_path / "cv.pdf"), "--json") == 0
    line = one_line(capsys.readouterr().out)
    assert (line["pages"], line["language"]) == (2, "es")
    profile = line["profile"]
    assert [job["position"] for job in profile["work"]] == [
        "Analista Senior de Planeamiento Financiero",
        "Analista de Control Presupuestal",
        "Asistente de Contabilidad",
        "Practicante de Finanzas",
    ]
    levels = {skill["name"]: skill.get("level") for skill in profile["skills"]}
    assert levels["Excel"] == "avanzado"
    assert levels["SQL"] == "intermedio"  # the opening asks for advanced
    assert "Tableau" not in levels
    opening = json.loads(sample.sample_opening())
    assert set(opening) == {
        "title", "category", "location", "description", "must_have", "nice_to_have", "seniority",
        "language",
    }  # fmt: skip
