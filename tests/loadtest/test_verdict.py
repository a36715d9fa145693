"""Shapes and verdicts: what a load test asks for and how it is judged."""

from collections import deque
from pathlib import Path
from unittest import mock

import msgspec
import pytest

from loadtest import books, shapes, stage, verdict
from loadtest.books import ACCEPTED, ACCEPTED_PLANNED, Result
from loadtest.crowd import News
from loadtest.shapes import SHAPES, Shape
from loadtest.verdict import Probe, Tally, Verdict, judge, latency

STORM = msgspec.structs.replace(SHAPES["mvp"], storm_at=10)


def _tally(milliseconds: float, *, who: str = "candidate", planned: float | None = None) -> Tally:
    tally = Tally(turns=100, finished=10, inside_max=1000)
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
    found = judge(SHAPES["mvp"], _tally(20), _probe(20))
    assert found.ok
    assert verdict.exit_code(found) == 0


@pytest.mark.parametrize(("phase", "milliseconds"), [("mvp", 101), ("growth", 81), ("scale", 51)])
def test_a_median_over_the_phases_limit_fails(phase: str, milliseconds: float):
    """SPEC's table: 100, 80 and 50 ms."""
    assert not judge(SHAPES[phase], _tally(milliseconds), None).ok
    assert judge(SHAPES[phase], _tally(milliseconds - 2), None).ok


def test_lateness_by_schedule_fails_even_when_each_answer_was_fast():
    """A stall delays the sending itself: only the schedule shows it."""
    assert not judge(SHAPES["mvp"], _tally(20, planned=3000), None).ok


def test_zero_answers_are_a_failure():
    """A test in which nothing happened has not passed."""
    found = judge(SHAPES["mvp"], Tally(), None)
    assert not found.ok
    assert verdict.exit_code(found) == 1


def test_a_probe_that_saw_nothing_is_a_failure():
    """An independent witness has to have witnessed something."""
    assert not judge(SHAPES["mvp"], _tally(20), Probe(0, {}, {})).ok


def test_one_lost_answer_is_a_failure():
    """However fast the others were."""
    tally = _tally(20)
    tally.failed("lost")
    assert not judge(SHAPES["mvp"], tally, None).ok


def test_a_phones_slow_line_is_shown_and_not_judged():
    """The network's own time is not the server's."""
    tally = _tally(20)
    tally.add(_tally(900, who="phone on 3G"))
    found = judge(SHAPES["scale"], tally, None)
    assert found.ok
    assert found.latencies["phone on 3G"][ACCEPTED].p50 == 900


def _failed(found: Verdict) -> list[str]:
    return [check.name for check in found.checks if not check.ok]


def _visited(who: str, **did: int) -> Tally:
    tally = _tally(20)
    tally.visited(who, Result(finished="completed", joined=True, turns=3, did=dict(did)))
    return tally


def test_a_phones_median_may_be_its_lines_and_the_phases_together():
    """360 ms of line at most and 100 ms of the table."""
    tally = _visited(verdict.PHONE)
    tally.add(_tally(459, who=verdict.PHONE))
    assert judge(SHAPES["mvp"], tally, None).ok
    tally.add(_tally(461, who=verdict.PHONE))
    tally.add(_tally(461, who=verdict.PHONE))
    assert _failed(judge(SHAPES["mvp"], tally, None)) == [
        "phone on 3G: answer to accepted with the line, P50 ms"
    ]


@pytest.mark.parametrize(
    ("who", "did"),
    [
        (verdict.DUPLICATES, (books.REPEATED, books.TWO_TABS)),
        (verdict.SLOW_READER, (books.STOPS,)),
    ],
)
def test_a_kind_of_candidate_that_did_not_do_its_thing_measured_nothing(
    who: str, did: tuple[str, ...]
):
    """Senders that sent once, readers that never stopped."""
    assert judge(SHAPES["mvp"], _visited(who, **dict.fromkeys(did, 1)), None).ok
    missing = [f"{who}: {name.replace('_', ' ')}" for name in did]
    assert _failed(judge(SHAPES["mvp"], _visited(who), None)) == missing


def test_a_kind_of_candidate_that_got_no_answer_accepted_is_named():
    """The others' answers do not speak for it."""
    tally = _tally(20)
    tally.visited(verdict.RECONNECTOR, Result())
    assert _failed(judge(SHAPES["mvp"], tally, None)) == ["reconnector: answers accepted"]


def test_a_crowd_that_was_never_all_inside_is_not_the_phases():
    """50 candidates are asked for; 47 in their interviews at once are too few."""
    tally = _tally(20)
    tally.inside_max = 47
    assert _failed(judge(SHAPES["mvp"], tally, None)) == ["in an interview at once"]


def test_who_waits_for_a_place_is_counted_apart():
    """Queued and then let in, or queued to the end; neither is a failure by itself."""
    tally = _visited(verdict.CANDIDATE, **{books.QUEUED: 1})
    tally.visited(verdict.CANDIDATE, Result(did={books.QUEUED: 1}))
    found = judge(SHAPES["mvp"], tally, None)
    assert (found.interviews_waited, found.interviews_waiting) == (2, 1)
    assert found.ok
    assert "2 candidates were queued, 1 of them to the end" in verdict.told(found)


def _stormed(cut: int, *seconds: float) -> Tally:
    tally = _visited(verdict.CANDIDATE, **{books.STORM_CUT: cut})
    for back in seconds:
        tally.sample(verdict.CANDIDATE, books.BACK_STORM, back)
    return tally


def test_a_storm_passes_when_everybody_is_back_in_time():
    """Its figures are in the verdict and in what a person reads."""
    found = judge(STORM, _stormed(2, 0.5, 1.5), None)
    assert found.ok
    assert found.storm is not None
    assert (found.storm.cut, found.storm.back, found.storm.seconds_max) == (2, 2, 1.5)
    assert "storm: 2 cut, 2 back" in verdict.told(found)


def test_a_storm_that_cut_nobody_or_from_which_one_is_missing_or_late_fails():
    """Each by its own name."""
    assert "storm: connections cut at once" in _failed(judge(STORM, _tally(20), None))
    assert _failed(judge(STORM, _stormed(2, 0.5), None)) == ["storm: not back"]
    late = "storm: in the interview again, P95 s"
    assert _failed(judge(STORM, _stormed(1, 5.1), None)) == [late]


@pytest.mark.parametrize(("seconds", "failed"), [(4.9, []), (5.1, [verdict.STORM_ANSWERS])])
def test_an_answer_that_the_storm_fell_on_is_judged_by_the_storms_own_promise(
    seconds: float, failed: list[str]
):
    """The way back may take so long; the phase's limits are for all the other answers."""
    tally = _stormed(1, 0.5)
    tally.sample(verdict.CANDIDATE, books.STORM_ACCEPTED, seconds)
    tally.sample(verdict.CANDIDATE, books.STORM_ACCEPTED_PLANNED, seconds)
    assert _failed(judge(STORM, tally, None)) == failed


def test_what_belongs_to_the_storm_is_told_apart_by_the_moment(monkeypatch: pytest.MonkeyPatch):
    """From the cut on for ten seconds; before and after it is an answer like any other."""
    now = [100.0]
    monkeypatch.setattr(stage.clock, "monotonic", lambda: now[0])
    here = stage.Stage(mock.MagicMock(), STORM)
    here.crowd.close()
    here.crowd = mock.MagicMock(news=deque())

    def said() -> None:
        here.crowd.news.append(News(verdict.CANDIDATE, books.Sample(ACCEPTED, 0.01)))

    said()
    here.storm()  # what came before it is counted first
    for moment in (100.1, 109.9, 110.1):
        now[0] = moment
        said()
        here.take_news()
    seen = here.tally.seconds[verdict.CANDIDATE]
    assert (len(seen[ACCEPTED]), len(seen[books.STORM_ACCEPTED])) == (2, 2)
    here.folder.cleanup()


def test_an_answer_lost_in_a_storm_is_named():
    """Never accepted, or never again."""
    tally = _stormed(1, 0.5)
    tally.failed("overdue")
    assert _failed(judge(STORM, tally, None)) == ["failures", "storm: lost answers"]


def test_a_storm_after_the_end_is_refused():
    """It would never come."""
    with pytest.raises(ValueError, match="storm"):
        msgspec.structs.replace(SHAPES["mvp"], storm_at=300)


def test_tallies_of_processes_add_up():
    """As a master does with its workers' reports."""
    tally = _tally(20)
    tally.failed("gap")
    other = _tally(40)
    other.failed("gap", 2)
    tally.did, other.did = {"candidate": {"cuts": 1}}, {"candidate": {"cuts": 2}, "x": {"y": 1}}
    tally.add(other)
    assert tally.did == {"candidate": {"cuts": 3}, "x": {"y": 1}}
    assert tally.inside_max == 2000
    assert tally.turns == 200
    assert tally.failures == {"gap": 3}
    assert len(tally.seconds["candidate"][ACCEPTED]) == 200


def test_a_late_load_tester_is_named():
    """Its own times are not to be trusted then, and the verdict says so."""
    tally = _tally(20)
    tally.lag[:] = [0.5]
    found = judge(SHAPES["mvp"], tally, None)
    assert not found.crowd_trusted
    assert "load tester itself was late" in verdict.told(found)


def test_a_verdict_file_is_read_back_as_it_was_written(tmp_path: Path):
    """JSON for other programs."""
    found = judge(SHAPES["growth"], _tally(20), _probe(10))
    verdict.write(tmp_path / "verdict.json", found)
    assert verdict.read(tmp_path / "verdict.json") == found
