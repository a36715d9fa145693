"""The decoder: events from bytes however they are cut, and an account of what was heard."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.events import Decoder, Heard
from llm.reply import ModelFault, rate_limits, retry_after
from llm.tiers import Usage
from loadtest.model_cache import Counted
from loadtest.model_stream import Options, Order
from protocol import limits

BOUND = Usage(tokens_out=600, cache_write=5_000, final=False, tier="fast")
BODY: dict[str, Any] = {"model": "claude-haiku-5-5", "max_tokens": 600, "messages": []}
TEXT = "Cuénteme, ¿qué hizo usted — en concreto — y cómo supo que había funcionado? 日本語 🎈"


def stream(fault: str = "") -> bytes:
    order = Order(Options(), BODY, Counted(10, 20, 30), fault, TEXT)
    return b"".join(step.data for step in order.events())


def heard(data: list[bytes]) -> tuple[str, Heard]:
    decoder, account, text = Decoder(), Heard(BOUND), ""
    for chunk in data:
        for event in decoder.feed(chunk):
            part = account.take(event)
            if isinstance(part, str):
                text += part
    return text, account


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(
    st.lists(st.integers(0, 10_000), max_size=40),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from(["", "thinking", "future"]),
)
def test_however_the_bytes_are_cut_the_events_are_the_same(
    places: list[int], ending: bytes, fault: str
) -> None:
    """In the middle of a letter, of a line end, of a name; with every kind of line end."""
    text, account = heard(cut(stream(fault).replace(b"\n", ending), places))
    account.finish()
    assert text == TEXT
    assert account.usage.final
    assert (account.usage.tokens_in, account.usage.cache_write, account.usage.cache_read) == (
        10, 20, 30,
    )  # fmt: skip


def test_byte_by_byte_is_well_too() -> None:
    """The slowest line there is."""
    text, account = heard([bytes([one]) for one in stream()])
    account.finish()
    assert text == TEXT


@given(st.integers(0, 5_000))
def test_a_stream_that_ends_anywhere_before_its_last_event_is_no_whole_answer(place: int) -> None:
    """Whatever was heard by then."""
    data = stream()
    _, account = heard([data[: place % (len(data) - 2)]])
    with pytest.raises(ModelFault) as raised:
        account.finish()
    assert raised.value.reason == "cut"


@given(st.binary(max_size=300))
def test_bytes_that_are_no_stream_are_a_named_fault_or_nothing(data: bytes) -> None:
    """Never a crash of another kind, and never an end."""
    reason = ""
    try:
        _, account = heard([b"data: " + data + b"\n\n"])
        assert not account.stopped
    except ModelFault as fault:
        reason = fault.reason
    assert reason in ("", "malformed", "rejected")


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"type": "content_block_delta", "delta": {"type": "text_delta", "text": 7}}',
        b'data: {"type": "message_start", "message": {"usage": {"input_tokens": "many"}}}',
        b'data: {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "\\ud8"',
        b"data: [DONE]",
        b"data: \xff\xfe",
    ],
)
def test_an_event_of_another_shape_is_malformed(data: bytes) -> None:
    """It is said so, and not shown half."""
    with pytest.raises(ModelFault) as raised:
        list(Decoder().feed(data + b"\n\n"))
    assert raised.value.reason == "malformed"


def test_an_event_without_an_end_is_not_collected_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory has a bound."""
    monkeypatch.setattr(limits, "MODEL_EVENT_BYTES_MAX", 1_000)
    with pytest.raises(ModelFault):
        heard([b"data: " + b"x" * 100] * 100)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("overloaded_error", "overloaded"),
        ("rate_limit_error", "rate_limited"),
        ("api_error", "server_error"),
        ("timeout_error", "server_error"),
        ("invalid_request_error", "rejected"),
        ("never_heard_of_error", "rejected"),
    ],
)
def test_errors_with_status_200_are_named(told: str, reason: str) -> None:
    """An error event is a failure, whatever the head of the reply said."""
    data = {"type": "error", "error": {"type": told, "message": "words that are not kept"}}
    with pytest.raises(ModelFault) as raised:
        heard([f"event: error\ndata: {json.dumps(data)}\n\n".encode()])
    assert (raised.value.reason, raised.value.status) == (reason, 200)
    assert "words" not in str(raised.value)


def test_an_account_grows_and_nulls_leave_it_as_it_was() -> None:
    """Counts are cumulative; what is absent or null has not changed."""
    account = Heard(BOUND)
    first = {"type": "message_start", "message": {"usage": {
        "input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": 512,
        "cache_creation_input_tokens": None,
    }}}  # fmt: skip
    last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {
        "output_tokens": 40, "input_tokens": None,
    }}  # fmt: skip
    [event] = Decoder().feed(b"data: " + json.dumps(first).encode() + b"\n\n")
    known = account.take(event)
    assert isinstance(known, Usage)
    assert (known.tokens_in, known.cache_read, known.cache_write) == (9, 512, 0)
    assert (known.tokens_out, known.final) == (600, False)  # still the bound
    [event] = Decoder().feed(b"data: " + json.dumps(last).encode() + b"\n\n")
    ended = account.take(event)
    assert isinstance(ended, Usage)
    assert (ended.tokens_in, ended.tokens_out, ended.final, ended.tier) == (9, 40, True, "fast")


# Headers ------------------------------------------------------------------------------------


def test_limits_are_read_from_the_headers() -> None:
    """What is there; what is missing or no number is None and no guess."""
    found = rate_limits(
        {
            "anthropic-ratelimit-requests-limit": "4000",
            "anthropic-ratelimit-requests-remaining": "3999",
            "anthropic-ratelimit-requests-reset": "2026-11-24T10:00:00Z",
            "anthropic-ratelimit-input-tokens-limit": "many",
            "anthropic-ratelimit-output-tokens-limit": "100",
            "anthropic-ratelimit-output-tokens-remaining": "5",
            "anthropic-ratelimit-output-tokens-reset": "soon",
        }
    )
    assert found is not None
    assert found.requests is not None
    assert (found.requests.limit, found.requests.remaining) == (4000, 3999)
    assert found.requests.reset_at is not None
    assert found.requests.reset_at.hour == 10
    assert found.input_tokens is None
    assert found.output_tokens is not None
    assert found.output_tokens.reset_at is None
    assert rate_limits({}) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_nothing(
    headers: dict[str, str], seconds: float | None
) -> None:
    """Nonsense makes nobody wait."""
    assert retry_after(headers) == seconds
