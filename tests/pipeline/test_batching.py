"""Evaluations in batches through the pipeline: killed at any moment, each is booked once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from interview import scoring
from llm.batch import BatchDesk
from llm.batch_money import BatchMoney
from loadtest.model import Standin
from loadtest.model_rules import Refused
from loadtest.model_serve import serving
from loadtest.model_stream import Options
from pipeline.batch_desk import BatchIntents
from pipeline.batching import RoundTask
from pipeline.running import Runner
from pipeline.sweep import Sweep
from pipeline.toolbox import Toolbox
from pipeline.worker import KINDS
from protocol import jobs, limits
from runtime import clock, metrics
from runtime.settings import Settings
from storage import evaluations
from storage.buckets import accounts
from storage.budgets import Policy, set_policy
from storage.connect import open_database, open_redis
from storage.redis_writer import RedisWriter
from tests.conftest import make_tenant
from tests.pipeline.conftest import House, somebody_waits
from tests.pipeline.test_evaluation import interviewed, report


class Killed(BaseException):
    """The process ends here: no handler of it runs, and its leases stay."""


class Works:
    """A worker with a key; its provider's batches take an hour of the provider's own clock."""

    def __init__(self, house: House, standin: Standin, url: str) -> None:
        self.house, self.standin = house, standin
        self.settings = msgspec.structs.replace(
            house.tools.settings, engine="claude", anthropic_api_key="sk", anthropic_base_url=url
        )
        self.opened: list[Toolbox] = []
        self.worker()

    def worker(self, house: House | None = None) -> Runner:
        """A fresh process: nothing is in its memory."""
        tools = (house or self.house).tools
        self.tools = Toolbox(
            self.settings, db=tools.db, redis=tools.redis, blobs=tools.blobs, sandbox=tools.sandbox
        )
        self.opened.append(self.tools)
        self.runner = Runner(self.tools, KINDS)
        return self.runner

    async def evaluate(self) -> list[str]:
        """Run what the outbox has for evaluations, but no rounds."""
        waiting = [jobs.decode(text) for text in await self.house.take()]
        chosen = [one for one in waiting if isinstance(one.job, jobs.Evaluate)]
        return [await self.runner.run(jobs.encode(one)) for one in chosen]

    async def queue(self, count: int = 1) -> list[UUID]:
        """Interviews that have ended and wait for a batch."""
        ids = []
        for _ in range(count):
            ids.append(await interviewed(self.house))
            assert await self.evaluate() == ["done"]
        return ids

    async def round(self) -> str:
        """One round, as when its time has come and whoever died before has lost the lease."""
        await self.house.execute("UPDATE evaluation_rounds SET due_at = now()")
        await self.house.execute("UPDATE job_runs SET lease_until = now()")
        job = jobs.EvaluationRound(tenant_id=self.house.tenant)
        return await self.runner.run(jobs.encode(jobs.Envelope(job, "bulk")))

    async def lines(self) -> list[tuple[str, int, bool, bool]]:
        """The ledger: outcome, price, whether it is a bound, whether a batch's."""
        rows = await self.house.fetch(
            "SELECT outcome, micro_usd, upper_bound, batch FROM model_ledger ORDER BY id"
        )
        return [tuple(row) for row in rows]

    async def left(self) -> int:
        """Rows of the three tables."""
        tables = ("evaluations_waiting", "evaluation_batches", "evaluation_rounds")
        counts = [await self.house.fetch(f"SELECT 1 FROM {name}") for name in tables]
        return sum(map(len, counts))

    async def day(self) -> int:
        """What Redis says was spent today."""
        name = accounts(self.house.tenant, None)[1]
        return int(await self.house.tools.redis.hget(name, "used") or 0)

    async def check_paid_once(self, ids: list[UUID]) -> None:
        """Every report is ready by way of a batch, and the books agree with the provider's."""
        for one in ids:
            evaluation = (await report(self.house, one)).evaluation
            assert (evaluation.status, evaluation.way) == ("ready", "batch")
        lines = [line for line in await self.lines() if line[0] != "cancelled"]
        assert [line[0] for line in lines] == ["ok"] * len(ids)
        billed = self.standin.account.counts()["total"]
        assert sum(line[1] for line in lines) == billed["micro_usd"] > 0
        assert billed["calls"] == len(ids)
        assert await self.left() == 0


@pytest_asyncio.fixture
async def works(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Works]:
    """A worker, a company, a stand-in."""
    monkeypatch.setattr(limits, "BATCH_GROUP_SECONDS", 0.0)
    standin = Standin(Options(piece_seconds=0.0, batch_seconds=3600.0))
    async with serving(standin) as url:
        works = Works(house, standin, url)
        yield works
        for tools in works.opened:
            await tools.close()


async def test_an_evaluation_waits_and_comes_at_half_the_price(works: Works) -> None:
    """Reserved at the most, handed in once, polled without anybody waiting, settled, deleted."""
    ids = await works.queue(2)
    assert await works.evaluate() == []
    async with works.house.tools.db.tenant(works.house.tenant) as c:
        waiting = await evaluations.get(c, ids[0])
    assert waiting is not None
    assert timedelta(hours=23) < waiting.expected_at - waiting.queued_at < timedelta(hours=25)
    assert await works.round() == "done"
    assert [line[0] for line in await works.lines()] == ["reserved", "reserved"]
    bound = sum(line[1] for line in await works.lines())
    assert await works.day() == bound
    assert await works.round() == "done"  # nothing has come
    assert works.standin.stats()["batches"] == 1
    works.standin.clock.advance(3601)
    assert await works.round() == "done"
    await works.check_paid_once(ids)
    assert all(batch and not upper for _, _, upper, batch in await works.lines())
    assert await works.day() == sum(line[1] for line in await works.lines()) < bound
    assert works.standin._batches._kept == {}


async def test_a_message_too_many_begins_no_second_chain(works: Works) -> None:
    """A round before its time is a copy; two copies at once are one round."""
    await works.queue()
    await works.round()
    await works.house.take()
    job = jobs.encode(jobs.Envelope(jobs.EvaluationRound(works.house.tenant), "bulk"))
    assert await works.runner.run(job) == "repeated"
    assert await works.house.take() == []
    await works.house.execute("UPDATE evaluation_rounds SET due_at = now()")
    outcomes = await asyncio.gather(*(works.runner.run(job) for _ in range(3)))
    assert outcomes.count("done") == 1
    assert works.standin.stats()["batches"] == 1


# Killed ---------------------------------------------------------------------------------------

MOMENTS: dict[str, tuple[type, str, bool]] = {
    "its money is held, nothing is written": (BatchDesk, "hand_in", False),
    "it is written, its money is still a hold": (BatchMoney, "keep", False),
    "it is written, nothing was sent": (BatchIntents, "begin", True),
    "it is made, its number is not known": (BatchIntents, "made", False),
    "it is made, its number is known": (BatchDesk, "hand_in", True),
    "its answers are read": (BatchDesk, "collect", True),
    "one of two answers is booked": (RoundTask, "_book", True),
    "an answer is booked, Redis is not told": (BatchMoney, "settle", False),
    "all is booked, the provider still has it": (BatchDesk, "done", False),
    "the provider has it no more, we do": (BatchIntents, "end", False),
}


def kill(
    patch: pytest.MonkeyPatch, where: tuple[type, str, bool], when: Callable[[Any], bool]
) -> None:
    """Have the process die before, or right after, a step is taken."""
    owner, name, after = where
    real = getattr(owner, name)

    async def dies(*args: Any, **names: Any) -> Any:
        if not after:
            raise Killed
        found = await real(*args, **names)
        if when(found):
            raise Killed
        return found

    patch.setattr(owner, name, dies)
    patch.setattr(BatchIntents, "give_back", _nothing)


async def _nothing(*_: Any) -> None:
    """What a process that is dead does."""


@pytest.mark.parametrize("moment", MOMENTS)
async def test_killed_when(works: Works, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process goes on: nothing is lost, handed in twice, or booked twice."""
    ids = await works.queue(2)
    died = False
    with pytest.MonkeyPatch.context() as patch:
        kill(patch, MOMENTS[moment], lambda found: getattr(found, "state", "ended") == "ended")
        for _ in range(2):
            try:
                await works.round()
            except Killed:
                died = True
                break
            works.standin.clock.advance(3601)
    assert died
    works.worker()
    later = clock.now() + timedelta(minutes=10)  # a call to the provider would have ended
    monkeypatch.setattr(clock, "now", lambda: later)
    for _ in range(4):
        works.standin.clock.advance(3601)
        assert await works.round() in ("done", "repeated")
    await works.check_paid_once(ids)
    assert works.standin.stats()["batches"] == 1
    # Redis may be told too much by a process that died, never too little.
    assert await works.day() >= sum(line[1] for line in await works.lines())


async def test_two_workers_at_once_make_one_batch_and_book_it_once(works: Works) -> None:
    """The lease is only politeness: without it the rows decide."""
    ids = await works.queue(2)
    envelope = jobs.Envelope(jobs.EvaluationRound(works.house.tenant), "bulk")
    for step in range(3):
        tasks = []
        for _ in range(3):
            works.worker()
            task = RoundTask(works.tools, envelope)
            desk = await works.tools.batches()
            assert desk is not None
            tasks.append((task._hand_in if step == 0 else task._look)(desk))
        await asyncio.gather(*tasks)
        if step:
            works.standin.clock.advance(3601)
    assert works.standin.stats()["batches"] == 1
    await works.round()
    await works.check_paid_once(ids)
    assert await works.day() == sum(line[1] for line in await works.lines())


# What comes back otherwise --------------------------------------------------------------------


async def test_what_a_batch_does_not_answer_is_evaluated_at_once(works: Works) -> None:
    """Expired, errored or cancelled: nothing was paid for it, and it is asked directly."""
    works.standin.fail_next("expired", "errored", "")
    ids = await works.queue(3)
    await works.round()
    works.standin.clock.advance(3601)
    await works.round()
    assert await works.evaluate() == ["done", "done"]
    ways = sorted([(await report(works.house, one)).evaluation.way for one in ids])
    assert ways == ["batch", "now", "now"]
    lines = await works.lines()
    assert sum(line[1] for line in lines) == works.standin.account.counts()["total"]["micro_usd"]
    assert await works.left() == 0


async def test_what_would_be_refused_again_waits_for_a_person(works: Works) -> None:
    """The reason is named, what was billed is booked, and nothing is asked directly."""
    works.standin.fail_next("refusal")
    [one] = await works.queue()
    await works.round()
    works.standin.clock.advance(3601)
    await works.round()
    assert await works.evaluate() == []
    found = (await report(works.house, one)).evaluation
    assert (found.status, found.pending_reason) == ("pending_review", "model_refused")
    assert [line[0] for line in await works.lines()] == ["model_refused"]
    assert await works.left() == 0


async def test_a_result_that_is_missing_is_booked_at_its_bound(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can know what it cost: the bound stays, flagged, and the interview is asked about."""
    [one] = await works.queue()
    await works.round()
    [(_, bound, *_)] = await works.lines()
    works.standin.clock.advance(3601)
    real = BatchDesk.collect

    async def less(*args: Any) -> Any:
        return msgspec.structs.replace(await real(*args), answers=[])

    monkeypatch.setattr(BatchDesk, "collect", less)
    await works.round()
    assert await works.lines() == [("model_unavailable", bound, True, True)]
    assert await works.evaluate() == ["done"]
    assert (await report(works.house, one)).evaluation.way == "now"


async def test_a_batch_that_the_provider_lost_is_booked_at_its_bound(works: Works) -> None:
    """Its number is known, so it may have been paid."""
    await works.queue()
    await works.round()
    works.standin._batches._kept.clear()
    await works.round()
    [(outcome, micro_usd, upper, _)] = await works.lines()
    assert (outcome, upper, micro_usd > 0) == ("model_unavailable", True, True)
    assert await works.evaluate() == ["done"]


async def test_a_batch_that_is_late_is_not_waited_for(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its interviews are asked about directly; it is cancelled, and what it cost is booked."""
    [one] = await works.queue()
    await works.round()
    late = clock.now() + timedelta(seconds=limits.BATCH_LATE_SECONDS + 60)
    monkeypatch.setattr(clock, "now", lambda: late)
    await works.round()
    assert await works.evaluate() == ["done"]
    await works.round()
    assert (await report(works.house, one)).evaluation.way == "now"
    assert sorted(line[0] for line in await works.lines()) == ["model_unavailable", "ok"]
    assert await works.left() == 0


async def test_a_provider_that_refuses_batches_is_asked_later_or_directly(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overloaded: the same interviews wait for another batch. Rejected: no batch would do."""
    [one] = await works.queue()
    original = works.standin._batches.make
    monkeypatch.setattr(works.standin._batches, "make", lambda *_: Refused(529, "ordered"))
    assert await works.round() == "done"
    assert await works.day() == 0
    assert [line[:2] for line in await works.lines()] == [("cancelled", 0)]
    [row] = await works.house.fetch("SELECT due_at - now() AS pause FROM evaluation_rounds")
    assert row["pause"] > timedelta(seconds=limits.BATCH_LOOK_SECONDS / 2)
    monkeypatch.setattr(works.standin._batches, "make", lambda *_: Refused(400, "ordered"))
    assert await works.round() == "done"
    monkeypatch.setattr(works.standin._batches, "make", original)
    assert await works.evaluate() == ["done"]
    assert (await report(works.house, one)).evaluation.way == "now"
    assert await works.round() in ("done", "repeated")
    assert await works.left() == 0


async def test_what_cannot_be_paid_is_not_handed_in(works: Works) -> None:
    """A pending review names it; whoever can be paid is handed in all the same."""
    ids = await works.queue(3)
    enough = sum([(await _need(works, one)).bound for one in ids[:2]])
    async with works.house.tools.db.tenant(works.house.tenant) as c:
        await set_policy(c, works.house.tenant, Policy(session=0, day=enough, month=0))
    assert await works.day() == 0  # given back before the next one may have the name
    await works.house.tools.redis.flushdb()
    await works.round()
    assert [line[0] for line in await works.lines()] == ["reserved", "reserved"]
    pending = await works.house.fetch(
        "SELECT evaluation->>'pending_reason' AS why FROM reports WHERE status = 'pending_review'"
    )
    assert [row["why"] for row in pending] == ["model_budget"]
    # Redis forgets: what is reserved is in the ledger, and no fourth one fits.
    await works.house.tools.redis.flushdb()
    [more] = await works.queue()
    await works.round()
    found = (await report(works.house, more)).evaluation
    assert found.pending_reason == "model_budget"
    works.standin.clock.advance(3601)
    await works.round()
    assert [line[0] for line in await works.lines()] == ["ok", "ok"]


async def test_an_answer_that_no_code_can_read_keeps_no_other_one(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is booked and evaluated directly; the others' reports are there."""
    ids = sorted(await works.queue(3))
    real = scoring.rubric_report

    def report_of(claims: Any, plan: Any, said: Any, subject: Any) -> Any:
        if subject.interview_id == ids[0]:
            raise ZeroDivisionError
        return real(claims, plan, said, subject)

    await works.round()
    works.standin.clock.advance(3601)
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "rubric_report", report_of)
        await works.round()
    assert [line[0] for line in await works.lines()] == ["ok"] * 3
    assert [(await report(works.house, one)).evaluation.way for one in ids[1:]] == ["batch"] * 2
    assert await works.evaluate() == ["done"]
    assert (await report(works.house, ids[0])).evaluation.way == "now"
    assert await works.left() == 0


async def test_without_redis_postgresql_keeps_the_account(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reserved, settled and found again: Redis makes its accounts from the ledger afterwards."""
    monkeypatch.setitem(limits.BUCKET_WATERMARKS, "background", 0)
    ids = await works.queue(2)
    await works.tools.batches()
    money = works.tools.gateway().money
    nowhere = RedisWriter(open_redis("redis://127.0.0.1:9/0", connections=1))
    assert money._shared is not None
    with monkeypatch.context() as patch:
        patch.setattr(money._shared, "_writer", nowhere)
        await works.round()
    await nowhere.close()
    bound = sum(line[1] for line in await works.lines())
    rows = await works.house.fetch("SELECT used FROM model_accounts WHERE account LIKE 'day:%'")
    assert [row["used"] for row in rows] == [bound]
    assert await works.day() == 0
    money._away_until = 0.0
    works.standin.clock.advance(3601)
    await works.round()
    await works.check_paid_once(ids)
    await _need(works, (await works.queue())[0])
    spent = sum(line[1] for line in await works.lines())
    assert spent <= await works.day() < bound


async def _need(works: Works, interview_id: UUID) -> Any:
    envelope = jobs.Envelope(jobs.EvaluationRound(works.house.tenant), "bulk")
    await works.tools.batches()
    async with works.house.tools.db.tenant(works.house.tenant) as c:
        one = await evaluations.get(c, interview_id)
    assert one is not None
    task = RoundTask(works.tools, envelope)
    await task._reserved(one)
    [need] = works.tools.intents.held.values()
    await works.tools.intents.give_back([need.attempt])
    return need


async def test_asked_for_at_once_while_its_batch_is_away(works: Works) -> None:
    """Both are booked, because both are paid; the first report stays, the batch is cancelled."""
    [one] = await works.queue()
    await works.round()
    async with works.house.tools.db.tenant(works.house.tenant) as c:
        await evaluations.make_direct(c, works.house.tenant, one, "asked")
    assert await works.evaluate() == ["done"]
    assert (await report(works.house, one)).evaluation.way == "now"
    await works.round()
    await works.round()
    assert min(line[:2] for line in await works.lines()) == ("model_unavailable", 0)
    assert (await report(works.house, one)).version == 1
    assert await works.left() == 0


async def test_somebody_who_is_erased_gets_no_report(works: Works) -> None:
    """Before it is handed in it never is; afterwards the batch is cancelled and booked."""
    ids = await works.queue(2)
    await works.house.execute(
        "SELECT erase_candidate(candidate_id) FROM interviews WHERE id = $1", ids[0]
    )
    await works.round()
    assert len(await works.lines()) == 1
    await works.house.execute("SELECT erase_candidate(candidate_id) FROM interviews")
    await works.round()
    await works.round()
    assert await works.house.fetch("SELECT 1 FROM reports") == []
    assert await works.left() == 0


async def test_another_company_has_a_round_of_its_own(works: Works, settings: Settings) -> None:
    """Batches are never shared, and a round touches its own company's rows only."""
    [ours] = await works.queue()
    other = await make_tenant(settings.database_url, "otra")
    theirs_house = House(works.house.tools, works.house.relay, other.id)
    theirs = Works(theirs_house, works.standin, works.settings.anthropic_base_url)
    [their] = await theirs.queue()
    await works.round()
    assert len(await theirs.house.fetch("SELECT 1 FROM evaluation_batches")) == 0
    await theirs.round()
    works.standin.clock.advance(3601)
    await works.round()
    assert (await report(works.house, ours)).evaluation.way == "batch"
    assert await theirs.house.fetch("SELECT 1 FROM reports") == []
    await theirs.round()
    assert (await report(theirs.house, their)).evaluation.way == "batch"
    await theirs.tools.close()


async def test_the_sweep_finds_a_round_whose_message_was_lost(
    works: Works, settings: Settings
) -> None:
    """And leaves alone who waits: that is no interview without a report."""
    await works.queue()
    await works.house.take()
    await works.house.execute("UPDATE interviews SET finished_at = now() - interval '1 hour'")
    across = await open_database(settings.database_sweep_url, size=1)
    sweep = Sweep(across, works.house.tools.db, works.house.tools.blobs)
    assert (await sweep.round())["rounds"] == 0
    await works.house.execute("UPDATE evaluation_rounds SET due_at = now() - interval '1 hour'")
    done = await sweep.round()
    assert (done["rounds"], done["interviews"]) == (1, 0)
    assert b"evaluations_waiting 1.0" in metrics.text()
    await across.close()
    [text] = await works.house.take()
    assert await works.runner.run(text) == "done"
    assert works.standin.stats()["batches"] == 1


async def test_who_queues_while_a_round_ends_has_another_one(works: Works) -> None:
    """The round has nothing left, and waits to hear of it before it says so."""
    house = works.house
    [one] = await works.queue()
    await house.execute("DELETE FROM evaluations_waiting")
    await house.execute("UPDATE evaluation_rounds SET due_at = now()")

    async def end() -> None:
        async with house.tools.db.tenant(house.tenant) as c:
            await evaluations.next_round(c, house.tenant)

    async with house.tools.db.tenant(house.tenant) as c:
        await evaluations.queue(c, house.tenant, one)
        ending = asyncio.create_task(end())
        await somebody_waits(house)
    await ending
    assert len(await house.fetch("SELECT 1 FROM evaluation_rounds")) == 1


async def test_an_opening_may_say_it_itself(works: Works) -> None:
    """An urgent one has its reports at once, whatever the house does."""
    one = await interviewed(works.house)
    await works.house.execute("UPDATE openings SET reports = 'now'")
    assert await works.evaluate() == ["done"]
    assert (await report(works.house, one)).evaluation.way == "now"
