"""Where one session's answers, attempts and state are kept: PostgreSQL, and its journal meanwhile.

An answer is acknowledged when PostgreSQL has it or, while that is away, when the journal has taken
it under this owner's confirmed fence. What the journal holds goes to PostgreSQL before anything
newer does. An answer whose fate is unknown is in doubt: no other one for its turn is kept until
PostgreSQL has told what became of it, and once it has told, the session is let go: whoever takes it
next knows what was kept.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from interview import events as ev
from interview.record import Snapshot
from protocol.faults import Fault
from runtime import metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log
from server.instance import Instance
from storage import flushing
from storage import sessions as store
from storage.journal import KEPT, Entry, ask_entry, turn_entry, turn_mark
from storage.turns import turn_row

log = Log("server.keeping")
RETRY_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


class _Answer(msgspec.Struct, frozen=True):
    """An answer on its way to being kept."""

    turn: int
    mark: str
    row: dict[str, Any]


class Keeper:
    """Keeps one session; hears from nobody else what its stores say."""

    def __init__(
        self,
        instance: Instance,
        record: store.Record,
        *,
        lost: Callable[[], Awaitable[None]],
        behind: Callable[[], Awaitable[None]],
        again: Callable[[], None],
    ) -> None:
        """Keep the session of `record`, whose take-over was confirmed.

        `lost` is awaited when somebody newer owns it, `behind` when there are answers that this
        owner does not know; `again` is called when Redis had forgotten its state, which has to be
        written once more.
        """
        self._instance = instance
        self._record = record
        self._lost = lost
        self._tell_behind = behind
        self._again = again
        self._lock = asyncio.Lock()
        self._journalling = asyncio.Lock()  # an append is on its way, or a registering
        self._tasks = Tasks(f"keeper {record.session_id}")
        self._confirmed = True  # PostgreSQL has said that the fence is mine since Redis has it
        self._known = {one.said.turn: one.client_msg_id for one in record.answered}
        self._behind = False  # Redis has answers of another owner's: this one keeps no more
        self._held: list[Entry] = []  # in the journal, and not in PostgreSQL for all we know
        self._spent: list[str] = []  # in PostgreSQL; the journal may still have them
        self._doubt: _Answer | None = None  # sent to a store that never said what became of it
        self._unknown = False
        self._settling: asyncio.Task[None] | None = None
        self._shut = False

    @property
    def holds(self) -> bool:
        """Whether answers of this session wait in the journal."""
        return bool(self._held)

    # Answers and attempts -------------------------------------------------------------------

    async def save(self, save: ev.Save, snapshot: Snapshot) -> ev.SaveOutcome:
        """Make one answer durable; Fault `fence_lost` when somebody newer owns the session."""
        row = turn_row(self._record, save, snapshot)
        answer = _Answer(save.said.turn, turn_mark(row), row)
        async with self._lock:
            if self._behind:
                return "unavailable"
            if not self._instance.reach.away:
                try:
                    return await self._into_database(answer)
                except Fault as fault:
                    self._judge(fault)
            if self._other_in_doubt(answer):
                self._refused("doubt", answer.turn, "turn")
                return "unavailable"
            if await self._into_journal(turn_entry(row)):
                self._kept(answer)
                return "saved"
            self._doubt = answer if self._unknown else self._doubt
            return "unavailable"

    async def _into_database(self, answer: _Answer) -> ev.SaveOutcome:
        """Flush, then save; with another answer of the turn in doubt, find out about that one only.

        Whatever became of it, this one is not sent with the same breath: were it in doubt next, the
        journal would take it beside what PostgreSQL has. `turn_answered` has the session read anew.
        """
        await self._flush()
        doubt = self._doubt
        if doubt is not None and self._other_in_doubt(answer):
            found = await self._instance.turns.save(doubt.row)
            return found if found == "unavailable" else "turn_answered"
        self._doubt = answer  # until PostgreSQL has answered
        outcome = await self._instance.turns.save(answer.row)
        if outcome == "unavailable":
            self._doubt = doubt  # this sending did nothing; an earlier one may still arrive
            return outcome
        if doubt is not None:
            self._spent.append(doubt.mark)
        self._doubt = None
        if outcome in ("saved", "duplicate"):
            self._kept(answer)
        return outcome

    def _kept(self, answer: _Answer) -> None:
        self._doubt = None
        self._known[answer.turn] = answer.row["client_msg_id"]

    def _other_in_doubt(self, answer: _Answer) -> bool:
        doubt = self._doubt
        return doubt is not None and doubt.turn == answer.turn and doubt.mark != answer.mark

    async def begin_ask(self, plan: ev.AskPlan) -> None:
        """Record an attempt that follows no answer, before it costs anything.

        With both stores away it waits: no call may be unaccounted. Fault `fence_lost`.
        """
        record, tries = self._record, 0
        entry = ask_entry(record.tenant_id, record.session_id, record.fence, plan)
        while True:
            async with self._lock:
                if not self._instance.reach.away:
                    try:
                        await self._flush()
                        await store.begin_ask(
                            self._instance.db,
                            record.tenant_id,
                            record.session_id,
                            record.fence,
                            plan,
                        )
                    except Fault as fault:
                        self._judge(fault)
                    else:
                        return
                if await self._into_journal(entry):
                    return
            await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1

    def _judge(self, fault: Fault) -> None:
        """An absence is no reason to stop; whatever else PostgreSQL says is."""
        if fault.code != "unavailable":
            raise fault
        self._instance.reach.lost()

    async def _into_journal(self, entry: Entry) -> bool:
        """Add an entry to the journal; `_unknown` says that nobody knows whether it was."""
        self._unknown = False
        try:
            why = await self._append(entry)
        except Fault:
            why, self._unknown = "unavailable", True
        if why:
            self._refused(why, entry.turn, entry.kind)
        else:
            metrics.journal.labels("appended").inc()
        # An attempt whose entry may be there is flushed with the rest: twice is once.
        hold = not why or (self._unknown and entry.kind == "ask")
        if hold and all(held.mark != entry.mark for held in self._held):
            self._held.append(entry)
        return not why

    async def _append(self, entry: Entry) -> str:
        if self._spent and self._confirmed:
            await self._trim()
        if not self._confirmed:
            return "unconfirmed"
        record, journal = self._record, self._instance.journal
        async with self._journalling:  # free while confirmed: nothing comes between look and queue
            outcome = await journal.append(record.session_id, record.fence, entry)
            if outcome == "order" and await self._trim_leftovers(entry.turn):
                outcome = await journal.append(record.session_id, record.fence, entry)
        return "" if outcome in KEPT else outcome

    async def _trim_leftovers(self, turn: int) -> bool:
        """Trim what some earlier trim could not: PostgreSQL has every turn before our first."""
        first = min([turn, *(entry.turn for entry in self._held)])
        left = await self._instance.journal.read(self._record.session_id)
        self._spent = [entry.mark for entry in left if entry.turn < first]
        if self._spent:
            await self._trim()
        return bool(left)

    def _refused(self, why: str, turn: int, kind: str) -> None:
        metrics.journal.labels(why).inc()
        log.warning("journal_refused", reason=why, turn=turn, kind=kind)

    # Back to PostgreSQL -----------------------------------------------------------------------

    async def _flush(self) -> None:
        """What the journal holds goes into PostgreSQL, in order; then the journal forgets it."""
        if not self._held:
            return
        record = self._record
        await flushing.flush(
            self._instance.db,
            record.tenant_id,
            record.session_id,
            self._held,
            fence=record.fence,
        )
        log.info("journal_flushed", count=len(self._held))
        self._spent += [entry.mark for entry in self._held]
        self._held = []
        try:
            await self._trim()
        except Fault:
            return  # Redis is away: it is trimmed before the next entry, or by the sweep

    async def _trim(self) -> None:
        if await self._instance.journal.trim(self._record.session_id, self._spent):
            log.warning("journal_not_empty")  # somebody's entry in doubt: the sweep asks about it
        self._spent = []

    def tick(self) -> None:
        """Look, once a second, whether something waits that could be settled now."""
        if self._behind:
            return
        waits = self._held or self._spent or not self._confirmed
        busy = self._settling is not None and not self._settling.done()
        if waits and not busy and not self._shut and not self._instance.reach.away:
            self._settling = self._tasks.start(self._settle())

    async def _settle(self) -> None:
        """First what only Redis may have, and no longer: then whose the session is."""
        try:
            async with self._instance.reach.settling:
                async with self._lock:
                    await self._flush()
                if not self._confirmed and not await self._reassure():
                    self._behind = True
                    await self._tell_behind()
                async with self._lock:
                    if self._spent:
                        await self._trim()
        except Fault as fault:
            await self._bear(fault)

    async def _bear(self, fault: Fault) -> None:
        """A store that is away is asked again; a newer owner is not argued with."""
        if fault.code == "fence_lost":
            await self._lost()

    # State ------------------------------------------------------------------------------------

    def checkpoint(self, snapshot: Snapshot, *, turns_done: int, status: str) -> None:
        """Write the state to Redis, soon; a refusal makes us ask whose the session is."""
        future = self._instance.live.keep(
            self._record.session_id,
            self._record.fence,
            snapshot,
            turns_done=turns_done,
            status=status,
        )
        future.add_done_callback(self._written)

    def _written(self, future: "asyncio.Future[int]") -> None:
        if future.cancelled() or future.exception() is not None:
            return  # Redis is away: PostgreSQL has the turns, and the next boundary tries again
        if not future.result():
            self.reassure()

    def reassure(self) -> None:
        """Ask the stores whose session it is: Redis knows nothing of it, or of somebody newer.

        Until they have said so, the journal takes nothing.
        """
        self._confirmed = False
        self.tick()

    async def _reassure(self) -> bool:
        """Register in Redis first, then confirm: in the other order an old owner may come back.

        False when the journal has answers that another owner accepted meanwhile: nothing goes
        over those. Waits for an append that is on its way; no save to PostgreSQL waits for this.
        """
        record, instance = self._record, self._instance
        async with self._journalling:
            taken = await instance.live.take(
                record.session_id,
                record.fence,
                instance=instance.id,
                url=instance.url,
                tenant_id=record.tenant_id,
                interview_id=record.interview_id,
            )
            if any(self._foreign(entry) for entry in taken.journal):
                log.warning("journal_foreign", fence=record.fence)
                return False
            await store.confirm(instance.db, record.tenant_id, record.session_id, record.fence)
            self._confirmed = True
        self._again()
        return True

    def _foreign(self, entry: Entry) -> bool:
        """Whether it is an answer that this owner neither counts nor doubts."""
        doubt = self._doubt
        if entry.kind != "turn" or (doubt is not None and doubt.mark == entry.mark):
            return False
        return bool(self._known.get(entry.turn) != entry.row["client_msg_id"])

    async def checkpoint_durably(self, snapshot: Snapshot) -> None:
        """Write the state to PostgreSQL, after the answers that it follows; an absence is borne."""
        record, instance = self._record, self._instance
        if instance.reach.away:
            return  # the live state and the journal have it
        try:
            async with self._lock:
                await self._flush()
                await store.checkpoint(
                    instance.db, record.tenant_id, record.session_id, record.fence, snapshot
                )
        except Fault as fault:
            await self._bear(fault)

    async def close(self, snapshot: Snapshot, reason: str) -> None:
        """End the interview in PostgreSQL, after its last answers; Fault when it can't be now."""
        async with self._lock:
            if self._behind:
                raise Fault("unavailable", "there are answers that this owner does not know")
            try:
                await self._flush()
                await store.close(self._instance.db, self._record, snapshot, reason)
            except Fault as fault:
                if fault.code == "unavailable":
                    self._instance.reach.lost()
                raise

    async def shut(self) -> None:
        """Stop what runs; the journal keeps what waits for whoever comes next, or for the sweep."""
        self._shut = True
        await self._tasks.close()
