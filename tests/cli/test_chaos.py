"""`entrevistador chaos`: a short storm over a real house, and plans that can't be read."""

import json
import subprocess

import pytest

from cli import chaos_rolling
from loadtest import chaos
from runtime.settings import Settings
from tests.cli.stack import command, environ


@pytest.mark.timeout(300)
def test_a_short_storm_loses_nothing():
    """Two instances, every kind of blow once: nothing lost, doubled or reordered, all finish."""
    done = subprocess.run(
        command(
            "chaos",
            "--sessions",
            "12",
            "--instances",
            "2",
            "--turns",
            "3",
            "--seed",
            "3",
            "--think-seconds",
            "0.4",
            "--kill",
            "server:1,worker:1,valkey:1,postgres:1",
            "--json",
        ),
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
        env=environ(),
    )
    assert done.returncode == 0, done.stderr + done.stdout
    verdict = json.loads(done.stdout.splitlines()[-1])
    assert verdict["blows"] == 4
    assert verdict["acked"] == 12 * 3
    assert (verdict["lost"], verdict["duplicated"], verdict["reordered"]) == (0, 0, 0)
    assert verdict["finished"] == 12
    explained = verdict["distinct_asks"] + verdict["counted_again"]
    assert 0 < verdict["model_calls"] <= explained  # while stores are away the bank may ask


@pytest.mark.timeout(300)
def test_a_short_rolling_restart_is_noticed_by_nobody():
    """Every instance replaced once: everybody moved, nobody cut or refused, nothing lost."""
    done = subprocess.run(
        command(
            "chaos",
            "--rolling",
            "1",
            "--sessions",
            "12",
            "--instances",
            "2",
            "--think-seconds",
            "1",
            "--json",
        ),
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
        env=environ(),
    )
    assert done.stdout, done.stderr
    verdict = json.loads(done.stdout.splitlines()[-1])
    assert (verdict["rounds"], verdict["restarts"]) == (1, 2)
    assert verdict["moved"] >= 12
    assert (verdict["cut"], verdict["bounced"], verdict["refused"]) == ({}, {}, [])
    assert (verdict["lost"], verdict["duplicated"], verdict["reordered"]) == (0, 0, 0)
    assert verdict["finished"] == 12


@pytest.mark.parametrize(
    ("sessions", "instances", "cap"), [(200, 3, 100), (201, 3, 101), (12, 2, 12), (7, 8, 4)]
)
def test_the_survivors_of_a_kill_can_hold_everybody_and_nobody_more(sessions, instances, cap):
    """The cap is the crowd over one instance fewer, rounded up; four is the fewest there can be."""
    ladder = chaos_rolling.ladder(sessions, instances)
    assert ladder["hard_cap_sessions"] == cap
    assert ladder["admit_sessions"] * instances >= sessions  # before a kill all are let in
    Settings(**ladder)  # relations that cannot work are refused here


@pytest.mark.parametrize("plan", ["server", "server:x", "fire:1", "server:-1", "server:1;valkey:2"])
def test_a_plan_that_cannot_be_read_is_named(plan):
    """Exit 2, the part that is wrong, no stack trace, nothing started."""
    done = subprocess.run(
        command("chaos", "--kill", plan),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=environ(),
    )
    assert done.returncode == 2
    assert "expected KIND:COUNT" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_seed_strikes_at_the_same_moments():
    """A storm can be repeated."""
    kills = chaos.parse_kills("server:3, freeze:1")
    blows = chaos.schedule(kills, seconds=60, seed=5)
    assert blows == chaos.schedule(kills, seconds=60, seed=5)
    assert blows != chaos.schedule(kills, seconds=60, seed=6)
    assert [blow.kind for blow in blows].count("server") == 3
    assert all(0 < blow.at <= 60 for blow in blows)


async def test_a_lie_in_the_record_is_found():
    """The judge is not blind: a missing, a doubled and a swapped answer are counted."""
    books = [
        chaos.Book(number, acked={1: "a", 2: "b"}, finished="completed") for number in range(4)
    ]
    records = {
        0: [(1, "a"), (2, "b")],
        1: [(1, "a")],
        2: [(1, "a"), (2, "b"), (3, "b")],
        3: [(1, "b"), (2, "a")],
    }

    async def read(number):
        return records[number]

    calls = chaos.Calls(made=0, asks=0, again=0)
    verdict = await chaos.judge(books, read, calls=calls, blows=0, seconds=0)
    assert (verdict.lost, verdict.duplicated, verdict.reordered) == (3, 1, 0)
    assert not verdict.passed
