"""The stand-in speaks the Messages API: the real SDK understands it, well or failing."""

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic

from loadtest.model import Standin
from loadtest.model_rules import MODELS
from loadtest.model_serve import NotLoopback, listen, serving, url_of
from loadtest.model_stream import FAULTS, Options
from loadtest.model_text import INVENTED, QUESTIONS

FAST = Options(piece_seconds=0.0, slow_seconds=30.0)
PROMPT: dict[str, Any] = {
    "model": MODELS[0],
    "max_tokens": 400,
    "system": "You are an interviewer. Language: pt-BR.",
    "messages": [{"role": "user", "content": "Ask the first question."}],
}
RUBRIC = [
    {"competency": "teamwork", "turns": [1], "evidence": [{"id": "own_action", "label": "x"}]}
]
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


@pytest_asyncio.fixture
async def standin() -> AsyncIterator[tuple[Standin, AsyncAnthropic, str]]:
    """Serve a stand-in on a free port, with a client of the real SDK that does not retry."""
    app = Standin(FAST)
    async with serving(app) as url:
        client = AsyncAnthropic(api_key="x", base_url=url, max_retries=0)
        async with client:
            yield app, client, url


Parts = tuple[Standin, AsyncAnthropic, str]


async def streamed(client: AsyncAnthropic, **changes: Any) -> list[Any]:
    stream = await client.messages.create(**{**PROMPT, **changes}, stream=True)
    return [event async for event in stream]


def text_of(events: list[Any]) -> str:
    return "".join(
        event.delta.text
        for event in events
        if event.type == "content_block_delta" and event.delta.type == "text_delta"
    )


async def test_a_stream_has_the_events_of_the_real_one(standin: Parts) -> None:
    """In order, with usage at both ends, and a question in the language asked for."""
    _, client, _ = standin
    events = await streamed(client)
    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert text_of(events) in QUESTIONS["pt"]
    assert events[0].message.usage.input_tokens > 0
    assert events[-2].usage.output_tokens == -(-len(text_of(events)) // 4)
    assert events[-2].delta.stop_reason == "end_turn"


async def test_the_same_prompt_gives_the_same_words_streamed_or_whole(standin: Parts) -> None:
    """Deterministic from the prompt, and the helper of the SDK accumulates it as well."""
    _, client, _ = standin
    whole = await client.messages.create(**PROMPT)
    async with client.messages.stream(**PROMPT) as stream:
        accumulated: Any = await stream.get_final_message()
    assert whole.content[0].text == accumulated.content[0].text == text_of(await streamed(client))
    assert whole.usage.output_tokens == accumulated.usage.output_tokens


async def test_the_next_turn_gets_another_question(standin: Parts) -> None:
    """An interview against it does not repeat itself at once."""
    _, client, _ = standin
    first = text_of(await streamed(client))
    turns = [
        *PROMPT["messages"],
        {"role": "assistant", "content": first},
        {"role": "user", "content": "Respondi."},
    ]
    assert text_of(await streamed(client, messages=turns)) != first


async def test_claims_have_quotes_of_the_answers_and_one_that_nobody_said(standin: Parts) -> None:
    """So that a check of quotes has both to keep and to drop."""
    _, client, _ = standin
    answer = "Organicé el turno de noche con tres personas. Salió bien."
    prompt = (
        f"<rubric>{json.dumps(RUBRIC)}</rubric>\n"
        f'<answer-ab12 turn="1" competency="teamwork">\n{answer}\n</answer-ab12>'
    )
    message = await client.messages.create(
        **{
            **PROMPT,
            "system": "Language: es-PE",
            "messages": [{"role": "user", "content": prompt}],
        },
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
    )
    claims = json.loads(message.content[0].text)["claims"]
    assert [claim["quote"] for claim in claims] == [
        "Organicé el turno de noche con tres personas",
        INVENTED["es"],
    ]
    assert {claim["competency"] for claim in claims} == {"teamwork"}


async def test_a_marked_prefix_is_written_to_the_cache_once_and_then_read(standin: Parts) -> None:
    """And one that is too short is not cached, silently, as with the real thing."""
    _, client, _ = standin
    mark = {"cache_control": {"type": "ephemeral"}}

    async def usage(words: str) -> tuple[int, int]:
        system = [{"type": "text", "text": words, **mark}]
        message = await client.messages.create(**{**PROMPT, "system": system})
        return message.usage.cache_creation_input_tokens, message.usage.cache_read_input_tokens

    assert [await usage("long " * 500), await usage("long " * 500)] == [(625, 0), (0, 625)]
    assert [await usage("short"), await usage("short")] == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("400", anthropic.BadRequestError),
        ("401", anthropic.AuthenticationError),
        ("429", anthropic.RateLimitError),
        ("500", anthropic.InternalServerError),
        ("529", anthropic.InternalServerError),
    ],
)
async def test_ordered_statuses_are_the_sdks_errors(
    standin: Parts, status: str, error: type[anthropic.APIStatusError]
) -> None:
    """With the headers that say how much is left and, for 429, when to come back."""
    app, client, _ = standin
    app.fail_next(status)
    with pytest.raises(error) as raised:
        await streamed(client)
    assert raised.value.status_code == int(status)
    headers = raised.value.response.headers
    assert headers["anthropic-ratelimit-requests-limit"] == "4000"
    assert (headers.get("retry-after") == "7") == (status == "429")
    assert text_of(await streamed(client))


async def test_a_cut_stream_has_no_message_stop(standin: Parts) -> None:
    """The SDK raises nothing for it: that is why message_stop has to be required."""
    app, client, _ = standin
    app.fail_next("cut")
    events = await streamed(client)
    assert text_of(events)
    assert "message_stop" not in {event.type for event in events}


async def test_a_broken_connection_is_a_transport_error(standin: Parts) -> None:
    """Reset in the middle."""
    app, client, _ = standin
    app.fail_next("reset")
    with pytest.raises(httpx2.TransportError):
        await streamed(client)


async def test_an_overload_in_mid_stream_has_status_200(standin: Parts) -> None:
    """The error's type says what it is."""
    app, client, _ = standin
    app.fail_next("mid_error")
    with pytest.raises(anthropic.APIStatusError) as raised:
        await streamed(client)
    assert (raised.value.status_code, raised.value.type) == (200, "overloaded_error")


async def test_refusals_and_cut_texts_are_stop_reasons(standin: Parts) -> None:
    """With and without text before them."""
    app, client, _ = standin
    app.fail_next("refusal", "late_refusal", "max_tokens", "empty")
    seen = [await streamed(client) for _ in range(4)]
    assert [bool(text_of(events)) for events in seen] == [False, True, True, False]
    assert [events[-2].delta.stop_reason for events in seen] == [
        "refusal", "refusal", "max_tokens", "end_turn",
    ]  # fmt: skip


async def test_thinking_comes_first_where_ordered(standin: Parts) -> None:
    """A block of another type before the text."""
    app, client, _ = standin
    app.fail_next("thinking")
    events = await streamed(client)
    starts = [event.content_block.type for event in events if event.type == "content_block_start"]
    assert starts == ["thinking", "text"]
    assert text_of(events) in QUESTIONS["pt"]


async def test_a_client_that_goes_away_is_noticed_at_once(standin: Parts) -> None:
    """The counter of open streams falls while the stand-in still waits to speak."""
    app, client, _ = standin
    app.fail_next("slow")
    stream = await client.messages.create(**PROMPT, stream=True)
    await anext(aiter(stream))
    assert app.open_streams == 1
    await stream.close()
    async with asyncio.timeout(30):
        while app.open_streams:
            await asyncio.sleep(0.01)
    assert app.cut_by_client == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"extra_body": {"temperature": 0.5}},
        {"messages": [*PROMPT["messages"], {"role": "assistant", "content": "So"}]},
        {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        {"model": "claude-opus-5-5", "thinking": {"type": "disabled"}},
        {"max_tokens": 0},
        {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ],
)
async def test_what_the_newest_models_do_not_take_is_refused(
    standin: Parts, changes: dict[str, Any]
) -> None:
    """Sampling parameters, prefill, budgets, open schemas: 400, as over there."""
    _, client, _ = standin
    with pytest.raises(anthropic.BadRequestError):
        await client.messages.create(**{**PROMPT, **changes})


async def test_models_and_token_counts_are_served(standin: Parts) -> None:
    """What a start-up check asks for."""
    _, client, _ = standin
    assert [model.id async for model in client.models.list()] == list(MODELS)
    counted = await client.messages.count_tokens(
        model=PROMPT["model"], messages=PROMPT["messages"], system=PROMPT["system"]
    )
    assert counted.input_tokens > 0
    with pytest.raises(anthropic.NotFoundError):
        await client.messages.create(**{**PROMPT, "model": "claude-3-opus"})


async def test_requests_are_counted_and_faults_ordered_over_http(standin: Parts) -> None:
    """For programs that watch from outside."""
    _, client, url = standin
    async with httpx2.AsyncClient(base_url=url) as http:
        assert (await http.post("/faults", json={"next": ["529"]})).json() == {"waiting": 1}
        assert (await http.post("/faults", json={"next": ["nonsense"]})).status_code == 400
        with pytest.raises(anthropic.InternalServerError):
            await streamed(client)
        await streamed(client)
        stats = (await http.get("/stats")).json()
        assert (await http.post("/v1/messages", json=PROMPT)).status_code == 401
    assert (stats["requests"], stats["finished"], stats["faults"]) == (2, 1, {"529": 1})


async def test_every_second_request_fails_when_told_so() -> None:
    """The option of the command line."""
    app = Standin(Options(piece_seconds=0.0, fault="529", fault_every=2))
    async with serving(app) as url, AsyncAnthropic(api_key="x", base_url=url, max_retries=0) as c:
        await c.messages.create(**PROMPT)
        with pytest.raises(anthropic.InternalServerError):
            await c.messages.create(**PROMPT)
    assert "529" in FAULTS


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_it_is_bound_to_loopback_only(host: str) -> None:
    """It lets anybody in, so nobody else may reach it."""
    with pytest.raises(NotLoopback):
        listen(host, 0)


def test_loopback_addresses_are_fine() -> None:
    """By name and by number."""
    for host in ("127.0.0.1", "localhost"):
        with listen(host, 0) as sock:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url_of(sock))


def test_the_command_says_where_it_is_and_ends_on_a_signal() -> None:
    """A line of JSON, an answer on that address, and exit 0 when told to stop."""
    code = (
        "import argparse, sys\nfrom cli import model\n"
        "parser = argparse.ArgumentParser()\nmodel.add(parser.add_subparsers())\n"
        "args = parser.parse_args(sys.argv[1:])\nsys.exit(args.run(args))"
    )
    command = [sys.executable, "-c", code, "model", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
            sock.sendall(b"GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
        process.terminate()
        assert process.wait(timeout=60) in (0, -15)
    refused = subprocess.run(
        [sys.executable, "-c", code, "model", "--host", "0.0.0.0"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (refused.returncode, "loopback" in refused.stderr) == (2, True)
