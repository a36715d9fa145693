"""Whole interviews over the wire with a model: each call is paid for, and all of them end."""

import msgspec
import pytest

from client.session import Admitted, Interview
from loadtest.model import Standin
from loadtest.model_serve import serving
from loadtest.model_stream import Options
from protocol import limits, messages
from storage import interviews
from storage.budgets import Policy, set_policy
from tests.server.live_house import live_house, make_interview

ANSWER = "En mi trabajo anterior implementé un tablero con SQL y reducimos el tiempo a la mitad."


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """What is tried again is tried soon, and a tier left alone is soon tried again."""
    monkeypatch.setattr(limits, "MODEL_BACKOFF_SECONDS", 0.02)
    monkeypatch.setattr(limits, "BREAKER_SECONDS", 0.01)
    monkeypatch.setattr(limits, "BREAKER_SECONDS_MAX", 0.01)


async def interviewed(house, made, before=lambda _turn: None):
    """Answer everything; return the frames and what `engine.changed` said before which turn."""

    async def fetch():
        return Admitted(house.ticket(made), house.url)

    interview, changes, turn = Interview(fetch), [], 1
    before(turn)
    async for frame in interview.frames():
        if isinstance(frame, messages.EngineChanged):
            changes.append((turn, frame.engine, frame.reason))
        elif isinstance(frame, messages.QuestionCompleted):
            turn = frame.turn + 1
            before(turn)
            await interview.answer(frame.turn, ANSWER)
        elif isinstance(frame, messages.SessionFinished):
            break
    await interview.close()
    return changes


async def turns_of(db, made):
    async with db.tenant(made.tenant_id) as c:
        return await interviews.turns(c, made.id)


async def lines_of(db, made):
    async with db.tenant(made.tenant_id) as c:
        return await c.fetch("SELECT * FROM model_ledger ORDER BY id")


def claude(settings, url):
    return msgspec.structs.replace(
        settings, engine="claude", anthropic_api_key="sk-test", anthropic_base_url=url
    )


async def test_an_interview_is_asked_by_the_model_and_each_call_is_a_line(settings, db, tenant):
    """One line a turn, under its ask, equal to the stand-in's count."""
    made = await make_interview(db, tenant)
    standin = Standin(Options(piece_seconds=0.0))
    async with serving(standin) as url, live_house(claude(settings, url)) as house:
        assert await interviewed(house, made) == []
    turns, lines = await turns_of(db, made), await lines_of(db, made)
    assert {turn.engine for turn in turns} == {"claude"}
    assert [(line["turn"], line["ask"], line["outcome"]) for line in lines] == [
        (turn.turn, 1, "ok") for turn in turns
    ]
    told = standin.account.counts()["total"]
    assert sum(line["micro_usd"] for line in lines) == told["micro_usd"]


async def test_a_model_that_goes_away_and_comes_back_cuts_no_interview(settings, db, tenant):
    """The bank asks meanwhile; the candidate is told of both, and the turns say who asked."""
    made = await make_interview(db, tenant)
    standin = Standin(Options(piece_seconds=0.0))

    def outage(turn):
        fault = "529" if turn in (3, 4, 5) else ""
        standin.options = msgspec.structs.replace(standin.options, fault=fault)

    async with serving(standin) as url, live_house(claude(settings, url)) as house:
        changes = await interviewed(house, made, outage)
    assert changes[0] == (3, "offline", "model_unavailable")
    engines = {turn.turn: turn.engine for turn in await turns_of(db, made)}
    assert {engines[turn] for turn in (3, 4, 5)} == {"offline"}
    assert engines[1] == engines[2] == "claude"
    assert engines[max(engines)] == "claude"
    assert changes[-1][1:] == ("claude", "recovered")


async def test_a_budget_that_ends_in_the_middle_ends_no_interview(settings, db, tenant):
    """The candidate is told why the bank asks; what was spent is within the limit."""
    made = await make_interview(db, tenant)
    async with db.tenant(tenant.id) as c:
        await set_policy(c, tenant.id, Policy(session=0, day=1_500, month=0))
    standin = Standin(Options(piece_seconds=0.0))
    async with serving(standin) as url, live_house(claude(settings, url)) as house:
        changes = await interviewed(house, made)
    turns, lines = await turns_of(db, made), await lines_of(db, made)
    assert {turn.engine for turn in turns} == {"claude", "offline"}
    assert ("offline", "model_budget") in {change[1:] for change in changes}
    assert 0 < sum(line["micro_usd"] for line in lines) <= 1_500
