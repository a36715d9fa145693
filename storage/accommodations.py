"""What candidates ask for: more time, or another process with a person; and the answers."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from protocol.faults import Fault
from runtime import clock
from storage import rows
from storage.transaction import Connection

Kind = Literal["extra_time", "alternative_process"]
OPEN_MAX: Final = 10  # of one interview, whoever holds its link


class Accommodation(msgspec.Struct, frozen=True):
    """One request and, once somebody has answered, the answer."""

    id: UUID
    interview_id: UUID
    kind: Kind
    note: str
    status: Literal["asked", "granted", "declined"]
    extra_minutes: int
    answered_by: UUID | None
    answer_reason: str
    created_at: datetime
    answered_at: datetime | None


_COLUMNS = rows.columns(Accommodation)


async def ask(
    c: Connection, tenant_id: UUID, *, interview_id: UUID, kind: Kind, note: str
) -> Accommodation:
    """Keep a request; one of the same kind that waits for an answer is returned instead.

    Fault `conflict` when the interview has had more requests than anybody needs.
    """
    waiting = await c.fetchrow(
        f"SELECT {_COLUMNS} FROM accommodations WHERE interview_id = $1 AND kind = $2 "
        "AND status = 'asked' ORDER BY id LIMIT 1",
        interview_id,
        kind,
    )
    if waiting is not None:
        return rows.one(Accommodation, waiting)
    if len(await of_interview(c, interview_id)) >= OPEN_MAX:
        raise Fault("conflict", f"{OPEN_MAX} requests have been made for this interview")
    row = await c.fetchrow(
        "INSERT INTO accommodations (id, tenant_id, interview_id, kind, note) "
        f"VALUES ($1, $2, $3, $4, $5) RETURNING {_COLUMNS}",
        clock.new_id(),
        tenant_id,
        interview_id,
        kind,
        note,
    )
    assert row is not None
    return rows.one(Accommodation, row)


async def of_interview(c: Connection, interview_id: UUID) -> list[Accommodation]:
    """Return an interview's requests, oldest first."""
    found = await c.fetch(
        f"SELECT {_COLUMNS} FROM accommodations WHERE interview_id = $1 ORDER BY id LIMIT 100",
        interview_id,
    )
    return rows.many(Accommodation, found)


async def answer(
    c: Connection,
    *,
    interview_id: UUID,
    request_id: UUID,
    status: Literal["granted", "declined"],
    extra_minutes: int,
    user_id: UUID,
    reason: str,
) -> Accommodation:
    """Answer a request once; Fault `not_found`, or `conflict` when it has been answered."""
    row = await c.fetchrow(
        "UPDATE accommodations SET status = $3, extra_minutes = $4, answered_by = $5, "
        "answer_reason = $6, answered_at = now() "
        f"WHERE id = $1 AND interview_id = $2 AND status = 'asked' RETURNING {_COLUMNS}",
        request_id,
        interview_id,
        status,
        extra_minutes,
        user_id,
        reason,
    )
    if row is not None:
        return rows.one(Accommodation, row)
    known = await c.fetchval(
        "SELECT true FROM accommodations WHERE id = $1 AND interview_id = $2",
        request_id,
        interview_id,
    )
    raise Fault("conflict" if known else "not_found")
