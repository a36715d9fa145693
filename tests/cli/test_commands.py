"""Every command: its help, its version, and one clear line for whatever can't be used."""

import importlib.metadata
import subprocess

import pytest

from cli.__main__ import COMMANDS
from tests.cli.stack import command, environ

NOWHERE = {
    "ENTREVISTADOR_SECRET": "0123456789abcdef0123456789abcdef",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run a command to its end."""
    return subprocess.run(
        command(*arguments),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environ(**variables),
    )


def test_the_version_is_the_package_s():
    """Nothing else knows it."""
    done = run("--version")
    version = importlib.metadata.version("entrevistador")
    assert (done.returncode, done.stdout) == (0, f"entrevistador {version}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_its_options(name):
    """Help on standard output, exit 0; an option that does not exist is 2 and one line."""
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: entrevistador {name}")
    assert done.stderr == ""
    wrong = run(name, "--no-such-option")
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert f"entrevistador {name} --help" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        ((), {}),
        (("nothing",), {}),
        (("up", "--port", "99999"), {}),
        (("up", "--port", "x"), {}),
        (("up", "--instances", "0"), {}),
        (("up", "--state", "/dev/null/state"), {}),
        (("up",), {"ENTREVISTADOR_TYPO": "1"}),
        (("up",), {"REDIS_URL": "redis://127.0.0.1:1/0"}),
        (("demo", "--locale", "fr"), {}),
        (("demo", "--cv"), {}),
        (("demo", "--cv", "/dev/null"), {}),
        (("demo", "--state", "/dev/null/state"), {}),
        (("cv",), {}),
        (("cv", "/no/such/file.pdf"), {}),
        (("serve", "--role", "judge"), {}),
        (("serve", "--port", "-1"), {}),
        (("serve",), {"ENTREVISTADOR_STATE_DIR": "/no/such/state"}),
        (("serve",), {"DATABASE_URL": "mysql://a@b/c", **NOWHERE}),
        (("migrate",), {"DATABASE_URL": "nothing", **NOWHERE}),
        (("work",), {"DATABASE_URL": "postgresql://a@b/c", **NOWHERE, "REDIS_URL": "nothing"}),
        (("work", "--lanes", "fast"), {}),
        (("work", "--threads", "0"), {}),
        (("relay", "--sweep", "sometimes"), {}),
        (("model", "--host", "192.0.2.1"), {}),
        (("model", "--fault", "no-such-fault"), {}),
        (("invitations", "--count", "0", "--out", "x"), {}),
        (("conformance", "nothing", "--invitation", "x"), {}),
        (("conformance", "http://127.0.0.1:1", "--invitation", "x"), {}),
        (("conformance", "http://127.0.0.1:1", "--invitations", "/no/such/file"), {}),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(arguments, variables):
    """Exit 2, one line on standard error, nothing on standard output, no stack trace."""
    done = run(*arguments, **variables)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""


def test_a_service_that_is_away_is_1_and_one_line():
    """It is nobody's mistake, and may be there the next time."""
    done = run("migrate", DATABASE_URL="postgresql://a:b@127.0.0.1:1/c", **NOWHERE)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "PostgreSQL" in done.stderr


def test_the_client_is_written_where_it_is_wanted(tmp_path):
    """One module and its types; a folder that cannot be is one clear line."""
    done = run("wire", "--client", str(tmp_path / "site"))
    assert (done.returncode, done.stderr) == (0, "")
    names = sorted(path.name for path in (tmp_path / "site").iterdir())
    assert names == ["entrevistador.d.ts", "entrevistador.js"]
    (tmp_path / "file").write_text("")
    done = run("wire", "--client", str(tmp_path / "file" / "site"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
