"""Consents: what a candidate agreed to, in which words, never changed afterwards."""

from datetime import datetime
from uuid import UUID

import msgspec

from runtime import clock
from storage import rows
from storage.transaction import Connection


class Consent(msgspec.Struct, frozen=True):
    """One answer of a candidate to one text; the newest is in force."""

    text_version: str
    text_sha256: str
    locale: str
    given: bool
    created_at: datetime


_COLUMNS = rows.columns(Consent)


async def record(
    c: Connection,
    tenant_id: UUID,
    *,
    interview_id: UUID,
    candidate_id: UUID,
    text_version: str,
    text_sha256: str,
    locale: str,
    given: bool,
) -> Consent:
    """Keep the candidate's answer to a text."""
    row = await c.fetchrow(
        "INSERT INTO consents (id, tenant_id, interview_id, candidate_id, text_version, "
        "text_sha256, locale, given) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
        f"RETURNING {_COLUMNS}",
        clock.new_id(),
        tenant_id,
        interview_id,
        candidate_id,
        text_version,
        text_sha256,
        locale,
        given,
    )
    assert row is not None
    return rows.one(Consent, row)


async def current(c: Connection, interview_id: UUID) -> Consent | None:
    """Return the newest answer, or None while the candidate has given none."""
    row = await c.fetchrow(
        f"SELECT {_COLUMNS} FROM consents WHERE interview_id = $1 "
        "ORDER BY created_at DESC, id DESC LIMIT 1",
        interview_id,
    )
    return rows.maybe(Consent, row)
