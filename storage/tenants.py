"""Companies and the people who work in them; public company pages."""

from datetime import datetime
from uuid import UUID

import msgspec

from protocol.faults import Fault
from runtime import clock
from storage import rows
from storage.transaction import Connection


class Tenant(msgspec.Struct, frozen=True):
    """A company, as its own people see it."""

    id: UUID
    slug: str
    name: str
    about: str
    website: str
    region: str
    locale: str
    retention_days: int


class User(msgspec.Struct, frozen=True):
    """A recruiter or operator; `subject` is the `sub` of their token."""

    id: UUID
    tenant_id: UUID
    subject: str
    name: str
    email: str
    roles: list[str]


class Company(msgspec.Struct, frozen=True):
    """A company's public page: no id of the tenant goes out."""

    slug: str
    name: str
    about: str
    website: str
    updated_at: datetime


class PublicOpening(msgspec.Struct, frozen=True):
    """An open opening as anybody may read it."""

    id: UUID
    title: str
    category: str
    location: str
    description: str
    must_have: list[str]
    nice_to_have: list[str]
    seniority: str
    language: str
    updated_at: datetime


async def get(c: Connection, tenant_id: UUID) -> Tenant:
    """Return the tenant of the transaction; Fault `not_found` otherwise."""
    row = await c.fetchrow(f"SELECT {rows.columns(Tenant)} FROM tenants WHERE id = $1", tenant_id)
    if row is None:
        raise Fault("not_found")
    return rows.one(Tenant, row)


async def create(
    c: Connection,
    tenant_id: UUID,
    *,
    slug: str,
    name: str,
    about: str = "",
    website: str = "",
    locale: str = "es-PE",
) -> None:
    """Found a company, on the database owner's own connection; the application may not.

    Fault `conflict` when the slug is taken by another company; the same company twice is fine.
    """
    kept = await c.fetchval(
        "SELECT found_company($1, $2, $3, $4, $5, $6)",
        tenant_id, slug, name, about, website, locale,
    )  # fmt: skip
    if kept != tenant_id:
        raise Fault("conflict", "the slug is taken")


async def ensure(c: Connection, *, slug: str, name: str, about: str = "") -> UUID:
    """Found a company, or return the one that has the slug; on the owner's connection."""
    kept = await c.fetchval(
        "SELECT found_company($1, $2, $3, $4, $5, $6)",
        clock.new_id(), slug, name, about, "", "es-PE",
    )  # fmt: skip
    return UUID(str(kept))


async def id_of(c: Connection, slug: str) -> UUID | None:
    """Return any company's id by its slug, for operators (the fleet's role)."""
    found = await c.fetchval("SELECT company_id($1)", slug)
    return None if found is None else UUID(str(found))


async def by_slug(c: Connection, slug: str) -> Tenant | None:
    """Return a company by its slug: its own (application) or any (owner)."""
    row = await c.fetchrow(f"SELECT {rows.columns(Tenant)} FROM tenants WHERE slug = $1", slug)
    return rows.maybe(Tenant, row)


async def ensure_user(
    c: Connection, tenant_id: UUID, *, subject: str, name: str, email: str, roles_: list[str]
) -> User:
    """Return the user of a token's subject, created or brought up to date with the token."""
    row = await c.fetchrow(
        "INSERT INTO users (id, tenant_id, subject, name, email, roles) "
        "VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (tenant_id, subject) DO UPDATE SET name = excluded.name, "
        "email = excluded.email, roles = excluded.roles "
        f"RETURNING {rows.columns(User)}",
        clock.new_id(), tenant_id, subject, name, email, roles_,
    )  # fmt: skip
    assert row is not None
    return rows.one(User, row)


async def user_by_subject(c: Connection, subject: str) -> User | None:
    """Return the tenant's user with this subject."""
    row = await c.fetchrow(f"SELECT {rows.columns(User)} FROM users WHERE subject = $1", subject)
    return rows.maybe(User, row)


async def users(c: Connection) -> list[User]:
    """Return the people of the tenant."""
    found = await c.fetch(f"SELECT {rows.columns(User)} FROM users ORDER BY id LIMIT 500")
    return rows.many(User, found)


async def public_company(c: Connection, slug: str) -> Company | None:
    """Return a company's public page; the transaction needs no tenant."""
    row = await c.fetchrow("SELECT * FROM public_company($1)", slug)
    return rows.maybe(Company, row)


async def public_openings(
    c: Connection, slug: str, *, after: UUID | None = None, limit: int
) -> list[PublicOpening]:
    """Return a company's open openings, newest first; the transaction needs no tenant."""
    found = await c.fetch("SELECT * FROM public_openings($1, $2, $3)", slug, after, limit)
    return rows.many(PublicOpening, found)
