"""CV jobs: stages pass once, attempts are counted, reasons are named."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import pytest

from pipeline.cv_task import CvTask
from pipeline.running import back_off
from protocol import jobs, limits
from protocol.faults import Fault
from storage import cvs, events, matches, openings, profiles, runs
from tests.pipeline.conftest import ACCOUNTANT, ANA, House, pdf


def envelope(house: House, cv_id: UUID, stage: Any) -> str:
    job = jobs.CvStage(tenant_id=house.tenant, cv_id=cv_id, stage=stage)
    return jobs.encode(jobs.Envelope(job=job, lane="active", request_id="r-1"))


async def test_a_cv_goes_through_every_stage_to_a_match(house: House) -> None:
    """From a confirmed PDF to ready, with text, profile, vector and match."""
    opening_id = await house.opening()
    cv_id = await house.upload(pdf(ANA))
    await house.pump()
    cv = await house.cv(cv_id)
    assert (cv.status, cv.stage, cv.fault, cv.progress) == ("ready", "match", "", 1.0)
    assert (cv.kind, cv.pages, cv.language) == ("pdf", 1, "es")
    async with house.tools.db.tenant(house.tenant) as c:
        stored = await profiles.get(c, cv_id)
        text = await cvs.text(c, cv_id)
        rows = await matches.of_opening(c, opening_id, limit=10)
    assert stored is not None
    assert stored.profile.check(text) == []
    assert [row.cv_id for row in rows] == [cv_id]
    assert await house.fetch("SELECT 1 FROM job_runs") == []


async def test_the_candidates_empty_fields_are_filled_and_written_ones_kept(house: House) -> None:
    """What a person typed is never overwritten by what a program read."""
    cv_id = await house.upload(pdf(ANA), name="Ana T.")
    await house.pump()
    row = (
        await house.fetch(
            "SELECT name, email, phone FROM candidates c JOIN cvs v ON v.candidate_id = c.id "
            "WHERE v.id = $1",
            cv_id,
        )
    )[0]
    assert tuple(row) == ("Ana T.", "ana.torres@example.com", "+51987654321")


async def test_the_same_message_five_times_has_one_effect(house: House) -> None:
    """Copies at once and copies afterwards: one of each row, every stage passed once."""
    await house.opening()
    cv_id = await house.upload(pdf(ANA))
    for stage in jobs.STAGES:
        await house.take()
        copies = [envelope(house, cv_id, stage)] * 5
        outcomes = await asyncio.gather(*(house.runner.run(copy) for copy in copies))
        assert outcomes.count("done") == 1, outcomes
        assert set(outcomes) <= {"done", "busy", "repeated"}
        assert await house.runner.run(copies[0]) == "repeated"
    await house.pump()
    assert (await house.cv(cv_id)).status == "ready"
    counts = await house.fetch(
        "SELECT (SELECT count(*) FROM profiles) p, (SELECT count(*) FROM cv_texts) t, "
        "(SELECT max(version) FROM profiles) v, "
        "(SELECT count(*) FROM embeddings WHERE owner_kind = 'cv') e"
    )
    assert tuple(counts[0]) == (1, 1, 1, 1)


async def test_a_stage_out_of_order_does_nothing(house: House) -> None:
    """A message for a later stage, or for a CV that is not there, changes nothing."""
    cv_id = await house.upload(pdf(ANA))
    await house.take()
    assert await house.runner.run(envelope(house, cv_id, "extract")) == "repeated"
    assert await house.runner.run(envelope(house, UUID(int=1), "validate")) == "repeated"
    assert (await house.cv(cv_id)).stage == "upload"


async def test_a_file_that_is_none_is_refused_by_name_and_kept(house: House) -> None:
    """The reason is a code, and the file stays where it is."""
    cv_id = await house.upload(b"just words, called a PDF", filename="cv.pdf")
    assert await house.pump() == ["refused"]
    cv = await house.cv(cv_id)
    assert (cv.status, cv.fault, cv.fault_detail) == ("refused", "cv_not_a_cv_file", "text")
    async with house.tools.db.tenant(house.tenant) as c:
        key = await cvs.object_key(c, cv_id)
    assert await house.tools.blobs.head(key) is not None
    assert await house.fetch("SELECT 1 FROM job_runs") == []


async def test_a_picture_of_text_needs_ocr_and_is_no_refusal(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """needs_ocr is a status of its own."""

    async def scanned(*_: Any) -> None:
        raise Fault("cv_needs_ocr")

    monkeypatch.setattr(CvTask, "_parse", scanned)
    cv_id = await house.upload(pdf(ANA))
    await house.pump()
    cv = await house.cv(cv_id)
    assert (cv.status, cv.fault, cv.stage) == ("needs_ocr", "cv_needs_ocr", "validate")


async def test_an_object_that_is_gone_is_tried_again_then_named(house: House) -> None:
    """A file that cannot be found is retried as often as the stage may, not for ever."""
    cv_id = await house.upload(pdf(ANA))
    async with house.tools.db.tenant(house.tenant) as c:
        await house.tools.blobs.delete(await cvs.object_key(c, cv_id))
    assert await house.pump() == ["again"] * limits.CV_STAGE_RETRIES["validate"] + ["refused"]
    cv = await house.cv(cv_id)
    assert (cv.status, cv.fault) == ("refused", "cv_attempts_exhausted")
    assert cv.fault_detail == "cv_not_uploaded"


async def test_a_bug_in_a_stage_ends_after_its_retries(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception nobody expected is an attempt like another one."""

    async def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(CvTask, "_extract", broken)
    cv_id = await house.upload(pdf(ANA))
    outcomes = await house.pump()
    assert outcomes == ["done", "done", "again", "again", "refused"]
    assert (await house.cv(cv_id)).fault == "cv_attempts_exhausted"


async def test_an_attempt_counts_though_its_worker_never_said_so(house: House) -> None:
    """A job that kills its worker is refused after its attempts instead of running for ever."""
    cv_id = await house.upload(pdf(ANA))
    await house.take()
    for attempt in range(1 + limits.CV_STAGE_RETRIES["validate"]):
        async with house.tools.db.tenant(house.tenant) as c:
            run = await runs.begin(c, house.tenant, "cv.validate", cv_id)
        assert isinstance(run, runs.Run)
        assert run.attempt == attempt + 1
        await house.execute("UPDATE job_runs SET lease_until = now()")  # killed, and time passed
    assert await house.runner.run(envelope(house, cv_id, "validate")) == "given_up"
    assert (await house.cv(cv_id)).fault == "cv_attempts_exhausted"


async def test_stores_that_are_away_cost_no_attempt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object store without an answer is waited for; the CV is not blamed."""
    real = house.tools.blobs.get
    failures = iter(range(6))

    async def away(key: str, *, bytes_max: int) -> bytes:
        if next(failures, None) is not None:
            raise Fault("unavailable", "object store")
        return await real(key, bytes_max=bytes_max)

    monkeypatch.setattr(house.tools.blobs, "get", away)
    cv_id = await house.upload(pdf(ANA))
    outcomes = await house.pump()
    assert outcomes.count("again") == 6
    assert (await house.cv(cv_id)).status == "ready"


async def test_a_copy_that_finds_the_job_leased_comes_back_later(house: House) -> None:
    """The second of two copies waits for the lease, through the outbox, and is not lost."""
    cv_id = await house.upload(pdf(ANA))
    await house.take()
    async with house.tools.db.tenant(house.tenant) as c:
        await runs.begin(c, house.tenant, "cv.validate", cv_id)
    assert await house.runner.run(envelope(house, cv_id, "validate")) == "busy"
    assert await house.take(early=False) == []
    assert len(await house.take()) == 1


async def test_a_cancelled_job_gives_its_attempt_and_lease_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM in the middle: another worker may begin at once, and nothing was counted."""
    started = asyncio.Event()

    async def slow(*_: Any) -> None:
        started.set()
        await asyncio.sleep(30)

    monkeypatch.setattr(CvTask, "_validate", slow)
    cv_id = await house.upload(pdf(ANA))
    await house.take()
    task = asyncio.create_task(house.runner.run(envelope(house, cv_id, "validate")))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    rows = await house.fetch("SELECT attempts, lease_until <= now() AS free FROM job_runs")
    assert [tuple(row) for row in rows] == [(0, True)]
    monkeypatch.undo()
    assert await house.runner.run(envelope(house, cv_id, "validate")) == "done"


async def test_a_stage_that_hangs_is_cut_at_its_limit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of the stage ends it; the worker goes on."""

    async def hang(*_: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setitem(limits.CV_STAGE_SECONDS, "validate", -1.9)
    monkeypatch.setattr(CvTask, "_validate", hang)
    cv_id = await house.upload(pdf(ANA))
    assert await house.pump() == ["again", "refused"]
    assert (await house.cv(cv_id)).fault_detail == "cv_timeout"


async def test_watchers_hear_of_every_stage_with_its_progress(house: House, redis: Any) -> None:
    """cv.stage after each commit, rising, and match.ready at the end."""
    hub = events.EventHub(redis)
    async with hub.watch(house.tenant) as queue:
        await house.upload(pdf(ANA), filename="ana.pdf")
        await house.pump()
        seen = []
        while len(seen) < 6:
            event = await asyncio.wait_for(queue.get(), 30)
            assert event is not None
            seen.append((event.kind, event.data))
    await hub.close()
    stages = [data for kind, data in seen if kind == "cv.stage"]
    assert [msgspec.json.decode(data)["progress"] for data in stages] == [0.2, 0.5, 0.7, 0.9, 1.0]
    assert b"ana.pdf" in stages[0]
    assert seen[-1][0] == "match.ready"


async def test_a_changed_opening_is_matched_again_and_an_old_result_never_wins(
    house: House,
) -> None:
    """A new version replaces the rows; a late row of an older version does not."""
    opening_id = await house.opening()
    cv_id = await house.upload(pdf(ANA))
    await house.pump()
    async with house.tools.db.tenant(house.tenant) as c:
        old = await c.fetchrow("SELECT * FROM matches")
        changes = openings.OpeningChanges(must_have=["Kubernetes"])
        await openings.update(c, house.tenant, opening_id, changes, version=1)
    await house.pump()
    async with house.tools.db.tenant(house.tenant) as c:
        row = (await matches.of_opening(c, opening_id, limit=5))[0]
        late = matches.Match(opening_id, cv_id, 0.99, True, [], [], [], 1, 1, old["matcher"])
        await matches.save(c, house.tenant, [late])
        again = (await matches.of_opening(c, opening_id, limit=5))[0]
    assert [gate.term for gate in row.gates] == ["Kubernetes"]
    assert not row.gates_passed
    assert again == row


async def test_cv_and_opening_at_once_are_matched_whoever_comes_first(house: House) -> None:
    """Jobs of both run side by side in every order; the pair has its one row."""
    for _ in range(4):
        opening_id = await house.opening()
        cv_id = await house.upload(pdf(ANA))
        while waiting := await house.take():
            await asyncio.gather(*(house.runner.run(envelope) for envelope in waiting))
        rows = await house.fetch(
            "SELECT 1 FROM matches WHERE opening_id = $1 AND cv_id = $2", opening_id, cv_id
        )
        assert len(rows) == 1


async def test_an_opening_matches_every_cv_there_is_and_repeats_nothing(house: House) -> None:
    """A job that comes twice leaves the rows as they are."""
    for _ in range(3):
        await house.upload(pdf(ANA))
    await house.pump()
    opening_id = await house.opening(ACCOUNTANT)
    job = (await house.take())[0]
    assert await house.runner.run(job) == "done"
    first = await house.fetch("SELECT cv_id, created_at FROM matches ORDER BY cv_id")
    assert await house.runner.run(job) == "done"
    assert await house.fetch("SELECT cv_id, created_at FROM matches ORDER BY cv_id") == first
    assert len(first) == 3
    async with house.tools.db.tenant(house.tenant) as c:
        assert len(await matches.of_opening(c, opening_id, limit=2)) == 2


async def test_an_erased_cv_is_not_brought_back_by_a_late_message(house: House) -> None:
    """A message that was under way when the person was erased finds nothing to do."""
    cv_id = await house.upload(pdf(ANA))
    for _ in range(2):
        for waiting in await house.take():
            await house.runner.run(waiting)
    late = await house.take()
    await house.execute("SELECT erase_candidate(candidate_id) FROM cvs WHERE id = $1", cv_id)
    assert [await house.runner.run(one) for one in late] == ["repeated"]
    assert await house.fetch("SELECT 1 FROM profiles") == []
    assert await house.fetch("SELECT 1 FROM cv_texts") == []


def test_the_back_off_doubles_to_its_bound() -> None:
    """Attempts wait longer and longer, and never longer than the limit."""
    for attempt in range(1, 40):
        ceiling = min(limits.RETRY_SECONDS * 2.0 ** (attempt - 1), limits.RETRY_SECONDS_MAX)
        assert ceiling / 2 <= back_off(attempt) <= ceiling
