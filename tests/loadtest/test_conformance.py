"""The conformance suite against the real server, and against one that does not conform."""

import json
import subprocess
import sys
from pathlib import Path

from loadtest import conformance, conformance_places
from loadtest.bench import seed
from loadtest.visitor import Invitation, write_invitations
from runtime.settings import Settings
from tests.loadtest.conftest import ROOT


async def _invitation(served: Settings) -> Invitation:
    seats = await seed.seed(served, 1, minutes=90)
    return seed.invitations(served, seats)[0]


async def test_the_server_conforms_to_the_wire(served: Settings):
    """Every case passes, the slow one too; those of places say what they need."""
    outcomes = await conformance.run(await _invitation(served), slow=True)
    assert len(outcomes) == len(conformance.CASES)
    places = {case.__name__ for case in conformance_places.CASES}
    assert {o.name for o in outcomes if o.result != "pass"} == places
    assert all(o.detail.startswith("needs") for o in outcomes if o.name in places)


async def test_the_command_tells_each_case_and_exits_with_zero(served: Settings, tmp_path: Path):
    """JSON lines with name, about and result."""
    path = tmp_path / "one.jsonl"
    write_invitations(path, [await _invitation(served)])
    run = subprocess.run(
        [
            sys.executable, "-m", "cli", "conformance", served.public_url,
            "--invitations", str(path), "--only", "ticket_once", "--json",
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(run.stdout)["result"] == "pass"


def test_a_server_that_is_not_there_is_told_without_a_stack_trace():
    """A wrong address and an unknown case are a person's mistakes: one line and exit code 2."""
    base = [sys.executable, "-m", "cli", "conformance", "http://127.0.0.1:9", "--invitation", "x"]
    run = subprocess.run(
        [*base, "--only", "subprotocol"], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "127.0.0.1:9" in run.stderr
    assert "Traceback" not in run.stderr
    run = subprocess.run(
        [*base, "--only", "dance"], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "no case 'dance'" in run.stderr


def test_every_case_says_what_it_is_about():
    """Names are unique and each has a sentence."""
    names = [case.__name__ for case in conformance.CASES]
    assert len(names) == len(set(names))
    assert all(case.__doc__ for case in conformance.CASES)
