"""One measured run: a crowd on a server for a while, and what the two of them spent."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from loadtest.bench import cores
from loadtest.bench.crowd import Crowd, Samples
from loadtest.bench.figures import NS_PER_MS, percentile, spread_ms
from runtime import clock

RAMP_PER_SECOND: Final = 40.0  # a faster one measures the ramp
WARM_UP: Final = 5  # sessions before memory is looked at: they load what is loaded once


class Run(msgspec.Struct, frozen=True):
    """How a crowd behaves and for how long it is watched."""

    sessions: int
    seconds: float = 50.0
    interval: float = 25.0
    pieces: int = 40
    piece_seconds: float = 0.02
    ramp: float = RAMP_PER_SECOND


class Outcome(msgspec.Struct, frozen=True):
    """What was measured: a latency's percentiles by name, and the costs."""

    latencies: dict[str, float]  # name_p50 … in ms
    core_share: float
    cpu_per_turn: float  # us
    memory_per_session: float  # KiB
    others_cores: float  # cores that neither the server nor the crowd used: services and neighbours
    services_cores: float
    turns: int
    frames: int
    joins_again: int  # joins that had to be tried again during the ramp
    cpu_per_join: float  # of the server, a join of the ramp with its first question


class NothingMeasured(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The crowd broke, or nobody took a turn: there is no figure to show."""


class _Spent(msgspec.Struct, frozen=True):
    at: float
    server: float
    crowd: float
    services: float
    all: float


async def measure(
    run: Run,
    *,
    port: int,
    pid: int,
    subprotocol: Callable[[int], str],
    services_cpu: Callable[[], float] = float,
    measuring: Callable[[], None] = lambda: None,
) -> Outcome:
    """Let the crowd in, wait until it is in its rhythm, and measure `run.seconds` of it.

    `measuring` is called when the measured time begins.

    Raises NothingMeasured when somebody was refused, cut or told a fault: such figures lie.
    """
    crowd = Crowd(interval=run.interval)

    def spent() -> _Spent:
        return _Spent(
            clock.monotonic(),
            cores.cpu_seconds(pid),
            cores.cpu_seconds(cores.OWN),
            services_cpu(),
            cores.busy_seconds(),
        )

    try:
        warm = min(WARM_UP, run.sessions)
        await crowd.gather(port, warm, subprotocol, per_second=run.ramp)
        await asyncio.sleep(run.pieces * run.piece_seconds + 0.5)
        before_kib, before_cpu = cores.rss_kib(pid), cores.cpu_seconds(pid)
        await crowd.gather(port, run.sessions - warm, subprotocol, per_second=run.ramp)
        await asyncio.sleep(run.pieces * run.piece_seconds + 0.5)
        joined_cpu = cores.cpu_seconds(pid)
        crowd.begin()
        await asyncio.sleep(min(run.interval, 5.0) * 0.2)
        crowd.fresh()
        measuring()
        begun = spent()
        await asyncio.sleep(run.seconds)
        ended, samples = spent(), crowd.samples
        after_kib = cores.rss_kib(pid)
    finally:
        crowd.end()
    _check(samples)
    wall = ended.at - begun.at
    server = ended.server - begun.server
    others = ended.all - begun.all - server - (ended.crowd - begun.crowd)
    return Outcome(
        latencies=_latencies(samples),
        core_share=server / wall,
        cpu_per_turn=server / samples.turns * 1e6,
        memory_per_session=(after_kib - before_kib) / max(1, run.sessions - warm),
        others_cores=max(0.0, others) / wall,
        services_cores=max(0.0, ended.services - begun.services) / wall,
        turns=samples.turns,
        frames=samples.frames,
        joins_again=crowd.sent_away,
        cpu_per_join=(joined_cpu - before_cpu) / max(1, run.sessions - warm) * 1e6,
    )


def _check(samples: Samples) -> None:
    if samples.closed:
        raise NothingMeasured(f"{len(samples.closed)} closed, first with {samples.closed[0]}")
    if samples.faults:
        raise NothingMeasured(f"the server told faults: {', '.join(samples.faults)}")
    if not samples.turns or not samples.added:
        raise NothingMeasured("nobody took a turn")


def _latencies(samples: Samples) -> dict[str, float]:
    found = {
        **spread_ms(samples.added, "added"),
        **spread_ms(samples.piece, "piece"),
        **spread_ms(samples.accepted, "accepted"),
        **spread_ms(samples.accepted_planned, "accepted_by_schedule"),
        "crowd_lag_p99": percentile(samples.lag, 99) / NS_PER_MS,
    }
    if samples.first:
        found |= spread_ms(samples.first, "first_piece")
    return found
