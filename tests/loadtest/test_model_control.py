"""The stand-in as an instrument: faults by chance, limits of each key, its clock, its counts."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic

from loadtest import model_count, model_faults
from loadtest.model import Standin
from loadtest.model_faults import Chooser
from loadtest.model_rules import MODELS
from loadtest.model_serve import serving
from loadtest.model_stream import Options

PROMPT: dict[str, Any] = {
    "model": MODELS[0],
    "max_tokens": 400,
    "system": "You are an interviewer. Language: es-PE.",
    "messages": [{"role": "user", "content": "Ask the first question."}],
}


def client_of(url: str, key: str = "k") -> AsyncAnthropic:
    return AsyncAnthropic(api_key=key, base_url=url, max_retries=0)


@pytest_asyncio.fixture
async def standin() -> AsyncIterator[tuple[Standin, AsyncAnthropic, httpx2.AsyncClient]]:
    """A stand-in, a client of the SDK, and a plain one for the control endpoints."""
    app = Standin(Options(piece_seconds=0.0, slow_seconds=30.0))
    async with serving(app) as url, client_of(url) as client:
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            yield app, client, http


Parts = tuple[Standin, AsyncAnthropic, httpx2.AsyncClient]


async def outcomes(client: AsyncAnthropic, times: int) -> list[str]:
    found = []
    for _ in range(times):
        try:
            await client.messages.create(**PROMPT)
        except anthropic.APIStatusError as error:
            found.append(str(error.status_code))
        else:
            found.append("ok")
    return found


# Faults -------------------------------------------------------------------------------------


def test_chances_are_kept_over_many_requests_and_the_seed_decides_which() -> None:
    """The same requests fail again with the same seed, others with another."""

    def thrown(seed: int) -> list[str]:
        options = Options(faults={"429": 0.2, "cut": 0.1}, seed=seed)
        return [Chooser().choose(options, number, {}) for number in range(5_000)]

    first = thrown(7)
    assert first == thrown(7) != thrown(8)
    counts = Counter(first)
    assert 850 < counts["429"] < 1150
    assert 400 < counts["cut"] < 600
    assert set(counts) == {"429", "cut", ""}


def test_a_list_comes_before_a_header_before_the_dice() -> None:
    """Whoever orders exactly gets exactly that."""
    chooser, options = Chooser(), Options(faults={"500": 1.0})
    chooser.order("529", "")
    header = {model_faults.HEADER: "cut"}
    seen = [chooser.choose(options, number, header) for number in range(3)]
    assert seen == ["529", "", "cut"]
    assert chooser.choose(options, 4, {}) == "500"


@pytest.mark.parametrize("text", ["nonsense=0.1", "429=2", "429=0.9,cut=0.2", "cut=-1", "cut=x"])
def test_chances_that_are_none_are_refused(text: str) -> None:
    """By name, before anything is served."""
    with pytest.raises(ValueError, match=r"."):
        model_faults.shares(text)


async def test_a_header_orders_the_fault_of_its_own_request(standin: Parts) -> None:
    """An unknown one is a 400 and not a surprise."""
    _, client, _ = standin
    for fault, error in (("529", anthropic.InternalServerError), ("no", anthropic.BadRequestError)):
        with pytest.raises(error):
            await client.messages.create(**PROMPT, extra_headers={"x-standin-fault": fault})
    assert (await client.messages.create(**PROMPT)).stop_reason == "end_turn"


async def test_options_change_while_it_runs(standin: Parts) -> None:
    """The model goes away and comes back, as in an outage drill."""
    _, client, http = standin
    changed = await http.post("/options", json={"fault": "529"})
    assert changed.json()["fault"] == "529"
    assert await outcomes(client, 2) == ["529", "529"]
    await http.post("/options", json={"fault": ""})
    assert await outcomes(client, 1) == ["ok"]
    for wrong in ({"fault": "no"}, {"faults": {"cut": 2}}, {"colour": "red"}, {"speed": 0}, [1]):
        assert (await http.post("/options", json=wrong)).status_code == 400
    assert (await http.get("/options")).json()["fault"] == ""


async def test_a_stream_with_unknown_events_is_understood_by_the_sdk(standin: Parts) -> None:
    """Blocks, deltas and events that are yet to be invented stand between the known ones."""
    app, client, _ = standin
    app.fail_next("future")
    stream = await client.messages.create(**PROMPT, stream=True)
    kinds = [event.type async for event in stream]
    assert kinds[-1] == "message_stop"


async def test_an_event_that_is_no_json_breaks_the_sdks_stream(standin: Parts) -> None:
    """With an error that is none of its own: whoever uses it has to catch that as well."""
    app, client, _ = standin
    app.fail_next("malformed")
    stream = await client.messages.create(**PROMPT, stream=True)
    with pytest.raises(json.JSONDecodeError):
        async for _ in stream:
            pass


# Limits -------------------------------------------------------------------------------------


async def test_each_key_has_limits_of_its_own_that_fill_up_again(standin: Parts) -> None:
    """A refusal says when to come back; a minute later there is room, without a wait."""
    app, client, http = standin
    await http.post("/options", json={"requests_per_minute": 2})
    assert await outcomes(client, 3) == ["ok", "ok", "429"]
    async with client_of(str(http.base_url), "another key") as other:
        assert await outcomes(other, 1) == ["ok"]
    with pytest.raises(anthropic.RateLimitError) as raised:
        await client.messages.create(**PROMPT)
    assert 1 <= float(raised.value.response.headers["retry-after"]) <= 30
    await http.post("/clock", json={"advance": 60})
    assert await outcomes(client, 3) == ["ok", "ok", "429"]
    assert app.requests == 8


async def test_tokens_read_from_the_cache_do_not_count_towards_the_limit(standin: Parts) -> None:
    """Which is why a stable prefix fits more interviews into the same limit."""
    _, client, http = standin
    await http.post("/options", json={"input_tokens_per_minute": 1000})
    mark = {"cache_control": {"type": "ephemeral"}}
    system = [{"type": "text", "text": "long " * 600, **mark}]  # 750 tokens
    for _ in range(4):
        await client.messages.create(**{**PROMPT, "system": system})
    plain = [{"type": "text", "text": "long " * 600}]
    with pytest.raises(anthropic.RateLimitError, match="input-tokens"):
        await client.messages.create(**{**PROMPT, "system": plain})


async def test_headers_tell_what_is_left(standin: Parts) -> None:
    """Of requests and of tokens in and out, with the moment at which the limit is whole again."""
    _, client, _ = standin
    seen = []
    for _ in range(2):
        raw = await client.messages.with_raw_response.create(**PROMPT)
        seen.append(raw.headers)
    name = "anthropic-ratelimit-requests-remaining"
    assert int(seen[1][name]) == int(seen[0][name]) - 1
    assert int(seen[1]["anthropic-ratelimit-input-tokens-limit"]) == 4_000_000
    assert seen[0]["anthropic-ratelimit-output-tokens-reset"].endswith("Z")
    assert seen[0]["request-id"] != seen[1]["request-id"]


# Time ---------------------------------------------------------------------------------------


async def test_the_prompt_cache_forgets_on_the_stand_ins_own_clock(standin: Parts) -> None:
    """Five minutes after the last use, which take no time."""
    _, client, http = standin
    mark = {"cache_control": {"type": "ephemeral"}}
    system = [{"type": "text", "text": "long " * 600, **mark}]
    seen = []
    for seconds in (0, 290, 290, 301):
        await http.post("/clock", json={"advance": seconds})
        message = await client.messages.create(**{**PROMPT, "system": system})
        seen.append(message.usage.cache_read_input_tokens)
    assert seen == [0, 750, 750, 0]
    assert (await http.post("/clock", json={"advance": -1})).status_code == 400


async def test_a_clock_that_runs_fast_makes_pieces_come_fast(standin: Parts) -> None:
    """A stream that would take the stand-in ten minutes is over at once."""
    _, client, http = standin
    await http.post("/options", json={"piece_seconds": 30.0, "speed": 50_000})
    begun = (await http.get("/clock")).json()["now"]
    async with client.messages.stream(**PROMPT) as stream:
        await stream.get_final_message()
    assert (await http.get("/clock")).json()["now"] - begun > 300


# Counts -------------------------------------------------------------------------------------


async def test_the_counts_are_what_the_calls_said_of_themselves(standin: Parts) -> None:
    """By model and in total, with the price in whole micro-dollars."""
    _, client, http = standin
    told: Counter[str] = Counter()
    for model in (MODELS[0], MODELS[1], MODELS[0]):
        message = await client.messages.create(**{**PROMPT, "model": model})
        told.update({kind: getattr(message.usage, kind) for kind in model_count.KINDS})
    counts = (await http.get("/counts")).json()
    assert {kind: counts["total"][kind] for kind in model_count.KINDS} == dict(told)
    assert counts["total"]["calls"] == 3
    calls = (await http.get("/calls")).json()
    assert sum(call["micro_usd"] for call in calls) == counts["total"]["micro_usd"] > 0
    assert [call["model"] for call in calls] == [MODELS[0], MODELS[1], MODELS[0]]
    await http.post("/reset")
    assert (await http.get("/counts")).json()["total"]["calls"] == 0


@pytest.mark.parametrize("fault", ["cut", "reset", "mid_error", "malformed"])
async def test_a_cut_call_is_counted_with_what_was_written_by_then(
    standin: Parts, fault: str
) -> None:
    """Apart from the completed ones: its cost is known here and nowhere else."""
    app, client, http = standin
    whole = await client.messages.create(**PROMPT)
    app.fail_next(fault)
    stream = await client.messages.create(**PROMPT, stream=True)
    try:
        async for _ in stream:
            pass
    except Exception:
        pass
    counts = (await http.get("/counts")).json()["models"][MODELS[0]]
    assert counts["completed"]["calls"] == counts["cut"]["calls"] == 1
    assert 0 < counts["cut"]["output_tokens"] < whole.usage.output_tokens


async def test_a_refused_call_is_not_counted(standin: Parts) -> None:
    """Nobody is billed for a status that is no 200."""
    app, client, http = standin
    app.fail_next("429", "500", "529", "400")
    assert await outcomes(client, 4) == ["429", "500", "529", "400"]
    assert (await http.get("/counts")).json()["total"]["calls"] == 0


def test_prices_are_rounded_up_once_and_batches_cost_half() -> None:
    """By hand, in millionths of a dollar."""
    usage = {**dict.fromkeys(model_count.KINDS, 0), "input_tokens": 101, "output_tokens": 10}
    assert model_count.price("claude-haiku-5-5", usage) == 16  # 15.1
    assert model_count.price("claude-haiku-5-5", usage, batch=True) == 8  # 7.55
    long = {**usage, "input_tokens": 100_001, "output_tokens": 0}
    assert model_count.price("claude-haiku-5-5", long) == 50_001
