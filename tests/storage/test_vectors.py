"""Vectors: their model and version stay with them, and a tenant's stay the tenant's."""

from uuid import UUID

import pytest

from protocol.faults import Fault
from runtime import clock
from runtime.settings import Settings
from storage import vectors
from storage.transaction import Database
from tests.conftest import Tenant, make_tenant

MODEL = "test"


async def save(
    db: Database,
    tenant: UUID,
    kind: vectors.Owner,
    values: list[float],
    version: int = 1,
    model: str = MODEL,
) -> UUID:
    owner = clock.new_id()
    async with db.tenant(tenant) as c:
        await vectors.save(c, tenant, kind, owner, model=model, version=version, vector=values)
    return owner


async def test_similarity_is_the_cosine(db: Database, tenant: Tenant) -> None:
    """Same direction 1, right angle 0, opposite -1, whatever the length."""
    opening = await save(db, tenant.id, "opening", [1, 0, 0])
    owners = [await save(db, tenant.id, "cv", v) for v in ([5, 0, 0], [0, 2, 0], [-1, 0, 0])]
    async with db.tenant(tenant.id) as c:
        found = await vectors.similarities(c, MODEL, cv_ids=owners, opening_ids=[opening])
        nearest = await vectors.nearest_cvs(c, MODEL, opening, limit=2)
    assert [round(found[owner, opening], 3) for owner in owners] == [1, 0, -1]
    assert [owner for owner, _ in nearest] == owners[:2]


async def test_models_live_side_by_side(db: Database, tenant: Tenant) -> None:
    """Vectors of another model, of another dimension, never meet."""
    opening = await save(db, tenant.id, "opening", [1, 0, 0])
    other = await save(db, tenant.id, "cv", [1, 0, 0, 0, 0], model="other")
    async with db.tenant(tenant.id) as c:
        assert await vectors.similarities(c, MODEL, cv_ids=[other], opening_ids=[opening]) == {}
        assert await vectors.nearest_cvs(c, MODEL, opening, limit=5) == []
        row = await c.fetchrow("SELECT model, dimension FROM embeddings WHERE owner_id = $1", other)
    assert tuple(row) == ("other", 5)


@pytest.mark.parametrize("values", [[0.0] * 8, [1e-12] * 8, [float("nan")] * 8, []])
async def test_a_vector_without_a_direction_is_refused(
    db: Database, tenant: Tenant, values: list[float]
) -> None:
    """Its cosine would be NaN against everything."""
    with pytest.raises(ValueError, match="direction"):
        await save(db, tenant.id, "cv", values)


async def test_an_older_version_never_wins(db: Database, tenant: Tenant) -> None:
    """A slow worker's vector of an older profile does not replace the newer one."""
    owner = clock.new_id()
    async with db.tenant(tenant.id) as c:
        for version, values in ((2, [1.0, 0.0]), (1, [0.0, 1.0])):
            await vectors.save(
                c, tenant.id, "cv", owner, model=MODEL, version=version, vector=values
            )
        assert await vectors.current(c, "cv", owner, model=MODEL) == 2
        assert await vectors.current(c, "cv", clock.new_id(), model=MODEL) is None


async def test_an_opening_without_a_vector_is_said_so(db: Database, tenant: Tenant) -> None:
    """Not an empty list, which would mean that nobody fits."""
    async with db.tenant(tenant.id) as c:
        with pytest.raises(Fault, match="not_found"):
            await vectors.nearest_cvs(c, MODEL, clock.new_id(), limit=5)


async def test_another_tenants_vectors_are_out_of_reach(
    db: Database, tenant: Tenant, settings: Settings
) -> None:
    """Neither read nor nearest nor overwritten."""
    other = await make_tenant(settings.database_url, "otra")
    opening = await save(db, tenant.id, "opening", [1, 0])
    theirs = await save(db, other.id, "cv", [1, 0])
    async with db.tenant(tenant.id) as c:
        assert await vectors.similarities(c, MODEL, cv_ids=[theirs], opening_ids=[opening]) == {}
        assert await vectors.nearest_cvs(c, MODEL, opening, limit=5) == []
    with pytest.raises(Exception, match="row-level security"):
        async with db.tenant(tenant.id) as c:
            await vectors.save(c, tenant.id, "cv", theirs, model=MODEL, version=9, vector=[0, 1])
