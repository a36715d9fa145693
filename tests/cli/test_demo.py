"""`entrevistador demo`: a whole journey with any file, and plain words for a wrong one."""

import json
import subprocess
import tempfile
from pathlib import Path

import cv_files
import pytest
from cv_people import EDSON

from storage import embedded
from tests.cli.stack import command, environ


@pytest.fixture
def folder():
    """A folder that the embedded services can live in."""
    with tempfile.TemporaryDirectory(prefix="entrevistador-demo-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        embedded.destroy(Path(name) / "state")


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the command to its end."""
    return subprocess.run(
        command("demo", "--state-dir", str(folder / "state"), *arguments),
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
        env=environ(),
    )


@pytest.mark.timeout(180)
def test_the_sample_journey_ends_with_a_report(folder):
    """No arguments but --json: the last line holds cv, matches, interview and report."""
    done = demo(folder, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["cv"]["status"] == "ready"
    assert result["cv"]["pages"] == 2
    assert result["cv"]["language"] == "es"
    assert result["cv"]["profile"]["basics"]["name"]
    match = result["matches"][0]
    assert set(match) == {"opening_id", "score", "matched", "missing", "gates"}
    turns = result["interview"]["turns"]
    assert [turn["turn"] for turn in turns] == list(range(1, len(turns) + 1))
    assert len({turn["competency"] for turn in turns}) >= 3
    answers = {turn["turn"]: turn["answer"] for turn in turns}
    quotes = [quote for item in result["report"]["competencies"] for quote in item["quotes"]]
    assert quotes
    for quote in quotes:
        assert answers[quote["turn"]][quote["start"] : quote["end"]] == quote["text"]
    assert result["report"]["engine"] == result["interview"]["engine"] == "offline"
    assert (folder / "state" / "demo" / "report.html").exists()
    assert str(folder / "state" / "demo" / "report.html") in done.stderr


@pytest.mark.timeout(180)
def test_any_file_and_opening_in_another_language(folder):
    """A DOCX and an opening.json in Portuguese, with words of its own for the seniority."""
    (folder / "cv.docx").write_bytes(cv_files.docx_table(EDSON))
    (folder / "opening.json").write_text(
        json.dumps(
            {
                "title": "Analista de Dados",
                "category": "dados",
                "location": "São Paulo",
                "description": "Analisar dados",
                "must_have": ["SQL"],
                "nice_to_have": ["Python"],
                "seniority": "Pleno",
                "language": "pt-BR",
            }
        )
    )
    done = demo(
        folder,
        "--json",
        "--cv",
        str(folder / "cv.docx"),
        "--opening",
        str(folder / "opening.json"),
        "--locale",
        "pt",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["cv"]["language"] == "pt"
    assert "você" in " ".join(turn["question"].lower() for turn in result["interview"]["turns"])


@pytest.mark.timeout(180)
def test_a_wrong_file_gets_its_reason_and_exit_code_2(folder):
    """Missing, not JSON, no title, a folder: no services are started for these."""
    (folder / "broken.json").write_text("{")
    (folder / "untitled.json").write_text('{"category": "x"}')
    for arguments in (
        ("--cv", str(folder / "none.pdf")),
        ("--cv", str(folder)),
        ("--opening", str(folder / "none.json")),
        ("--opening", str(folder / "broken.json")),
        ("--opening", str(folder / "untitled.json")),
    ):
        done = demo(folder, *arguments)
        assert done.returncode == 2, arguments
        assert done.stderr.startswith("entrevistador demo: ")
        assert "Traceback" not in done.stderr
        assert not (folder / "state").exists()


@pytest.mark.timeout(180)
def test_a_refused_cv_is_said_in_the_readers_language(folder):
    """A password-protected PDF: exit 2, the reason on stderr, the state as JSON."""
    data = cv_files.encrypted(cv_files.pdf_one_column(EDSON), "secret")
    (folder / "cv.pdf").write_bytes(data)
    done = demo(folder, "--json", "--cv", str(folder / "cv.pdf"))
    assert done.returncode == 2
    assert "contraseña" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["cv"]["fault"] == "cv_encrypted"
