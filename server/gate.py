"""The gate: who gets a place, on which instance, and what everybody else is told."""

from collections import Counter
from uuid import UUID

import msgspec

from protocol import limits
from protocol.faults import Fault
from runtime import metrics
from storage.slots import FIRST, Claim, Instance, Slots
from storage.waiting import Answer, Standing, Waiting


class Seat(msgspec.Struct, frozen=True):
    """A place reserved for as long as the ticket lives, or a place in line (`standing`)."""

    instance_id: str
    url: str
    standing: Standing | None = None


class Admission(msgspec.Struct, frozen=True):
    """What the door would say now: open, waiting, full or draining."""

    state: str
    retry_after: int
    position: int | None = None
    eta_seconds: float | None = None


class Gate:
    """Places are claimed by one atomic script; the reservation is the admission."""

    def __init__(self, slots: Slots, waiting: Waiting, *, instance_id: str) -> None:
        """Claim through `slots`; `instance_id` is this process' own, empty for an api role."""
        self._slots = slots
        self._instance_id = instance_id
        self.waiting = waiting
        self.closed = False
        # Sessions between the claim of their place and their taking over, by sockets under way.
        self.coming: Counter[UUID] = Counter()

    async def admission(self, session_id: UUID) -> Admission:
        """Return what this candidate would be told now."""
        answer = await self.waiting.stand(session_id)
        mine = answer.standings[0]
        if mine.state == "called":
            return Admission("open", 0)
        again = limits.REFUSED_RETRY_SECONDS
        if mine.state == "waiting":
            return Admission("waiting", again, mine.position, mine.eta_seconds)
        living = [instance for instance in await self._slots.instances() if instance.alive]
        usable = [instance for instance in living if not instance.draining]
        if living and not usable:
            return Admission("draining", again)
        if answer.waiting == 0 and any(i.taken < i.admit for i in usable):
            return Admission("open", 0)
        room = answer.waiting < len(usable) * limits.WAITING_SOCKETS_MAX
        return Admission("waiting" if room else "full", again)

    async def instances(self) -> list[Instance]:
        """Return every instance that announced itself, for operators to look at."""
        return await self._slots.instances()

    async def ask_drain(self, instance_id: str, *, force: bool) -> str:
        """Ask an instance to drain: asked, draining, gone or last."""
        return await self._slots.ask_drain(instance_id, force=force)

    async def reserve(
        self,
        session_id: UUID,
        tenant_id: UUID,
        *,
        returning: bool,
        prefer: str = "",
        since_ms: int = 0,
        unreachable: str = "",
    ) -> Seat:
        """Reserve a seat: where the session has a place or lives, else the fullest under target.

        Packing leaves empty instances to scale in. Where every place is taken, or somebody waits
        already, it is a place in line, with an arrival of `since_ms` if that was proven. Whoever
        could not reach the address `unreachable` is sent there last. Raises
        Fault `at_capacity` when that is full too, or `draining`.
        """
        found = await self._slots.instances(of=session_id)
        living = [instance for instance in found if instance.alive]
        for instance in _order(living, prefer, unreachable):
            claim = await self._slots.claim(
                instance.id, session_id, returning=returning, seconds=limits.SEAT_SECONDS
            )
            if claim.held:
                metrics.admissions.labels("reserved").inc()
                return Seat(instance.id, instance.url)
        usable = sorted(
            (i for i in living if not i.draining), key=lambda i: (i.late, i.waiting, i.id)
        )
        if not usable:
            code = "draining" if living else "at_capacity"
            metrics.admissions.labels(code).inc()
            raise Fault(code, retry_after=limits.REFUSED_RETRY_SECONDS)
        lane = FIRST if returning else str(tenant_id)
        return await self._queue(session_id, lane, since_ms, usable[0])

    async def _queue(self, session_id: UUID, lane: str, since_ms: int, at: Instance) -> Seat:
        answer = await self.waiting.join(
            session_id, lane=lane, since_ms=since_ms, instance_id=at.id
        )
        count_changes(answer)
        if answer.outcome == "full":
            metrics.admissions.labels("waiting_full").inc()
            raise Fault("at_capacity", retry_after=limits.REFUSED_RETRY_SECONDS)
        mine = answer.standings[0]
        if mine.state == "called":
            metrics.admissions.labels("reserved").inc()
            return Seat(mine.instance_id, mine.url)
        metrics.admissions.labels(answer.outcome).inc()
        return Seat(at.id, at.url, mine)

    async def enter(self, session_id: UUID, *, returning: bool) -> None:
        """Claim (or confirm) the place of a socket at this instance's door.

        From then on its session counts as coming, until `arrived`: its place is nobody's to give
        back, and an emptied Redis hears of it.
        """
        if self.closed:
            metrics.admissions.labels("draining").inc()
            raise Fault("draining", retry_after=1)
        self.coming[session_id] += 1
        try:
            await self._claim(session_id, returning=returning)
        except BaseException:
            self.arrived(session_id)
            raise

    def arrived(self, session_id: UUID) -> None:
        """The socket that had entered has joined its session, or never will."""
        self.coming[session_id] -= 1
        if self.coming[session_id] <= 0:
            del self.coming[session_id]

    async def _claim(self, session_id: UUID, *, returning: bool) -> None:
        claim = await self._slots.claim(
            self._instance_id, session_id, returning=returning, seconds=limits.SLOT_LEASE_SECONDS
        )
        metrics.admissions.labels("entered" if claim.held else claim.outcome).inc()
        if not claim.held:
            raise _refusal(claim)
        if claim.queued:
            await self.waiting.leave(session_id)


def count_changes(answer: Answer) -> None:
    """Count what the room tells once in the whole fleet."""
    if answer.gave_up:
        metrics.admissions.labels("gave_up").inc(answer.gave_up)
    if answer.seats_lost:
        metrics.admissions.labels("seat_lost").inc(answer.seats_lost)


def _refusal(claim: Claim) -> Fault:
    if claim.outcome in ("full", "behind"):
        return Fault("at_capacity", retry_after=limits.REFUSED_RETRY_SECONDS)
    if claim.outcome == "draining":
        return Fault("draining", retry_after=1)
    return Fault("unavailable", "this instance has no lease", retry_after=1)


def _order(living: list[Instance], prefer: str, unreachable: str) -> list[Instance]:
    """Instances in the order to try: with a place of this session, preferred, under target, others.

    Whoever tries again keeps the seat of the first try: a second one elsewhere would be a place
    that nobody can have until it ends, and a fleet of just enough places would be full.
    One that has missed a renewal, or that the candidate could not reach, comes last of all: whose
    server has just died is not sent back to it. Nor to one that drains, wherever the session was:
    its door is closed.
    """
    open_ = [i for i in living if not i.draining]
    return sorted(
        open_,
        key=lambda i: (
            i.late or i.url == unreachable,
            not i.holds,
            i.id != prefer,
            i.taken >= i.target,
            -i.taken,
            i.id,
        ),
    )
