"""Candidates: the people behind CVs and interviews, and their erasure."""

from datetime import datetime
from uuid import UUID

import msgspec

from protocol.faults import Fault
from storage import rows
from storage.transaction import Connection


class Candidate(msgspec.Struct, frozen=True):
    """A person; after erasure only the id and the time are left."""

    id: UUID
    name: str
    email: str
    phone: str
    erased_at: datetime | None
    created_at: datetime


_COLUMNS = rows.columns(Candidate)


async def create(
    c: Connection,
    tenant_id: UUID,
    candidate_id: UUID,
    *,
    name: str = "",
    email: str = "",
    phone: str = "",
) -> Candidate:
    """Keep a new candidate; empty fields are filled from the CV once it is read."""
    row = await c.fetchrow(
        "INSERT INTO candidates (id, tenant_id, name, email, phone) "
        f"VALUES ($1, $2, $3, $4, $5) RETURNING {_COLUMNS}",
        candidate_id, tenant_id, name, email, phone,
    )  # fmt: skip
    assert row is not None
    return rows.one(Candidate, row)


async def get(c: Connection, candidate_id: UUID) -> Candidate:
    """Return a candidate of the tenant; Fault `not_found` otherwise."""
    row = await c.fetchrow(f"SELECT {_COLUMNS} FROM candidates WHERE id = $1", candidate_id)
    if row is None:
        raise Fault("not_found")
    return rows.one(Candidate, row)


async def page(c: Connection, *, after: UUID | None = None, limit: int) -> list[Candidate]:
    """Return candidates, newest first, older than `after`."""
    found = await c.fetch(
        f"SELECT {_COLUMNS} FROM candidates WHERE ($1::uuid IS NULL OR id < $1) "
        "ORDER BY id DESC LIMIT $2",
        after,
        limit,
    )
    return rows.many(Candidate, found)


async def fill(c: Connection, candidate_id: UUID, *, name: str, email: str, phone: str) -> None:
    """Fill what is still empty; what a person wrote stays, and an erased one stays erased."""
    await c.execute(
        "UPDATE candidates SET name = CASE WHEN name = '' THEN $2 ELSE name END, "
        "email = CASE WHEN email = '' THEN $3 ELSE email END, "
        "phone = CASE WHEN phone = '' THEN $4 ELSE phone END "
        "WHERE id = $1 AND erased_at IS NULL",
        candidate_id,
        name[:200],
        email[:320],
        phone[:40],
    )


async def erase(c: Connection, candidate_id: UUID) -> list[str]:
    """Erase a person by the law's function; return the keys of objects to delete after."""
    await get(c, candidate_id)
    # A report that is being kept is waited for and erased too; one that comes later is not kept.
    await c.execute(
        "SELECT FROM interviews WHERE candidate_id = $1 ORDER BY id FOR KEY SHARE", candidate_id
    )
    found = await c.fetch("SELECT object_key FROM erase_candidate($1)", candidate_id)
    return [row["object_key"] for row in found if row["object_key"]]


class Traces(msgspec.Struct, frozen=True):
    """Everything that carries a candidate's words outside PostgreSQL, by id."""

    cv_ids: list[UUID]
    interview_ids: list[UUID]
    session_ids: list[UUID]


async def traces(c: Connection, candidate_id: UUID) -> Traces:
    """Return the ids of a candidate's CVs, interviews and sessions, erased ones included."""
    cvs = await c.fetch("SELECT id FROM cvs WHERE candidate_id = $1", candidate_id)
    held = await c.fetch(
        "SELECT id, session_id FROM interviews WHERE candidate_id = $1", candidate_id
    )
    return Traces(
        [row["id"] for row in cvs],
        [row["id"] for row in held],
        [row["session_id"] for row in held],
    )
