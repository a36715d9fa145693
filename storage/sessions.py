"""The durable side of a live session: take over, checkpoint, close.

Every write carries the fence that PostgreSQL issued; a stale owner is refused here.
"""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec

from interview.events import AskPlan
from interview.interviewer import Said
from interview.plan import Plan
from interview.record import Answered, Snapshot
from protocol import ids, jobs
from protocol.faults import Fault
from runtime import metrics
from storage import flushing, interviews, outbox
from storage.journal import Entry
from storage.transaction import Connection, Database


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A session as the durable record has it, taken over under `fence`."""

    session_id: UUID
    tenant_id: UUID
    interview_id: UUID
    fence: int
    plan: Plan
    seed: int
    locale: str
    answered: list[Answered]
    snapshot: Snapshot
    finished: str
    asked: int = 0  # attempts at the next question that are on record


async def look(db: Database, tenant_id: UUID, session_id: UUID) -> Snapshot:
    """Return the snapshot without taking the session: to judge a resume token first."""
    rows = await db.call(
        "SELECT * FROM session_state($1, $2, $3)", tenant_id, session_id, ids.created_at(session_id)
    )
    if not rows:
        raise Fault("not_found", "no such session")
    return _snapshot(rows[0]["state"])


async def take(db: Database, tenant_id: UUID, session_id: UUID, *, instance_id: str) -> Record:
    """Become the owner: raise the fence and read the record, in one transaction.

    A finished session is read under its last fence and not taken. Raises Fault `not_found`,
    `withdrawn`, `consent_missing` or `unavailable`; nothing is changed then.
    """
    rows = await db.call(
        "SELECT * FROM take_session($1, $2, $3, $4)",
        tenant_id,
        session_id,
        ids.created_at(session_id),
        instance_id,
    )
    return taken(tenant_id, session_id, rows[0])


def taken(tenant_id: UUID, session_id: UUID, row: Any) -> Record:
    """Return what a take-over has read, or raise the Fault that it ended with."""
    outcome = row["outcome"]
    if outcome == "unknown":
        raise Fault("not_found", "no such session")
    if outcome not in ("taken", "finished"):
        raise Fault(outcome)
    if not row["plan"]:
        raise Fault("interview_over")  # the person was erased
    return Record(
        session_id=session_id,
        tenant_id=tenant_id,
        interview_id=row["interview_id"],
        fence=row["fence"],
        plan=msgspec.convert(row["plan"], Plan),
        seed=row["seed"],
        locale=row["locale"],
        answered=msgspec.convert(row["answered"], list[Answered]),
        snapshot=_snapshot(row["state"]),
        finished=(row["finished_reason"] or "completed") if outcome == "finished" else "",
        asked=row["asked"] or 0,
    )


async def confirm(db: Database, tenant_id: UUID, session_id: UUID, fence: int) -> None:
    """Third step of a take-over: the fence is still mine, or Fault `fence_lost`."""
    await _need_fence(db, tenant_id, session_id, fence)


async def _need_fence(db: Database, tenant_id: UUID, session_id: UUID, fence: int) -> int:
    """Return how many turns are done, if the fence is still mine; else Fault `fence_lost`."""
    rows = await db.call(
        "SELECT * FROM session_owner($1, $2, $3)", tenant_id, session_id, ids.created_at(session_id)
    )
    now = rows[0]["fence"] if rows else None
    if now != fence:
        raise Fault("fence_lost", f"fence {now} is newer than {fence}")
    return int(rows[0]["turns_done"])


async def confirm_taken(db: Database, record: Record, entries: Sequence[Entry]) -> Record:
    """Third step of a take-over: insert what the journal held, under the fence, and read again.

    Returns the record with every answer that was ever acknowledged; Fault `fence_lost` when
    somebody newer has come meanwhile.
    """
    if not entries:
        done = await _need_fence(db, record.tenant_id, record.session_id, record.fence)
        if done == len(record.answered):
            return record
    async with db.tenant(record.tenant_id) as connection:
        flushed = await flushing.insert(connection, record.session_id, entries, fence=record.fence)
        asked = await connection.fetchval(
            "SELECT coalesce(max(ask), 0) FROM asks WHERE session_id = $1 AND turn = $2",
            record.session_id,
            flushed.turns_done + 1,
        )
        if flushed.turns_done == len(record.answered):
            return msgspec.structs.replace(record, asked=asked)
        answered = await _answered(connection, record.session_id)
        state = await connection.fetchval(
            "SELECT state FROM interview_sessions WHERE id = $1 AND created_at = $2",
            record.session_id,
            ids.created_at(record.session_id),
        )
    metrics.journal.labels("flushed").inc(flushed.inserted)
    snapshot = _snapshot(state)
    return msgspec.structs.replace(record, answered=answered, snapshot=snapshot, asked=asked)


async def why_lost(db: Database, tenant_id: UUID, interview_id: UUID) -> str:
    """Return the fault code for an owner whose fence was raised: withdrawn or opened_elsewhere."""
    try:
        async with db.tenant(tenant_id) as connection:
            interview = await interviews.get(connection, interview_id)
    except Fault:
        return "opened_elsewhere"
    withdrawn = interview is not None and interview.status == "withdrawn"
    return "withdrawn" if withdrawn else "opened_elsewhere"


async def begin_ask(
    db: Database, tenant_id: UUID, session_id: UUID, fence: int, plan: AskPlan
) -> None:
    """Record an attempt that was not written with an answer, under the fence."""
    rows = await db.call(
        "SELECT begin_ask($1, $2, $3, $4, $5, $6, $7) AS done",
        tenant_id,
        session_id,
        ids.created_at(session_id),
        fence,
        plan.turn,
        plan.ask,
        plan.directive,
    )
    if not rows[0]["done"]:
        raise Fault("fence_lost")


async def checkpoint(
    db: Database, tenant_id: UUID, session_id: UUID, fence: int, snapshot: Snapshot
) -> None:
    """Write the snapshot under the fence; raises Fault `fence_lost` when it is stale."""
    rows = await db.call(
        "SELECT checkpoint_session($1, $2, $3, $4, $5) AS done",
        tenant_id,
        session_id,
        ids.created_at(session_id),
        fence,
        snapshot,
    )
    if not rows[0]["done"]:
        raise Fault("fence_lost")


async def close(
    db: Database,
    record: Record,
    snapshot: Snapshot,
    reason: str,
    *,
    status: Literal["finished", "expired"] = "finished",
) -> None:
    """End session and interview and hand the evaluation over, in one transaction.

    An expired one has nothing to evaluate.
    """
    async with db.tenant(record.tenant_id) as connection:
        done = await connection.fetchval(
            "UPDATE interview_sessions SET status = 'finished', state = $4, finished_at = now(), "
            "updated_at = now() WHERE id = $1 AND created_at = $2 AND fence = $3 RETURNING true",
            record.session_id,
            ids.created_at(record.session_id),
            record.fence,
            snapshot,
        )
        if not done:
            raise Fault("fence_lost")
        closed = await connection.fetchval(
            "UPDATE interviews SET status = $3, finished_reason = $2, "
            "finished_at = now() WHERE id = $1 AND status = 'live' RETURNING true",
            record.interview_id,
            reason,
            status,
        )
        if closed and status == "finished":
            job = jobs.Evaluate(tenant_id=record.tenant_id, interview_id=record.interview_id)
            await outbox.put(connection, record.tenant_id, job, "active")


async def count_asks(db: Database, tenant_id: UUID) -> int:
    """Return how many attempts at questions the tenant's sessions have on record."""
    async with db.tenant(tenant_id) as connection:
        return int(await connection.fetchval("SELECT count(*) FROM asks"))


def _snapshot(state: Any) -> Snapshot:
    try:
        return msgspec.convert(state or {}, Snapshot)
    except msgspec.ValidationError:  # written by another version: the turns are what counts
        return Snapshot()


async def _answered(connection: Connection, session_id: UUID) -> list[Answered]:
    """Return the turns with what was asked for: the interviewer's choices depend on it."""
    rows = await connection.fetch(
        "SELECT t.turn, t.competency, t.level, t.kind, t.question, t.answer, t.client_msg_id, "
        "coalesce(a.directive->>'skill', '') AS skill, "
        "coalesce(a.directive->>'asks', '') AS asked_for "
        "FROM turns t LEFT JOIN asks a ON a.session_id = t.session_id AND a.turn = t.turn "
        "AND a.ask = t.ask WHERE t.session_id = $1 ORDER BY t.turn",
        session_id,
    )
    answered = []
    for row in rows:
        values = dict(row)
        client_msg_id = values.pop("client_msg_id")
        answered.append(Answered(Said(**values), client_msg_id))
    return answered
