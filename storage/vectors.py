"""Vectors of CVs and openings: the model's id and dimension stay with every one."""

import math
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from protocol.faults import Fault
from storage.transaction import Connection

Owner = Literal["cv", "opening"]


async def save(
    c: Connection,
    tenant_id: UUID,
    kind: Owner,
    owner_id: UUID,
    *,
    model: str,
    version: int,
    vector: Sequence[float],
    category: str = "other",
) -> None:
    """Keep the vector made from `version` of its owner; an older version never wins.

    Raises ValueError for a vector without a direction: its cosine would be NaN everywhere.
    """
    values = [float(value) for value in vector]
    length = math.sqrt(sum(value * value for value in values))
    if not math.isfinite(length) or length < 1e-6:  # noqa: PLR2004 - what halfvec turns into zero
        raise ValueError("a vector needs a direction")
    await c.execute(
        "INSERT INTO embeddings (tenant_id, owner_kind, owner_id, model, dimension, version, "
        "category, vector) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::halfvec) "
        "ON CONFLICT (owner_kind, owner_id, model) DO UPDATE SET dimension = excluded.dimension, "
        "version = excluded.version, category = excluded.category, vector = excluded.vector, "
        "created_at = now() WHERE excluded.version >= embeddings.version",
        tenant_id,
        kind,
        owner_id,
        model,
        len(values),
        version,
        category,
        "[" + ",".join(f"{value / length:.6g}" for value in values) + "]",
    )


async def similarities(
    c: Connection, model: str, *, cv_ids: Sequence[UUID], opening_ids: Sequence[UUID]
) -> dict[tuple[UUID, UUID], float]:
    """Return the cosine of every (CV, opening) pair of the tenant that has both vectors."""
    found = await c.fetch(
        "SELECT v.owner_id AS cv, o.owner_id AS opening, 1 - (v.vector <=> o.vector) AS cosine "
        "FROM embeddings v JOIN embeddings o ON o.model = v.model AND o.owner_kind = 'opening' "
        "AND o.owner_id = ANY($3) WHERE v.model = $1 AND v.owner_kind = 'cv' "
        "AND v.owner_id = ANY($2)",
        model,
        list(cv_ids),
        list(opening_ids),
    )
    return {(row["cv"], row["opening"]): float(row["cosine"]) for row in found}


async def nearest_cvs(
    c: Connection, model: str, opening_id: UUID, *, limit: int
) -> list[tuple[UUID, float]]:
    """Return the CVs nearest to an opening with their cosines: an exact scan of the tenant's."""
    found = await c.fetch(
        "SELECT v.owner_id, 1 - (v.vector <=> o.vector) AS cosine FROM embeddings v, embeddings o "
        "WHERE v.model = $1 AND v.owner_kind = 'cv' AND o.model = $1 "
        "AND o.owner_kind = 'opening' AND o.owner_id = $2 "
        "ORDER BY v.vector <=> o.vector, v.owner_id LIMIT $3",
        model,
        opening_id,
        limit,
    )
    if not found and not await current(c, "opening", opening_id, model=model):
        raise Fault("not_found", "the opening has no vector yet")
    return [(row["owner_id"], float(row["cosine"])) for row in found]


async def current(c: Connection, kind: Owner, owner_id: UUID, *, model: str) -> int | None:
    """Return the version that the owner's vector was made from, or None without one."""
    version = await c.fetchval(
        "SELECT version FROM embeddings WHERE owner_kind = $1 AND owner_id = $2 AND model = $3",
        kind,
        owner_id,
        model,
    )
    return None if version is None else int(version)
