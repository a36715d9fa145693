"""Openings: what a company looks for. Every change is matched anew, in the same transaction."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from interview.plan import OpeningBrief
from protocol import jobs
from protocol.faults import Fault
from storage import outbox, rows
from storage.transaction import Connection

Term = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Terms = Annotated[list[Term], msgspec.Meta(max_length=40)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Word = Annotated[str, msgspec.Meta(max_length=100)]
Description = Annotated[str, msgspec.Meta(max_length=20_000)]
Seniority = Literal["junior", "mid", "senior"]
Language = Literal["es", "en", "pt"]
Status = Literal["draft", "open", "closed"]
Reports = Literal["default", "now", "wait"]


class Opening(msgspec.Struct, frozen=True):
    """An opening as its company sees it; `version` grows with every change."""

    id: UUID
    title: str
    category: str
    location: str
    description: str
    must_have: list[str]
    nice_to_have: list[str]
    seniority: str
    language: str
    status: str
    reports: str
    version: int
    created_at: datetime
    updated_at: datetime
    described: list[str] = []  # passages of the description that ask for something as well

    def brief(self) -> OpeningBrief:
        """Return what of it a plan is made from."""
        return OpeningBrief(
            title=self.title,
            category=self.category,
            description=self.description,
            must_have=self.must_have,
            nice_to_have=self.nice_to_have,
            seniority=self.seniority,
            language=self.language,
        )


class NewOpening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a recruiter (or an opening.json) says of a new opening."""

    title: Title
    category: Word = "other"
    location: Word = ""
    description: Description = ""
    must_have: Terms = []
    nice_to_have: Terms = []
    seniority: Seniority = "mid"
    language: Language = "es"
    status: Status = "open"
    reports: Reports = "default"


class OpeningChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields to change; what is left out stays."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    category: Word | msgspec.UnsetType = msgspec.UNSET
    location: Word | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    must_have: Terms | msgspec.UnsetType = msgspec.UNSET
    nice_to_have: Terms | msgspec.UnsetType = msgspec.UNSET
    seniority: Seniority | msgspec.UnsetType = msgspec.UNSET
    language: Language | msgspec.UnsetType = msgspec.UNSET
    status: Status | msgspec.UnsetType = msgspec.UNSET
    reports: Reports | msgspec.UnsetType = msgspec.UNSET


_COLUMNS = rows.columns(Opening)
_FIELDS = tuple(field.name for field in msgspec.structs.fields(NewOpening))


async def create(
    c: Connection, tenant_id: UUID, opening_id: UUID, new: NewOpening, *, request_id: str = ""
) -> Opening:
    """Keep a new opening and hand over its matching."""
    places = ", ".join(f"${n}" for n in range(3, 3 + len(_FIELDS)))
    row = await c.fetchrow(
        f"INSERT INTO openings (id, tenant_id, {', '.join(_FIELDS)}) "
        f"VALUES ($1, $2, {places}) RETURNING {_COLUMNS}",
        opening_id,
        tenant_id,
        *(getattr(new, name) for name in _FIELDS),
    )
    assert row is not None
    await _match_again(c, tenant_id, opening_id, request_id)
    return rows.one(Opening, row)


async def get(c: Connection, opening_id: UUID) -> Opening:
    """Return an opening of the tenant; Fault `not_found` otherwise."""
    row = await c.fetchrow(f"SELECT {_COLUMNS} FROM openings WHERE id = $1", opening_id)
    if row is None:
        raise Fault("not_found")
    return rows.one(Opening, row)


async def page(
    c: Connection, *, after: UUID | None = None, limit: int, status: str | None = None
) -> list[Opening]:
    """Return openings, newest first, older than `after`."""
    found = await c.fetch(
        f"SELECT {_COLUMNS} FROM openings WHERE ($1::uuid IS NULL OR id < $1) "
        "AND ($2::text IS NULL OR status = $2) ORDER BY id DESC LIMIT $3",
        after,
        status,
        limit,
    )
    return rows.many(Opening, found)


async def update(
    c: Connection,
    tenant_id: UUID,
    opening_id: UUID,
    changes: OpeningChanges,
    *,
    version: int,
    request_id: str = "",
) -> Opening:
    """Change an opening that is still at `version`; Fault `conflict` when it is not."""
    values = {
        name: getattr(changes, name)
        for name in _FIELDS
        if getattr(changes, name) is not msgspec.UNSET
    }
    sets = "".join(f", {name} = ${n}" for n, name in enumerate(values, start=3))
    if "description" in values:
        sets += ", described = '[]'"  # they were passages of another text
    row = await c.fetchrow(
        f"UPDATE openings SET version = version + 1, updated_at = now(){sets} "
        f"WHERE id = $1 AND version = $2 RETURNING {_COLUMNS}",
        opening_id,
        version,
        *values.values(),
    )
    if row is None:
        current = await get(c, opening_id)
        raise Fault("conflict", f"the opening is at version {current.version}")
    await _match_again(c, tenant_id, opening_id, request_id)
    return rows.one(Opening, row)


async def describe(c: Connection, opening_id: UUID, version: int, described: list[str]) -> bool:
    """Keep what an opening's sentences ask for; False when it says something else by now."""
    done = await c.fetchval(
        "UPDATE openings SET described = $3 WHERE id = $1 AND version = $2 RETURNING true",
        opening_id,
        version,
        described,
    )
    return bool(done)


async def _match_again(c: Connection, tenant_id: UUID, opening_id: UUID, request_id: str) -> None:
    job = jobs.OpeningVector(tenant_id=tenant_id, opening_id=opening_id)
    await outbox.put(c, tenant_id, job, "active", request_id=request_id)


async def open_with_vector(c: Connection, model: str) -> list[Opening]:
    """Return the open openings whose vector was made from what they say now.

    The others have a job under way that matches every CV once their vector is there.
    """
    columns = ", ".join(f"o.{name.strip()}" for name in _COLUMNS.split(","))
    found = await c.fetch(
        f"SELECT {columns} FROM openings o JOIN embeddings e ON e.owner_kind = 'opening' "
        "AND e.owner_id = o.id AND e.model = $1 AND e.version = o.version "
        "WHERE o.status = 'open' ORDER BY o.id",
        model,
    )
    return rows.many(Opening, found)
