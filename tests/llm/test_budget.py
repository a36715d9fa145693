"""Money on the road to the model: reserved before, settled after, whichever store is there."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from llm import tiers
from llm.gateway import (
    EngineChanged,
    EvaluationRequest,
    Gateway,
    QuestionDone,
    QuestionRequest,
    open_gateway,
)
from protocol import limits
from protocol.faults import Fault
from runtime import clock
from runtime.logs import Log
from storage import keys
from storage.connect import open_redis
from storage.ledger import LedgerStore, insert
from storage.redis_writer import RedisWriter
from tests.llm.houses import House
from tests.storage.test_ledger import entry

Ask = Callable[..., QuestionRequest]
Finished = Callable[..., EvaluationRequest]


async def heard(gateway: Gateway, request: QuestionRequest) -> list[Any]:
    async with contextlib.aclosing(gateway.stream(request)) as events:
        return [event async for event in events]


def ours(house: House, ask: Ask, **changes: Any) -> QuestionRequest:
    fields = {"tenant_id": house.tenant, "session_id": clock.new_id(), **changes}
    return ask(**fields)


async def bound_of(house: House, request: Any) -> int:
    """The most that a call can cost: what its engine says before it sends anything."""
    model = house.gateway._model
    assert model is not None
    parts = (
        model.question(request) if isinstance(request, QuestionRequest) else model.claims(request)
    )
    bound = await anext(parts)
    await parts.aclose()
    tier, _ = tiers.load().for_task(
        "question" if isinstance(request, QuestionRequest) else "evaluation", bound.tier
    )
    return tier.cost(bound)


# What a call costs ------------------------------------------------------------------------------


async def test_accounts_say_what_the_ledger_says(
    house: House, ask: Ask, finished: Finished, answer: str
) -> None:
    """After questions and an evaluation: Redis, PostgreSQL and the stand-in agree to the token."""
    session = clock.new_id()
    for turns in range(4):
        await heard(house.gateway, ours(house, ask, session_id=session, answers=[answer] * turns))
    done = msgspec.structs.replace(finished([answer]), tenant_id=house.tenant, session_id=session)
    await house.gateway.complete(done)
    lines = await house.lines()
    assert [line.outcome for line in lines] == ["ok"] * 5
    total = sum(line.micro_usd for line in lines)
    assert await house.used("session", session) == await house.used() == total
    assert await house.used("month") == total
    told = house.standin.tokens
    assert sum(line.tokens_in for line in lines) == told["input_tokens"]
    assert sum(line.tokens_out for line in lines) == told["output_tokens"]
    assert sum(line.tokens_cache_write for line in lines) == told["cache_creation_input_tokens"]
    assert sum(line.tokens_cache_read for line in lines) == told["cache_read_input_tokens"]
    assert await house.redis.hlen(keys.holds()) == 0
    first = lines[0]
    assert (first.turn, first.ask, first.urgency, first.tier) == (1, 1, "live", "fast")


async def test_a_first_question_asks_postgresql_for_nothing(
    house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the company's day is known, a new session reserves in Redis alone."""
    await heard(house.gateway, ours(house, ask))
    await house.lines()
    asked: list[str] = []

    async def known(*_: Any) -> Any:
        asked.append("ledger")

    monkeypatch.setattr(house.money._budgets, "known", known)
    events = await heard(house.gateway, ours(house, ask))
    assert (events[-1].engine, asked) == ("claude", [])


@pytest.mark.parametrize("fault", ["cut", "reset", "mid_error", "stall", "slow"])
async def test_a_cut_call_is_never_booked_below_what_it_used(
    house: House, ask: Ask, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bound is in the ledger and in the accounts, flagged."""
    monkeypatch.setattr(limits, "MODEL_FIRST_PIECE_SECONDS", 1.0)
    monkeypatch.setattr(limits, "MODEL_PIECE_SECONDS", 0.3)
    house.standin.fail_next(fault)
    with contextlib.suppress(Fault):
        await heard(house.gateway, ours(house, ask))
    lines = await house.lines()
    assert lines[0].upper_bound
    used = sum(line.tokens_in + line.tokens_cache_write + line.tokens_cache_read for line in lines)
    told = house.standin.tokens
    assert used >= told["input_tokens"] + told["cache_creation_input_tokens"]
    assert sum(line.tokens_out for line in lines) >= told["output_tokens"]
    assert await house.used() == sum(line.micro_usd for line in lines)


# Limits -----------------------------------------------------------------------------------------


async def test_a_budget_for_ten_admits_ten_of_two_hundred(
    house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once, over two gateways: ten are asked by the model, all others by the bank."""
    monkeypatch.setattr(limits, "MODEL_FIRST_PIECE_SECONDS", 120.0)
    monkeypatch.setitem(limits.LINE_SECONDS, "live", 60.0)
    house.standin.change({"slow_seconds": 120.0})
    requests = [ours(house, ask) for _ in range(200)]
    bound = await bound_of(house, requests[0])
    await house.allow(day=10 * bound)
    house.standin.fail_next(*["slow"] * 200)
    one = open_redis(house.settings.redis_url, connections=1)
    writer = RedisWriter(one)
    other = open_gateway(house.settings, LedgerStore(house.db), db=house.db, writer=writer)
    tasks = [
        asyncio.ensure_future(heard((house.gateway, other)[n % 2], request))
        for n, request in enumerate(requests)
    ]
    try:
        async with asyncio.timeout(60):
            while sum(task.done() for task in tasks) < 190:
                await asyncio.sleep(0.02)
        asked = [task.result() for task in tasks if task.done()]
        assert house.standin.requests == 10
        assert all(events[0] == EngineChanged("offline", "model_budget") for events in asked)
        assert all(isinstance(events[-1], QuestionDone) for events in asked)
        assert await house.used() == 10 * bound
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await other.close()
        await writer.close()
        await one.aclose()


async def test_an_evaluation_that_cannot_be_paid_is_a_fault_with_its_name(
    house: House, finished: Finished, answer: str
) -> None:
    """No cheaper tier and no bank scores in its place."""
    await house.allow(day=1_000)
    with pytest.raises(Fault) as raised:
        await house.gateway.complete(
            msgspec.structs.replace(finished([answer]), tenant_id=house.tenant)
        )
    assert raised.value.code == "model_budget"
    assert (house.standin.requests, await house.lines()) == (0, [])


async def test_a_question_steps_down_to_the_tier_that_can_be_paid(house: House, ask: Ask) -> None:
    """Too dear for the powerful, not for the fast: the candidate is told of nothing."""
    request = ours(house, ask, tier="powerful")
    fast = await bound_of(house, msgspec.structs.replace(request, tier="fast"))
    await house.allow(day=2 * fast)
    events = await heard(house.gateway, request)
    assert events[-1].engine == "claude"
    assert [line.tier for line in await house.lines()] == ["fast"]


async def test_thresholds_are_told_once(house: House, ask: Ask) -> None:
    """50, 80 and 100 percent, to whoever listens, with the account's numbers."""
    request = ours(house, ask)
    bound = await bound_of(house, request)
    await house.allow(day=8 * bound)
    refused = 0
    while refused < 3:
        events = await heard(house.gateway, ours(house, ask))
        refused += events[-1].engine == "offline"
        await house.lines()
    assert [(one.account, one.percent) for one in house.alerts] == [
        ("day", 50), ("day", 80), ("day", 100),
    ]  # fmt: skip
    assert all(one.limit == 8 * bound for one in house.alerts)


async def test_what_is_known_to_be_spent_is_not_asked_again(
    house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peek: for a moment the answer is remembered, and nobody stands in line for it."""
    monkeypatch.setattr("llm.budget.SPENT_SECONDS", 60.0)
    await house.allow(day=10)
    await heard(house.gateway, ours(house, ask))
    await house.lines()
    before = (await house.redis.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    events = await heard(house.gateway, ours(house, ask))
    await house.lines()
    after = (await house.redis.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    assert events[0] == EngineChanged("offline", "model_budget")
    assert after == before


# Losing stores ----------------------------------------------------------------------------------


async def test_an_emptied_redis_is_filled_from_the_ledger(
    house: House, ask: Ask, answer: str
) -> None:
    """What was spent before still counts; nothing is read as zero."""
    session = clock.new_id()
    await heard(house.gateway, ours(house, ask, session_id=session))
    [first] = await house.lines()
    old = entry(house.tenant, micro_usd=5_000, session_id=str(session))
    async with house.db.tenant(house.tenant) as c:
        await insert(c, [old])
        await c.execute("UPDATE model_ledger SET created_at = now() - interval '70 days' "
                        "WHERE id = $1", old.id)  # fmt: skip
    await house.redis.flushdb()
    await heard(house.gateway, ours(house, ask, session_id=session, answers=[answer]))
    spent = sum(line.micro_usd for line in await house.lines())
    assert await house.used("session", session) == spent
    assert await house.used("month") == spent - 5_000
    assert first.micro_usd < spent


async def test_a_call_under_way_when_redis_is_emptied_is_counted_once(
    house: House, ask: Ask
) -> None:
    """It is open in PostgreSQL: counted at a bound, then at what it cost."""
    request = ours(house, ask)
    async with house.db.tenant(house.tenant) as c:
        await c.execute(
            "INSERT INTO asks (session_id, turn, ask, tenant_id, fence, directive) "
            "VALUES ($1, 1, 1, $2, 0, '{}')",
            request.session_id,
            house.tenant,
        )
    house.standin.fail_next("stall")
    async with contextlib.aclosing(house.gateway.stream(request)) as events:
        await anext(events)
        await house.redis.flushdb()
        await heard(house.gateway, ours(house, ask))  # another session makes the accounts
        lines = await house.lines()
        assert await house.used() > sum(line.micro_usd for line in lines)
    lines = await house.lines()
    assert len(lines) == 2
    assert await house.used() == sum(line.micro_usd for line in lines)


async def test_without_redis_postgresql_keeps_the_accounts(
    house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conditional UPDATE admits what fits and no more; Redis learns of it when it is back."""
    monkeypatch.setattr(limits, "MODEL_FIRST_PIECE_SECONDS", 20.0)
    requests = [ours(house, ask) for _ in range(8)]
    bound = await bound_of(house, requests[0])
    await house.allow(day=3 * bound)
    house.standin.fail_next(*["slow"] * 3)
    with house.redis_away():
        tasks = [asyncio.ensure_future(heard(house.gateway, request)) for request in requests]
        async with asyncio.timeout(30):
            while sum(task.done() for task in tasks) < 5 or house.standin.requests < 3:
                await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [one for one in found if isinstance(one, list)]
        assert {one[0] for one in refused} == {EngineChanged("offline", "model_budget")}
        assert (len(refused), house.standin.requests) == (5, 3)
        lines = await house.lines()
        async with house.db.tenant(house.tenant) as c:
            kept = await c.fetchval("SELECT used FROM model_accounts WHERE account LIKE 'day:%'")
    spent = sum(line.micro_usd for line in lines)
    assert (len(lines), kept) == (3, spent)
    await house.allow(day=0)
    house.money._spent.clear()
    await heard(house.gateway, ours(house, ask))
    lines = await house.lines()
    assert await house.used() == sum(line.micro_usd for line in lines) > spent


async def test_without_any_store_nothing_is_paid(house: House, ask: Ask) -> None:
    """Nobody can say what may be spent: the bank asks."""
    with house.redis_away():
        assert house.money._budgets is not None
        await house.money._budgets._db.close()
        events = await heard(house.gateway, ours(house, ask))
    assert events[0] == EngineChanged("offline", "model_unavailable")
    assert events[-1].engine == "offline"
    assert house.standin.requests == 0


async def test_a_ledger_that_is_away_is_not_read_as_empty(
    house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts that Redis does not know can't be made: no money is given, and nothing crashed."""
    crashes: list[str] = []
    monkeypatch.setattr(Log, "crash", lambda _, event, **fields: crashes.append(event))
    assert house.money._budgets is not None
    await house.money._budgets._db.close()
    events = await heard(house.gateway, ours(house, ask))
    assert events[0] == EngineChanged("offline", "model_unavailable")
    assert house.standin.requests == 0
    assert crashes == []


async def test_what_a_dead_process_reserved_is_booked_at_its_bound(
    house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody told how the call ended: it may have been paid."""
    monkeypatch.setattr(limits, "HOLD_SECONDS", 0.0)
    request = ours(house, ask)
    house.standin.fail_next("stall")
    events = house.gateway.stream(request)
    await anext(events)
    assert house.money._shared is not None
    await house.money.reap(house.money._shared)
    [line] = await house.lines()
    assert (line.outcome, line.upper_bound, line.session_id) == ("lost", True, request.session_id)
    assert line.micro_usd == await house.used() == await bound_of(house, request)
    await events.aclose()  # it was alive after all
    [line] = await house.lines()
    assert line.outcome == "cancelled"


async def test_many_sessions_come_back_to_redis_at_once(house: House, ask: Ask) -> None:
    """Accounts are dropped once and made once, however many call meanwhile; none is lost again."""
    requests = [ours(house, ask) for _ in range(60)]
    for request in requests:
        house.money._behind.setdefault(house.tenant, set()).add(request.session_id)
    found = await asyncio.gather(*(heard(house.gateway, request) for request in requests))
    assert {events[-1].engine for events in found} == {"claude"}
    lines = await house.lines()
    assert await house.used() == sum(line.micro_usd for line in lines)
    assert len(lines) == 60
