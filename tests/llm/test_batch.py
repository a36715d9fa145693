"""Evaluations in batches: half the price, once, and found again after a crash at any moment."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import httpx2
import msgspec
import pytest
import pytest_asyncio

from llm import engines
from llm.batch import BatchDesk, Intent
from llm.reply import ModelFault, Reason
from llm.request import EvaluationRequest
from loadtest.model import Standin
from loadtest.model_rules import Refused
from loadtest.model_text import INVENTED
from runtime import clock
from runtime.settings import Settings

ANSWER = "Me encargué de migrar el cierre contable a SAP. Redujimos tres días por mes."
Finished = Callable[..., EvaluationRequest]


class Kept:
    """Intents of a test: what a database would hold."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Intent] = {}
        self.dies_before_number = False

    async def begin(self, intent: Intent) -> None:
        self.rows[intent.id] = intent

    async def made(self, intent: Intent, number: str) -> None:
        if self.dies_before_number:
            raise SystemError("the process died here")
        self.rows[intent.id] = msgspec.structs.replace(intent, number=number)

    async def end(self, intent: Intent) -> None:
        self.rows.pop(intent.id, None)

    @property
    def only(self) -> Intent:
        [intent] = self.rows.values()
        return intent


class Desk(NamedTuple):
    """A desk, what it keeps, and the stand-in behind it."""

    desk: BatchDesk
    kept: Kept
    standin: Standin


@pytest_asyncio.fixture
async def at(standin: tuple[Standin, str]) -> AsyncIterator[Desk]:
    """A desk at a provider whose batches take an hour of its own time."""
    app, url = standin
    app.change({"batch_seconds": 3600.0})
    kept = Kept()
    settings = Settings(anthropic_api_key="sk", anthropic_base_url=url)
    desk = engines.open_batches(settings, kept)
    assert desk is not None
    yield Desk(desk, kept, app)
    await desk.close()


@pytest.fixture
def some(finished: Finished) -> list[EvaluationRequest]:
    """Three interviews of one company."""
    return [
        msgspec.structs.replace(finished([ANSWER, ANSWER]), interview_id=UUID(int=n))
        for n in (7, 8, 9)
    ]


HOUR = timedelta(hours=1)


def an_intent(requests: list[EvaluationRequest]) -> Intent:
    """What is left of a process that died before it sent anything."""
    names = {f"{n:032x}-0": request.interview_id for n, request in enumerate(requests)}
    return Intent(UUID(int=77), UUID(int=1), "balanced", "evaluation.001", clock.now(), names)


async def test_answers_come_when_the_batch_has_ended_at_half_the_price(
    at: Desk, some: list[EvaluationRequest]
) -> None:
    """Claims with real quotes for each interview, and a bill that agrees with the provider's."""
    intent = await at.desk.hand_in(some)
    assert at.kept.only.number == intent.number != ""
    assert (await at.desk.collect(intent)).state == "waiting"
    at.standin.clock.advance(3601)
    found = await at.desk.collect(intent)
    assert found.state == "ended"
    assert {answer.interview_id for answer in found.answers} == {UUID(int=n) for n in (7, 8, 9)}
    for answer, request in zip(found.answers, some, strict=True):
        assert answer.claims
        assert answer.fault is None
        assert INVENTED["es"] in {claim.quote for claim in answer.claims}
        assert 0 < answer.micro_usd <= at.desk.bound(request)
    total = at.standin.account.counts()["total"]
    assert sum(answer.micro_usd for answer in found.answers) == total["micro_usd"]
    await at.desk.done(intent)
    assert at.kept.rows == {}
    assert (await at.desk.collect(intent)).state == "lost"  # the provider's copy is deleted


async def test_answers_can_be_read_again_until_they_are_safe(
    at: Desk, some: list[EvaluationRequest]
) -> None:
    """A crash between reading and saving reads the same ids again, and nothing is paid twice."""
    intent = await at.desk.hand_in(some)
    at.standin.clock.advance(3601)
    first, second = [await at.desk.collect(intent) for _ in range(2)]
    assert msgspec.to_builtins(first) == msgspec.to_builtins(second)
    assert at.standin.account.counts()["total"]["calls"] == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("errored", "server_error"), ("expired", "late"), ("529", "overloaded"),
     ("400", "rejected"), ("refusal", "refused"), ("max_tokens", "max_tokens"),
     ("garbage", "malformed")],
)  # fmt: skip
async def test_an_answer_that_is_none_is_named_and_the_others_are_well(
    at: Desk, some: list[EvaluationRequest], fault: str, reason: Reason
) -> None:
    """One interview waits for a review; the other two have their claims."""
    at.standin.fail_next("", fault)
    intent = await at.desk.hand_in(some)
    at.standin.clock.advance(3601)
    found = await at.desk.collect(intent)
    by_interview = {answer.interview_id: answer for answer in found.answers}
    failed = by_interview[UUID(int=8)]
    assert failed.fault is not None
    assert failed.fault.reason == reason
    assert failed.claims is None
    assert by_interview[UUID(int=7)].claims
    assert by_interview[UUID(int=9)].claims


# Crashes ------------------------------------------------------------------------------------


async def test_a_batch_whose_number_was_never_written_down_is_found_by_its_ids(
    at: Desk, some: list[EvaluationRequest], finished: Finished
) -> None:
    """Among others of that time; it is neither made nor paid twice."""
    other = await at.desk.hand_in([finished([ANSWER])])
    at.kept.dies_before_number = True
    with pytest.raises(SystemError):
        await at.desk.hand_in(some)
    at.kept.dies_before_number = False
    [orphan] = [row for row in at.kept.rows.values() if not row.number]
    assert (await at.desk.collect(orphan)).state == "waiting"  # it cannot be told yet
    at.standin.clock.advance(3601)
    found = await at.desk.collect(orphan)
    assert found.state == "ended"
    assert len(found.answers) == 3
    assert at.kept.rows[orphan.id].number != ""
    assert at.kept.rows[orphan.id].number != other.number
    assert at.standin.stats()["batches"] == 2


async def test_a_batch_that_was_never_made_is_lost_only_when_that_is_certain(
    at: Desk, some: list[EvaluationRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the call could still be under way, and while a batch of that time is at work, wait."""

    async def dies(**_: Any) -> None:
        raise SystemError("before anything was sent")

    real = at.desk._batches.create
    monkeypatch.setattr(at.desk._batches, "create", dies)
    with pytest.raises(SystemError):
        await at.desk.hand_in(some)
    orphan = at.kept.only
    monkeypatch.setattr(at.desk._batches, "create", real)
    assert (await at.desk.collect(orphan)).state == "waiting"
    late = msgspec.structs.replace(orphan, begun_at=orphan.begun_at - HOUR)
    assert (await at.desk.collect(late)).state == "lost"
    assert at.standin.stats()["batches"] == 0


async def test_another_batch_of_that_time_that_is_still_at_work_might_be_it(
    at: Desk, some: list[EvaluationRequest], finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ids show when it has ended: until then nothing is made anew."""
    await at.desk.hand_in([finished([ANSWER])])
    orphan = an_intent(some)
    moved = clock.now() + HOUR
    monkeypatch.setattr(clock, "now", lambda: moved)
    assert (await at.desk.collect(orphan)).state == "waiting"
    at.standin.clock.advance(3601)
    assert (await at.desk.collect(orphan)).state == "lost"


async def test_a_batch_that_goes_while_one_looks_is_no_proof_that_there_is_none(
    at: Desk, some: list[EvaluationRequest], finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own worker has deleted it, because its answers are safe; the search goes on."""
    at.kept.dies_before_number = True
    with pytest.raises(SystemError):
        await at.desk.hand_in(some)
    at.kept.dies_before_number = False
    [orphan] = at.kept.rows.values()
    other = await at.desk.hand_in([finished([ANSWER])])  # newer: it is looked at first
    at.standin.clock.advance(3601)
    real = at.desk._batches.results

    async def results(number: str) -> Any:
        if number == other.number:
            await at.desk._batches.delete(number)
        return await real(number)

    monkeypatch.setattr(at.desk._batches, "results", results)
    found = await at.desk.collect(orphan)
    assert (found.state, len(found.answers)) == ("ended", 3)


@pytest.mark.parametrize("status", ["429", "529", "500", "400"])
async def test_a_batch_that_was_refused_leaves_no_intent(
    at: Desk, some: list[EvaluationRequest], status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is certain that there is none: it can be handed in again."""
    original = at.standin._batches.make
    refused = Refused(int(status), "ordered", 7.0)
    monkeypatch.setattr(at.standin._batches, "make", lambda *_: refused)
    with pytest.raises(ModelFault) as raised:
        await at.desk.hand_in(some)
    assert raised.value.status == int(status)
    assert at.kept.rows == {}
    monkeypatch.setattr(at.standin._batches, "make", original)
    assert (await at.desk.hand_in(some)).number


async def test_a_connection_that_breaks_while_a_batch_is_made_keeps_the_intent(
    at: Desk, some: list[EvaluationRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been made: whoever looks later finds it, or finds that there is none."""
    real = httpx2.AsyncClient.send

    async def breaks(self: Any, *args: Any, **kwargs: Any) -> Any:
        await real(self, *args, **kwargs)
        raise httpx2.ReadError("the reply was lost")

    with monkeypatch.context() as patch:
        patch.setattr(httpx2.AsyncClient, "send", breaks)
        with pytest.raises(ModelFault) as raised:
            await at.desk.hand_in(some)
    assert raised.value.reason == "disconnected"
    assert at.kept.only.number == ""
    at.standin.clock.advance(3601)
    assert (await at.desk.collect(at.kept.only)).state == "ended"
    assert at.standin.stats()["batches"] == 1


async def test_no_provider_at_all_leaves_no_intent(some: list[EvaluationRequest]) -> None:
    """A connection that was refused has made nothing."""
    kept = Kept()
    settings = Settings(anthropic_api_key="sk", anthropic_base_url="http://127.0.0.1:9")
    desk = engines.open_batches(settings, kept)
    assert desk is not None
    with pytest.raises(ModelFault) as raised:
        await desk.hand_in(some)
    await desk.close()
    assert raised.value.reason == "unreachable"
    assert kept.rows == {}


async def test_a_batch_that_is_not_wanted_any_more_is_cancelled(
    at: Desk, some: list[EvaluationRequest]
) -> None:
    """As when a person is erased while their evaluation waits; nothing is paid."""
    intent = await at.desk.hand_in(some)
    await at.desk.done(intent)
    at.standin.clock.advance(3601)
    assert at.kept.rows == {}
    assert at.standin.account.counts()["total"]["calls"] == 0


def test_without_a_key_there_is_no_desk() -> None:
    """And the SDK is not loaded."""
    assert engines.open_batches(Settings(), Kept()) is None
