"""Profiles: what was extracted from a CV, each field with its evidence."""

from uuid import UUID

import msgspec

from protocol.profile import Profile
from storage.transaction import Connection


class Stored(msgspec.Struct, frozen=True):
    """A profile as kept; `version` grows when the CV is read again."""

    cv_id: UUID
    candidate_id: UUID
    profile: Profile
    extractor: str
    version: int


async def save(
    c: Connection,
    tenant_id: UUID,
    *,
    cv_id: UUID,
    candidate_id: UUID,
    profile: Profile,
    extractor: str,
) -> int:
    """Keep the CV's profile in place of an older one and return its version."""
    return int(
        await c.fetchval(
            "INSERT INTO profiles (cv_id, tenant_id, candidate_id, profile, extractor) "
            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (cv_id) DO UPDATE SET "
            "profile = excluded.profile, extractor = excluded.extractor, "
            "version = profiles.version + 1, created_at = now() RETURNING version",
            cv_id,
            tenant_id,
            candidate_id,
            profile,
            extractor,
        )
    )


def _stored(row: "dict[str, object]") -> Stored:
    return msgspec.convert(row, Stored)


_COLUMNS = "p.cv_id, p.candidate_id, p.profile, p.extractor, p.version"


async def get(c: Connection, cv_id: UUID) -> Stored | None:
    """Return the profile of a CV, or None where it has not been extracted."""
    row = await c.fetchrow(f"SELECT {_COLUMNS} FROM profiles p WHERE p.cv_id = $1", cv_id)
    return None if row is None else _stored(dict(row))


class ToMatch(msgspec.Struct, frozen=True):
    """A profile with its CV's text, as matching needs them."""

    cv_id: UUID
    candidate_id: UUID
    profile: Profile
    extractor: str
    version: int
    text: str


async def to_match(
    c: Connection, model: str, *, after: UUID | None = None, limit: int
) -> list[ToMatch]:
    """Return profiles in the order of their CVs' ids that have a vector of their own version."""
    found = await c.fetch(
        f"SELECT {_COLUMNS}, t.text FROM profiles p JOIN cv_texts t USING (cv_id) "
        "JOIN embeddings e ON e.owner_kind = 'cv' AND e.owner_id = p.cv_id AND e.model = $1 "
        "AND e.version = p.version WHERE ($2::uuid IS NULL OR p.cv_id > $2) "
        "ORDER BY p.cv_id LIMIT $3",
        model,
        after,
        limit,
    )
    return [msgspec.convert(dict(row), ToMatch) for row in found]
