"""Reports: from the record, once, and never by another engine than the one named."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from interview import interviewer
from interview.interviewer import Said
from interview.plan import OpeningBrief, build
from llm.gateway import Gateway
from loadtest.model import Standin
from loadtest.model_serve import serving
from loadtest.model_stream import Options
from pipeline.evaluation import EvaluateTask
from pipeline.sweep import Sweep
from pipeline.toolbox import Toolbox
from protocol import jobs, limits
from protocol.faults import Fault
from runtime import clock
from runtime.settings import Settings
from storage import candidates, evaluations, events, interviews, outbox, reports
from storage.budgets import Policy, set_policy
from storage.connect import open_database
from tests.pipeline.conftest import ACCOUNTANT, House, somebody_waits

ANSWER = (
    "En mi último trabajo me encargué de migrar el cierre contable a SAP y comparé dos opciones "
    "antes de decidir. Coordiné con el equipo de sistemas y redujimos el cierre de ocho a cinco "
    "días. Aprendí a pedir ayuda antes."
)


async def interviewed(house: House, *, answer: str = ANSWER) -> UUID:
    """Keep an interview that has ended, asked by the interviewer's own rules."""
    opening_id, candidate_id = await house.opening(), clock.new_id()
    await house.take()
    brief = OpeningBrief(
        title=ACCOUNTANT.title,
        category=ACCOUNTANT.category,
        description=ACCOUNTANT.description,
        must_have=ACCOUNTANT.must_have,
        nice_to_have=ACCOUNTANT.nice_to_have,
        seniority=ACCOUNTANT.seniority,
        language=ACCOUNTANT.language,
    )
    plan = build(brief, None, company="Prueba", candidate_name="Ana", minutes=20, locale="es-PE")
    async with house.tools.db.tenant(house.tenant) as c:
        await candidates.create(c, house.tenant, candidate_id, name="Ana")
        kept = await interviews.create(
            c,
            tenant_id=house.tenant,
            opening_id=opening_id,
            candidate_id=candidate_id,
            cv_id=None,
            locale="es-PE",
            minutes=20,
            plan=plan,
            invited_by=None,
        )
        said: list[Said] = []
        while (ask := interviewer.choose(plan, said, seed=kept.seed, seconds_left=600)) is not None:
            one = Said(
                ask.turn,
                ask.competency,
                ask.level,
                ask.kind,
                "¿Cómo fue?",
                answer,
                ask.skill,
                ask.asks,
            )
            said.append(one)
            await c.execute(
                "INSERT INTO asks (session_id, turn, ask, tenant_id, fence, directive) "
                "VALUES ($1, $2, 1, $3, 1, $4)",
                kept.session_id,
                ask.turn,
                house.tenant,
                ask,
            )
            await c.execute(
                "INSERT INTO turns (session_id, turn, tenant_id, interview_id, fence, ask, "
                "competency, level, kind, engine, question, answer, client_msg_id) "
                "VALUES ($1, $2, $3, $4, 1, 1, $5, $6, $7, 'offline', $8, $9, $10)",
                kept.session_id,
                one.turn,
                house.tenant,
                kept.id,
                one.competency,
                one.level,
                one.kind,
                one.question,
                one.answer,
                f"m-{one.turn}",
            )
        await c.execute(
            "UPDATE interviews SET status = 'finished', finished_at = now() WHERE id = $1", kept.id
        )
        await outbox.put(
            c, house.tenant, jobs.Evaluate(tenant_id=house.tenant, interview_id=kept.id), "active"
        )
        assert (await reports.transcript(c, kept.id)).said == said
    return kept.id


async def report(house: House, interview_id: UUID) -> reports.Report:
    async with house.tools.db.tenant(house.tenant) as c:
        return await reports.get(c, interview_id)


@pytest_asyncio.fixture
async def with_model(house: House) -> AsyncIterator[House]:
    """The same house with a key, and a stand-in for the model."""
    async with serving(Standin(Options(piece_seconds=0.0))) as url:
        yield _with(house, url)
        await house.tools.close()


def _with(house: House, url: str) -> House:
    settings = msgspec.structs.replace(
        house.tools.settings,
        engine="claude",
        anthropic_api_key="sk-test",
        anthropic_base_url=url,
        evaluations="now",
    )
    tools = Toolbox(
        settings,
        db=house.tools.db,
        redis=house.tools.redis,
        blobs=house.tools.blobs,
        sandbox=house.tools.sandbox,
    )
    return House(tools, house.relay, house.tenant)


def nowhere() -> str:
    """An address where nobody listens, and nobody will."""
    return "http://127.0.0.1:9"


async def test_offline_the_report_says_coverage(house: House) -> None:
    """Every quote stands literally in an answer, and the report says which engine made it."""
    interview_id = await interviewed(house)
    assert await house.pump() == ["done"]
    found = await report(house, interview_id)
    assert (found.evaluation.kind, found.evaluation.engine) == ("coverage", "offline")
    assert (found.evaluation.status, found.version) == ("ready", 1)
    quotes = [quote for one in found.evaluation.competencies for quote in one.quotes]
    assert quotes
    assert all(ANSWER[quote.start : quote.end] == quote.text for quote in quotes)
    assert found.evaluation.turns_by_engine == {"offline": found.evaluation.turns_total}


async def test_the_report_is_written_once_whoever_repeats_the_message(house: House) -> None:
    """Copies find it there; a second one is never made."""
    interview_id = await interviewed(house)
    job = (await house.take())[0]
    assert [await house.runner.run(job) for _ in range(5)] == ["done"] + ["repeated"] * 4
    first = await report(house, interview_id)
    async with house.tools.db.tenant(house.tenant) as c:
        assert await reports.save(c, house.tenant, first.evaluation) is None
    assert await report(house, interview_id) == first


async def test_watchers_hear_that_the_report_is_there(house: House, redis: Any) -> None:
    """report.ready after the commit."""
    hub = events.EventHub(redis)
    async with hub.watch(house.tenant) as queue:
        await interviewed(house)
        await house.pump()
        event = await queue.get()
    await hub.close()
    assert event is not None
    assert (event.kind, b'"ready"' in event.data) == ("report.ready", True)


async def test_with_a_model_code_checks_what_it_proposes(with_model: House) -> None:
    """A rubric from claims whose quotes are real; the call is in the ledger."""
    interview_id = await interviewed(with_model)
    assert await with_model.pump() == ["done"]
    found = (await report(with_model, interview_id)).evaluation
    assert (found.kind, found.engine, found.status) == ("rubric", "claude", "ready")
    quotes = [quote for one in found.competencies for quote in one.quotes]
    assert all(ANSWER[quote.start : quote.end] == quote.text for quote in quotes)
    lines = await with_model.fetch("SELECT task, engine, outcome FROM model_ledger")
    assert [tuple(line) for line in lines] == [("evaluation", "claude", "ok")]


async def test_an_evaluation_that_cannot_be_paid_is_a_pending_review_with_that_reason(
    with_model: House,
) -> None:
    """No level is computed by something cheaper, and nothing was asked or booked."""
    interview_id = await interviewed(with_model)
    async with with_model.tools.db.tenant(with_model.tenant) as c:
        await set_policy(c, with_model.tenant, Policy(session=0, day=1_000, month=0))
    assert await with_model.pump() == ["done"]
    found = (await report(with_model, interview_id)).evaluation
    assert (found.status, found.pending_reason) == ("pending_review", "model_budget")
    assert all(one.level is None for one in found.competencies)
    assert await with_model.fetch("SELECT 1 FROM model_ledger") == []


async def test_a_model_that_fails_leaves_a_pending_review_that_is_tried_again(
    house: House, settings: Settings
) -> None:
    """The reason is named, nothing is scored in its place, and the sweep asks again."""
    away = _with(house, nowhere())
    interview_id = await interviewed(away)
    assert await away.pump() == ["done"]
    pending = await report(away, interview_id)
    assert pending.evaluation.status == "pending_review"
    assert pending.evaluation.pending_reason == "model_unavailable"
    assert all(one.level is None for one in pending.evaluation.competencies)
    await away.tools.close()

    across = await open_database(settings.database_sweep_url, size=1)
    sweep = Sweep(across, house.tools.db, house.tools.blobs)
    assert (await sweep.round())["interviews"] == 0  # too early
    owner = await asyncpg.connect(settings.database_url)
    await owner.execute("UPDATE reports SET created_at = now() - interval '1 hour'")
    await owner.close()
    assert (await sweep.round())["interviews"] == 1
    await across.close()
    async with serving(Standin(Options(piece_seconds=0.0))) as url:
        back = _with(house, url)
        assert await back.pump() == ["done"]
        await back.tools.close()
    found = await report(house, interview_id)
    assert (found.evaluation.status, found.version) == ("ready", 2)


async def test_an_evaluation_that_finds_no_place_comes_again_and_is_no_review(
    with_model: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was asked or paid; a person has nothing to look at, unless it goes on for a day."""
    real, busy = Gateway.complete, True

    async def complete(self: Gateway, request: Any) -> Any:
        if busy:
            raise Fault("model_busy", "the line is full")
        return await real(self, request)

    monkeypatch.setattr(Gateway, "complete", complete)
    interview_id = await interviewed(with_model)
    for _ in range(2 * (1 + limits.JOB_RETRIES)):  # none of these counts as an attempt
        [job] = await with_model.take()
        assert await with_model.runner.run(job) == "again"
    with pytest.raises(Fault, match="not_found"):
        await report(with_model, interview_id)
    busy = False
    assert await with_model.pump() == ["done"]
    assert (await report(with_model, interview_id)).evaluation.status == "ready"
    busy, other = True, await interviewed(with_model)
    await with_model.execute("UPDATE interviews SET finished_at = now() - interval '2 days'")
    assert await with_model.pump() == ["done"]
    assert (await report(with_model, other)).evaluation.pending_reason == "model_busy"


async def test_what_was_refused_is_not_asked_again_by_itself(
    with_model: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paid for. A recruiter may have it asked anew, and then it is."""
    real, refuses = Gateway.complete, True

    async def complete(self: Gateway, request: Any) -> Any:
        if refuses:
            raise Fault("model_refused")
        return await real(self, request)

    monkeypatch.setattr(Gateway, "complete", complete)
    interview_id = await interviewed(with_model)
    [job] = await with_model.take()
    assert await with_model.runner.run(job) == "done"
    refuses = False
    assert await with_model.runner.run(job) == "repeated"
    async with with_model.tools.db.tenant(with_model.tenant) as c:
        await evaluations.make_direct(c, with_model.tenant, interview_id, "asked")
    assert await with_model.pump() == ["done"]
    assert (await report(with_model, interview_id)).evaluation.status == "ready"


async def test_an_interview_whose_message_was_lost_is_found(
    house: House, settings: Settings
) -> None:
    """Finished, without a report, and nobody at it."""
    interview_id = await interviewed(house)
    await house.take()
    owner = await asyncpg.connect(settings.database_url)
    await owner.execute("UPDATE interviews SET finished_at = now() - interval '1 hour'")
    await owner.close()
    across = await open_database(settings.database_sweep_url, size=1)
    assert (await Sweep(across, house.tools.db, house.tools.blobs).round())["interviews"] == 1
    await across.close()
    await house.pump()
    assert (await report(house, interview_id)).evaluation.status == "ready"


async def test_an_evaluation_that_always_breaks_ends_as_a_named_review(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug is tried as often as a job may be; then a person has to look."""

    async def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(EvaluateTask, "_evaluate", broken)
    interview_id = await interviewed(house)
    assert await house.pump() == ["again"] * limits.JOB_RETRIES + ["refused"]
    found = await report(house, interview_id)
    assert found.evaluation.status == "pending_review"
    assert found.evaluation.pending_reason == "server_error"
    monkeypatch.undo()
    async with house.tools.db.tenant(house.tenant) as c:
        await evaluations.make_direct(c, house.tenant, interview_id, "asked")
    assert await house.pump() == ["done"]
    assert (await report(house, interview_id)).evaluation.status == "ready"


async def test_somebody_who_is_erased_while_the_report_is_made_has_none(house: House) -> None:
    """One that is being kept is waited for and goes too; one that comes later is not kept."""
    interview_id = await interviewed(house)
    assert await house.pump() == ["done"]
    evaluation = (await report(house, interview_id)).evaluation
    await house.execute("UPDATE reports SET status = 'pending_review'")
    [row] = await house.fetch("SELECT candidate_id FROM interviews")

    async def erase() -> None:
        async with house.tools.db.tenant(house.tenant) as c:
            await candidates.erase(c, row["candidate_id"])

    async with house.tools.db.tenant(house.tenant) as c:
        assert await reports.save(c, house.tenant, evaluation) == 2
        erasing = asyncio.create_task(erase())
        await somebody_waits(house)
    await erasing
    assert await house.fetch("SELECT 1 FROM reports") == []
    async with house.tools.db.tenant(house.tenant) as c:
        assert await reports.save(c, house.tenant, evaluation) is None
    assert await house.fetch("SELECT 1 FROM reports") == []


async def test_an_interview_that_is_not_over_has_no_report(house: House) -> None:
    """Neither live nor erased ones are evaluated."""
    interview_id = await interviewed(house)
    job = (await house.take())[0]
    await house.execute("UPDATE interviews SET status = 'live' WHERE id = $1", interview_id)
    assert await house.runner.run(job) == "repeated"
    await house.execute("UPDATE interviews SET status = 'finished' WHERE id = $1", interview_id)
    await house.execute("SELECT erase_candidate(candidate_id) FROM interviews")
    assert await house.runner.run(job) == "repeated"
    with pytest.raises(Fault, match="not_found"):
        await report(house, interview_id)


async def test_a_named_person_decides_on_the_report_they_read(house: House, tenant: Any) -> None:
    """The decision keeps the person, the reason and the report's version, and is audited."""
    interview_id = await interviewed(house)
    await house.pump()
    new = reports.NewDecision(decision="advance", reason="Respuestas concretas y verificables.")
    async with house.tools.db.tenant(house.tenant) as c:
        await reports.decide(
            c,
            house.tenant,
            interview_id,
            decision_id=clock.new_id(),
            new=new,
            user_id=tenant.recruiter,
            user_name="Rosa Quispe",
        )
        with pytest.raises(Fault, match="conflict"):
            await reports.decide(
                c,
                house.tenant,
                interview_id,
                decision_id=clock.new_id(),
                new=new,
                user_id=clock.new_id(),
                user_name="Nadie",
            )
    found = await report(house, interview_id)
    assert [(one.decided_name, one.report_version) for one in found.decisions] == [
        ("Rosa Quispe", 1)
    ]
    assert len(await house.fetch("SELECT 1 FROM audit_log WHERE action = 'decision'")) == 1
