"""The stand-in's batches, through the SDK's own batch calls."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic

from loadtest.model import Standin
from loadtest.model_rules import MODELS
from loadtest.model_serve import serving
from loadtest.model_stream import Options

PARAMS: dict[str, Any] = {
    "model": MODELS[1],
    "max_tokens": 400,
    "messages": [{"role": "user", "content": "Ask the first question. Language: es-PE."}],
}


@pytest_asyncio.fixture
async def standin() -> AsyncIterator[tuple[Standin, AsyncAnthropic]]:
    """A stand-in whose batches take an hour of its own time."""
    app = Standin(Options(piece_seconds=0.0, batch_seconds=3600.0))
    async with (
        serving(app) as url,
        AsyncAnthropic(api_key="x", base_url=url, max_retries=0) as client,
    ):
        yield app, client


Parts = tuple[Standin, AsyncAnthropic]


def requests(*names: str, **changes: Any) -> list[Any]:
    return [{"custom_id": name, "params": {**PARAMS, **changes}} for name in names]


async def results(client: AsyncAnthropic, name: str) -> dict[str, Any]:
    return {
        line.custom_id: line.result async for line in await client.messages.batches.results(name)
    }


async def test_a_batch_ends_when_its_time_has_come(standin: Parts) -> None:
    """Until then it is in progress and has no results; then each request has one, at half price."""
    app, client = standin
    made = await client.messages.batches.create(requests=requests("one", "two"))
    assert (made.processing_status, made.request_counts.processing) == ("in_progress", 2)
    with pytest.raises(anthropic.AnthropicError):
        await results(client, made.id)
    app.clock.advance(3601)
    ended = await client.messages.batches.retrieve(made.id)
    assert (ended.processing_status, ended.request_counts.succeeded) == ("ended", 2)
    assert ended.ended_at is not None
    found = await results(client, made.id)
    assert set(found) == {"one", "two"}
    assert found["one"].message.content[0].text
    counts = app.account.counts()["models"][MODELS[1]]["batch"]
    whole = await client.messages.create(**PARAMS)
    assert whole.usage.output_tokens * 2 == counts["output_tokens"]
    assert (
        counts["micro_usd"]
        <= app.account.counts()["models"][MODELS[1]]["completed"]["micro_usd"] + 2
    )


async def test_requests_of_a_batch_fail_one_by_one(standin: Parts) -> None:
    """Errored, expired, refused by the rules, and well: all in one batch."""
    app, client = standin
    app.fail_next("errored", "expired", "529")
    wanted = [*requests("a", "b", "c", "d"), *requests("e", temperature=1)]
    made = await client.messages.batches.create(requests=wanted)
    app.clock.advance(3601)
    found = await results(client, made.id)
    kinds = {name: result.type for name, result in found.items()}
    assert kinds == {
        "a": "errored", "b": "expired", "c": "errored", "d": "succeeded", "e": "errored",
    }  # fmt: skip
    assert found["c"].error.error.type == "overloaded_error"
    assert found["e"].error.error.type == "invalid_request_error"
    counts = (await client.messages.batches.retrieve(made.id)).request_counts
    assert (counts.errored, counts.expired, counts.succeeded) == (3, 1, 1)


async def test_a_cancelled_batch_ends_without_answers(standin: Parts) -> None:
    """And nothing is billed."""
    app, client = standin
    made = await client.messages.batches.create(requests=requests("a"))
    cancelled = await client.messages.batches.cancel(made.id)
    assert cancelled.processing_status in ("canceling", "ended")
    app.clock.advance(1)
    assert (await client.messages.batches.retrieve(made.id)).request_counts.canceled == 1
    assert (await results(client, made.id))["a"].type == "canceled"
    assert app.account.counts()["total"]["calls"] == 0


async def test_batches_are_listed_newest_first_for_their_own_key(standin: Parts) -> None:
    """Page after page, which is how a lost one is found again."""
    _, client = standin
    made = [(await client.messages.batches.create(requests=requests("a"))).id for _ in range(5)]
    listed = [batch.id async for batch in client.messages.batches.list(limit=2)]
    assert listed == made[::-1]
    other = client.with_options(api_key="another")
    assert [batch async for batch in other.messages.batches.list()] == []
    with pytest.raises(anthropic.NotFoundError):
        await other.messages.batches.retrieve(made[0])


@pytest.mark.parametrize(
    "wanted", [[], requests("a", "a"), requests("not an id"), [{"custom_id": "a"}]]
)
async def test_a_batch_that_is_none_is_refused_whole(standin: Parts, wanted: Any) -> None:
    """Empty, ids twice or of other letters, no parameters."""
    _, client = standin
    with pytest.raises(anthropic.BadRequestError):
        await client.messages.batches.create(requests=wanted)


async def test_a_deleted_batch_is_gone(standin: Parts) -> None:
    """Results are personal data: they can be removed over there."""
    app, client = standin
    made = await client.messages.batches.create(requests=requests("a"))
    app.clock.advance(3601)
    await client.messages.batches.delete(made.id)
    with pytest.raises(anthropic.NotFoundError):
        await client.messages.batches.retrieve(made.id)
