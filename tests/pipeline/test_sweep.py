"""The sweep: what was left behind comes back, once, and only that."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio

from pipeline.sweep import Sweep, stuck_seconds
from protocol import jobs, limits
from runtime import clock
from runtime.settings import Settings
from storage import candidates, cvs, sweeps
from storage.blobs import cv_key
from storage.connect import open_database
from tests.pipeline.conftest import ANA, House, pdf


@pytest_asyncio.fixture
async def sweep(settings: Settings, house: House) -> AsyncIterator[Sweep]:
    """A sweep as its own role."""
    across = await open_database(settings.database_sweep_url, size=2)
    yield Sweep(across, house.tools.db, house.tools.blobs)
    await across.close()


async def age(settings: Settings, sql: str, *args: Any) -> None:
    """Make things older, as the owner."""
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(sql, *args)
    await connection.close()


async def test_a_cv_whose_message_was_lost_goes_on(
    house: House, sweep: Sweep, settings: Settings
) -> None:
    """The broker lost everything; the next stage is handed over again, once."""
    cv_id = await house.upload(pdf(ANA))
    await house.runner.run((await house.take())[0])
    await house.take()  # lost
    assert (await sweep.round())["cvs"] == 0  # too early
    await age(settings, "UPDATE cvs SET stage_at = now() - interval '1 day'")
    assert (await sweep.round())["cvs"] == 1
    assert (await sweep.round())["cvs"] == 0  # handed over already
    await house.pump()
    assert (await house.cv(cv_id)).status == "ready"


async def test_a_cv_that_somebody_works_on_is_left_alone(
    house: House, sweep: Sweep, settings: Settings
) -> None:
    """A lease means that it is not lost."""
    cv_id = await house.upload(pdf(ANA))
    await age(settings, "UPDATE cvs SET stage_at = now() - interval '1 day'")
    await house.execute(
        "INSERT INTO job_runs (kind, subject_id, tenant_id, lease_until) "
        "VALUES ('cv.validate', $1, $2, now() + interval '10 seconds')",
        cv_id,
        house.tenant,
    )
    assert (await sweep.round())["cvs"] == 0


def test_a_lane_is_not_called_stuck_before_its_promise() -> None:
    """Waiting for one's turn in a slow lane is no loss."""
    for lane in jobs.LANES:
        assert stuck_seconds(lane) > limits.LANE_PROMISE_SECONDS[lane]


async def test_an_upload_that_never_came_is_ended(
    house: House, sweep: Sweep, settings: Settings
) -> None:
    """The row ends with its reason, and a file that was never confirmed goes."""
    cv_id, candidate_id = clock.new_id(), clock.new_id()
    key = cv_key(house.tenant, cv_id)
    await house.tools.blobs.put(key, b"%PDF-", bytes_max=100)
    async with house.tools.db.tenant(house.tenant) as c:
        await candidates.create(c, house.tenant, candidate_id)
        await cvs.create(
            c, house.tenant, cv_id, candidate_id=candidate_id, object_key=key, filename="cv.pdf"
        )
    assert (await sweep.round())["uploads"] == 0
    await age(settings, "UPDATE cvs SET created_at = now() - interval '2 hours'")
    assert (await sweep.round())["uploads"] == 1
    assert (await house.cv(cv_id)).fault == "cv_not_uploaded"
    assert await house.tools.blobs.head(key) is None


async def test_an_opening_without_its_vector_is_embedded(
    house: House, sweep: Sweep, settings: Settings
) -> None:
    """Its message was lost as well."""
    await house.opening()
    await house.take()
    await age(settings, "UPDATE openings SET updated_at = now() - interval '1 day'")
    assert (await sweep.round())["openings"] == 1
    await house.pump()
    assert (await sweep.round())["openings"] == 0


async def test_months_are_made_ahead(house: House, sweep: Sweep, settings: Settings) -> None:
    """Partitions that are missing appear; nothing to do is nothing done."""
    await sweep.round()  # a month may have begun since the template was made
    await age(
        settings,
        "DO $$ DECLARE t text; BEGIN SELECT max(relname) INTO t FROM pg_class "
        "WHERE relkind = 'r' AND relname ~ '^interview_sessions_2'; "
        "EXECUTE 'DROP TABLE ' || t; END $$",
    )
    assert (await sweep.round())["months"] == 1
    assert (await sweep.round())["months"] == 0


async def test_one_sweep_at_a_time(house: House, sweep: Sweep) -> None:
    """While another process sweeps, this one does nothing."""
    async with sweep._across.across() as c:
        assert await sweeps.alone(c)
        assert await sweep.round() == {}
    assert await sweep.round() != {}
