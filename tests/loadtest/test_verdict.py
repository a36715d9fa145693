"""Shapes and verdicts: what a load test asks for and how it is judged."""

from pathlib import Path

import pytest

from loadtest import shapes, verdict
from loadtest.shapes import SHAPES, Shape
from loadtest.verdict import Probe, Tally, judge, latency
from loadtest.visitor import ACCEPTED, ACCEPTED_PLANNED


def _tally(milliseconds: float, *, who: str = "candidate", planned: float | None = None) -> Tally:
    tally = Tally(turns=100, finished=10)
    for _ in range(100):
        tally.sample(who, ACCEPTED, milliseconds / 1000)
        tally.sample(who, ACCEPTED_PLANNED, (planned or milliseconds) / 1000)
    tally.lag.append(0.001)
    return tally


def _probe(milliseconds: float, turns: int = 10) -> Probe:
    seen = latency([milliseconds / 1000] * 10)
    return Probe(turns, {}, {ACCEPTED: seen, ACCEPTED_PLANNED: seen})


def test_the_shapes_are_the_phases_and_come_slowly_enough():
    """50, 200 and 1,000 candidates, never more than 100 a second."""
    assert {name: shape.users for name, shape in SHAPES.items()} == {
        "mvp": 50, "growth": 200, "scale": 1000,
    }  # fmt: skip
    assert all(shape.ramp_per_second <= shapes.RAMP_PER_SECOND_MAX for shape in SHAPES.values())


def test_a_shape_ends_by_itself_after_ramp_and_steady_time():
    """Users while it lasts, None afterwards."""
    shape = Shape(phase="mvp", users=10, ramp_per_second=5, think_seconds=1, steady_seconds=20)
    assert shape.at(0) == (10, 5)
    assert shape.at(21.9) == (10, 5)
    assert shape.at(22) is None


def test_a_ramp_that_measures_the_load_tester_is_refused():
    """More than 100 users a second."""
    with pytest.raises(ValueError, match="ramp"):
        Shape(phase="mvp", users=10, ramp_per_second=101, think_seconds=1, steady_seconds=20)


def test_fast_answers_and_no_failures_pass():
    """Within the table's P50 and P95, by service time and by schedule, crowd and probe."""
    found = judge("mvp", _tally(20), _probe(20))
    assert found.ok
    assert verdict.exit_code(found) == 0


@pytest.mark.parametrize(("phase", "milliseconds"), [("mvp", 101), ("growth", 81), ("scale", 51)])
def test_a_median_over_the_phases_limit_fails(phase: str, milliseconds: float):
    """SPEC's table: 100, 80 and 50 ms."""
    assert not judge(phase, _tally(milliseconds), None).ok
    assert judge(phase, _tally(milliseconds - 2), None).ok


def test_lateness_by_schedule_fails_even_when_each_answer_was_fast():
    """A stall delays the sending itself: only the schedule shows it."""
    assert not judge("mvp", _tally(20, planned=3000), None).ok


def test_zero_answers_are_a_failure():
    """A test in which nothing happened has not passed."""
    found = judge("mvp", Tally(), None)
    assert not found.ok
    assert verdict.exit_code(found) == 1


def test_a_probe_that_saw_nothing_is_a_failure():
    """An independent witness has to have witnessed something."""
    assert not judge("mvp", _tally(20), Probe(0, {}, {})).ok


def test_one_lost_answer_is_a_failure():
    """However fast the others were."""
    tally = _tally(20)
    tally.failed("lost")
    assert not judge("mvp", tally, None).ok


def test_a_phones_slow_line_is_shown_and_not_judged():
    """The network's own time is not the server's."""
    tally = _tally(20)
    tally.add(_tally(900, who="phone on 3G"))
    found = judge("scale", tally, None)
    assert found.ok
    assert found.latencies["phone on 3G"][ACCEPTED].p50 == 900


def test_tallies_of_processes_add_up():
    """As a master does with its workers' reports."""
    tally = _tally(20)
    tally.failed("gap")
    other = _tally(40)
    other.failed("gap", 2)
    tally.add(other)
    assert tally.turns == 200
    assert tally.failures == {"gap": 3}
    assert len(tally.seconds["candidate"][ACCEPTED]) == 200


def test_a_late_load_tester_is_named():
    """Its own times are not to be trusted then, and the verdict says so."""
    tally = _tally(20)
    tally.lag[:] = [0.5]
    found = judge("mvp", tally, None)
    assert not found.crowd_trusted
    assert "load tester itself was late" in verdict.told(found)


def test_a_verdict_file_is_read_back_as_it_was_written(tmp_path: Path):
    """JSON for other programs."""
    found = judge("growth", _tally(20), _probe(10))
    verdict.write(tmp_path / "verdict.json", found)
    assert verdict.read(tmp_path / "verdict.json") == found
