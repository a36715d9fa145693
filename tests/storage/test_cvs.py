"""CVs in the store: forward only, a tenant's own, confirmed once."""

from uuid import UUID

import pytest

from protocol import jobs, limits
from protocol.faults import Fault
from runtime import clock
from runtime.settings import Settings
from storage import candidates, cvs, matches, openings, reports
from storage.blobs import cv_key
from storage.connect import open_database
from storage.transaction import Connection, Database
from tests.conftest import Tenant, make_tenant


async def make(c: Connection, tenant: UUID, lane: jobs.Lane = "active") -> UUID:
    cv_id, candidate_id = clock.new_id(), clock.new_id()
    await candidates.create(c, tenant, candidate_id, name="Ana")
    await cvs.create(
        c,
        tenant,
        cv_id,
        candidate_id=candidate_id,
        filename="cv.pdf",
        object_key=cv_key(tenant, cv_id),
        lane=lane,
    )
    return cv_id


async def test_a_cv_moves_forward_only_and_once(db: Database, tenant: Tenant) -> None:
    """Each stage passes from the one before it; a second time is told apart."""
    async with db.tenant(tenant.id) as c:
        cv_id = await make(c, tenant.id)
        assert await cvs.passed(c, cv_id, "validate") is None  # not confirmed yet
        await cvs.confirm(c, tenant.id, cv_id, size=10)
        assert await cvs.passed(c, cv_id, "parse") is None
        seen = []
        for stage in jobs.STAGES:
            moved = await cvs.passed(c, cv_id, stage)
            assert moved is not None
            seen.append(moved.progress)
            assert await cvs.passed(c, cv_id, stage) is None
        assert seen == sorted(seen)
        assert moved.status == "ready"
        assert await cvs.refuse(c, cv_id, "match", code="cv_damaged") is None


async def test_confirming_twice_hands_over_one_job(db: Database, tenant: Tenant) -> None:
    """A page that asks twice gets the same CV."""
    async with db.tenant(tenant.id) as c:
        cv_id = await make(c, tenant.id)
        first = await cvs.confirm(c, tenant.id, cv_id, size=10, request_id="r-1")
        second = await cvs.confirm(c, tenant.id, cv_id, size=99)
        assert first == second
        assert (first.status, first.bytes, first.progress) == ("working", 10, 0.1)
        rows = await c.fetch("SELECT envelope FROM outbox")
    assert len(rows) == 1
    assert jobs.decode(rows[0]["envelope"]) == jobs.Envelope(
        jobs.CvStage(tenant_id=tenant.id, cv_id=cv_id, stage="validate"), "active", "r-1"
    )


async def test_a_refused_cv_can_be_read_again_in_its_own_lane(db: Database, tenant: Tenant) -> None:
    """Re-processing starts at the beginning, in the lane for it."""
    async with db.tenant(tenant.id) as c:
        cv_id = await make(c, tenant.id, "premium")
        await cvs.confirm(c, tenant.id, cv_id, size=10)
        assert await cvs.refuse(c, cv_id, "validate", code="cv_damaged", detail="x") is not None
        assert (await cvs.get(c, cv_id)).fault == "cv_damaged"
        again = await cvs.again(c, tenant.id, cv_id)
    assert (again.status, again.stage, again.lane, again.fault) == (
        "working",
        "upload",
        "again",
        "",
    )


async def test_nothing_of_another_tenant_is_read_or_pointed_at(
    db: Database, tenant: Tenant, settings: Settings
) -> None:
    """Reads find nothing; a CV cannot be hung on another company's candidate or opening."""
    other = await make_tenant(settings.database_url, "otra")
    async with db.tenant(other.id) as c:
        theirs = await make(c, other.id)
        their_candidate = (await cvs.get(c, theirs)).candidate_id
        their_opening = clock.new_id()
        await openings.create(c, other.id, their_opening, openings.NewOpening(title="X"))
    async with db.tenant(tenant.id) as c:
        for read in (
            cvs.get(c, theirs),
            candidates.get(c, their_candidate),
            openings.get(c, their_opening),
            cvs.object_key(c, theirs),
            candidates.erase(c, their_candidate),
        ):
            with pytest.raises(Fault, match="not_found"):
                await read
        assert await cvs.page(c, limit=10) == []
        assert await matches.of_opening(c, their_opening, limit=5) == []
        mine = (await cvs.get(c, await make(c, tenant.id))).candidate_id
        for candidate, opening in ((their_candidate, None), (mine, their_opening)):
            with pytest.raises(Fault, match="not_found"):
                await cvs.create(
                    c,
                    tenant.id,
                    clock.new_id(),
                    candidate_id=candidate,
                    opening_id=opening,
                    object_key="a/b",
                    filename="cv.pdf",
                )


async def test_pages_run_from_new_to_old_without_gaps(db: Database, tenant: Tenant) -> None:
    """Following `after` sees every row once."""
    async with db.tenant(tenant.id) as c:
        made = []
        for _ in range(5):
            cv_id = await make(c, tenant.id)
            await cvs.confirm(c, tenant.id, cv_id, size=1)
            made.append(cv_id)
        seen: list[UUID] = []
        after = None
        while found := await cvs.page(c, after=after, limit=2):
            seen.extend(cv.id for cv in found)
            after = found[-1].id
        people = await candidates.page(c, limit=10)
    assert seen == made[::-1]
    assert len(people) == 5


async def test_an_opening_changes_only_from_the_version_that_was_read(
    db: Database, tenant: Tenant
) -> None:
    """Two recruiters: the second is told, nothing is overwritten unseen."""
    opening_id = clock.new_id()
    async with db.tenant(tenant.id) as c:
        await openings.create(c, tenant.id, opening_id, openings.NewOpening(title="Contador"))
        changes = openings.OpeningChanges(title="Contadora", must_have=["SAP"])
        changed = await openings.update(c, tenant.id, opening_id, changes, version=1)
        assert (changed.version, changed.title, changed.must_have) == (2, "Contadora", ["SAP"])
        with pytest.raises(Fault, match="conflict"):
            await openings.update(c, tenant.id, opening_id, changes, version=1)
        assert await c.fetchval("SELECT count(*) FROM outbox") == 2


async def test_erasure_returns_the_files_and_leaves_no_words(db: Database, tenant: Tenant) -> None:
    """Name, text and profile are gone; the row that counts stays."""
    async with db.tenant(tenant.id) as c:
        cv_id = await make(c, tenant.id)
        await cvs.save_text(c, tenant.id, cv_id, "words")
        candidate_id = (await cvs.get(c, cv_id)).candidate_id
        keys = await candidates.erase(c, candidate_id)
        assert keys == [cv_key(tenant.id, cv_id)]
        gone = await candidates.get(c, candidate_id)
        assert (gone.name, gone.erased_at is not None) == ("", True)
        assert await cvs.text(c, cv_id) == ""
        await candidates.fill(c, candidate_id, name="Ana", email="", phone="")
        assert (await candidates.get(c, candidate_id)).name == ""
        with pytest.raises(Fault, match="not_found"):
            await cvs.create(
                c,
                tenant.id,
                clock.new_id(),
                candidate_id=candidate_id,
                object_key="a/b",
                filename="cv.pdf",
            )


async def test_lanes_show_what_waits_to_whoever_may_see_it(
    db: Database, tenant: Tenant, settings: Settings
) -> None:
    """A tenant sees its own; the fleet's role sees the counts of all and nobody's words."""
    other = await make_tenant(settings.database_url, "otra")
    for owner, lane in ((tenant.id, "premium"), (other.id, "premium"), (other.id, "bulk")):
        async with db.tenant(owner) as c:
            cv_id = await make(c, owner, lane)  # type: ignore[arg-type]
            await cvs.confirm(c, owner, cv_id, size=1)
    async with db.tenant(tenant.id) as c:
        mine = {state.lane: state.waiting for state in await cvs.lanes(c)}
    fleet = await open_database(settings.database_fleet_url, size=1)
    async with fleet.across() as c:
        everybodys = {state.lane: state.waiting for state in await cvs.lanes(c)}
    with pytest.raises(Exception, match="permission denied"):
        async with fleet.across() as c:
            await c.fetch("SELECT filename FROM cvs")
    await fleet.close()
    assert mine == {"premium": 1, "active": 0, "bulk": 0, "again": 0}
    assert everybodys == {"premium": 2, "active": 0, "bulk": 1, "again": 0}
    assert set(mine) == set(limits.LANE_PROMISE_SECONDS)


async def test_a_decision_needs_a_report_a_person_and_a_reason(
    db: Database, tenant: Tenant
) -> None:
    """No program decides, and nobody without a word why."""
    async with db.tenant(tenant.id) as c:
        for reason, name in (("corta", "Rosa"), ("           ", "Rosa"), ("una razón larga", " ")):
            new = reports.NewDecision(decision="hold", reason=reason)
            with pytest.raises(Fault, match="invalid_input"):
                await reports.decide(
                    c,
                    tenant.id,
                    clock.new_id(),
                    decision_id=clock.new_id(),
                    new=new,
                    user_id=tenant.recruiter,
                    user_name=name,
                )
        new = reports.NewDecision(decision="hold", reason="una razón suficiente")
        with pytest.raises(Fault, match="conflict"):
            await reports.decide(
                c,
                tenant.id,
                clock.new_id(),
                decision_id=clock.new_id(),
                new=new,
                user_id=tenant.recruiter,
                user_name="Rosa",
            )
