"""Emptying one instance: each session is sent to a place that is claimed for it elsewhere.

A join costs the instance that takes the session milliseconds, so the moves are spread over the time
there is. Who is in the middle of a question is told first and moves when it is whole. While nobody
else has room the interviews go on here; at the deadline whoever is left is sent into the line.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

import msgspec

from protocol import limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.logs import Log
from server.conductor import Conductor
from server.inbox import Drain
from server.instance import Instance as Here
from storage.slots import Instance, Slots

LOOK_SECONDS: Final = 0.05  # between two looks at who has come late
LAST_SECONDS: Final = 1.0  # after the deadline, for what is written down last
log = Log("server.draining")


class Elsewhere:
    """Places at other instances, the best first."""

    def __init__(self, slots: Slots, own: str, own_url: str) -> None:
        """Look at all instances but `own`; its address is the last resort (its successor's)."""
        self._slots = slots
        self._own = own
        self._own_url = own_url
        self._others: list[Instance] = []
        self._seen_at = float("-inf")

    async def place(self, session_id: UUID) -> str:
        """Claim a place and return its instance's address; "" while nobody has room."""
        try:
            await self._look()
            for other in sorted(self._others, key=_order):
                claim = await self._slots.claim(
                    other.id, session_id, returning=True, seconds=limits.SEAT_SECONDS
                )
                if claim.outcome in ("gone", "draining"):
                    self._others.remove(other)
                    continue
                self._note(other, claim.taken)
                if claim.held:
                    return other.url
        except Fault:
            return ""  # Redis is away, and no take-over works without it
        return ""

    @property
    def alone(self) -> bool:
        """Whether no other instance lives, as far as Redis has said: nothing to wait for."""
        return self._seen_at > float("-inf") and not self._others

    @property
    def last_resort(self) -> str:
        """Where the door says at least what is the matter: another instance's, or a successor's."""
        return min(self._others, key=_order).url if self._others else self._own_url

    def _note(self, other: Instance, taken: int) -> None:
        at = self._others.index(other)
        self._others[at] = msgspec.structs.replace(other, taken=taken)

    async def _look(self) -> None:
        now = clock.monotonic()
        if now - self._seen_at < limits.DRAIN_LOOK_SECONDS:
            return
        self._others = [
            other
            for other in await self._slots.instances()
            if other.alive and not other.draining and other.id != self._own
        ]
        self._seen_at = now


def _order(other: Instance) -> tuple[bool, bool, int, str]:
    """The fullest below its target; where all are above, the emptiest."""
    above = other.taken >= other.target
    return other.late, above, other.taken if above else -other.taken, other.id


class Drainer:
    """Moves the sessions of one instance away; the gate is closed by then."""

    def __init__(self, here: Here, sessions: Callable[[], Iterable[Conductor]]) -> None:
        """Move those that `sessions` gives, also whoever is let in late."""
        self._here = here
        self._sessions = sessions
        self._elsewhere = Elsewhere(here.slots, here.id, here.url)
        self._told: set[UUID] = set()

    async def drain(self, arriving: Callable[[], bool]) -> int:
        """Return how many sessions are left after limits.DRAIN_SECONDS.

        `arriving` tells whether somebody is on the way in, past the gate.
        """
        begun = clock.monotonic()
        deadline = begun + limits.DRAIN_SECONDS
        await self._announce()
        await self._tell_all(deadline)
        end = deadline + LAST_SECONDS
        while (self._count() or arriving()) and clock.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)
            await self._tell_all(deadline)
        left = self._count()
        seconds = clock.monotonic() - begun
        metrics.drain_seconds.observe(seconds)
        log.info("drained", count=len(self._told) - left, seconds=round(seconds, 3))
        return left

    def _count(self) -> int:
        return sum(1 for _ in self._sessions())

    async def _announce(self) -> None:
        """Nobody new is sent here from now on."""
        try:
            await self._here.slots.renew(self._here.id, [], draining=True)
        except Fault:
            log.warning("drain_not_announced")

    async def _tell_all(self, deadline: float) -> None:
        """Tell each session once: first those that have to wait, then the others at a pace."""
        untold = [one for one in self._sessions() if one.record.session_id not in self._told]
        untold.sort(key=lambda one: not one.session.asking)
        pace = min(limits.DRAIN_STEP_SECONDS, limits.DRAIN_SPREAD_SECONDS / max(1, len(untold)))
        due, room = clock.monotonic(), True
        for conductor in untold:
            session_id, late = conductor.record.session_id, clock.monotonic() >= deadline
            url = ""
            if room and conductor.peer is not None:  # nobody there: no place is needed now
                url = await self._elsewhere.place(session_id)
                room = bool(url)
            if not room and not late and not self._elsewhere.alone and conductor.peer is not None:
                continue  # a place may come free until the deadline
            self._told.add(session_id)
            if conductor.ended.is_set():
                continue
            conductor.move(Drain(url or self._elsewhere.last_resort, deadline))
            if not conductor.session.asking and not late:
                due += pace
                await asyncio.sleep(max(0.0, due - clock.monotonic()))
