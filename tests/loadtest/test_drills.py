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

from cli import chaos_faults
from loadtest import accounts, chaos, faulted, model_stream, outage
from loadtest.accounts import Bill, Line
from loadtest.model import Standin
from loadtest.model_count import Billed
from loadtest.model_rules import MODELS
from loadtest.model_serve import Door
from loadtest.model_stream import FAULTS, Options
from loadtest.outage import Kept, Outage, Turn, Window
from loadtest.witness import Witness
from protocol import limits, messages

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
    async with asyncio.timeout(30):
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
    app.change({"slow_seconds": 60.0})
    with pytest.raises(anthropic.APITimeoutError):
        await client.with_options(timeout=0.5).messages.create(**PROMPT)
    async with asyncio.timeout(30):
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


def line(request_id: str, micro_usd: int, **changes: Any) -> Line:
    """A line of a ledger."""
    fields: dict[str, Any] = {
        "id": ID, "interview_id": ID, "task": "question", "engine": "claude", "model": MODELS[0],
        "upper_bound": False, "batch": False, "outcome": "ok", "turn": None, "ask": None,
    }  # fmt: skip
    return Line(**{**fields, "request_id": request_id, "micro_usd": micro_usd, **changes})


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
    lines: list[Line], calls: list[Billed], wrong: str
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


# Verdicts -----------------------------------------------------------------------------------

AWAY, BACK = 100.0, 400.0
DEADLINE = limits.MODEL_FIRST_PIECE_SECONDS


def asked_at(seen: Witness, turn: int, at: float, engine: str, *, wait: float = 1.0) -> None:
    """Let a candidate see a question."""
    seen.hear(messages.QuestionStarted(1, turn, 1), at)
    if engine != seen.told:
        seen.hear(messages.EngineChanged(2, engine, "model_unavailable"), at + wait)
    seen.hear(messages.QuestionDelta(3, turn, 1, f"¿{turn}?"), at + wait)
    whole = messages.QuestionCompleted(
        offset=4, turn=turn, ask=1, text=f"¿{turn}?", competency="c", seconds_left=9.0
    )
    seen.hear(whole, at + wait)


def row(turn: int, engine: str) -> Turn:
    """A turn of the record."""
    return Turn(turn, 1, engine, f"¿{turn}?", f"r{turn}")


class Case(msgspec.Struct):
    """An interview through an outage, and what is on record of it."""

    book: chaos.Book
    seen: Witness
    kept: Kept

    def judged(self, bill: Bill) -> Outage:
        """The verdict, were it the only one."""
        return outage.judge(
            [self.book], [self.seen], [self.kept], how="refused", window=Window(AWAY, BACK),
            long_sessions=1, bill=bill, lag=[0.0], seconds=600.0,
        )  # fmt: skip


def through(*, wait: float = 3.0, last: float = BACK + 90.0) -> Case:
    """Claude, the bank while it is away, and Claude again."""
    seen = Witness()
    seen.told = "claude"
    engines = ["claude", "offline", "offline", "claude"]
    times = [50.0, 150.0, BACK + 2.0, last]
    for turn, (at, engine) in enumerate(zip(times, engines, strict=True), start=1):
        asked_at(seen, turn, at, engine, wait=wait if engine == "offline" else 1.0)
    rows = [row(turn, engine) for turn, engine in enumerate(engines, start=1)]
    acked = {one.turn: one.answer for one in rows}
    book = chaos.Book(0, acked=acked, given=acked, finished="completed")
    return Case(book, seen, Kept(ID, rows, "ready", ""))


AGREED = accounts.compare(HONEST, BILLED)


def test_an_interview_that_went_through_the_outage_passes() -> None:
    """What the bank asked, how long the first piece took, and when Claude was back."""
    verdict = through().judged(AGREED)
    assert verdict.passed, verdict
    assert (verdict.claude_turns_before, verdict.offline_turns) == (1, 1)
    assert (verdict.offline_turns_after, verdict.claude_turns_after) == (1, 1)
    assert (verdict.back_seconds_first, verdict.back_seconds_last) == (90.0, 2.0)
    assert verdict.first_piece_seconds_max == 3.0
    assert verdict.first_offline_over_deadline_max == 3.0 - DEADLINE
    assert (verdict.changed_to_offline, verdict.changed_to_claude, verdict.spanned) == (1, 1, 1)


def changed(case: Case, what: str) -> Case:
    """Spoil one thing."""
    seen, rows = case.seen, list(case.kept.turns)
    match what:
        case "cut":
            case.book.cut.append(1006)
        case "lost":
            case.book.acked[1] = "something else"
        case "unreported":
            case.kept = msgspec.structs.replace(case.kept, report="")
        case "unnamed":
            case.kept = msgspec.structs.replace(case.kept, report="pending_review")
        case "untold":
            rows[1] = row(2, "claude")
            case.kept = msgspec.structs.replace(case.kept, turns=rows)
        case "mid":
            old = seen.changes[-1]
            seen.changes[-1] = msgspec.structs.replace(old, shown_before=True)
        case "torn":
            seen.torn = 1
    return case


@pytest.mark.parametrize("what", ["cut", "lost", "unreported", "unnamed", "untold", "mid", "torn"])
def test_an_outage_that_cost_anybody_anything_does_not_pass(what: str) -> None:
    """Each of them alone."""
    assert not changed(through(), what).judged(AGREED).passed


def test_a_bank_that_comes_too_late_or_stays_too_long_does_not_pass() -> None:
    """More than two seconds over the deadline; and asked by the bank when the breakers are shut."""
    assert through(wait=DEADLINE + 1.9).judged(AGREED).passed
    assert not through(wait=DEADLINE + 2.1).judged(AGREED).passed
    late = through()
    asked_at(late.seen, 5, Window(AWAY, BACK).settled + 1.0, "offline")
    late.kept = msgspec.structs.replace(late.kept, turns=[*late.kept.turns, row(5, "offline")])
    verdict = late.judged(AGREED)
    assert verdict.offline_turns_late == 1
    assert not verdict.passed
    assert not through().judged(accounts.compare([], BILLED)).passed


def test_a_question_that_was_never_sent_whole_is_found() -> None:
    """The record, the candidate's page, the ledger and the stand-in have to say the same."""
    seen = Witness()
    seen.told = "claude"
    asked_at(seen, 1, 1.0, "claude")
    kept = Kept(ID, [row(1, "claude")], "pending_review", "model_refused")
    paid = line("r1", 1, turn=1, ask=1)
    sent = Billed("r1", "k", MODELS[0], "completed", "", {}, 1, model_stream.digest_of("¿1?"))

    def wrong(lines: list[Line], calls: list[Billed], shown: str = "¿1?") -> int:
        seen.completed[1] = shown
        return faulted.truncated([seen], [kept], lines, calls)

    assert wrong([paid], [sent]) == 0
    assert wrong([paid], [sent._replace(digest="")]) == 1
    assert wrong([paid], [sent._replace(digest=model_stream.digest_of("¿1? Y"))]) == 1
    assert wrong([paid], [sent], shown="¿1") == 1
    assert wrong([msgspec.structs.replace(paid, ask=2)], [sent]) == 1
    assert wrong([], [sent]) == 1


def test_modes_are_the_stand_ins_or_named_as_wrong() -> None:
    """All of them, some of them, and what is none."""
    assert set(faulted.parse_modes("all")) == set(FAULTS)
    assert faulted.parse_modes("cut, 429") == ("cut", "429")
    for text in ("", "fire", "cut,all"):
        with pytest.raises(faulted.WrongModes):
            faulted.parse_modes(text)


def test_a_mode_that_never_happened_does_not_pass() -> None:
    """Zero failed calls prove nothing; nor does the sum of no modes."""
    case = through()

    def verdict(failed_calls: int) -> faulted.Faulted:
        return faulted.judge(
            "cut", [case.book], [case.seen], [case.kept], lines=LINES, calls=SENT, bill=AGREED,
            failed_calls=failed_calls, seconds=1.0,
        )  # fmt: skip

    assert verdict(3).passed, verdict(3)
    assert not verdict(0).passed
    both = chaos_faults.summed([verdict(3), verdict(0)], 2.0)
    assert (both.modes, both.failed, both.sessions, both.failed_calls) == (2, ["cut"], 2, 3)
    assert not both.passed
    assert chaos_faults.summed([verdict(3)], 2.0).passed
    assert not chaos_faults.summed([], 2.0).passed


LINES = [line(f"r{turn}", 1, turn=turn, ask=1) for turn in (1, 4)]
SENT = [
    Billed(f"r{turn}", "k", MODELS[0], "completed", "", {}, 1, model_stream.digest_of(f"¿{turn}?"))
    for turn in (1, 4)
]
