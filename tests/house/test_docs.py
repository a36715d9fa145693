"""The documents tell the truth: what they name exists, what they say to type works."""

import importlib.util
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import msgspec
import pytest

from cli.__main__ import COMMANDS
from runtime.settings import PLAIN, PREFIX, Settings
from tests.house.rules import RULES
from tests.house.source import PACKAGES, ROOT

DOCS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
MADE = (".venv", ".state", "build", "dist", "entrevistador.js")  # appear when commands run
# A path is named in backticks: it has a slash or one of these endings, and nothing a path has not.
PATH = re.compile(r"^\.?[A-Za-z0-9_-][A-Za-z0-9_./{},*-]*$")
ENDINGS = (".py", ".md", ".sql", ".lua", ".json", ".toml", ".lock", ".js", ".css", ".html", ".yml")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def ticked(text: str) -> list[str]:
    """What stands in backticks outside of blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```[\s\S]*?```", "", text))


def commands(text: str) -> list[str]:
    """Lines of shell blocks and what stands in backticks: where commands are told."""
    blocks = re.findall(r"```(?:sh|bash|console)?\n([\s\S]*?)```", text)
    return [line for block in blocks for line in block.splitlines()] + ticked(text)


def missing_paths(text: str) -> list[str]:
    """The paths in backticks that lead nowhere."""
    found = []
    for name in ticked(text):
        looks = PATH.match(name) and ("/" in name or name.endswith(ENDINGS))
        if not looks or name.startswith(MADE) or "://" in name:
            continue
        found += [one for one in _braces(name) if not _exists(one)]
    return found


def _exists(name: str) -> bool:
    """Whether a path is there, from the project's root or, a bare name, in any of its folders."""
    if list(ROOT.glob(name.rstrip("/"))):
        return True
    return "/" not in name and any(list((ROOT / one).rglob(name)) for one in (*PACKAGES, "docs"))


def _braces(name: str) -> list[str]:
    found = re.match(r"^(.*)\{([^}]*)\}(.*)$", name)
    if not found:
        return [name]
    return [f"{found[1]}{one}{found[3]}" for one in found[2].split(",")]


def unknown_commands(text: str) -> list[str]:
    """Console commands, make targets and modules that do not exist."""
    found = []
    for line in commands(text):
        named = re.findall(r"(?<![\w./-])(?:\.venv/bin/)?entrevistador ([a-z][a-z-]+)", line)
        found += [f"entrevistador {name}" for name in named if name not in COMMANDS]
        named = re.findall(r"(?:^|[\s&;])make ([a-z][a-z-]*)", line)
        found += [f"make {name}" for name in named if name not in targets()]
        named = re.findall(r"python3? -m ([a-z_][a-z_.]*)", line)
        found += [f"python -m {name}" for name in named if not importlib.util.find_spec(name)]
    return found


@cache
def targets() -> frozenset[str]:
    """The targets of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z][a-z-]*):(?!=)", text, re.MULTILINE))


def broken_links(path: Path, text: str) -> list[str]:
    """Links to files or headings that are not there."""
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```[\s\S]*?```", "", text)):
        if re.match(r"^[a-z]+:", link):
            continue
        name, _, heading = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (heading and heading not in _headings(target)):
            found.append(link)
    return found


def _headings(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in found}


@pytest.mark.parametrize("path", DOCS, ids=_name)
def test_every_path_a_document_names_exists(path: Path) -> None:
    """A reader who looks there finds it."""
    assert missing_paths(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", DOCS, ids=_name)
def test_every_command_a_document_names_exists(path: Path) -> None:
    """A reader who types it gets what is told."""
    assert unknown_commands(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", DOCS, ids=_name)
def test_every_link_between_documents_arrives(path: Path) -> None:
    """Files and headings."""
    assert broken_links(path, path.read_text(encoding="utf-8")) == []


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    """The three checks above can fail."""
    text = (
        "See `server/nowhere.py`, `server/{app,nothing}.py`, run `entrevistador fly` or\n"
        "```sh\nmake coffee && python -m nowhere\n```\n[a](nowhere.md) [b](#nothing)\n# A title\n"
    )
    page = tmp_path / "page.md"
    page.write_text(text)
    assert missing_paths(text) == ["server/nowhere.py", "server/nothing.py"]
    assert sorted(unknown_commands(text)) == [
        "entrevistador fly",
        "make coffee",
        "python -m nowhere",
    ]
    assert broken_links(page, text) == ["nowhere.md", "#nothing"]
    assert broken_links(page, "[t](#a-title)\n# A title\n") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps(command: str) -> None:
    """`--help` prints what a command does and ends well."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"entrevistador {command}" in done.stdout


def test_the_readme_names_every_command() -> None:
    """What can be typed can be found."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"entrevistador {name}" not in text] == []
    helped = {name for name in targets() if name not in ("ready", "help")}
    assert [name for name in sorted(helped) if f"make {name}" not in text] == []


def test_make_help_lists_every_target() -> None:
    """`make help` is generated, and no target hides."""
    make = shutil.which("make")
    assert make
    done = subprocess.run(
        [make, "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    listed = set(re.findall(r"^  ([a-z-]+) ", done.stdout, re.MULTILINE))
    assert listed == targets() - {"ready"}


def test_operations_lists_every_setting_with_its_default() -> None:
    """The table is the struct's: no setting is missing, invented or told wrong."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \|", text, re.MULTILINE))
    plain = {field: variable for variable, field in PLAIN.items()}
    expected = {}
    for field in msgspec.structs.fields(Settings):
        variable = plain.get(field.name, PREFIX + field.name.upper())
        default = field.default
        if isinstance(default, bool):
            default = str(default).lower()
        expected[variable] = f"`{default}`" if default not in ("", ()) else "—"
    assert {name: value.strip() for name, value in rows.items()} == expected


def test_the_architecture_names_every_rule_and_every_invariant() -> None:
    """What is checked is told, and what is told is checked."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [rule.name for rule in RULES if f"`{rule.name}`" not in text] == []
    invariants = text.partition("## Invariants")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \|.*\| (.+) \|$", invariants, re.MULTILINE)
    assert [number for number, _ in rows] == [str(n) for n in range(1, 11)]
    for number, check in rows:
        assert "tests/" in check or "rule `" in check, f"invariant {number} names no check"


def test_every_decision_is_in_the_index() -> None:
    """And has the four parts that a page is for."""
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(folder.glob("[0-9]*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert len(set(numbers)) == len(numbers)
    for page in pages:
        assert f"({page.name})" in index, page.name
        text = page.read_text(encoding="utf-8")
        for part in ("## Context", "## Decision", "## Alternatives", "## How it is left again"):
            assert part in text, f"{page.name} has no {part}"


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    """The project is built anywhere, from wherever its packages come."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        names = [path for path in ROOT.rglob("*") if path.is_file()]
    else:
        listed = subprocess.run(
            [git, "ls-files", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        names = [ROOT / name for name in listed.stdout.split("\0") if name]
    banned = re.compile(
        r"--(extra-)?index-" + r"url|\bfind-" + r"links\b"
        r"|" + r"pypi\.(org|io)|files\.python" + r"hosted"
        r"|/(root|home)/[a-z.]+/|/work/" + r"(main|shared)|[\"']resolved[\"']\s*:"
    )  # fmt: skip
    found = []
    for path in names:
        made = {".venv", ".venv-peers"} & set(path.parts)
        if path.is_file() and path.stat().st_size < 2_000_000 and not made:
            text = path.read_text(encoding="utf-8", errors="ignore")
            found += [f"{_name(path)}: {hit[0]}" for hit in banned.finditer(text)]
    assert found == []
