"""What a journal held, into PostgreSQL: in order, once, under the lock on its session's row."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from protocol import ids
from protocol.faults import Fault
from runtime import metrics
from runtime.logs import Log
from storage.journal import Entry, Journal, Left
from storage.transaction import AWAY, Connection, Database

log = Log("storage.flushing")


class Stuck(Fault):
    """A journal that PostgreSQL does not take although it is there: this one's own trouble."""

    def __init__(self, detail: str) -> None:
        """Be `unavailable` to whoever does not tell the difference."""
        super().__init__("unavailable", detail)


class Flushed(msgspec.Struct, frozen=True):
    """How a session stands after a flush."""

    fence: int
    turns_done: int
    inserted: int


async def flush(
    db: Database,
    tenant_id: UUID,
    session_id: UUID,
    entries: Sequence[Entry],
    *,
    fence: int,
    over: bool = False,
) -> Flushed:
    """Insert entries in a transaction of their own; then, and only then, they may be trimmed.

    Raises Fault `fence_lost` as `insert` does, `unavailable` when nobody can tell whether it was
    done.
    """
    async with db.tenant(tenant_id) as connection:
        flushed = await insert(connection, session_id, entries, fence=fence, over=over)
    metrics.journal.labels("flushed").inc(flushed.inserted)
    return flushed


async def flush_left(db: Database, journal: Journal, session_id: UUID) -> int:
    """Flush what an owner left in its journal, and trim it; returns how many answers were new.

    Only under the fence that Redis had when the journal was read: with a newer one in PostgreSQL
    somebody is taking over, has read the record, and inserts the journal itself. An entry that
    nobody can read is set aside with what lies behind it, once what lies before it is inserted.
    """
    left = await journal.left(session_id)
    inserted = await _flush_left(db, journal, session_id, left) if left.entries else 0
    if left.unreadable is not None and inserted is not None:
        await journal.set_aside(session_id, left.unreadable)
    return inserted or 0


async def _flush_left(db: Database, journal: Journal, session_id: UUID, left: Left) -> int | None:
    """Return how many answers were new, or None where they are somebody else's to insert."""
    tenant_id = UUID(left.entries[-1].row["tenant_id"])
    try:
        flushed = await flush(db, tenant_id, session_id, left.entries, fence=left.fence, over=True)
    except Fault as fault:
        if fault.code != "fence_lost":
            raise
        log.info("journal_left", session_id=session_id, fence=left.fence)
        return None
    await journal.trim(session_id, [entry.mark for entry in left.entries])
    return flushed.inserted


async def insert(
    connection: Connection,
    session_id: UUID,
    entries: Sequence[Entry],
    *,
    fence: int,
    over: bool = False,
) -> Flushed:
    """Insert entries in the caller's transaction; what is there already is left as it is.

    Raises Fault `fence_lost` when `fence` is not the session's. With `over` a session that is over
    needs none: a withdrawal raises the fence, and nobody comes after it whom an answer could pass
    by. An erased candidate's words are not inserted any more.
    """
    try:
        return await _insert(connection, session_id, entries, fence=fence, over=over)
    except (asyncpg.PostgresError, KeyError, ValueError) as error:
        if isinstance(error, AWAY):
            raise
        log.crash("journal_not_inserted", session_id=session_id)
        raise Stuck(type(error).__name__) from error


async def _insert(
    connection: Connection,
    session_id: UUID,
    entries: Sequence[Entry],
    *,
    fence: int,
    over: bool,
) -> Flushed:
    session = await connection.fetchrow(
        "SELECT s.interview_id, s.tenant_id, s.fence, s.turns_done, s.status, i.erased "
        "FROM interview_sessions s JOIN interviews i ON i.id = s.interview_id "
        "WHERE s.id = $1 AND s.created_at = $2 FOR NO KEY UPDATE OF s",
        session_id,
        ids.created_at(session_id),
    )
    if session is None:
        raise Fault("fence_lost", "no such session")
    held = int(session["fence"])
    if held != fence and not (over and session["status"] == "finished"):
        raise Fault("fence_lost", f"fence {held} is not {fence}")
    done = int(session["turns_done"])
    if session["erased"]:
        return Flushed(held, done, 0)
    turns = [entry.row for entry in entries if entry.kind == "turn"]
    await _compare(connection, session_id, [row for row in turns if row["turn"] <= done])
    fresh = [row for row in turns if row["turn"] > done]
    if [row["turn"] for row in fresh] != list(range(done + 1, done + 1 + len(fresh))):
        log.error("journal_gap", session_id=session_id, turn=done)
        raise Stuck("the journal has a gap")
    if fresh:
        await _insert_turns(connection, session_id, fresh, held)
    asks = [
        {**row, "turn": row["turn"] + 1, "ask": row["next_ask"]}
        for row in turns
        if row["next_ask"] is not None
    ]
    asks += [entry.row for entry in entries if entry.kind == "ask"]
    if asks:
        await _insert_asks(connection, asks)
    return Flushed(held, done + len(fresh), len(fresh))


async def _compare(connection: Connection, session_id: UUID, known: list[dict[str, Any]]) -> None:
    """An answer that PostgreSQL has is the same one; another would be a promise broken: say so."""
    if not known:
        return
    rows = await connection.fetch(
        "SELECT turn, client_msg_id FROM turns WHERE session_id = $1 AND turn = ANY($2)",
        session_id,
        [row["turn"] for row in known],
    )
    kept = {row["turn"]: row["client_msg_id"] for row in rows}
    for row in known:
        if kept.get(row["turn"]) != row["client_msg_id"]:
            metrics.journal.labels("conflict").inc()
            log.error("journal_conflict", session_id=session_id, turn=row["turn"])


async def _insert_turns(
    connection: Connection, session_id: UUID, fresh: list[dict[str, Any]], fence: int
) -> None:
    await connection.execute(
        "INSERT INTO turns (session_id, turn, tenant_id, interview_id, fence, ask, competency, "
        "level, kind, engine, question, answer, client_msg_id, seconds, answered_at) "
        "SELECT s.id, x.turn, s.tenant_id, s.interview_id, $4, x.ask, x.competency, x.level, "
        "x.kind, x.engine, x.question, x.answer, x.client_msg_id, coalesce(x.seconds, 0), "
        "x.answered_at FROM jsonb_to_recordset($3) AS x(turn integer, ask integer, "
        "competency text, level text, kind text, engine text, question text, answer text, "
        "client_msg_id text, seconds double precision, answered_at timestamptz) "
        "JOIN interview_sessions s ON s.id = $1 AND s.created_at = $2 ORDER BY x.turn",
        session_id,
        ids.created_at(session_id),
        fresh,
        fence,
    )
    await connection.execute(
        "UPDATE interview_sessions SET turns_done = $3, state = $4, updated_at = now() "
        "WHERE id = $1 AND created_at = $2",
        session_id,
        ids.created_at(session_id),
        fresh[-1]["turn"],
        fresh[-1]["state"],
    )


async def _insert_asks(connection: Connection, asks: list[dict[str, Any]]) -> None:
    await connection.execute(
        "INSERT INTO asks (session_id, turn, ask, tenant_id, fence, directive) "
        "SELECT x.session_id, x.turn, x.ask, x.tenant_id, x.fence, x.directive "
        "FROM jsonb_to_recordset($1) AS x(session_id uuid, turn integer, ask integer, "
        "tenant_id uuid, fence bigint, directive jsonb) ON CONFLICT DO NOTHING",
        asks,
    )
