"""Whatever the model does, an interview ends, with a report or a named pending review."""

import asyncio
import contextlib
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest

from interview import scoring
from interview.interviewer import Said, choose
from llm.gateway import EvaluationRequest, QuestionDone, QuestionRequest
from llm.offline import render
from loadtest.model import Standin
from loadtest.model_stream import STATUS_FAULTS, STREAM_FAULTS
from loadtest.model_text import QUESTIONS
from protocol import limits
from protocol.faults import KINDS, Fault
from runtime import clock
from storage.ledger import LedgerEntry
from tests.llm.conftest import ANSWER, a_plan
from tests.llm.houses import House

INTERVIEWS = 4
CHANCE = 0.5  # of every call
SEED = 11
WHOLE = {*QUESTIONS["es"], "not JSON at all"}  # that one is garbage as an evaluation only


class Ended(NamedTuple):
    """What an interview left."""

    turns: dict[str, int]  # by engine
    status: str
    reason: str


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silences end soon, and what is tried again is tried soon."""
    monkeypatch.setattr(limits, "MODEL_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(limits, "MODEL_FIRST_PIECE_SECONDS", 2.0)
    monkeypatch.setattr(limits, "MODEL_PIECE_SECONDS", 0.3)
    monkeypatch.setattr(limits, "MODEL_EVALUATION_SECONDS", 3.0)
    monkeypatch.setattr(limits, "BREAKER_SECONDS", 0.2)


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing fails, a busy machine is no failure either."""
    for name in ("MODEL_FIRST_PIECE_SECONDS", "MODEL_PIECE_SECONDS", "MODEL_EVALUATION_SECONDS"):
        monkeypatch.setattr(limits, name, 60.0)


async def asked(house: House, request: QuestionRequest) -> QuestionDone:
    """Ask as a session does: anew after a fault, and by the bank alone after too many."""
    for ask in range(1, 100):
        bank_only = ask > limits.ASKS_PER_TURN_MAX
        request = msgspec.structs.replace(request, ask=ask, bank_only=bank_only)
        shown = ""
        try:
            async with contextlib.aclosing(house.gateway.stream(request)) as events:
                async for event in events:
                    if isinstance(event, QuestionDone):
                        assert event.text == shown
                        return event
                    shown += getattr(event, "text", "")
        except Fault as fault:
            if not shown or not fault.code.startswith("model_"):
                raise
    raise AssertionError("a question that was never asked")


async def interviewed(house: House) -> Ended:
    plan, said, turns = a_plan(), [], {}
    session = clock.new_id()
    while (now := choose(plan, said, seed=SEED, seconds_left=plan.seconds)) is not None:
        done = await asked(
            house,
            QuestionRequest(
                tenant_id=house.tenant, session_id=session, interview_id=UUID(int=3),
                turn=now.turn, ask=1, plan=plan, said=said, directive=now, locale="es-PE",
                seed=SEED, fence=1,
            ),
        )  # fmt: skip
        if done.engine == "claude":
            assert done.text in WHOLE, "a truncated question was taken as whole"
        else:
            assert done.text == render(plan, now, "es-PE")
        turns[done.engine] = turns.get(done.engine, 0) + 1
        said.append(
            Said(
                now.turn, now.competency, now.level, now.kind, done.text, ANSWER,
                now.skill, now.asks,
            )
        )  # fmt: skip
    subject = scoring.Subject(UUID(int=3), "claude", turns)
    request = EvaluationRequest(
        tenant_id=house.tenant, session_id=session, interview_id=UUID(int=3), plan=plan,
        said=said, locale="es-PE", seed=SEED,
    )  # fmt: skip
    try:
        found = await house.gateway.complete(request)
    except Fault as fault:
        report = scoring.pending_report(plan, said, subject, reason=fault.code)
    else:
        assert found.engine == "claude"
        report = scoring.rubric_report(found.claims, plan, said, subject)
    assert report.turns_by_engine == turns
    assert sum(turns.values()) == report.turns_total == len(said)
    return Ended(turns, report.status, report.pending_reason)


def check_books(lines: list[LedgerEntry], standin: Standin) -> None:
    """Compare with what the stand-in counted by itself, call by call and in sum."""
    billed = {call.request_id: call for call in standin.account.calls}
    for line in lines:
        call = billed.get(line.request_id)
        if call is not None and not line.upper_bound:
            assert line.micro_usd == call.micro_usd, (line, call)
        elif call is not None:
            assert line.micro_usd >= call.micro_usd, (line, call)
    exact = sum(line.micro_usd for line in lines if not line.upper_bound)
    known = {line.request_id for line in lines if not line.upper_bound}
    assert exact == sum(call.micro_usd for name, call in billed.items() if name in known)
    assert sum(line.micro_usd for line in lines) >= standin.account.counts()["total"]["micro_usd"]


@pytest.mark.parametrize("fault", ["", *STATUS_FAULTS, *STREAM_FAULTS])
async def test_every_interview_ends_whatever_fails(
    house: House, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every way in which the stand-in fails, at every other call, over whole interviews."""
    if not fault:
        be_patient(monkeypatch)
    else:
        house.standin.options = msgspec.structs.replace(
            house.standin.options, faults={fault: CHANCE}, seed=5
        )
    ended = await asyncio.gather(*(interviewed(house) for _ in range(INTERVIEWS)))
    for one in ended:
        assert one.status in ("ready", "pending_review")
        assert (one.reason in KINDS) == (one.status == "pending_review")
    lines = await house.lines()
    if fault != "long":  # the stand-in writes past max_tokens there, which no provider does
        check_books(lines, house.standin)
    if not fault:
        assert {one.status for one in ended} == {"ready"}
        assert {tuple(one.turns) for one in ended} == {("claude",)}


async def test_an_interview_without_money_is_asked_by_the_bank_and_waits_for_its_review(
    house: House,
) -> None:
    """The reason is named; nothing was scored in its place, and nothing was paid."""
    await house.allow(session=10)
    assert await interviewed(house) == Ended(
        {"offline": whole_turns()}, "pending_review", "model_budget"
    )
    assert await house.lines() == []


async def test_an_interview_that_spends_its_money_still_pays_its_report(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions step down to the bank at their share of the session's limit."""
    be_patient(monkeypatch)
    await house.allow(session=400_000)
    first = await interviewed(house)
    spent = sum(line.micro_usd for line in await house.lines() if line.task == "question")
    assert first.status == "ready"
    evaluation = max(line.micro_usd for line in await house.lines())
    assert spent < evaluation < 400_000


def whole_turns() -> int:
    """How many turns the interview has."""
    plan, said = a_plan(), []
    while (now := choose(plan, said, seed=SEED, seconds_left=plan.seconds)) is not None:
        said.append(
            Said(
                now.turn, now.competency, now.level, now.kind, "¿?", ANSWER, now.skill, now.asks
            )
        )  # fmt: skip
    return len(said)


def test_the_books_would_not_agree_with_a_cent_too_little() -> None:
    """The comparison above can fail."""
    standin = Standin()
    standin.account.book(
        "req_1", "key", {"model": "claude-haiku-5-5"},
        {"input_tokens": 1_000, "output_tokens": 100, "cache_creation_input_tokens": 0,
         "cache_read_input_tokens": 0},
    )  # fmt: skip
    with pytest.raises(AssertionError):
        check_books([], standin)
