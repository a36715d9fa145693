"""One contract for every engine: the live client, the vendor's SDK, and the bank where it applies.

The stand-in is real and over HTTP; nothing is replaced but the model's mind.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple
from uuid import UUID

import anthropic
import httpx2
import pytest
import pytest_asyncio

from llm import engines, tiers
from llm.reply import ModelFault, Reason
from llm.request import QuestionRequest
from llm.tiers import Usage
from loadtest.bench.llm_sdk import SdkEngine
from loadtest.model import Standin
from loadtest.model_text import QUESTIONS
from protocol import limits
from runtime.settings import Settings

Ask = Callable[..., QuestionRequest]


class Subject(NamedTuple):
    """An engine, and the stand-in behind it."""

    engine: Any
    standin: Standin


def _settings(url: str) -> Settings:
    return Settings(anthropic_api_key="sk", anthropic_base_url=url, offline_piece_seconds=0.0)


def _opened(kind: str, url: str) -> Any:
    if kind == "bank":
        return engines.open_bank(_settings(url))
    if kind == "live":
        return engines.open_model(_settings(url))
    return SdkEngine(
        anthropic, httpx2, tiers.load(), key="sk", base_url=url, accumulate=kind == "sdk stream()"
    )


MODELS = ["live", "sdk create()", "sdk stream()"]


@pytest_asyncio.fixture(params=MODELS)
async def model(
    request: pytest.FixtureRequest, standin: tuple[Standin, str]
) -> AsyncIterator[Subject]:
    """Each way to the model."""
    engine = _opened(request.param, standin[1])
    yield Subject(engine, standin[0])
    await engine.close()


@pytest_asyncio.fixture(params=["bank", *MODELS])
async def anyone(
    request: pytest.FixtureRequest, standin: tuple[Standin, str]
) -> AsyncIterator[Subject]:
    """Each way to the model, and the bank."""
    engine = _opened(request.param, standin[1])
    yield Subject(engine, standin[0])
    await engine.close()


async def heard(engine: Any, request: QuestionRequest, into: list[Any] | None = None) -> list[Any]:
    parts: list[Any] = [] if into is None else into
    async with contextlib.aclosing(engine.question(request)) as stream:
        async for part in stream:
            parts.append(part)  # noqa: PERF401 - kept when the stream breaks
    return parts


async def failed(engine: Any, request: QuestionRequest) -> tuple[ModelFault, list[Any]]:
    parts: list[Any] = []
    with pytest.raises(ModelFault) as raised:
        await heard(engine, request, parts)
    return raised.value, parts


def pieces(parts: list[Any]) -> list[str]:
    return [part for part in parts if isinstance(part, str)]


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not happened():
            await asyncio.sleep(0.01)


# Every engine ---------------------------------------------------------------------------------


async def test_the_pieces_come_in_order_and_the_usage_at_the_end(anyone: Subject, ask: Ask) -> None:
    """No piece is empty; the last thing said is the final account."""
    parts = await heard(anyone.engine, ask())
    assert pieces(parts)
    assert all(pieces(parts))
    assert isinstance(parts[-1], Usage)
    assert parts[-1].final
    again = await heard(anyone.engine, ask())
    assert "".join(pieces(again)) == "".join(pieces(parts))


async def test_closing_the_iterator_ends_it(anyone: Subject, ask: Ask) -> None:
    """After the first piece, whatever was still to come."""
    stream = anyone.engine.question(ask())
    async for part in stream:
        if isinstance(part, str):
            break
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_many_ask_at_the_same_time_and_nobody_hears_another(
    anyone: Subject, ask: Ask
) -> None:
    """Forty sessions over one engine, each as if it were alone."""
    requests = [ask(seed=seed, session_id=UUID(int=seed + 1)) for seed in range(40)]
    alone = ["".join(pieces(await heard(anyone.engine, request))) for request in requests[:8]]
    together = await asyncio.gather(*(heard(anyone.engine, request) for request in requests))
    assert ["".join(pieces(parts)) for parts in together[:8]] == alone


# Every way to the model -----------------------------------------------------------------------


async def test_the_words_and_the_account_are_the_models_own(model: Subject, ask: Ask) -> None:
    """Token for token what the stand-in booked."""
    parts = await heard(model.engine, ask())
    assert "".join(pieces(parts)) in QUESTIONS["es"]
    usage = parts[-1]
    [billed] = model.standin.account.calls
    assert billed.usage == {
        "input_tokens": usage.tokens_in,
        "output_tokens": usage.tokens_out,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
    }


async def test_a_bound_comes_first_and_is_not_final(model: Subject, ask: Ask) -> None:
    """What is to be booked should the call be cut."""
    parts = await heard(model.engine, ask())
    assert isinstance(parts[0], Usage)
    assert not parts[0].final
    assert parts[0].tokens_out >= parts[-1].tokens_out


@pytest.mark.parametrize("fault", ["thinking", "future", ""])
async def test_what_is_not_text_is_passed_over(model: Subject, ask: Ask, fault: str) -> None:
    """Thinking that comes first, and what is yet to be invented."""
    model.standin.fail_next(fault)
    assert "".join(pieces(await heard(model.engine, ask()))) in QUESTIONS["es"]


@pytest.mark.parametrize(
    ("fault", "reason", "code", "shown"),
    [
        ("cut", "cut", "model_truncated", True),
        ("unended", "cut", "model_truncated", True),
        ("reset", "broken", "model_truncated", True),
        ("malformed", "malformed", "model_truncated", True),
        ("mid_error", "overloaded", "model_unavailable", True),
        ("late_refusal", "refused", "model_refused", True),
        ("refusal", "refused", "model_refused", False),
        ("max_tokens", "max_tokens", "model_truncated", True),
    ],
)
async def test_an_answer_that_is_not_whole_is_never_taken_for_whole(
    model: Subject, ask: Ask, fault: str, reason: Reason, code: str, shown: bool
) -> None:
    """Each way of breaking has its name, and nothing is asked a second time."""
    model.standin.fail_next(fault)
    raised, parts = await failed(model.engine, ask())
    assert (raised.reason, raised.code) == (reason, code)
    assert bool(pieces(parts)) == shown
    assert model.standin.requests == 1


@pytest.mark.parametrize(
    ("fault", "reason", "retry_after"),
    [
        ("429", "rate_limited", 7.0),
        ("529", "overloaded", None),
        ("500", "server_error", None),
        ("400", "rejected", None),
        ("401", "rejected", None),
    ],
)
async def test_a_refusal_at_the_door_costs_nothing_and_says_when_to_come_back(
    model: Subject, ask: Ask, fault: str, reason: Reason, retry_after: float | None
) -> None:
    """The status, the provider's number of the call and its limits are handed up."""
    model.standin.fail_next(fault)
    raised, parts = await failed(model.engine, ask())
    assert (raised.reason, raised.status) == (reason, int(fault))
    assert raised.retry_after == retry_after
    assert raised.request_id == "req_standin_00000001"
    assert raised.limits is not None
    assert raised.limits.requests is not None
    assert raised.limits.requests.limit == 4_000
    last = parts[-1]
    assert (last.final, last.tokens_out, last.prompt_tokens) == (True, 0, 0)
    assert last.limits == raised.limits
    assert model.standin.requests == 1


@pytest.mark.parametrize("fault", ["slow", "pinged"])
async def test_a_first_piece_that_is_late_is_not_waited_for(
    model: Subject, ask: Ask, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signs of life are no piece; the way to the model is closed at once."""
    monkeypatch.setattr(limits, "MODEL_FIRST_PIECE_SECONDS", 0.4)
    model.standin.change({"slow_seconds": 2.0 if fault == "pinged" else 30.0})
    model.standin.fail_next(fault)
    raised, parts = await failed(model.engine, ask())
    assert (raised.reason, pieces(parts)) == ("late", [])
    await until(lambda: model.standin.open_streams == 0)
    assert model.standin.cut_by_client == 1


async def test_silence_in_mid_stream_is_a_stall(
    model: Subject, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much of the question there was."""
    monkeypatch.setattr(limits, "MODEL_PIECE_SECONDS", 0.4)
    model.standin.fail_next("stall")
    raised, parts = await failed(model.engine, ask())
    assert (raised.reason, raised.code) == ("stalled", "model_unavailable")
    assert pieces(parts)
    await until(lambda: model.standin.open_streams == 0)


async def test_pieces_that_keep_coming_are_no_stall(
    model: Subject, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question may take many times longer than the silence that is allowed in it."""
    monkeypatch.setattr(limits, "MODEL_PIECE_SECONDS", 0.6)
    model.standin.change({"piece_seconds": 0.08})
    parts = await heard(model.engine, ask())
    assert parts[-1].final


@pytest.mark.parametrize("fault", ["slow", "stall"])
async def test_cancelling_closes_the_way_to_the_model_at_once(
    model: Subject, ask: Ask, fault: str
) -> None:
    """Before the first piece, and in mid-stream."""
    model.standin.fail_next(fault)
    parts: list[Any] = []
    task = asyncio.get_running_loop().create_task(heard(model.engine, ask(), parts))
    await until(lambda: model.standin.open_streams == 1)
    if fault == "stall":
        await until(lambda: len(pieces(parts)) > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: model.standin.open_streams == 0)
    assert model.standin.cut_by_client == 1


async def test_after_every_way_of_failing_the_next_call_is_well(model: Subject, ask: Ask) -> None:
    """No connection is left behind that would answer somebody else's question."""
    for fault in ("cut", "reset", "mid_error", "malformed", "529", "refusal", "unended", "429"):
        model.standin.fail_next(fault)
        await failed(model.engine, ask())
        parts = await heard(model.engine, ask())
        assert "".join(pieces(parts)) in QUESTIONS["es"]
    await until(lambda: model.standin.open_streams == 0)


async def test_no_server_at_all_is_named_and_costs_nothing(ask: Ask) -> None:
    """A refused connection was never billed."""
    engine = _opened("live", "http://127.0.0.1:9")
    raised, parts = await failed(engine, ask())
    await engine.close()
    assert (raised.reason, raised.code) == ("unreachable", "model_unavailable")
    assert parts[-1].final
    assert parts[-1].prompt_tokens == 0
