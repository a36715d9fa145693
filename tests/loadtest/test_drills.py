"""What the model drills judge by: accounts, witnesses, verdicts, and a model that is taken away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import anthropic
import msgspec
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic

from loadtest import accounts, model_stream
from loadtest.model import Standin
from loadtest.model_count import Billed
from loadtest.model_rules import MODELS
from loadtest.model_serve import Door
from loadtest.model_stream import Options
from loadtest.witness import Witness
from protocol import messages
from storage.ledger import LedgerEntry

PROMPT: dict[str, Any] = {
    "model": MODELS[0],
    "max_tokens": 400,
    "system": "You are an interviewer. Language: es-PE.",
    "messages": [{"role": "user", "content": "Ask the first question."}],
}
ID = UUID(int=1)

# The stand-in -------------------------------------------------------------------------------

Away = tuple[Standin, Door, AsyncAnthropic]


@pytest_asyncio.fixture
async def away() -> AsyncIterator[Away]:
    """A stand-in behind a door, and a client of the SDK."""
    app = Standin(Options(piece_seconds=0.005, slow_seconds=0.2))
    door = Door(app)
    url = await door.open()
    async with AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client:
        yield app, door, client
    await door.shut()


async def test_a_model_behind_a_shut_door_refuses_and_is_back_at_the_same_address(
    away: Away,
) -> None:
    """Streams under way break, connections are refused, and afterwards it remembers everything."""
    app, door, client = away
    stream = await client.messages.create(**PROMPT, stream=True)
    await anext(stream)
    await door.shut()
    with pytest.raises(Exception, match=r"(?i)incomplete|closed|reset|connection"):
        async for _ in stream:
            pass
    with pytest.raises(anthropic.APIConnectionError):
        await client.messages.create(**PROMPT)
    await door.open()
    await client.messages.create(**PROMPT)
    async with asyncio.timeout(5):
        while app.open_streams:
            await asyncio.sleep(0.01)
    assert [call.outcome for call in app.account.calls] == ["cut", "completed"]


async def test_a_model_that_hangs_bills_whoever_leaves_and_nobody_else(away: Away) -> None:
    """No head for a while, then a 500, which costs nothing; a client that left pays its prompt."""
    app, _, client = away
    app.fail_next("hung", "hung")
    with pytest.raises(anthropic.InternalServerError):
        await client.messages.create(**PROMPT)
    assert not app.account.calls
    with pytest.raises(anthropic.APITimeoutError):
        await client.with_options(timeout=0.05).messages.create(**PROMPT)
    async with asyncio.timeout(5):
        while not app.account.calls:
            await asyncio.sleep(0.01)
    assert app.account.calls[0].outcome == "cut"
    assert app.account.calls[0].usage["output_tokens"] == 0


async def test_only_a_text_that_was_sent_whole_has_a_digest(away: Away) -> None:
    """What is compared with what a candidate was shown; never more is billed than was allowed."""
    app, _, client = away
    said = await client.messages.create(**PROMPT)
    app.fail_next("max_tokens", "unended", "late_refusal", "long")
    for _ in range(2):
        await client.messages.create(**PROMPT)
    async for _ in await client.messages.create(**PROMPT, stream=True):
        pass
    await client.messages.create(**PROMPT)
    calls = list(app.account.calls)
    assert said.content[0].type == "text"
    assert calls[0].digest == model_stream.digest_of(said.content[0].text)
    assert [bool(call.digest) for call in calls] == [True, False, False, False, True]
    assert calls[-1].usage["output_tokens"] == PROMPT["max_tokens"]


# Accounts -----------------------------------------------------------------------------------


def line(request_id: str, micro_usd: int, **changes: Any) -> LedgerEntry:
    """A line of a ledger."""
    fields: dict[str, Any] = {
        "tenant_id": ID, "session_id": ID, "interview_id": ID, "task": "question", "tier": "fast",
        "engine": "claude", "model": MODELS[0], "prompt_version": "1", "tokens_in": 1,
        "tokens_out": 1, "tokens_cache_write": 0, "tokens_cache_read": 0, "upper_bound": False,
        "outcome": "ok", "latency_ms": 1,
    }  # fmt: skip
    return LedgerEntry(**{**fields, "request_id": request_id, "micro_usd": micro_usd, **changes})


def call(request_id: str, micro_usd: int, outcome: Any = "completed") -> Billed:
    """A call as the stand-in counted it."""
    return Billed(request_id, "key", MODELS[0], outcome, "", {}, micro_usd)


BOUND = {"upper_bound": True, "outcome": "model_unavailable"}
HONEST = [
    line("r1", 100),
    line("r2", 300, **BOUND),
    line("", 400, **BOUND),
    line("", 0, engine="offline"),
    line("", 0),
]
BILLED = [call("r1", 100), call("r2", 120, "cut"), call("r3", 130, "cut")]


def test_an_honest_ledger_agrees() -> None:
    """Exact where it is known, dearer where a call was cut, a bound for a call without a number."""
    bill = accounts.compare(HONEST, BILLED)
    assert bill.agrees, bill
    assert (bill.completed_ledger_micro_usd, bill.completed_stand_in_micro_usd) == (100, 100)
    assert (bill.ledger_micro_usd, bill.stand_in_micro_usd, bill.upper_bounds) == (800, 350, 2)


@pytest.mark.parametrize(
    ("lines", "calls", "wrong"),
    [
        ([line("r1", 99)], [call("r1", 100)], "completed_differ"),
        ([line("r1", 101)], [call("r1", 100)], "completed_differ"),
        ([line("r1", 99, **BOUND)], [call("r1", 100, "cut")], "below"),
        ([line("r9", 900)], [call("r1", 100)], "unbooked"),
        ([line("", 900)], [call("r1", 100, "cut")], "unbooked"),
        ([line("", 90, **BOUND)], [call("r1", 100, "cut")], "unbooked"),
        ([line("", 900, **BOUND)], [call("r1", 1, "cut"), call("r2", 1, "cut")], "unbooked"),
        ([line("", 900, model=MODELS[1], **BOUND)], [call("r1", 1, "cut")], "unbooked"),
        ([line("", 90, batch=True)], [call("", 100, "batch")], "completed_differ"),
    ],
)
def test_a_ledger_that_says_less_or_something_else_is_found_out(
    lines: list[LedgerEntry], calls: list[Billed], wrong: str
) -> None:
    """A cent too little, a cent too much, one bound for two calls, a bound of another model."""
    bill = accounts.compare(lines, calls)
    assert getattr(bill, wrong) == 1
    assert not bill.agrees


def test_batches_are_compared_by_their_sum() -> None:
    """Their answers carry no number of a request."""
    lines = [line("", 40, batch=True), line("", 60, batch=True)]
    assert accounts.compare(lines, [call("", 40, "batch"), call("", 60, "batch")]).agrees


# Witnesses ----------------------------------------------------------------------------------


def heard(*frames: messages.ServerFrame) -> Witness:
    """A candidate that saw these frames, one a second."""
    seen = Witness()
    seen.told = "claude"
    for second, frame in enumerate(frames, start=1):
        seen.hear(frame, float(second))
    return seen


STARTED = messages.QuestionStarted(1, turn=1, ask=1)
PIECE = messages.QuestionDelta(2, turn=1, ask=1, text="¿Qué")
RESET = messages.QuestionReset(3, turn=1, ask=2)
CHANGED = messages.EngineChanged(4, "offline", "model_unavailable")
SECOND = messages.QuestionDelta(5, turn=1, ask=2, text="¿Cómo?")
WHOLE = messages.QuestionCompleted(
    offset=6, turn=1, ask=2, text="¿Cómo?", competency="c", seconds_left=9.0
)


def test_a_witness_knows_what_was_asked_by_whom_and_when_it_began_to_come() -> None:
    """A question that broke and was asked again by the bank."""
    seen = heard(STARTED, PIECE, RESET, CHANGED, SECOND, WHOLE)
    assert [(one.ask, one.at, one.first, one.engine) for one in seen.asks] == [
        (1, 1.0, 2.0, "claude"),
        (2, 3.0, 5.0, "offline"),
    ]
    change = seen.changes[0]
    assert (change.engine, change.shown, change.shown_before) == ("offline", False, True)
    assert (seen.completed, seen.told_for, seen.torn) == ({1: "¿Cómo?"}, {1: "offline"}, 0)


def test_a_witness_sees_a_change_in_mid_question_and_pieces_that_are_not_the_question() -> None:
    """What may not happen would be noticed."""
    seen = heard(STARTED, PIECE, CHANGED, WHOLE)
    assert seen.changes[0].shown
    assert seen.torn == 1


def test_a_page_drawn_anew_is_not_timed() -> None:
    """What stood there already was waited for by nobody."""
    current = messages.CurrentState(turn=1, ask=1, text="¿Qué?", completed=True)
    state = messages.SessionState(
        turns=[], current=current, turns_max=3, seconds_left=9.0, paused=False
    )
    seen = heard(state)
    assert [(one.at, one.first) for one in seen.asks] == [(1.0, 1.0)]
    assert seen.completed == {1: "¿Qué?"}
    assert msgspec.structs.asdict(seen.asks[0])["engine"] == "claude"
