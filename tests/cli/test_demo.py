"""`entrevistador demo`: a whole journey with any file, and plain words for a wrong one."""

import asyncio
import json
import signal
import subprocess
import tempfile
from pathlib import Path

import cv_broken
import cv_files
import pytest
from cv_people import EDSON

from cli import meeting, wipe
from cli.words import WORDS
from client.rest import Api
from protocol.refusals import LOCALES, MESSAGES
from storage import embedded
from tests.cli.stack import Up, command, environ, up


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
        command("demo", "--state", str(folder / "state"), *arguments),
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
        env=environ(),
    )


@pytest.mark.timeout(300)
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


@pytest.mark.timeout(300)
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
    for key in ("matches", "interview", "report", "offline", "completed"):
        assert WORDS[key]["pt"] in done.stderr, key
    assert "você" in " ".join(turn["question"].lower() for turn in result["interview"]["turns"])


@pytest.mark.timeout(300)
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


@pytest.mark.timeout(300)
def test_a_refused_cv_is_said_in_the_readers_language(folder):
    """A password-protected PDF: exit 2, the reason on stderr, the state as JSON."""
    data = cv_files.encrypted(cv_files.pdf_one_column(EDSON), "secret")
    (folder / "cv.pdf").write_bytes(data)
    done = demo(folder, "--json", "--cv", str(folder / "cv.pdf"))
    assert done.returncode == 2
    assert "contraseña" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["cv"]["fault"] == "cv_encrypted"


@pytest.mark.timeout(300)
def test_a_picture_of_a_cv_goes_on_without_a_profile_and_says_so_in_words(folder):
    """No text, no match; the interview takes place all the same, and no code is shown."""
    (folder / "cv.pdf").write_bytes(cv_broken.scanned())
    done = demo(folder, "--json", "--cv", str(folder / "cv.pdf"), "--locale", "en")
    assert done.returncode == 0, done.stderr
    assert MESSAGES["cv_needs_ocr"]["en"] in done.stderr
    assert "needs_ocr" not in done.stderr
    assert WORDS["no_match"]["en"] in done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["cv"]["status"], result["cv"]["profile"]) == ("needs_ocr", None)
    assert result["matches"] == []
    assert result["interview"]["turns"]
    assert result["report"]["competencies"]


@pytest.mark.timeout(300)
def test_wiping_a_state_folder_deletes_the_house_and_nothing_else(folder):
    """Refused where no house was or one is at work; a stranger's file stays."""
    state = folder / "state"
    assert wipe.main([str(folder)]) == 2
    assert wipe.main([str(state)]) == 0
    assert demo(folder).returncode == 0
    (state / "mine.txt").write_text("mine")
    with meeting.alone(state, meeting.UP_LOCK):
        assert wipe.main([str(state)]) == 1
    assert wipe.main([str(state)]) == 0
    assert [path.name for path in state.iterdir()] == ["mine.txt"]


async def in_the_house(stack: Up) -> tuple[list[dict], list[dict]]:
    """The openings there are, and the candidates that were not erased."""
    async with Api(stack.base_url, stack.token("recruiter")) as api:
        openings = (await api.get("/openings?limit=200"))["items"]
        people = (await api.get("/candidates?limit=200"))["items"]
    return openings, [one for one in people if one["erased_at"] is None]


@pytest.mark.timeout(400)
def test_demos_leave_a_house_as_they_found_it():
    """One opening of their own, closed again, and the last one's candidate; cut short, nobody."""
    with up() as stack:
        [sample], [invited] = asyncio.run(in_the_house(stack))
        own = set()
        for _ in range(2):
            done = demo(stack.state.parent, "--json")
            assert done.returncode == 0, done.stderr
            matches = json.loads(done.stdout.splitlines()[-1])["matches"]
            own.add(matches[0]["opening_id"])
            assert [match["opening_id"] for match in matches[1:]] == [sample["id"]]
            openings, people = asyncio.run(in_the_house(stack))
            assert {one["id"]: one["status"] for one in openings} == {
                matches[0]["opening_id"]: "closed",
                sample["id"]: "open",
            }
            assert len(people) == 2
        assert len(own) == 1
        assert cut_short(stack) == 130
        openings, people = asyncio.run(in_the_house(stack))
        assert [one["id"] for one in openings if one["status"] == "open"] == [sample["id"]]
        assert len(openings) == 2
        assert [one["id"] for one in people] == [invited["id"]]


def cut_short(stack: Up) -> int:
    """End a demo in its interview as Ctrl-C does; its exit code.

    By SIGTERM: whoever runs the tests in the background has SIGINT ignored, here as well.
    """
    with subprocess.Popen(
        command("demo", "--state", str(stack.state)),
        stderr=subprocess.PIPE,
        text=True,
        env=environ(),
    ) as process:
        told = []
        for line in process.stderr:
            told.append(line)
            if WORDS["interview"]["es"] in line:
                process.send_signal(signal.SIGTERM)
        assert WORDS["cut"]["es"] in told[-1]
        assert "Traceback" not in "".join(told)
        return process.wait(timeout=60)


def test_every_text_is_in_every_language():
    """The same places to fill in, and none left empty."""
    for key, texts in WORDS.items():
        assert set(texts) == set(LOCALES), key
        assert all(texts.values()), key
        places = [sorted(part for part in text.split("{")[1:]) for text in texts.values()]
        assert len({len(found) for found in places}) == 1, key
