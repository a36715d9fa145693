"""Matches: one explained row for a CV and an opening, replaced when either side has changed."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from storage import rows
from storage.transaction import Connection


class Matched(msgspec.Struct, frozen=True):
    """Something asked for that the CV says, with the words that say it."""

    term: str
    evidence: str
    weight: float


class Missing(msgspec.Struct, frozen=True):
    """Something asked for that the CV does not say, and what was looked for."""

    term: str
    why: str


class Gate(msgspec.Struct, frozen=True):
    """A must-have: shown to a person, never a rejection by itself."""

    term: str
    passed: bool
    reason: str
    evidence: str = ""


class Match(msgspec.Struct, frozen=True):
    """How well a CV answers an opening, and why."""

    opening_id: UUID
    cv_id: UUID
    score: float
    gates_passed: bool
    matched: list[Matched]
    missing: list[Missing]
    gates: list[Gate]
    opening_version: int
    profile_version: int
    matcher: int


class MatchRow(msgspec.Struct, frozen=True):
    """A match as a recruiter lists it: the candidate's name beside it."""

    opening_id: UUID
    opening_title: str
    cv_id: UUID
    candidate_id: UUID
    candidate_name: str
    score: float
    gates_passed: bool
    matched: list[Matched]
    missing: list[Missing]
    gates: list[Gate]


_FIELDS = tuple(field.name for field in msgspec.structs.fields(Match))
_SAVE = (
    f"INSERT INTO matches (tenant_id, {', '.join(_FIELDS)}) "
    f"VALUES ($1, {', '.join(f'${n}' for n in range(2, 2 + len(_FIELDS)))}) "
    "ON CONFLICT (opening_id, cv_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _FIELDS[2:])
    + ", created_at = now() WHERE (excluded.opening_version, excluded.profile_version, "
    "excluded.matcher) >= (matches.opening_version, matches.profile_version, matches.matcher)"
)
_ROW = (
    "SELECT m.opening_id, o.title AS opening_title, m.cv_id, ca.id AS candidate_id, "
    "ca.name AS candidate_name, m.score, m.gates_passed, m.matched, m.missing, m.gates "
    "FROM matches m JOIN cvs v ON v.id = m.cv_id JOIN candidates ca ON ca.id = v.candidate_id "
    "JOIN openings o ON o.id = m.opening_id "
)


async def save(c: Connection, tenant_id: UUID, found: Sequence[Match]) -> None:
    """Keep matches; what was computed from an older CV or opening never replaces a newer one."""
    if not found:
        return
    ordered = sorted(found, key=lambda match: (match.opening_id, match.cv_id))
    await c.executemany(
        _SAVE, [(tenant_id, *(getattr(match, name) for name in _FIELDS)) for match in ordered]
    )


async def of_opening(
    c: Connection, opening_id: UUID, *, after: UUID | None = None, limit: int
) -> list[MatchRow]:
    """Return an opening's matches, best first: those who pass every gate before the others.

    `after` is the cv_id of the last match seen.
    """
    found = await c.fetch(
        _ROW + "WHERE m.opening_id = $1 AND ($2::uuid IS NULL OR "
        "(m.gates_passed, m.score, m.cv_id) < (SELECT a.gates_passed, a.score, a.cv_id "
        "FROM matches a WHERE a.opening_id = $1 AND a.cv_id = $2)) "
        "ORDER BY m.gates_passed DESC, m.score DESC, m.cv_id DESC LIMIT $3",
        opening_id,
        after,
        limit,
    )
    return rows.many(MatchRow, found)


async def of_cv(c: Connection, cv_id: UUID, *, limit: int) -> list[MatchRow]:
    """Return a CV's matches with open openings, best first."""
    found = await c.fetch(
        _ROW + "WHERE m.cv_id = $1 AND o.status = 'open' "
        "ORDER BY m.gates_passed DESC, m.score DESC, m.opening_id DESC LIMIT $2",
        cv_id,
        limit,
    )
    return rows.many(MatchRow, found)


async def versions(
    c: Connection, opening_id: UUID, cv_ids: Sequence[UUID]
) -> dict[UUID, tuple[int, int, int]]:
    """Return (opening, profile, matcher) version of the matches that exist already."""
    found = await c.fetch(
        "SELECT cv_id, opening_version, profile_version, matcher FROM matches "
        "WHERE opening_id = $1 AND cv_id = ANY($2)",
        opening_id,
        list(cv_ids),
    )
    return {
        row["cv_id"]: (row["opening_version"], row["profile_version"], row["matcher"])
        for row in found
    }
