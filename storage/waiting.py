"""The waiting room of the fleet: lines by tenant, turns between them, seats for whoever is next.

One script (storage/scripts/waiting.lua) decides; what stands here asks it and reads its answers.
"""

import math
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from protocol import limits
from storage import keys
from storage.redis_writer import RedisWriter, text
from storage.slots import FIRST, KEEP_MS, LATE_MS


class Lane(msgspec.Struct, frozen=True):
    """One tenant's line: the turn of its next, when its first came, and how many there are."""

    name: str
    turn: int
    first_ms: int
    length: int


class Waiter(msgspec.Struct, frozen=True):
    """Somebody whose socket waits on an instance, as the room has to know them again."""

    session_id: UUID
    lane: str
    since_ms: int


class Standing(msgspec.Struct, frozen=True):
    """Where a session stands: waiting (with its place), called (with its seat) or neither."""

    session_id: UUID
    state: str  # waiting, called, elsewhere (its newer socket waits there) or nobody
    position: int
    eta_seconds: float | None
    since_ms: int
    instance_id: str  # of the seat, or of the socket
    url: str  # of the seat


class Answer(msgspec.Struct, frozen=True):
    """What the room said, and what had changed by then, each told once in the whole fleet.

    `outcome` of a join: called, queued (new), kept (known) or full.
    """

    outcome: str
    gave_up: int
    seats_lost: int
    waiting: int
    now_ms: int
    standings: list[Standing]


class Waiting:
    """The one waiting list of the fleet, in Redis under Redis' own time."""

    def __init__(self, writer: RedisWriter) -> None:
        """Ask through `writer`."""
        self._writer = writer

    async def join(
        self, session_id: UUID, *, lane: str, since_ms: int = 0, instance_id: str
    ) -> Answer:
        """Stand in line, or keep standing; `since_ms` is an arrival that was proven before.

        Whoever is next gets a seat at once where one is free.
        """
        return await self._run("join", str(session_id), lane, since_ms, instance_id)

    async def look(self, instance_id: str, waiters: Sequence[Waiter]) -> Answer:
        """Say that the sockets of an instance are alive, and learn where each stands.

        Free places are handed out on the way; a room that has forgotten somebody knows them again.
        """
        flat = [part for w in waiters for part in (str(w.session_id), w.lane, w.since_ms)]
        return await self._run("look", instance_id, *flat)

    async def stand(self, session_id: UUID) -> Answer:
        """Look without changing anything."""
        return await self._run("stand", str(session_id))

    async def leave(self, session_id: UUID) -> None:
        """Leave the room for the interview; the place on the instance is claimed already."""
        await self._run("leave", str(session_id))

    async def _run(self, op: str, *args: str | int) -> Answer:
        raw = await self._writer.run(
            "waiting",
            [
                keys.waiting(),
                keys.waiting_who(),
                keys.waiting_called(),
                keys.waiting_turns(),
                keys.waiting_clock(),
                keys.instances(),
                keys.freed(),
                keys.counters(),
            ],
            [op, keys.waiting_line(""), keys.instance(""), keys.slots(""), *_BOUNDS, *args],
        )
        return _read(raw)


_BOUNDS: Final = (
    KEEP_MS,
    int(limits.WAITING_PRESENT_SECONDS * 1000),
    LATE_MS,
    limits.SEAT_SECONDS * 1000,
    limits.WAITING_SOCKETS_MAX,
    limits.WAITING_RATE_MINUTES,
)


def _read(raw: list[Any]) -> Answer:
    outcome, gone, lost, _, waiting, returning, freed, ms, lanes, standings, now = raw
    line = [Lane(text(one[0]), *(int(part) for part in one[1:])) for one in lanes]
    rate = per_second(freed, ms)
    return Answer(
        outcome=text(outcome),
        gave_up=gone,
        seats_lost=lost,
        waiting=waiting,
        now_ms=int(now),
        standings=[_standing(one, line, returning, rate) for one in standings],
    )


def _standing(raw: list[Any], lanes: list[Lane], returning: int, rate: float | None) -> Standing:
    session, state, instance, url, since, rank = raw
    name, position = text(state), 0
    if name not in ("called", "elsewhere", "nobody"):
        position = rank + 1 if name == FIRST else returning + place(lanes, name, rank)
        name = "waiting"
    return Standing(
        session_id=UUID(text(session)),
        state=name,
        position=position,
        eta_seconds=estimate(position, rate) if position else None,
        since_ms=int(since),
        instance_id=text(instance),
        url=text(url),
    )


def place(lanes: Sequence[Lane], name: str, rank: int) -> int:
    """Return the position, from 1, of the one with `rank` others of the same lane before them.

    The lanes take turns; where two have the same turn, the lane whose first came earlier goes
    first. A tie further down is decided by who is first by then: until then this is its best guess.
    """
    mine = next(lane for lane in lanes if lane.name == name)
    turn = mine.turn + rank
    before = rank
    for lane in lanes:
        if lane.name != name:
            goes_first = (lane.first_ms, lane.name) < (mine.first_ms, mine.name)
            rounds = turn - lane.turn + (1 if goes_first else 0)
            before += min(lane.length, max(0, rounds))
    return before + 1


def per_second(freed: int, ms: int) -> float | None:
    """Return how many places came free a second lately, or None without a basis for it."""
    if freed < limits.WAITING_BASIS_FREED or ms <= 0:
        return None
    return freed / max(ms / 1000, 60.0)


def estimate(position: int, rate: float | None) -> float | None:
    """Return the seconds until `position` places have come free, rounded up; None: unknown.

    Never less than the position alone implies: each before takes a place of their own.
    """
    if rate is None:
        return None
    seconds = position / rate
    for step, below in ((10.0, 60.0), (30.0, 600.0)):
        if seconds <= below:
            return math.ceil(seconds / step) * step
    return math.ceil(seconds / 60.0) * 60.0
