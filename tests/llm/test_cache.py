"""What is kept: answers to job-level work, exactly, by company; never a turn, never a score."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from llm import cache, tiers
from llm.gateway import Answered, EvaluationRequest, Gateway, JobRequest, QuestionRequest
from llm.ladder import SCORES
from llm.reply import ModelFault
from llm.request import Claims, JobEngine
from llm.tiers import Task, Usage
from protocol import limits
from protocol.faults import Fault
from runtime import clock
from runtime.settings import Settings
from storage import keys
from storage.connect import open_redis
from storage.ledger import MemoryLedger
from storage.work_cache import WorkCache

Ask = Callable[..., QuestionRequest]
Finished = Callable[..., EvaluationRequest]
ALL: tuple[Task, ...] = ("question", "plan", "extraction", "evaluation", "re_evaluation")


class Worker:
    """An engine that does job-level work, counts it, and fails when told to."""

    name = "claude"
    prompt_versions: dict[str, str] = {"plan": "plan.001"}  # noqa: RUF012 - a constant

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = 0.0
        self.fault: Fault | None = None

    async def work(self, request: JobRequest) -> Any:
        self.calls += 1
        yield Usage(tokens_out=10, cache_write=len(request.input), final=False, tier="balanced")
        await asyncio.sleep(self.seconds)
        yield f"answer {self.calls} to {request.input}"
        if self.fault is not None:
            raise self.fault
        yield Usage(tokens_in=5, tokens_out=10, tier="balanced")

    async def question(self, request: QuestionRequest) -> Any:
        yield "¿Y?"
        yield Usage()

    async def claims(self, request: EvaluationRequest) -> Any:
        yield []
        yield Usage()

    async def close(self) -> None: ...


def job(text: str = "an opening", **changes: Any) -> JobRequest:
    given_ = {
        "tenant_id": UUID(int=1), "task": "plan", "prompt_version": "plan.001",
        "schema": {"type": "object"}, "locale": "es-PE", **changes,
    }  # fmt: skip
    return JobRequest(input=text, **given_)


def digest(request: Any) -> str:
    return cache.digest(request, *tiers.load().for_task(request.task, request.tier))


@pytest_asyncio.fixture
async def gateways(settings: Settings) -> AsyncIterator[list[tuple[Gateway, Worker]]]:
    """Two processes' gateways on one Redis."""
    made, clients = [], []
    for _ in range(2):
        clients.append(open_redis(settings.redis_url))
        worker = Worker()
        assert isinstance(worker, JobEngine)
        gateway = Gateway(worker, worker, MemoryLedger(), kept=WorkCache(clients[-1]))
        made.append((gateway, worker))
    yield made
    for (gateway, _), client in zip(made, clients, strict=True):
        await gateway.close()
        await client.aclose()


# What a name is made of -------------------------------------------------------------------------


@given(task=st.sampled_from(ALL), text=st.text(max_size=200), locale=st.text(max_size=8))
def test_no_turn_and_no_score_has_a_name(task: Task, text: str, locale: str) -> None:
    """Whatever it says, only job-level work can be looked up."""
    request = job(text, task=task, locale=locale)
    if task in cache.JOBS:
        assert len(digest(request)) == 64
    else:
        with pytest.raises(ValueError, match="never a live turn, never a score"):
            digest(request)


def test_requests_of_turns_and_scores_have_no_name_either(ask: Ask, finished: Finished) -> None:
    """The candidate's own structs are refused for what they are, whatever task is claimed."""
    for request in (ask(), finished(["Sí."])):
        for task in ALL:
            with pytest.raises(ValueError, match="never"):
                cache.digest(request, *tiers.load().for_task(task))
    assert not cache.JOBS & (SCORES | {"question"})


FIELDS = {
    "input": "another",
    "program": "another wish",
    "prompt_version": "plan.002",
    "schema": {"type": "array"},
    "locale": "en",
    "tier": "powerful",
    "task": "extraction",
}


@pytest.mark.parametrize("field", FIELDS)
def test_everything_that_made_an_answer_is_in_its_name(field: str) -> None:
    """One thing changed is another answer."""
    assert digest(msgspec.structs.replace(job(), **{field: FIELDS[field]})) != digest(job())


@given(first=st.text(max_size=60), second=st.text(max_size=60))
def test_two_inputs_never_share_a_name(first: str, second: str) -> None:
    """Exactly the same, or another one: nothing is similar here."""
    assert (digest(job(first)) == digest(job(second))) == (first == second)


# Keeping ----------------------------------------------------------------------------------------


async def test_an_answer_is_paid_once(gateways: Any, redis: Any) -> None:
    """By whichever process, for a week."""
    (one, worker), (two, other) = gateways
    first = await one.complete(job())
    assert await two.complete(job()) == Answered(first.text, cached=True)
    assert (first.cached, worker.calls, other.calls) == (False, 1, 0)
    left = await redis.ttl(keys.work(UUID(int=1), digest(job())))
    assert 0 <= limits.WORK_CACHE_SECONDS - left < 60


async def test_companies_share_no_answers(gateways: Any) -> None:
    """The same words of another company are asked for again."""
    (one, worker), _ = gateways
    await one.complete(job())
    await one.complete(job(tenant_id=UUID(int=2)))
    assert worker.calls == 2


async def test_many_who_ask_at_once_wait_for_one(gateways: Any) -> None:
    """Twenty in two processes: one call, and the others hear of it."""
    for _, worker in gateways:
        worker.seconds = 0.3
    found = await asyncio.gather(*(gateways[n % 2][0].complete(job()) for n in range(20)))
    assert len({one.text for one in found}) == 1
    assert sum(worker.calls for _, worker in gateways) == 1
    assert sum(not one.cached for one in found) == 1


async def test_a_leader_that_fails_is_followed_by_one(gateways: Any) -> None:
    """A cut answer is not kept; of those who wait one takes over at once."""
    (one, worker), (two, other) = gateways
    worker.seconds = other.seconds = 0.2
    worker.fault = ModelFault("max_tokens")
    first = asyncio.ensure_future(one.complete(job()))
    async with asyncio.timeout(30):
        while not worker.calls:
            await asyncio.sleep(0.01)
    waiting = [asyncio.ensure_future(two.complete(job())) for _ in range(5)]
    with pytest.raises(Fault) as raised:
        await first
    assert raised.value.code == "model_truncated"
    found = await asyncio.gather(*waiting)
    assert (other.calls, len({answer.text for answer in found})) == (1, 1)


async def test_a_leader_that_died_is_followed_when_its_time_is_up(
    gateways: Any, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a process that is gone."""
    (one, worker), _ = gateways
    with monkeypatch.context() as patch:
        patch.setattr(limits, "WORK_LEAD_SECONDS", 0.4)
        assert await WorkCache(redis).lead(UUID(int=1), digest(job())) is not None
    found = await asyncio.gather(*(one.complete(job()) for _ in range(5)))
    assert (worker.calls, len({answer.text for answer in found})) == (1, 1)


async def test_without_redis_work_is_done_and_not_kept() -> None:
    """A cache that is away costs money, not answers."""
    client, worker = open_redis("redis://127.0.0.1:9/0"), Worker()
    gateway = Gateway(worker, worker, MemoryLedger(), kept=WorkCache(client))
    assert not (await gateway.complete(job())).cached
    assert not (await gateway.complete(job())).cached
    assert worker.calls == 2
    await gateway.close()
    await client.aclose()


async def test_turns_and_scores_are_asked_for_every_time(
    gateways: Any, ask: Ask, finished: Finished, redis: Any
) -> None:
    """The same request twice is two calls, and Redis holds nothing of either."""
    (one, _), _ = gateways
    for _ in range(2):
        [_ async for _ in one.stream(ask())]
        assert isinstance(await one.complete(finished(["Sí."])), Claims)
    assert await redis.keys("work*") == []


# The provider's cache ---------------------------------------------------------------------------


def test_a_prefix_that_should_be_there_and_is_not_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From the second turn, within five minutes, above the shortest prefix, on the same tier."""
    time = clock.ManualClock()
    monkeypatch.setattr(clock, "monotonic", time.monotonic)
    fast = tiers.load().tiers["fast"]
    prefixes, session = cache.Prefixes(), UUID(int=5)

    def turn(write: int, read: int, name: str = "fast") -> bool:
        caplog.clear()
        prefixes.note(session, name, fast, Usage(tokens_in=9, cache_write=write, cache_read=read))
        return "prefix_not_cached" in caplog.text

    assert not turn(900, 0)  # the first has nothing to read
    assert prefixes.expected(session, "fast") == 900
    assert not turn(400, 900)
    assert turn(1_700, 0)
    assert not turn(1_700, 0, "balanced")  # another model has a cache of its own
    time.advance(301)
    assert not turn(1_700, 0, "balanced")
    assert prefixes.expected(UUID(int=6), "fast") == 0
    assert not turn(100, 0)
    assert not turn(100, 0)  # shorter than what is ever kept
