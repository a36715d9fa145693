"""The verdict on a load test: SPEC's latency table, nothing lost, and somebody was there at all.

Latency is judged where the line adds nothing: on candidates with a direct connection who are not
cut on purpose. What every kind of candidate came for is judged by name: a phone's median less its
line, answers sent twice, stops of reading, the storm.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from loadtest import books
from loadtest.books import ACCEPTED, ACCEPTED_PLANNED
from loadtest.network import PHONE_3G
from loadtest.shapes import TARGETS_MS, Shape

# The kinds of candidates.
CANDIDATE: Final = "candidate"
PHONE: Final = "phone on 3G"
DUPLICATES: Final = "duplicate sender"
RECONNECTOR: Final = "reconnector"
SLOW_READER: Final = "slow reader"

JUDGED: Final = (CANDIDATE, DUPLICATES)
DONE_BY: Final = {  # what a kind of candidate has to have done, or it measured nothing
    DUPLICATES: (books.REPEATED, books.TWO_TABS),
    SLOW_READER: (books.STOPS,),
}
STORM_BACK_P95_SECONDS: Final = 5.0  # as after a kill
STORM_ANSWERS: Final = "storm: answers accepted meanwhile, by schedule, P95 s"
CROWD_SHARE_MIN: Final = 0.95  # of the shape's candidates, in an interview at once
VISITS, TURNS, FAILURES = "visits", "turns", "failures"
CROWD_LAG_MS_MAX: Final = 20.0  # above it the load tester's own times are not to be trusted


class Latency(msgspec.Struct, frozen=True):
    """One latency in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


class Check(msgspec.Struct, frozen=True):
    """One condition: `value` has to be at most (or, for counts, at least) the `limit`."""

    name: str
    value: float | None
    limit: float
    ok: bool


class Probe(msgspec.Struct, frozen=True):
    """What the independent probe saw."""

    turns: int
    failures: dict[str, int]
    latencies: dict[str, Latency]


class Storm(msgspec.Struct, frozen=True):
    """Everybody cut at once: how long until they were in their interviews again."""

    cut: int
    cut_in_the_waiting_room: int
    back: int
    not_back: int
    seconds_p50: float | None
    seconds_p95: float | None
    seconds_max: float | None
    connects: int
    refused: int
    lost_answers: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The whole outcome; `ok` is every check together."""

    phase: str
    ok: bool
    checks: list[Check]
    latencies: dict[str, dict[str, Latency]]  # who -> what -> figures
    interviews_finished: int
    interviews_unfinished: int
    turns: int
    failures: dict[str, int]
    counts: dict[str, int]
    did: dict[str, dict[str, int]]  # who -> what -> how often
    interviews_waited: int  # queued for a place at first
    interviews_waiting: int  # and still when the test ended
    inside_max: int  # in an interview at once
    storm: Storm | None
    cores: dict[str, float]  # busy on this machine in the steady time, by part
    crowd_lag_p99_ms: float | None
    crowd_trusted: bool
    probe: Probe | None


class Tally(msgspec.Struct):
    """What a crowd has seen so far; several processes' tallies add up."""

    seconds: dict[str, dict[str, list[float]]] = {}  # who -> what -> latencies
    failures: dict[str, int] = {}
    counts: dict[str, int] = {}
    did: dict[str, dict[str, int]] = {}
    lag: list[float] = []
    finished: int = 0
    unfinished: int = 0
    waited: int = 0
    waiting: int = 0
    inside_max: int = 0  # of several processes: their sum
    turns: int = 0

    def sample(self, who: str, what: str, seconds: float) -> None:
        """Keep one latency."""
        self.seconds.setdefault(who, {}).setdefault(what, []).append(seconds)

    def failed(self, name: str, count: int = 1) -> None:
        """Count what may not happen."""
        self.failures[name] = self.failures.get(name, 0) + count

    def visited(self, who: str, result: books.Result) -> None:
        """Take in what a visit came to, over or not."""
        self.finished += bool(result.finished)
        self.unfinished += not result.finished
        queued = bool(result.did.get(books.QUEUED))
        self.waited += queued
        self.waiting += queued and not result.joined
        self.turns += result.turns
        for name in result.counts.__struct_fields__:
            self.counts[name] = self.counts.get(name, 0) + getattr(result.counts, name)
        mine = self.did.setdefault(who, {})
        more = {VISITS: 1, TURNS: result.turns, FAILURES: len(result.failures), **result.did}
        for name, count in more.items():
            mine[name] = mine.get(name, 0) + count
        for failure in result.failures:
            self.failed(failure.name)

    def total(self, what: str) -> int:
        """How often something was done or happened, whoever it was."""
        return sum(done.get(what, 0) for done in self.did.values())

    def add(self, other: "Tally") -> None:
        """Take another process' tally in."""
        for who, latencies in other.seconds.items():
            for what, values in latencies.items():
                self.seconds.setdefault(who, {}).setdefault(what, []).extend(values)
        self.failures = dict(Counter(self.failures) + Counter(other.failures))
        self.counts = dict(Counter(self.counts) + Counter(other.counts))
        for who, done in other.did.items():
            self.did[who] = dict(Counter(self.did.get(who, {})) + Counter(done))
        self.lag.extend(other.lag)
        self.waited += other.waited
        self.waiting += other.waiting
        self.inside_max += other.inside_max
        self.finished += other.finished
        self.unfinished += other.unfinished
        self.turns += other.turns

    def forget_ramp(self, *keep: str) -> None:
        """Drop the latencies of the ramp, but for those that only the ramp has."""
        self.lag.clear()
        for latencies in self.seconds.values():
            for what in [what for what in latencies if what not in keep]:
                del latencies[what]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of `values` do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]


def latency(seconds: Sequence[float]) -> Latency:
    """Return the figures of latencies given in seconds."""
    values = [value * 1000 for value in seconds]
    found = [round(percentile(values, percent), 2) for percent in (50, 95, 99, 100)]
    return Latency(len(values), *found)


def judge(
    shape: Shape, tally: Tally, probe: Probe | None, cores: Mapping[str, float] | None = None
) -> Verdict:
    """Judge a load test; without a single accepted answer it has failed, whatever else it says."""
    phase = shape.phase
    judged: dict[str, list[float]] = {}
    for who in JUDGED:
        for what, values in tally.seconds.get(who, {}).items():
            judged.setdefault(what, []).extend(values)
    storm = _storm(tally) if shape.storm_at else None
    checks = [
        _at_least("answers accepted", tally.turns, 1),
        _at_least("in an interview at once", tally.inside_max, shape.users * CROWD_SHARE_MIN),
    ]
    checks += _limits(phase, "crowd", {what: latency(v) for what, v in judged.items() if v})
    checks.append(_at_most("failures", float(sum(tally.failures.values())), 0))
    for who, done in sorted(tally.did.items()):
        checks += _kind(phase, who, done, tally)
    if storm is not None:
        checks += _storm_checks(storm, judged.get(books.STORM_ACCEPTED_PLANNED, []))
    if probe is not None:
        checks.append(_at_least("probe: answers accepted", probe.turns, 1))
        checks += _limits(phase, "probe", probe.latencies)
        checks.append(_at_most("probe: failures", float(sum(probe.failures.values())), 0))
    lag = percentile(tally.lag, 99) * 1000 if tally.lag else None
    return Verdict(
        phase=phase,
        ok=all(check.ok for check in checks),
        checks=checks,
        latencies={
            who: {what: latency(values) for what, values in found.items() if values}
            for who, found in tally.seconds.items()
        },
        interviews_finished=tally.finished,
        interviews_unfinished=tally.unfinished,
        interviews_waited=tally.waited,
        interviews_waiting=tally.waiting,
        inside_max=tally.inside_max,
        turns=tally.turns,
        failures=tally.failures,
        counts=tally.counts,
        did=tally.did,
        storm=storm,
        cores=dict(cores or {}),
        crowd_lag_p99_ms=None if lag is None else round(lag, 2),
        crowd_trusted=lag is not None and lag <= CROWD_LAG_MS_MAX,
        probe=probe,
    )


def _kind(phase: str, who: str, done: Mapping[str, int], tally: Tally) -> list[Check]:
    """What one kind of candidate came for; who only waited for a place measured nothing."""
    checks = [
        _at_least(f"{who}: answers accepted", done.get(TURNS, 0), 1),
        _at_most(f"{who}: failures", float(done.get(FAILURES, 0)), 0),
    ]
    checks += [
        _at_least(f"{who}: {what.replace('_', ' ')}", done.get(what, 0), 1)
        for what in DONE_BY.get(who, ())
    ]
    if who == PHONE:
        seen = tally.seconds.get(who, {}).get(ACCEPTED, [])
        value = latency(seen).p50 if seen else None
        limit = TARGETS_MS[phase][0] + PHONE_3G.round_trip_seconds_max * 1000
        checks.append(_at_most(f"{who}: answer to accepted with the line, P50 ms", value, limit))
    return checks


def _storm(tally: Tally) -> Storm:
    back = [
        seconds for found in tally.seconds.values() for seconds in found.get(books.BACK_STORM, [])
    ]

    def at(percent: float) -> float | None:
        return round(percentile(back, percent), 3) if back else None

    return Storm(
        cut=tally.total(books.STORM_CUT),
        cut_in_the_waiting_room=tally.total(books.STORM_WAITING),
        back=len(back),
        not_back=tally.total(books.STORM_CUT) - len(back),
        seconds_p50=at(50),
        seconds_p95=at(95),
        seconds_max=at(100),
        connects=tally.total(books.STORM_CONNECTS),
        refused=tally.total(books.STORM_REFUSED),
        lost_answers=tally.failures.get("lost", 0) + tally.failures.get("overdue", 0),
    )


def _storm_checks(storm: Storm, answers: Sequence[float]) -> list[Check]:
    """The storm has a promise of its own: who is cut waits for the way back, not longer."""
    limit = STORM_BACK_P95_SECONDS
    said = [_at_most(STORM_ANSWERS, round(percentile(answers, 95), 3), limit)] if answers else []
    return [
        *said,
        _at_least("storm: connections cut at once", storm.cut, 1),
        _at_most("storm: not back", storm.not_back, 0),
        _at_most("storm: in the interview again, P95 s", storm.seconds_p95, STORM_BACK_P95_SECONDS),
        _at_most("storm: lost answers", storm.lost_answers, 0),
    ]


def _limits(phase: str, whose: str, found: Mapping[str, Latency]) -> list[Check]:
    p50, p95 = TARGETS_MS[phase]
    accepted, planned = found.get(ACCEPTED), found.get(ACCEPTED_PLANNED)
    named = (
        ("answer to accepted, P50 ms", accepted.p50 if accepted else None, p50),
        ("answer to accepted, P95 ms", accepted.p95 if accepted else None, p95),
        ("the same by schedule, P95 ms", planned.p95 if planned else None, p95),
    )
    return [_at_most(f"{whose}: {name}", value, limit) for name, value, limit in named]


def _at_most(name: str, value: float | None, limit: float) -> Check:
    return Check(name, value, limit, ok=value is not None and value <= limit)


def _at_least(name: str, value: float, limit: float) -> Check:
    return Check(name, value, limit, ok=value >= limit)


def write(path: Path, verdict: Verdict) -> None:
    """Write the verdict file."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=2) + b"\n")


def read(path: Path) -> Verdict:
    """Read a verdict file; raises OSError or msgspec.DecodeError."""
    return msgspec.json.decode(path.read_bytes(), type=Verdict)


def exit_code(verdict: Verdict) -> int:
    """Return 0 for a passed test and 1 for a failed one."""
    return 0 if verdict.ok else 1


def told(verdict: Verdict) -> str:
    """Return the verdict for a person."""
    lines = [
        f"{'ok  ' if check.ok else 'FAIL'} {check.name}: "
        f"{'nothing measured' if check.value is None else f'{check.value:g}'} "
        f"(limit {check.limit:g})"
        for check in verdict.checks
    ]
    if verdict.storm is not None:
        storm = verdict.storm
        lines.append(
            f"note storm: {storm.cut} cut, {storm.back} back; P50 {storm.seconds_p50} s, "
            f"P95 {storm.seconds_p95} s, max {storm.seconds_max} s; {storm.connects} tries, "
            f"{storm.refused} refused"
        )
    if verdict.interviews_waited:
        lines.append(
            f"note waiting room: {verdict.interviews_waited} candidates were queued, "
            f"{verdict.interviews_waiting} of them to the end"
        )
    if verdict.cores:
        used = ", ".join(f"{part} {cores:.2f}" for part, cores in verdict.cores.items())
        lines.append(f"note cores in the steady time: {used}")
    if not verdict.crowd_trusted:
        lines.append("note the load tester itself was late: its times are not to be trusted alone")
    lines.append(f"verdict: {'passed' if verdict.ok else 'failed'} ({verdict.phase})")
    return "\n".join(lines)
