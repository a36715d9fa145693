"""The gateway: what holds for every engine, and how an interview goes on when the model fails."""

import asyncio
import contextlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
import pytest

from interview import scoring
from llm.gateway import (
    EngineChanged,
    EvaluationRequest,
    Gateway,
    Piece,
    QuestionDone,
    QuestionRequest,
    open_gateway,
)
from llm.request import Engine
from llm.tiers import Usage
from llm.wording import marker
from loadtest.model import Standin
from loadtest.model_text import INVENTED, QUESTIONS
from protocol import limits
from protocol.faults import Fault
from runtime import clock
from runtime.settings import Settings
from storage.ledger import LedgerEntry, MemoryLedger

Ask = Callable[..., QuestionRequest]
Finished = Callable[..., EvaluationRequest]


async def listen(gateway: Gateway, request: QuestionRequest, into: list[Any]) -> None:
    async with contextlib.aclosing(gateway.stream(request)) as events:
        async for event in events:
            into.append(event)  # noqa: PERF401 - kept even when the stream breaks


async def heard(gateway: Gateway, request: QuestionRequest) -> list[Any]:
    events: list[Any] = []
    await listen(gateway, request, events)
    return events


def texts(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried soon."""
    monkeypatch.setattr(limits, "MODEL_BACKOFF_SECONDS", 0.02)


# The contract of engines ----------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["es-PE", "en", "pt-BR"])
async def test_the_pieces_joined_are_the_question(road: Any, ask: Ask, locale: str) -> None:
    """Pieces in order, then the whole with its usage, and nothing after it."""
    events = await heard(road.gateway, ask(locale=locale))
    *pieces, done = events
    assert all(isinstance(piece, Piece) and piece.text for piece in pieces)
    assert isinstance(done, QuestionDone)
    assert pieces
    assert texts(events) == done.text
    assert done.engine == road.gateway.engine_name
    assert done.usage.final
    assert 0 < len(done.text) <= limits.QUESTION_CHARS_MAX


async def test_turns_ask_different_things(road: Any, ask: Ask, answer: str) -> None:
    """A whole interview through the gateway: no question twice."""
    questions = []
    for turns in range(6):
        events = await heard(road.gateway, ask([answer] * turns))
        questions.append(events[-1].text)
    assert len(set(questions)) == len(questions)


async def test_closing_the_stream_ends_it_at_once(road: Any, ask: Ask) -> None:
    """After the first piece, however long the rest would take."""
    events = road.gateway.stream(ask())
    assert isinstance(await anext(events), Piece)
    await events.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_many_sessions_ask_at_the_same_time(road: Any, ask: Ask) -> None:
    """Thirty at once, each with its own words."""
    requests = [ask(seed=seed) for seed in range(30)]
    heards = await asyncio.gather(*(heard(road.gateway, request) for request in requests))
    assert all(texts(events) == events[-1].text for events in heards)


# Without a key --------------------------------------------------------------------------------


async def test_the_bank_says_that_no_ai_asks_and_costs_nothing(offline: Any, ask: Ask) -> None:
    """The greeting is honest, the same every time, and the ledger stays empty."""
    events = await heard(offline.gateway, ask())
    assert "sin inteligencia artificial" in events[-1].text
    assert "Rosa Quispe" in events[-1].text
    assert events[-1].usage == Usage()
    assert await heard(offline.gateway, ask()) == events
    assert offline.ledger.entries == []


async def test_without_a_model_there_is_nothing_to_evaluate_with(
    offline: Any, finished: Finished, answer: str
) -> None:
    """The coverage report needs no engine; a claim does."""
    with pytest.raises(Fault) as raised:
        await offline.gateway.complete(finished([answer]))
    assert raised.value.code == "model_unavailable"
    assert offline.ledger.entries == []


# With Claude ------------------------------------------------------------------------------------


async def test_every_call_is_one_line_in_the_ledger(claude: Any, ask: Ask) -> None:
    """Tokens as the API counted them, the price in whole micro-dollars, the prompt's version."""
    events = await heard(claude.gateway, ask())
    usage = events[-1].usage
    [line] = claude.ledger.entries
    assert (line.task, line.tier, line.engine, line.model) == (
        "question", "fast", "claude", "claude-haiku-5-5",
    )  # fmt: skip
    assert (line.outcome, line.upper_bound, line.prompt_version) == ("ok", False, "question.001")
    assert (line.tokens_in, line.tokens_out) == (usage.tokens_in, usage.tokens_out)
    assert claude.standin.tokens["output_tokens"] == usage.tokens_out > 0
    assert line.micro_usd > 0
    assert claude.standin.requests == 1


async def test_the_prefix_is_read_from_the_cache_from_the_second_turn(
    claude: Any, ask: Ask, answer: str
) -> None:
    """The stable prefix and the transcript so far are paid for once, at full price."""
    seen = []
    for turns in range(4):
        events = await heard(claude.gateway, ask([answer] * turns))
        seen.append(events[-1].usage)
    assert seen[0].cache_write > 512
    for before, after in pairwise(seen):
        assert after.cache_read == before.cache_read + before.cache_write
        assert after.tokens_in < 300  # the directive alone


async def test_thinking_is_not_shown(claude: Any, ask: Ask) -> None:
    """A thinking block that comes first is passed over."""
    claude.standin.fail_next("thinking")
    events = await heard(claude.gateway, ask())
    assert events[-1].engine == "claude"
    assert texts(events) in QUESTIONS["es"]


@pytest.mark.parametrize(
    ("fault", "code", "calls", "outcome_free"),
    [
        ("529", "model_unavailable", 3, True),
        ("500", "model_unavailable", 3, True),
        ("429", "model_unavailable", 1, True),  # retry-after is longer than a candidate waits
        ("401", "model_unavailable", 1, True),
        ("refusal", "model_refused", 1, False),
        ("empty", "model_unavailable", 1, False),
    ],
)
async def test_a_model_that_fails_before_the_first_piece_leaves_it_to_the_bank(
    claude: Any, ask: Ask, fault: str, code: str, calls: int, *, outcome_free: bool
) -> None:
    """EngineChanged first, with the reason, then a whole question: an interview always ends."""
    claude.standin.fail_next(*[fault] * 5)
    first, *rest = await heard(claude.gateway, ask())
    assert first == EngineChanged("offline", code)
    assert rest[-1].engine == "offline"
    assert texts(rest) == rest[-1].text
    assert [line.outcome for line in claude.ledger.entries] == [code] * calls
    assert all((line.micro_usd == 0) == outcome_free for line in claude.ledger.entries)
    assert len({line.attempt for line in claude.ledger.entries}) == calls
    assert claude.standin.requests == calls


@pytest.mark.parametrize("fault", ["529", "500"])
async def test_a_call_that_fails_once_is_tried_again_before_anything_was_shown(
    claude: Any, ask: Ask, fault: str
) -> None:
    """The candidate is told of nothing; both calls are in the ledger."""
    claude.standin.fail_next(fault)
    events = await heard(claude.gateway, ask())
    assert isinstance(events[0], Piece)
    assert events[-1].engine == "claude"
    assert [line.outcome for line in claude.ledger.entries] == ["model_unavailable", "ok"]


async def test_a_question_steps_down_from_tier_to_tier_before_the_bank(
    claude: Any, ask: Ask
) -> None:
    """Powerful, balanced, fast: three calls each while there is time, and no word to the peer."""
    claude.standin.fail_next(*["529"] * 6)
    events = await heard(claude.gateway, ask(tier="powerful"))
    assert events[-1].engine == "claude"
    tiers = [line.tier for line in claude.ledger.entries]
    assert tiers == ["powerful"] * 3 + ["balanced"] * 3 + ["fast"]


async def test_a_tier_that_keeps_failing_is_left_alone_and_tried_by_one_call_later(
    claude: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five failures open the breaker; after its time one turn is asked by the model again."""
    monkeypatch.setattr(limits, "BREAKER_SECONDS", 60.0)
    real, passed = clock.monotonic, 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: real() + passed)
    claude.standin.fail_next(*["529"] * 5)
    for _ in range(2):
        await heard(claude.gateway, ask())
    assert claude.standin.requests == 5
    events = await heard(claude.gateway, ask())
    assert (events[0], claude.standin.requests) == (
        EngineChanged("offline", "model_unavailable"),
        5,
    )
    passed = 61.0
    events = await heard(claude.gateway, ask(engine_told="offline"))
    assert events[0] == EngineChanged("claude", "recovered")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("cut", "model_truncated"),
        ("unended", "model_truncated"),
        ("reset", "model_truncated"),
        ("mid_error", "model_unavailable"),
        ("late_refusal", "model_refused"),
        ("max_tokens", "model_truncated"),
    ],
)
async def test_after_a_piece_was_shown_nothing_is_tried_again(
    claude: Any, ask: Ask, fault: str, code: str
) -> None:
    """The Fault goes to the session, which asks anew where the candidate can see it."""
    claude.standin.fail_next(fault)
    events: list[Any] = []
    with pytest.raises(Fault) as raised:
        await listen(claude.gateway, ask(), events)
    assert raised.value.code == code
    assert events
    assert all(isinstance(event, Piece) for event in events)
    assert claude.standin.requests == 1
    [line] = claude.ledger.entries
    assert line.outcome == code
    assert line.upper_bound == (fault in ("cut", "reset", "mid_error"))


async def test_a_text_far_longer_than_a_question_is_cut_off(claude: Any, ask: Ask) -> None:
    """Given up with its bound booked; what had been shown by then is no more than a question."""
    claude.standin.fail_next("long")
    events: list[Any] = []
    with contextlib.suppress(Fault):  # not raised where nothing had been shown: others are asked
        await listen(claude.gateway, ask(), events)
    line = claude.ledger.entries[0]
    assert (line.outcome, line.upper_bound) == ("model_truncated", True)
    shown = "".join(event.text for event in events if isinstance(event, Piece))
    assert len(shown) <= limits.QUESTION_CHARS_MAX


async def test_a_cut_call_is_booked_at_its_upper_bound(claude: Any, ask: Ask) -> None:
    """The input as the model told it, the output as much as was allowed."""
    whole = (await heard(claude.gateway, ask()))[-1].usage
    claude.standin.fail_next("cut")
    with pytest.raises(Fault):
        await heard(claude.gateway, ask(session_id=UUID(int=99)))
    line = claude.ledger.entries[-1]
    assert line.upper_bound
    assert line.tokens_out > whole.tokens_out
    assert line.micro_usd > claude.ledger.entries[0].micro_usd


async def test_the_bank_alone_asks_when_told_so(claude: Any, ask: Ask) -> None:
    """After too many attempts the session leaves the model out, and the candidate is told."""
    events = await heard(claude.gateway, ask(ask=5, bank_only=True))
    assert events[0] == EngineChanged("offline", "model_unavailable")
    assert events[-1].engine == "offline"
    assert claude.standin.requests == 0


async def test_the_model_coming_back_is_told_as_well(claude: Any, ask: Ask) -> None:
    """A candidate who was told that no AI asks hears it when one does again."""
    events = await heard(claude.gateway, ask(engine_told="offline"))
    assert events[0] == EngineChanged("claude", "recovered")
    assert texts(events) == events[-1].text
    again = await heard(claude.gateway, ask(engine_told="claude"))
    assert isinstance(again[0], Piece)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not happened():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", ["stall", "slow"])
async def test_cancelling_closes_the_way_to_the_model_at_once(
    claude: Any, ask: Ask, fault: str
) -> None:
    """Before the first piece and in the middle; the call is booked at its bound."""
    claude.standin.fail_next(fault)
    events: list[Any] = []

    task = asyncio.get_running_loop().create_task(listen(claude.gateway, ask(), events))
    await until(lambda: claude.standin.open_streams == 1)
    if fault == "stall":
        await until(lambda: len(events) > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: claude.standin.open_streams == 0)
    assert claude.standin.cut_by_client == 1
    [line] = claude.ledger.entries
    assert (line.outcome, line.upper_bound) == ("cancelled", True)


async def test_a_silent_model_is_not_waited_for(
    claude: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the limit for the first piece the bank asks, and the way to the model is closed."""
    monkeypatch.setattr(limits, "MODEL_FIRST_PIECE_SECONDS", 0.3)
    claude.standin.fail_next("slow")
    events = await heard(claude.gateway, ask())
    assert events[0] == EngineChanged("offline", "model_unavailable")
    assert events[-1].engine == "offline"
    await until(lambda: claude.standin.open_streams == 0)


async def test_a_model_that_falls_silent_in_the_middle_is_a_fault(
    claude: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the limit between pieces; what was shown is the session's to take back."""
    monkeypatch.setattr(limits, "MODEL_PIECE_SECONDS", 0.3)
    claude.standin.fail_next("stall")
    with pytest.raises(Fault) as raised:
        await heard(claude.gateway, ask())
    assert raised.value.code == "model_unavailable"


async def test_no_server_at_all_costs_nothing_and_stops_nobody(
    standin: tuple[Standin, str], ask: Ask
) -> None:
    """A refused connection was never billed."""
    ledger = MemoryLedger()
    settings = Settings(
        anthropic_api_key="sk-test", anthropic_base_url="http://127.0.0.1:9",
        offline_piece_seconds=0.0,
    )  # fmt: skip
    gateway = open_gateway(settings, ledger)
    events = await heard(gateway, ask())
    await gateway.close()
    assert events[0] == EngineChanged("offline", "model_unavailable")
    assert (ledger.entries[0].micro_usd, ledger.entries[0].upper_bound) == (0, False)


class BrokenLedger(MemoryLedger):
    """A ledger whose database is away when a line is to be in it at once."""

    async def record(self, entry: LedgerEntry) -> None:
        raise Fault("unavailable")


async def test_a_ledger_that_is_away_stops_nobody(
    standin: tuple[Standin, str], ask: Ask, finished: Finished, answer: str
) -> None:
    """The lines are kept for later; the candidate is asked, the interview evaluated."""
    settings = Settings(anthropic_api_key="sk-test", anthropic_base_url=standin[1])
    ledger = BrokenLedger()
    gateway = open_gateway(settings, ledger)
    events = await heard(gateway, ask())
    assert (await gateway.complete(finished([answer]))).claims
    await gateway.close()
    assert events[-1].engine == "claude"
    assert [line.task for line in ledger.entries] == ["question", "evaluation"]


class Scripted:
    """An engine that says what it is told to."""

    name = "claude"
    prompt_versions: dict[str, str] = {}  # noqa: RUF012 - a constant

    def __init__(self, *parts: str) -> None:
        self.parts = parts

    async def question(self, request: QuestionRequest) -> Any:
        for part in self.parts:
            yield part
        yield Usage()

    async def claims(self, request: EvaluationRequest) -> Any:
        yield Usage()

    async def close(self) -> None: ...


async def test_a_question_that_holds_the_sessions_delimiter_is_not_shown(
    offline: Any, ask: Ask
) -> None:
    """Whoever talks the model into repeating its instructions gets the bank's question."""
    request = ask()
    leak: Engine = Scripted(f"<program-{marker(request)}> says", " ask this")
    gateway = Gateway(offline.gateway._bank, leak, MemoryLedger())
    events = await heard(gateway, request)
    assert events[0] == EngineChanged("offline", "model_refused")
    assert marker(request) not in texts(events)


@pytest.mark.parametrize("bad", ["a\x00b", "\ud800"])
async def test_text_that_cannot_be_kept_is_not_shown(offline: Any, ask: Ask, bad: str) -> None:
    """NUL and lone surrogates would fail the turn's commit."""
    gateway = Gateway(offline.gateway._bank, Scripted(bad), MemoryLedger())
    events = await heard(gateway, ask())
    assert events[-1].engine == "offline"


# Evaluation -------------------------------------------------------------------------------------


async def test_claims_are_proposed_and_the_invented_one_is_dropped(
    claude: Any, finished: Finished, answer: str
) -> None:
    """Over real HTTP, through the check: real quotes count, the made-up one is counted."""
    request = finished([answer, answer, answer])
    proposed = await claude.gateway.complete(request)
    assert proposed.engine == "claude"
    assert INVENTED["es"] in {claim.quote for claim in proposed.claims}
    subject = scoring.Subject(request.interview_id, "claude", {"claude": 3})
    report = scoring.rubric_report(proposed.claims, request.plan, request.said, subject)
    assert report.dropped_claims == 1
    assert any(one.level for one in report.competencies)
    [line] = claude.ledger.entries
    assert (line.task, line.tier, line.outcome) == ("evaluation", "balanced", "ok")
    assert (line.model, line.prompt_version) == ("claude-sonnet-5-5", "evaluation.001")


@pytest.mark.parametrize(
    ("fault", "code", "calls"),
    [
        ("529", "model_unavailable", 3),
        ("500", "model_unavailable", 3),
        ("refusal", "model_refused", 1),
        ("max_tokens", "model_truncated", 1),
        ("garbage", "model_truncated", 3),
        ("empty", "model_truncated", 3),
    ],
)
async def test_an_evaluation_that_fails_is_a_fault_and_no_other_engine_stands_in(
    claude: Any, finished: Finished, answer: str, fault: str, code: str, calls: int
) -> None:
    """The pipeline makes a named pending review of it; no other tier scores either."""
    claude.standin.fail_next(*[fault] * 5)
    with pytest.raises(Fault) as raised:
        await claude.gateway.complete(finished([answer]))
    assert raised.value.code == code
    assert claude.standin.requests == calls
    assert [line.outcome for line in claude.ledger.entries] == [code] * calls
    assert {line.tier for line in claude.ledger.entries} == {"balanced"}


async def test_an_evaluation_of_nothing_proposes_nothing(claude: Any, finished: Finished) -> None:
    """An interview that ended before its first answer."""
    assert (await claude.gateway.complete(finished([]))).claims == []


async def test_retry_after_is_passed_on(
    claude: Any, finished: Finished, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries again knows when: the time left is too short for what the provider wants."""
    monkeypatch.setattr(limits, "MODEL_EVALUATION_SECONDS", 5.0)
    claude.standin.fail_next("429")
    with pytest.raises(Fault) as raised:
        await claude.gateway.complete(finished([answer]))
    assert raised.value.retry_after == 7.0


def test_the_events_are_plain_structs() -> None:
    """They can be logged, compared and sent on."""
    assert msgspec.to_builtins(EngineChanged("offline", "x")) == {
        "engine": "offline",
        "reason": "x",
    }
