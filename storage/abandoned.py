"""Interviews that nobody came back to: taken over like any other session, and closed.

The fence goes up first, in PostgreSQL and in Redis, which seals the journal; what that held is
inserted; then the end is written under the fence. An owner that still lives can write nothing
from then on, and a candidate who comes back in between takes the session over and goes on.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from protocol import ids, limits
from protocol.faults import Fault
from runtime import clock
from storage import sessions
from storage.live import Live
from storage.transaction import Database

OWNER: Final = "sweep"  # what stands where an instance's name would


async def close(db: Database, live: Live, tenant_id: UUID, session_id: UUID) -> tuple[UUID, str]:
    """Close what was left for limits.AWAY_CLOSE_SECONDS; return the interview and its new status.

    With answers it is finished, `abandoned`, and its evaluation handed over. Without any there is
    nothing to evaluate: it is expired, and no report is owed. Raises Fault `fence_lost` when
    somebody has come, else what a take-over raises.
    """
    record = await _take(db, tenant_id, session_id, before=_before())
    taken = await live.take(
        session_id,
        record.fence,
        instance=OWNER,
        url="",
        tenant_id=tenant_id,
        interview_id=record.interview_id,
    )
    record = await sessions.confirm_taken(db, record, taken.journal)
    snapshot = taken.snapshot or record.snapshot
    if record.answered:
        await sessions.close(db, record, snapshot, "abandoned")
        return record.interview_id, "finished"
    await sessions.close(db, record, snapshot, "expired", status="expired")
    return record.interview_id, "expired"


def _before() -> datetime:
    return clock.now() - timedelta(seconds=limits.AWAY_CLOSE_SECONDS)


async def _take(
    db: Database, tenant_id: UUID, session_id: UUID, *, before: datetime
) -> sessions.Record:
    """Take a session over if nothing has happened to it since `before`.

    The row is locked first, so that a candidate who comes back in this moment wins, and it keeps
    its age: whoever fails to close it now may try again in the next round.
    """
    created = ids.created_at(session_id)
    async with db.tenant(tenant_id) as connection:
        since = await connection.fetchval(
            "SELECT updated_at FROM interview_sessions WHERE id = $1 AND created_at = $2 "
            "AND status = 'active' AND updated_at < $3 FOR NO KEY UPDATE",
            session_id,
            created,
            before,
        )
        if since is None:
            raise Fault("fence_lost", "somebody was faster")
        row = await connection.fetchrow(
            "SELECT * FROM take_session($1, $2, $3, $4)", tenant_id, session_id, created, OWNER
        )
        await connection.execute(
            "UPDATE interview_sessions SET updated_at = $3 WHERE id = $1 AND created_at = $2",
            session_id,
            created,
            since,
        )
    return sessions.taken(tenant_id, session_id, row)
