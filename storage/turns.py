"""Answers into PostgreSQL: those of many sessions leave together, never on a timer."""

import asyncio
from collections import deque
from typing import Any, Final

import asyncpg

from interview.events import Save, SaveOutcome
from interview.interviewer import Directive
from interview.record import Snapshot
from protocol import ids, limits
from protocol.faults import Fault
from runtime.lifecycle import Tasks
from runtime.logs import Log
from storage.sessions import Record
from storage.transaction import Database, Held

log = Log("storage.turns")
WRITERS: Final = 2
BATCH_MAX: Final = 50
LOCKED_TRIES: Final = 20


class TurnWriter:
    """Saves turns: those that come while a connection is busy leave together in one commit."""

    def __init__(self, db: Database, *, writers: int = WRITERS) -> None:
        """Write through `db` with at most `writers` commits at a time."""
        self._db = db
        self._pending: deque[tuple[dict[str, Any], asyncio.Future[str]]] = deque()
        self._idle: list[asyncio.Future[None]] = []  # the last to rest is the first to be woken
        self._tasks = Tasks("turn-writer")
        self._writers = writers

    async def save(self, row: dict[str, Any]) -> SaveOutcome:
        """Make one answer (a `turn_row`) durable.

        The outcome `unavailable` means that PostgreSQL refused it for now. Raises Fault
        `fence_lost` when somebody newer owns the session, and `unavailable` when PostgreSQL is
        away: then the commit may have happened, and the same client_msg_id sent again finds out.
        """
        for attempt in range(LOCKED_TRIES):
            outcome = await self._queue(row)
            if outcome == "locked":
                await asyncio.sleep(0.01 * (attempt + 1))
                continue
            if outcome in ("fence_lost", "finished"):
                raise Fault("fence_lost", outcome)
            return outcome  # type: ignore[return-value]
        return "unavailable"

    async def _queue(self, row: dict[str, Any]) -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._pending.append((row, future))
        while len(self._tasks) < self._writers:
            self._tasks.start(self._run())
        while self._idle:
            woken = self._idle.pop()
            if not woken.done():  # or this writer is about to end
                woken.set_result(None)
                break
        return await future

    async def _run(self) -> None:
        held = self._db.hold()
        try:
            while True:
                while not self._pending:
                    await self._rest()
                await self._write_all(held, self._take_batch())
        finally:
            await held.close()

    async def _rest(self) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(woken)
        try:
            await woken
        finally:
            if woken in self._idle:  # the writer ends
                self._idle.remove(woken)

    async def _write_all(self, held: Held, batch: list[Any]) -> None:
        try:
            await self._write(held, batch)
        finally:
            # Whatever went wrong: nobody waits for ever, and nothing unsaved is acknowledged.
            for _, future in batch:
                if not future.done():
                    future.set_exception(Fault("unavailable", "not written"))

    def _take_batch(self) -> list[Any]:
        batch: list[Any] = []
        sessions: set[Any] = set()
        rest: deque[Any] = deque()
        while self._pending and len(batch) < BATCH_MAX:
            item = self._pending.popleft()
            if item[0]["session_id"] in sessions:
                rest.append(item)  # a session has one turn a commit
            else:
                sessions.add(item[0]["session_id"])
                batch.append(item)
        self._pending.extendleft(reversed(rest))
        return batch

    async def _write(self, held: Held, batch: list[Any]) -> None:
        try:
            rows = await held.call(
                "SELECT * FROM save_turns($1)",
                [row for row, _ in batch],
                seconds=limits.SAVE_SECONDS,
            )
        except Fault as fault:
            for _, future in batch:
                if not future.done():
                    future.set_exception(fault)
            return
        except asyncpg.PostgresError as error:
            await self._bisect(held, batch, error)
            return
        outcomes = {(row["session_id"], row["turn"]): row["outcome"] for row in rows}
        for row, future in batch:
            if not future.done():
                future.set_result(outcomes[(row["session_id"], row["turn"])])

    async def _bisect(self, held: Held, batch: list[Any], error: Exception) -> None:
        """One bad row fails its whole group: write them one by one and fail only that one."""
        if len(batch) > 1:
            for item in batch:
                await self._write(held, [item])
            return
        log.error("answer_refused", error=type(error).__name__)
        _, future = batch[0]
        if not future.done():
            future.set_result("unavailable")  # it would be refused again: no journal takes it

    async def close(self) -> None:
        """Stop writing; what waits is told that it was not saved."""
        await self._tasks.close()
        while self._pending:
            _, future = self._pending.popleft()
            if not future.done():
                future.set_exception(Fault("unavailable", "closing"))


def turn_row(record: Record, save: Save, snapshot: Snapshot) -> dict[str, Any]:
    """Return what save_turns, or the journal, is given of one answer."""
    next_ask = save.next_ask
    directive: Directive | None = next_ask.directive if next_ask else None
    return {
        "tenant_id": record.tenant_id,
        "session_id": record.session_id,
        "created_at": ids.created_at(record.session_id),
        "fence": record.fence,
        "turn": save.said.turn,
        "ask": save.ask,
        "competency": save.said.competency,
        "level": save.said.level,
        "kind": save.said.kind,
        "engine": save.engine,
        "question": save.said.question,
        "answer": save.said.answer,
        "client_msg_id": save.client_msg_id,
        "seconds": save.seconds,
        "state": snapshot,
        "next_ask": next_ask.ask if next_ask else None,
        "directive": directive,
    }
