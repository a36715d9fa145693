"""What both stores cost the server a turn: its commit, its live state and its two notices.

By themselves, without a candidate or a wire: the product's own writers in this process, a turn
every 5 ms and then fifty at once. The baseline is the same four writes as anybody would make them:
one after the other, each through its library's pool.
"""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import msgspec

from interview import events as ev
from interview.interviewer import Said, choose
from interview.record import Current, Snapshot
from loadtest.bench.crowd import ANSWER
from loadtest.bench.figures import Figure, figure, spread_ms
from loadtest.bench.house import House
from loadtest.bench.seed import seed
from runtime import clock
from runtime.lifecycle import Stack, Tasks, calm_gc
from storage import keys
from storage import sessions as store
from storage.connect import Redis, open_database, open_redis
from storage.events import Teller
from storage.live import Live
from storage.redis_writer import RedisWriter
from storage.transaction import Database
from storage.turns import TurnWriter, turn_row

BENCH: Final = "stores"
PER_SECOND: Final = 200
GROUP: Final = 50
SESSIONS: Final = 200
WARM_UP: Final = 200  # turns
TURNS: Final = {"paced": 2_000, "grouped": 10_000}
PLAIN: Final = "a pool's call for each write"
US: Final = 1e6

Write = Callable[["_Held"], Awaitable[None]]
_encode = msgspec.json.Encoder(enc_hook=str).encode


class _Held:
    """A session that was taken over, and its next turn."""

    def __init__(self, record: store.Record) -> None:
        directive = choose(record.plan, [], seed=1, seconds_left=record.plan.seconds)
        if directive is None:
            raise ValueError("an interview without a question")
        self.record = record
        self.turn = 0
        self._directive = directive
        question = "¿Qué hizo usted, con quién, y qué cambió después? " * 4
        self.snapshot = Snapshot(
            current=Current(turn=1, ask=1, directive=directive, text=question, completed=True)
        )

    def row(self) -> dict[str, Any]:
        """Return the next turn, with the ask that follows it."""
        self.turn += 1
        directive = self._directive
        said = Said(
            self.turn, directive.competency, directive.level, "opening", self.question, ANSWER
        )
        plan = ev.AskPlan(self.turn + 1, 1, directive)
        save = ev.Save(said, 1, "offline", f"m-{self.turn}", 20.0, plan)
        return turn_row(self.record, save, Snapshot(used_seconds=20.0 * self.turn))

    @property
    def question(self) -> str:
        """The question that waits."""
        current = self.snapshot.current
        return current.text if current is not None else ""

    def notices(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what watchers are told of a turn."""
        told = {"interview_id": self.record.interview_id, "turn": self.turn}
        words = {"competency": "x", "question": self.question, "answer": ANSWER}
        return [
            ("turn.saved", {**told, **words}),
            ("question.asked", {**told, "text": self.question}),
        ]


def _grouping(turns: TurnWriter, live: Live, teller: Teller) -> Write:
    """The product's way: whatever waits together leaves together."""

    async def write(held: _Held) -> None:
        record = held.record
        outcome = await turns.save(held.row())
        if outcome != "saved":
            raise ValueError(f"a turn was not saved: {outcome}")
        for kind, data in held.notices():
            teller.tell(record.tenant_id, kind, data)
        await live.keep(
            record.session_id, record.fence, held.snapshot, turns_done=held.turn, status="active"
        )

    return write


def _plain(db: Database, redis: Redis) -> Write:
    """Four calls, each by itself."""

    async def write(held: _Held) -> None:
        record = held.record
        rows = await db.call("SELECT * FROM save_turns($1)", [held.row()])
        if rows[0]["outcome"] != "saved":
            raise ValueError("a turn was not saved")
        for kind, data in held.notices():
            fields: dict[Any, Any] = {"kind": kind, "data": _encode(data)}
            await redis.xadd(keys.events(record.tenant_id), fields, maxlen=1000)
        state: dict[Any, Any] = {"state": _encode(held.snapshot), "turns_done": held.turn}
        await redis.hset(keys.live(record.session_id), mapping=state)

    return write


async def _nothing(held: _Held) -> None:
    """What the bench itself costs, which is no store's."""


async def figures(house: House) -> AsyncIterator[Figure]:
    """Yield the CPU and the time of a turn's writes at a pace and in groups, beside plain ones."""
    settings = house.settings
    async with Stack() as stack:
        db = stack.add(await open_database(settings.database_app_url), lambda it: it.close())
        redis = stack.add(open_redis(settings.redis_url), lambda it: it.aclose())
        one = stack.add(open_redis(settings.redis_url, connections=1), lambda it: it.aclose())
        writer = stack.add(RedisWriter(one), lambda it: it.close())
        turns = stack.add(TurnWriter(db), lambda it: it.close())
        ways = {
            "plain": (await _taken(house, db, writer), _plain(db, redis)),
            "grouping": (
                await _taken(house, db, writer),
                _grouping(turns, Live(redis, writer), Teller(writer)),
            ),
        }
        found: dict[tuple[str, str], tuple[float, dict[str, float]]] = {}
        for way, (sessions, write) in ways.items():
            await _paced(sessions, write, WARM_UP)
            calm_gc()
            for kind, run in (("paced", _paced), ("grouped", _grouped)):
                idle, _ = await _spent(run, sessions, _nothing, TURNS[kind])
                cpu, times = await _spent(run, sessions, write, TURNS[kind])
                found[way, kind] = cpu - idle, times
    cases = {"paced": f"{PER_SECOND} turns a second", "grouped": f"groups of {GROUP}"}
    for kind, case in cases.items():
        cpu, times = found["grouping", kind]
        plain, plain_times = found["plain", kind]
        yield figure(BENCH, case, "cpu_per_turn", cpu, "us", baseline=PLAIN, baseline_value=plain)
        for name, value in times.items():
            yield figure(
                BENCH, case, name, value, "ms", baseline=PLAIN, baseline_value=plain_times[name]
            )


async def _taken(house: House, db: Database, writer: RedisWriter) -> list[_Held]:
    held = []
    live = Live(writer=writer, redis=open_redis(house.settings.redis_url, connections=1))
    for seat in await seed(house.settings, SESSIONS):
        record = await store.take(db, seat.tenant_id, seat.session_id, instance_id="bench")
        await live.take(
            seat.session_id,
            record.fence,
            instance="bench",
            url="",
            tenant_id=seat.tenant_id,
            interview_id=seat.interview_id,
        )
        held.append(_Held(record))
    return held


async def _spent(
    run: Callable[[list[_Held], Write, int], Awaitable[list[int]]],
    sessions: list[_Held],
    write: Write,
    turns: int,
) -> tuple[float, dict[str, float]]:
    """Return this process' CPU a turn in microseconds, and how long a turn's writes took."""
    begun = _cpu()
    samples = await run(sessions, write, turns)
    return (_cpu() - begun) / turns * US, spread_ms(samples, "written")


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _paced(sessions: list[_Held], write: Write, turns: int) -> list[int]:
    """One turn after the other, each at its moment, whether or not the one before it is written."""
    samples: list[int] = []
    begun = clock.monotonic()
    async with Tasks("turns") as tasks:
        for number in range(turns):
            await asyncio.sleep(max(0.0, begun + number / PER_SECOND - clock.monotonic()))
            tasks.start(_timed(write, sessions[number % len(sessions)], samples))
        while len(tasks):  # noqa: ASYNC110 - they end by themselves
            await asyncio.sleep(0.01)
    return samples


async def _grouped(sessions: list[_Held], write: Write, turns: int) -> list[int]:
    """Fifty sessions' turns in one moment, then the next fifty's."""
    samples: list[int] = []
    for first in range(0, turns, GROUP):
        group = (sessions[(first + place) % len(sessions)] for place in range(GROUP))
        await asyncio.gather(*(_timed(write, held, samples) for held in group))
    return samples


async def _timed(write: Write, held: _Held, samples: list[int]) -> None:
    begun = clock.monotonic_ns()
    await write(held)
    samples.append(clock.monotonic_ns() - begun)
