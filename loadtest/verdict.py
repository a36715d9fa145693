"""The verdict on a load test: SPEC's latency table, nothing lost, and somebody was there at all.

Latency is judged where the line adds nothing: on candidates with a direct connection who are not
cut on purpose. The phones' and reconnectors' figures are shown beside it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from loadtest.shapes import TARGETS_MS
from loadtest.visitor import ACCEPTED, ACCEPTED_PLANNED

JUDGED: Final = ("candidate", "duplicate sender")
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
    crowd_lag_p99_ms: float | None
    crowd_trusted: bool
    probe: Probe | None


class Tally(msgspec.Struct):
    """What a crowd has seen so far; several processes' tallies add up."""

    seconds: dict[str, dict[str, list[float]]] = {}  # who -> what -> latencies
    failures: dict[str, int] = {}
    counts: dict[str, int] = {}
    lag: list[float] = []
    finished: int = 0
    unfinished: int = 0
    turns: int = 0

    def sample(self, who: str, what: str, seconds: float) -> None:
        """Keep one latency."""
        self.seconds.setdefault(who, {}).setdefault(what, []).append(seconds)

    def failed(self, name: str, count: int = 1) -> None:
        """Count what may not happen."""
        self.failures[name] = self.failures.get(name, 0) + count

    def add(self, other: "Tally") -> None:
        """Take another process' tally in."""
        for who, latencies in other.seconds.items():
            for what, values in latencies.items():
                self.seconds.setdefault(who, {}).setdefault(what, []).extend(values)
        self.failures = dict(Counter(self.failures) + Counter(other.failures))
        self.counts = dict(Counter(self.counts) + Counter(other.counts))
        self.lag.extend(other.lag)
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


def judge(phase: str, tally: Tally, probe: Probe | None) -> Verdict:
    """Judge a load test; without a single accepted answer it has failed, whatever else it says."""
    judged: dict[str, list[float]] = {}
    for who in JUDGED:
        for what, values in tally.seconds.get(who, {}).items():
            judged.setdefault(what, []).extend(values)
    checks = [_at_least("answers accepted", tally.turns, 1)]
    checks += _limits(phase, "crowd", {what: latency(v) for what, v in judged.items() if v})
    checks.append(_at_most("failures", float(sum(tally.failures.values())), 0))
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
        turns=tally.turns,
        failures=tally.failures,
        counts=tally.counts,
        crowd_lag_p99_ms=None if lag is None else round(lag, 2),
        crowd_trusted=lag is not None and lag <= CROWD_LAG_MS_MAX,
        probe=probe,
    )


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
    if not verdict.crowd_trusted:
        lines.append("note the load tester itself was late: its times are not to be trusted alone")
    lines.append(f"verdict: {'passed' if verdict.ok else 'failed'} ({verdict.phase})")
    return "\n".join(lines)
