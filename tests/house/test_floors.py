"""The floors hold, and their check is seen to fail on every kind of import that breaks them."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.house.source import PACKAGES, ROOT

LINTER = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]


def configuration() -> dict[str, Any]:
    """What pyproject.toml says about imports."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)["tool"]["importlinter"]
    return found


def lint(folder: Path) -> tuple[int, str]:
    """Run the project's contracts over the packages of `folder`."""
    done = subprocess.run(
        [*LINTER, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def village(tmp_path: Path) -> Path:
    """Every package, empty, under the project's own contracts."""
    for package in (*PACKAGES, "loadtest/bench"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    return tmp_path


def test_the_floors_hold() -> None:
    """Every import of the product goes down."""
    code, said = lint(ROOT)
    assert code == 0, said


def test_every_package_stands_on_a_floor() -> None:
    """Nothing ships outside the contracts, and type-only imports count."""
    found = configuration()
    assert set(found["root_packages"]) == set(PACKAGES)
    layers = found["contracts"][0]["layers"]
    assert {name.strip() for layer in layers for name in layer.split("|")} == set(PACKAGES)
    assert found["exclude_type_checking_imports"] is False


def test_packages_without_imports_pass(village: Path) -> None:
    """What fails below fails for its import and not for the village."""
    code, said = lint(village)
    assert code == 0, said


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("storage/a.py", "import server\n"),
        ("server/a.py", "from pipeline import b\n"),
        ("protocol/a.py", "import typing\nif typing.TYPE_CHECKING:\n    import runtime"),
        ("interview/a.py", "def f():\n    import storage\n"),
        ("client/a.py", "import storage\n"),
        ("loadtest/visitor.py", "import server\n"),
        ("fleet/a.py", "import cli\n"),
        ("web/a.py", "import protocol\n"),
    ],
    ids=["up", "sideways", "for-types-only", "in-a-function", "client", "crowd", "cli", "files"],
)  # fmt: skip
def test_an_import_that_breaks_a_floor_is_found(village: Path, module: str, text: str) -> None:
    """A contract that lets this pass would be no contract."""
    (village / "pipeline" / "b.py").write_text("")
    (village / module).write_text(text)
    code, said = lint(village)
    assert code == 1, said
    assert "BROKEN" in said


def test_the_bench_may_look_in(village: Path) -> None:
    """The one exception is the measuring room."""
    (village / "loadtest" / "bench" / "a.py").write_text("import server\nimport storage\n")
    code, said = lint(village)
    assert code == 0, said
