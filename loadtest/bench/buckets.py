"""The provider's limits shared by processes: how much is granted, and how long a live turn waits.

Every process has a line and a connection of its own; Redis is real, and so is the time.
"""

import argparse
import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final
from uuid import UUID

import msgspec
import psutil
import uvloop

from llm.line import Line
from loadtest.bench import cores
from loadtest.bench.figures import Figure, figure, spread_ms
from loadtest.bench.house import House
from loadtest.bench.measure import NothingMeasured
from protocol import limits
from protocol.faults import Fault
from runtime import clock
from runtime.lifecycle import Tasks
from storage.buckets import Buckets, Go, Known, Need, Used, Wait
from storage.connect import open_redis
from storage.ledger import LedgerEntry
from storage.redis_writer import RedisWriter

BENCH: Final = "buckets"
PER_MINUTE: Final = (6_000, 6_000_000, 600_000)
TOKENS: Final = (1, 900, 90)
WAITING: Final = 500  # in all processes together
LIVE_PAUSE_SECONDS: Final = 0.1
STREAMS: Final = 100
STREAM_SECONDS: Final = 1.0
ROUNDS: Final = 10
TENANT: Final = UUID(int=1)
NS: Final = 1_000_000_000


class Told(msgspec.Struct, frozen=True):
    """What one process does, from a moment of the machine's monotonic clock on."""

    redis_url: str
    tier: str
    number: int
    waiters: int
    urgency: str
    start_ns: int
    seconds: float
    live: bool = False


class Done(msgspec.Struct, frozen=True):
    """What it was granted within the time, and how long its live turns waited (ns)."""

    granted: int
    live_ns: list[int]


def _need(told: Told, name: str, urgency: str) -> Need:
    line = LedgerEntry(
        tenant_id=TENANT, session_id=None, interview_id=None, task="bench", tier=told.tier,
        engine="", model="", prompt_version="", tokens_in=0, tokens_out=0, tokens_cache_write=0,
        tokens_cache_read=0, micro_usd=0, upper_bound=True, outcome="lost", latency_ms=0,
    )  # fmt: skip
    return Need(
        attempt=f"{told.number}/{name}/{urgency}", tenant_id=TENANT, session_id=None,
        urgency=urgency, tier=told.tier, tokens=TOKENS, per_minute=PER_MINUTE, bound=0, line=line,
        session_percent=0, fresh=True,
    )  # fmt: skip


async def _work(told: Told) -> Done:
    client = open_redis(told.redis_url, connections=1)
    writer = RedisWriter(client)
    shared, granted, waits = Buckets(writer), 0, list[int]()
    end_ns = told.start_ns + int(told.seconds * NS)

    async def reserve(need: Need) -> Go | Wait:
        answer = await shared.reserve(need)
        if not isinstance(answer, Go | Wait):
            raise NothingMeasured(f"reserved: {answer}")
        return answer

    line = Line(reserve, lambda _: None)

    async def ask(name: str, urgency: str) -> Go | None:
        need = _need(told, name, urgency)
        try:
            go = await line.enter(need, limits.LINE_SECONDS[urgency])
        except Fault:
            return None
        await asyncio.sleep(go.seconds)
        used = Used(tokens=TOKENS, micro_usd=0)
        await shared.settle(need.attempt, told.tier, TENANT, None, used)
        return go

    async def waiter(number: int) -> None:
        nonlocal granted
        for again in range(1_000_000):
            go = await ask(f"{number}-{again}", told.urgency)
            granted += go is not None and clock.monotonic_ns() <= end_ns

    async def turns() -> None:
        for number in range(1_000_000):
            begun = clock.monotonic_ns()
            await ask(f"t{number}", "live")
            waits.append(clock.monotonic_ns() - begun)
            await asyncio.sleep(LIVE_PAUSE_SECONDS)

    await asyncio.sleep(max(0.0, (told.start_ns - clock.monotonic_ns()) / NS))
    async with Tasks("bench") as tasks:
        for number in range(told.waiters):
            tasks.start(waiter(number))
        if told.live:
            tasks.start(turns())
        await asyncio.sleep((end_ns - clock.monotonic_ns()) / NS)
    await line.close()
    await writer.close()
    await client.aclose()
    return Done(granted, waits)


def _process(told: bytes, into: Any) -> None:
    into.put(msgspec.json.encode(uvloop.run(_work(msgspec.json.decode(told, type=Told)))))


def _apart(redis_url: str) -> tuple[list[int], float]:
    """Run `_alone` in a process of its own, on the measured core."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run_alone, redis_url).result(timeout=120)


def _run_alone(redis_url: str) -> tuple[list[int], float]:
    return uvloop.run(_alone(redis_url))


async def _all(told: list[Told]) -> list[Done]:
    spawn = multiprocessing.get_context("spawn")
    into = spawn.Queue()
    started = [
        spawn.Process(target=_process, args=(msgspec.json.encode(one), into)) for one in told
    ]
    for process in started:
        process.start()
    patience = told[0].seconds + 60
    found = [await asyncio.to_thread(into.get, timeout=patience) for _ in started]
    for process in started:
        process.join()
    return [msgspec.json.decode(one, type=Done) for one in found]


async def figures(house: House, *, processes: int, seconds: float) -> AsyncIterator[Figure]:
    """Yield what is granted from empty, then what a live turn waits behind the background."""
    client = open_redis(house.settings.redis_url, connections=1)
    writer = RedisWriter(client)
    try:
        await Buckets(writer).rebuild(TENANT, None, Known((0, 0, 0), (0, 0, 0), []))
    finally:
        await writer.close()
        await client.aclose()

    took, cpu = await asyncio.to_thread(_apart, house.settings.redis_url)
    name = f"{STREAMS} streams of {STREAM_SECONDS:g} s, nothing waits"
    for metric, value in spread_ms(took, "reserve").items():
        yield figure(BENCH, name, metric, value, "ms")
    yield figure(BENCH, name, "cpu_reserve_and_settle", cpu * 1e6, "us")
    start = clock.monotonic_ns() + 3 * NS  # the processes have to load first

    def told(tier: str, begin: int, **changes: Any) -> list[Told]:
        return [
            Told(house.settings.redis_url, tier, number, WAITING // processes, start_ns=begin,
                 seconds=seconds, live=number == 0 and changes["urgency"] == "background",
                 **changes)
            for number in range(processes)
        ]  # fmt: skip

    done = await _all(told("one", start, urgency="recruiter"))
    granted, limit = sum(one.granted for one in done), PER_MINUTE[0] * seconds / 60
    name = f"{processes} processes, {WAITING} waiting, {seconds:g} s from empty"
    yield figure(
        BENCH, name, "granted", granted, "calls", baseline="the limit", baseline_value=limit
    )
    done = await _all(told("two", clock.monotonic_ns() + 3 * NS, urgency="background"))
    waits = [one for process in done for one in process.live_ns]
    if not waits:
        raise NothingMeasured("no live turn was asked")
    name = f"{WAITING} in the background, a live turn every {LIVE_PAUSE_SECONDS:g} s"
    for metric, value in spread_ms(waits, "live_wait").items():
        yield figure(BENCH, name, metric, value, "ms")
    floor = limit * limits.BUCKET_FLOOR_PERCENT / 100
    yield figure(
        BENCH, name, "background_granted", sum(one.granted for one in done), "calls",
        baseline="its floor", baseline_value=floor,
    )  # fmt: skip


async def _alone(redis_url: str) -> tuple[list[int], float]:
    """Return how long reservations take while nothing waits (ns), and the CPU of a call (s).

    A call is settled when it ends; in the product those of 50 ms are settled together.
    """
    client = open_redis(redis_url, connections=1)
    writer = RedisWriter(client)
    shared, took = Buckets(writer), list[int]()
    plenty = tuple(100 * limit for limit in PER_MINUTE)

    async def stream(place: int) -> None:
        await asyncio.sleep(place * STREAM_SECONDS / STREAMS)
        told = Told(redis_url, "three", place, 0, "live", 0, 0.0)
        for number in range(ROUNDS):
            need = msgspec.structs.replace(_need(told, str(number), "live"), per_minute=plenty)
            begun = clock.monotonic_ns()
            answer = await shared.reserve(need)
            if not isinstance(answer, Go):
                raise NothingMeasured(f"reserved: {answer}")
            if number:  # the first of each place warms up
                took.append(clock.monotonic_ns() - begun)
            await asyncio.sleep(STREAM_SECONDS)
            used = Used(tokens=TOKENS, micro_usd=0)
            await shared.settle(need.attempt, "three", TENANT, None, used)

    process = psutil.Process()
    cores.pin(0, cores.SERVER)
    try:
        before = process.cpu_times()
        await asyncio.gather(*(stream(place) for place in range(STREAMS)))
        after = process.cpu_times()
    finally:
        await writer.close()
        await client.aclose()
    spent = after.user + after.system - before.user - before.system
    return took, spent / len(took)


def run(args: argparse.Namespace, house: House) -> AsyncIterator[Figure]:
    """Return the figures that the options ask for."""
    return figures(house, processes=args.bucket_processes, seconds=args.bucket_seconds)
