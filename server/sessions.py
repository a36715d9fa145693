"""The sessions on this instance: joining, taking over, renewing places, moving away."""

import asyncio
import contextlib
from typing import Final
from uuid import UUID
from weakref import WeakSet, WeakValueDictionary

from interview.session import Session
from protocol import limits
from protocol.faults import Fault
from runtime import metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log
from server.conductor import Conductor
from server.connection import Connections
from server.draining import Drainer
from server.inbox import Attach, Lost
from server.instance import Instance
from server.peer import Peer
from server.waiting import Room
from storage import sessions as store
from storage.journal import Entry
from storage.live import Mark

TICK_PARTS: Final = 20
MARKS_AT_ONCE: Final = 100
log = Log("server.sessions")


class Sessions:
    """Every session of this process, by id; one take-over at a time for each."""

    def __init__(self, instance: Instance) -> None:
        """Hold sessions for `instance`."""
        self._instance = instance
        self.connections = Connections()
        self.room = Room(instance)
        self._conductors: dict[UUID, Conductor] = {}
        self._arriving: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._released: WeakSet[Conductor] = WeakSet()
        self._tasks = Tasks("sessions")
        self._draining: asyncio.Task[int] | None = None
        self._renewing: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many sessions are in memory."""
        return len(self._conductors)

    def here(self, session_id: UUID) -> Conductor | None:
        """Return the session's conductor if it lives on this instance."""
        conductor = self._conductors.get(session_id)
        return conductor if conductor is not None and not conductor.ended.is_set() else None

    async def check_resume(self, tenant_id: UUID, session_id: UUID, join: int) -> None:
        """Judge a resume token before anything is changed; raises Fault `ticket_used`."""
        conductor = self.here(session_id)
        if conductor is not None:
            confirmed = conductor.session.snapshot.joins_confirmed
        else:
            snapshot = await store.look(self._instance.db, tenant_id, session_id)
            confirmed = snapshot.joins_confirmed
        if join < confirmed:
            raise Fault("ticket_used", "a later connection has taken this token's place")

    async def join(
        self,
        peer: Peer,
        tenant_id: UUID,
        session_id: UUID,
        *,
        epoch: int | None,
        offset: int | None,
    ) -> Conductor:
        """Bring a joined socket to its session, taking the session over where it is not here."""
        lock = self._arriving.setdefault(session_id, asyncio.Lock())
        async with lock:  # also the others' only reference: it is forgotten with the last of them
            conductor = self.here(session_id)
            if conductor is not None and not await self._still_mine(conductor):
                await self._let_go(conductor)
                conductor = None
            if conductor is None:
                if self._instance.draining.is_set():
                    raise Fault("draining")  # it passed the gate before that was closed
                conductor = await self._take_over(tenant_id, session_id)
            if conductor.record.tenant_id != tenant_id:
                raise Fault("not_found")
            await conductor.post(Attach(peer, epoch, offset))
        if conductor.ended.is_set():
            peer.close("moving")  # it left in this moment
        return conductor

    async def _still_mine(self, conductor: Conductor) -> bool:
        """Tell whether the session has not been taken over elsewhere meanwhile."""
        record = conductor.record
        if conductor.session.finished:
            return True
        try:
            marks = await self._instance.live.marks([record.session_id])
        except Fault:
            marks = {record.session_id: Mark()}  # Redis is away: PostgreSQL knows
        if marks[record.session_id].fence == record.fence or self._instance.reach.away:
            return True
        try:
            await store.confirm(
                self._instance.db, record.tenant_id, record.session_id, record.fence
            )
        except Fault as fault:
            # A store that is away is no proof of a newer owner: every write asks again.
            return fault.code != "fence_lost"
        return True

    async def _let_go(self, conductor: Conductor) -> None:
        await conductor.post(Lost())
        await conductor.ended.wait()

    async def _take_over(self, tenant_id: UUID, session_id: UUID) -> Conductor:
        """PostgreSQL raises the fence, Redis copies it, PostgreSQL confirms it."""
        instance = self._instance
        record = await store.take(instance.db, tenant_id, session_id, instance_id=instance.id)
        snapshot = record.snapshot
        if not record.finished:
            taken = await instance.live.take(
                session_id,
                record.fence,
                instance=instance.id,
                url=instance.url,
                tenant_id=tenant_id,
                interview_id=record.interview_id,
            )
            record = await store.confirm_taken(instance.db, record, taken.journal)
            snapshot = taken.snapshot or record.snapshot
            await self._trim(session_id, taken.journal)
        session = Session(
            plan=record.plan,
            seed=record.seed,
            epoch=record.fence,
            answered=record.answered,
            snapshot=snapshot,
            finished=record.finished,
            asked=record.asked,
        )
        conductor = Conductor(instance, record, session, self._left)
        self._conductors[session_id] = conductor
        metrics.sessions.set(len(self._conductors))
        conductor.start()
        log.info("session_taken", session_id=session_id, fence=record.fence)
        return conductor

    async def _trim(self, session_id: UUID, journal: list[Entry]) -> None:
        """What PostgreSQL has now, the sealed journal may forget; if not now, the sweep sees it."""
        if journal:
            with contextlib.suppress(Fault):
                await self._instance.journal.trim(session_id, [entry.mark for entry in journal])

    def _left(self, conductor: Conductor) -> None:
        session_id = conductor.record.session_id
        if self._conductors.get(session_id) is conductor:
            del self._conductors[session_id]
        metrics.sessions.set(len(self._conductors))
        self._tasks.start(self._bury(conductor))

    async def _bury(self, conductor: Conductor) -> None:
        await conductor.shut()
        session_id = conductor.record.session_id
        # Who is on the way in has claimed the place anew: it is not this one's to give back.
        if self.here(session_id) is None and session_id not in self._instance.gate.coming:
            try:
                await self._instance.slots.release(self._instance.id, session_id)
            except Fault:
                log.warning("slot_not_released", session_id=session_id)  # its lease ends by itself

    def keep_time(self) -> None:
        """Begin the ticks and the renewing of places."""
        self._tasks.start(self._tick(), name="tick")
        self._renewing = self._tasks.start(self._renew(), name="renew")
        self._tasks.start(self._watch_marks(), name="marks")
        self._tasks.start(self._watch_journal(), name="journal")

    async def _watch_journal(self) -> None:
        """Say, at the start and whenever it changes, whether answers could outlive PostgreSQL."""
        while True:
            await self._instance.journal.check()
            await asyncio.sleep(limits.JOURNAL_LOOK_SECONDS)

    async def _tick(self) -> None:
        """Look at everybody once a second, at a part of them each time: thousands are no burst."""
        part = 0
        while True:
            await asyncio.sleep(1 / TICK_PARTS)
            self.connections.tick(part, TICK_PARTS)
            for conductor in list(self._conductors.values())[part::TICK_PARTS]:
                conductor.tick()
            part = (part + 1) % TICK_PARTS

    async def _renew(self) -> None:
        part = 0
        while True:
            due = self._holding()[part :: limits.RENEW_PARTS]
            part = (part + 1) % limits.RENEW_PARTS
            try:
                await self.look_for_drain()
                await self._renew_places(due)
                await self._release_finished()
            except Fault as fault:
                log.warning("places_not_renewed", code=fault.code)
            await asyncio.sleep(limits.RENEW_SECONDS)

    async def _renew_places(self, due: list[Conductor]) -> None:
        """Renew one part; a Redis that does not know this instance hears of every session."""
        slots, id_ = self._instance.slots, self._instance.id
        draining = self._instance.draining.is_set()
        ids = [conductor.record.session_id for conductor in due]
        if await slots.renew(id_, ids, draining=draining, whole=False) < 0:
            await self.room.look()  # who waits is known before a place can be claimed
            every = {conductor.record.session_id for conductor in self._holding()}
            every.update(self._instance.gate.coming)
            await slots.renew(id_, list(every), draining=draining)
            await self._clear_places(every)

    async def _clear_places(self, every: set[UUID]) -> None:
        """After a standstill: who lives elsewhere by now holds no place here, and no seat either.

        The others may be just enough for everybody, and a place of nobody would be one too few.
        """
        slots, gate, id_ = self._instance.slots, self._instance.gate, self._instance.id
        holding = self._holding()
        for begin in range(0, len(holding), MARKS_AT_ONCE):
            await self._look_at_marks(holding[begin : begin + MARKS_AT_ONCE])
        seats = [one for one in await slots.places(id_) if one not in every]
        marks = await self._instance.live.marks(seats)
        living = {one.id for one in await slots.instances() if one.alive and not one.late}
        for session_id in seats:
            if marks[session_id].instance in living - {id_} and session_id not in gate.coming:
                await slots.release(id_, session_id)

    async def _release_finished(self) -> None:
        """Give back the places of finished interviews, whose pages may still show the end."""
        for conductor in list(self._conductors.values()):
            if conductor.session.finished and conductor not in self._released:
                await self._instance.slots.release(self._instance.id, conductor.record.session_id)
                self._released.add(conductor)

    def _holding(self) -> list[Conductor]:
        """The sessions that need their place: a finished one does not."""
        return [c for c in self._conductors.values() if not c.session.finished]

    async def _watch_marks(self) -> None:
        """Look at everybody's marks once in the time of a whole renewal, in small bites."""
        while True:
            holding = self._holding()
            bites = max(1, -(-len(holding) // MARKS_AT_ONCE))
            for number in range(bites):
                try:
                    await self._look_at_marks(holding[number::bites])
                except Fault as fault:
                    log.warning("marks_not_seen", code=fault.code)
                await asyncio.sleep(limits.RENEW_SECONDS * limits.RENEW_PARTS / bites)

    async def _look_at_marks(self, conductors: list[Conductor]) -> None:
        """Find what others have done: another instance owns a session by now, or time was given."""
        if not conductors:
            return
        marks = await self._instance.live.marks([c.record.session_id for c in conductors])
        for conductor in conductors:
            mark = marks[conductor.record.session_id]
            if mark.fence != conductor.record.fence:
                conductor.reassure()
            conductor.grants.marked(mark.seconds)

    async def drain(self) -> int:
        """Move every session away within limits.DRAIN_SECONDS; returns how many could not be.

        The instance stays, admits nobody and says so; asked again, it is the same drain.
        """
        if self._draining is None:
            instance = self._instance
            instance.draining.set()
            instance.gate.closed = True
            self.room.drain()
            log.info("draining", count=len(self._conductors))
            drainer = Drainer(instance, lambda: list(self._conductors.values()))
            work = drainer.drain(lambda: bool(self._arriving))
            self._draining = self._tasks.start(work, name="drain")
        return await asyncio.shield(self._draining)

    async def look_for_drain(self) -> None:
        """Begin to drain if an operator has asked for it."""
        instance = self._instance
        if self._draining is None and await instance.slots.asked_to_drain(instance.id):
            self._tasks.start(self.drain(), name="asked to drain")

    def announce_no_more(self) -> None:
        """Renew nothing any more: the process ends."""
        if self._renewing is not None:
            self._renewing.cancel()

    async def close(self) -> None:
        """Stop every session's loop; what is not durable by now is not acknowledged either."""
        await self.room.close()
        for conductor in list(self._conductors.values()):
            await conductor.shut()
        await self._tasks.close()
