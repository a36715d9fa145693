"""What ships: a wheel with everything a process reads, and an image made of files that exist."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.source import PACKAGES, ROOT

NEEDED = (
    "interview/bank/es.json",
    "interview/bank/en.json",
    "interview/bank/pt.json",
    "storage/migrations/0001_house.sql",
    "storage/scripts/claim.lua",
    "llm/tiers.json",
    "llm/prompts/question.001.md",
    "web/i/index.html",
    "web/recruiter/index.html",
    "web/operator/index.html",
    "web/client/session.js",
    "web/client/entrevistador.d.ts",
    "cli/sample/cv.pdf",
    "cli/sample/opening.json",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as the image builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "-q", "--no-index", "--no-deps"),
            *("--no-build-isolation", "-w", str(folder), str(ROOT)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_every_file_of_every_package(wheel: Path) -> None:
    """Code, bank, migrations, scripts, pages, prompts, tiers and samples; and nothing else."""
    inside = set(zipfile.ZipFile(wheel).namelist())
    outside = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(NEEDED) <= outside
    assert outside - inside == set()
    extra = {name for name in inside - outside if ".dist-info/" not in name}
    assert not extra


def test_an_unpacked_wheel_runs_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    """Also from one that holds a module with one of our names."""
    place = tmp_path / "unpacked"
    zipfile.ZipFile(wheel).extractall(place)
    (tmp_path / "protocol.py").write_text("raise SystemExit('the wrong one')\n")
    env = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(place)}
    told = subprocess.run(
        [sys.executable, "-c", "import cli, web; print(cli.__file__, web.__file__)"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert all(Path(name).is_relative_to(place) for name in told.stdout.split())
    helped = subprocess.run(
        [sys.executable, "-m", "cli", "--help"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "serve" in helped.stdout


def _dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def test_the_image_is_made_of_files_that_exist_and_are_let_in() -> None:
    """COPY finds its sources, .dockerignore lets them in, and every package is copied."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", _dockerfile(), re.MULTILINE)
    sources = {name for line in copied for name in line.split()}
    assert set(PACKAGES) <= sources
    assert {"requirements.lock", "pyproject.toml", "README.md", "LICENSE"} <= sources
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    for name in sources:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name


def test_the_image_runs_as_nobody_special() -> None:
    """Not root, nothing imported from the folder it stands in, a signal that drains."""
    text = _dockerfile()
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "PYTHONSAFEPATH=1" in text
    assert "--require-hashes -r requirements.lock" in text
    assert re.search(r"^STOPSIGNAL SIGTERM$", text, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \[.*"entrevistador"\]$', text, re.MULTILINE)
    assert text.index("USER 10001") < text.index("ENTRYPOINT")


def test_every_pin_has_a_hash_and_names_no_place() -> None:
    """The locks say what and which, never from where."""
    for name in ("requirements.lock", "requirements-test.lock"):
        text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        assert len(lines) > 10
        for line in lines:
            assert re.match(r"^[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+", line), line[:80]
            assert "--hash=sha256:" in line, line[:80]
            assert "://" not in line, line[:80]
