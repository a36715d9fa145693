"""What follows a failed call: again, a rung down, or the end; and breakers that know when."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from llm import ladder, tiers
from llm.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from llm.gateway import Gateway, Piece, QuestionRequest
from llm.hedge import Allowance
from llm.reply import ModelFault, Reason
from llm.tiers import Usage
from protocol import limits
from protocol.faults import Fault
from runtime import clock
from storage.ledger import MemoryLedger

Ask = Callable[..., QuestionRequest]


def test_a_question_steps_down_and_a_score_does_not() -> None:
    """Powerful, balanced, fast; whoever is scored is scored by one tier."""
    found = tiers.load()
    assert ladder.rungs("question", found, "powerful") == ["powerful", "balanced", "fast"]
    assert ladder.rungs("question", found) == ["fast"]
    assert ladder.rungs("evaluation", found) == ["balanced"]
    assert ladder.rungs("re_evaluation", found) == ["powerful"]
    assert ladder.rungs("extraction", found, "balanced") == ["balanced", "fast"]


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        ("unreachable", "again"), ("rate_limited", "again"), ("overloaded", "again"),
        ("server_error", "again"), ("broken", "again"), ("cut", "again"), ("malformed", "again"),
        ("late", "down"), ("stalled", "down"), ("max_tokens", "down"),
        ("refused", "end"), ("rejected", "end"),
    ],
)  # fmt: skip
def test_each_reason_has_its_answer(reason: Reason, what: str) -> None:
    """With time enough."""
    assert ladder.after(ModelFault(reason), 1, 60.0).what == what


def test_three_calls_are_enough() -> None:
    """The pauses double, with jitter, and never run past the time."""
    fault = ModelFault("overloaded")
    first = [ladder.after(fault, 1, 60.0).seconds for _ in range(50)]
    second = [ladder.after(fault, 2, 60.0).seconds for _ in range(50)]
    assert 0.5 <= min(first) < max(first) <= 1.0 <= min(second) < max(second) <= 2.0
    assert ladder.after(fault, limits.MODEL_ATTEMPTS_MAX, 60.0).what == "down"
    assert ladder.after(fault, 1, 1.2).what == "down"


def test_retry_after_is_honoured_or_the_rung_is_left() -> None:
    """Never cut short."""
    fault = ModelFault("rate_limited", retry_after=7.0)
    assert ladder.after(fault, 1, 60.0) == ladder.Next("again", 7.0)
    assert ladder.after(fault, 1, 7.5).what == "down"


@pytest.mark.parametrize("code", ["model_budget", "model_busy"])
def test_no_money_and_no_place_lead_down(code: str) -> None:
    """A cheaper tier has other prices and another bucket."""
    assert ladder.after(Fault(code), 1, 60.0).what == "down"
    assert ladder.after(Fault("fence_lost"), 1, 60.0).what == "end"


# Breakers ---------------------------------------------------------------------------------------


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> clock.ManualClock:
    """Time that the test moves."""
    made = clock.ManualClock()
    monkeypatch.setattr(clock, "monotonic", made.monotonic)
    return made


def broken(time: clock.ManualClock) -> Breaker:
    breaker = Breaker("fast")
    for _ in range(limits.BREAKER_FAILURES):
        assert breaker.allow()
        breaker.failed("overloaded")
    return breaker


def test_a_breaker_opens_probes_and_closes(time: clock.ManualClock) -> None:
    """One call at a time tries; what it finds decides for all."""
    breaker = broken(time)
    assert (breaker.state, breaker.allow()) == (OPEN, False)
    time.advance(limits.BREAKER_SECONDS)
    assert breaker.allow()
    assert (breaker.state, breaker.allow()) == (HALF_OPEN, False)
    breaker.succeeded()
    assert (breaker.state, breaker.allow(), breaker.allow()) == (CLOSED, True, True)


def test_a_failed_probe_doubles_the_time(time: clock.ManualClock) -> None:
    """Up to a minute."""
    breaker, wait = broken(time), limits.BREAKER_SECONDS
    for _ in range(6):
        time.advance(wait - 0.01)
        assert not breaker.allow()
        time.advance(0.02)
        assert breaker.allow()
        breaker.failed("late")
        wait = min(2 * wait, limits.BREAKER_SECONDS_MAX)
    assert wait == limits.BREAKER_SECONDS_MAX


def test_a_probe_that_left_is_followed_by_the_next(time: clock.ManualClock) -> None:
    """A candidate who goes away says nothing about the provider."""
    breaker = broken(time)
    time.advance(limits.BREAKER_SECONDS)
    assert breaker.allow()
    breaker.abandoned()
    assert breaker.allow()


@pytest.mark.parametrize("reason", ["refused", "max_tokens"])
def test_an_answer_that_is_none_is_a_sign_of_life(time: clock.ManualClock, reason: str) -> None:
    """The provider is there."""
    breaker = broken(time)
    time.advance(limits.BREAKER_SECONDS)
    assert breaker.allow()
    breaker.failed(reason)
    assert breaker.state == CLOSED


def test_a_provider_that_wants_quiet_is_not_broken(time: clock.ManualClock) -> None:
    """429 is the bucket's, not the breaker's."""
    breaker = Breaker("fast")
    for _ in range(50):
        assert breaker.allow()
        breaker.failed("rate_limited")
    assert breaker.state == CLOSED


# A second call ----------------------------------------------------------------------------------


def test_second_calls_are_two_in_a_hundred() -> None:
    """Saved up to one: no burst of them after a quiet day."""
    allowance, taken = Allowance(), 0
    for _ in range(1_000):
        allowance.earn()
        taken += allowance.take()
    assert taken == 1_000 * limits.HEDGE_PERCENT // 100
    for _ in range(500):
        allowance.earn()
    assert [allowance.take() for _ in range(3)] == [True, False, False]


class Moody:
    """An engine whose calls are quick, silent or failing, in the order that was told."""

    name = "claude"
    prompt_versions: dict[str, str] = {"question": "question.001"}  # noqa: RUF012 - a constant

    def __init__(self, *moods: str) -> None:
        self.moods = list(moods)
        self.closed = 0

    async def question(self, request: QuestionRequest) -> Any:
        mood = self.moods.pop(0)
        yield Usage(tokens_out=600, cache_write=900, final=False, tier=request.tier)
        try:
            if mood == "silent":
                await asyncio.sleep(60)
            if mood == "failing":
                raise ModelFault("refused")
            yield f"{mood} question"
            yield Usage(tokens_in=200, tokens_out=5, tier=request.tier)
        finally:
            self.closed += 1

    async def claims(self, request: Any) -> Any:
        yield Usage()

    async def close(self) -> None: ...


def hedging(engine: Moody) -> tuple[Gateway, MemoryLedger]:
    ledger = MemoryLedger()
    gateway = Gateway(engine, engine, ledger, hedging=True)
    assert gateway._hedges is not None
    for _ in range(50):
        gateway._hedges.earn()
    return gateway, ledger


async def heard(gateway: Gateway, request: QuestionRequest) -> list[Any]:
    async with contextlib.aclosing(gateway.stream(request)) as events:
        return [event async for event in events]


async def test_the_faster_of_two_is_heard_and_the_other_booked(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has a reservation and a line of its own; the first is closed at its bound."""
    monkeypatch.setattr(limits, "HEDGE_SECONDS", 0.05)
    engine = Moody("silent", "second")
    gateway, ledger = hedging(engine)
    events = await heard(gateway, ask())
    assert [event.text for event in events] == ["second question", "second question"]
    assert engine.closed == 2
    lines = {line.hedge: line for line in ledger.entries}
    assert (lines[True].outcome, lines[True].upper_bound) == ("ok", False)
    assert (lines[False].outcome, lines[False].upper_bound) == ("cancelled", True)
    assert lines[True].attempt != lines[False].attempt
    await gateway.close()


async def test_a_quick_first_piece_needs_no_second(ask: Ask) -> None:
    """Nothing is begun in vain."""
    engine = Moody("first")
    gateway, ledger = hedging(engine)
    events = await heard(gateway, ask())
    assert isinstance(events[0], Piece)
    assert [line.hedge for line in ledger.entries] == [False]
    await gateway.close()


async def test_no_second_call_beyond_the_share(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The allowance is spent by the first; the next waits for what it has."""
    monkeypatch.setattr(limits, "HEDGE_SECONDS", 0.05)
    monkeypatch.setattr(limits, "MODEL_FIRST_PIECE_SECONDS", 0.5)
    engine = Moody("silent", "second", "silent", "bank")
    gateway, ledger = hedging(engine)
    await heard(gateway, ask())
    await heard(gateway, ask())
    assert [line.hedge for line in ledger.entries].count(True) == 1
    await gateway.close()


async def test_when_a_call_fails_the_fault_is_told_and_none_is_begun_beside_it(ask: Ask) -> None:
    """And the bank asks."""
    engine = Moody("failing", "from the bank")
    gateway, _ = hedging(engine)
    events = await heard(gateway, ask())
    assert events[0].reason == "model_refused"
    await gateway.close()
