"""The load test against a real server: whole interviews, a probe beside it, a verdict file."""

import subprocess
import sys
from pathlib import Path

import pytest

from loadtest import verdict
from loadtest.bench import seed
from loadtest.visitor import write_invitations
from runtime.settings import Settings
from tests.loadtest.conftest import ROOT

pytestmark = pytest.mark.timeout(300)  # a load test takes as long as the machine needs


async def test_locust_lives_through_whole_interviews_and_writes_a_verdict(
    served: Settings, tmp_path: Path
):
    """Every kind of candidate and a storm; nothing lost or doubled, nobody empty-handed."""
    seats = await seed.seed(served, 120, minutes=20, turns_max=3)
    invitations = tmp_path / "invitations.jsonl"
    write_invitations(invitations, seed.invitations(served, seats))
    run = subprocess.run(
        [
            sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless",
            "--phase", "mvp", "--crowd", "20", "--ramp", "10", "--think-seconds", "0.5",
            "--steady-seconds", "12", "--storm-at", "5", "--probe", "1", "--only-summary",
            "--invitations", str(invitations), "--verdict", str(tmp_path / "verdict.json"),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert (tmp_path / "verdict.json").exists(), run.stdout + run.stderr
    found = verdict.read(tmp_path / "verdict.json")
    assert found.failures == {}, run.stdout + run.stderr
    assert found.turns > 0
    assert found.interviews_finished > 0
    assert found.probe is not None
    assert found.probe.turns > 0
    assert found.probe.failures == {}
    assert "answer_accepted" in found.latencies[verdict.CANDIDATE]
    assert found.did.keys() == {
        verdict.CANDIDATE, verdict.PHONE, verdict.DUPLICATES, verdict.RECONNECTOR,
        verdict.SLOW_READER,
    }  # fmt: skip
    assert all(done[verdict.VISITS] > 0 for done in found.did.values())
    assert found.did[verdict.DUPLICATES]["answers_over_two_connections"] > 0
    assert found.did[verdict.SLOW_READER]["stopped_reading"] > 0
    assert 0 < found.inside_max <= 20
    assert found.storm is not None
    assert found.storm.cut > 0
    assert found.storm.not_back == 0
    assert "server" in found.cores
    assert run.returncode == verdict.exit_code(found)
    assert "verdict:" in run.stdout


def test_a_load_test_that_nobody_took_part_in_has_failed(tmp_path: Path):
    """No invitations: zero answers, exit code 1, and the verdict says so."""
    run = subprocess.run(
        [
            sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless",
            "--crowd", "1", "--ramp", "1", "--steady-seconds", "1", "--probe", "0",
            "--verdict", str(tmp_path / "verdict.json"),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert run.returncode == 1, run.stdout + run.stderr
    found = verdict.read(tmp_path / "verdict.json")
    assert not found.ok
    assert not next(c for c in found.checks if c.name == "answers accepted").ok
