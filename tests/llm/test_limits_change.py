"""Limits that change take effect while accounts live, and each threshold is told once."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from llm.alerts import Alert, AlertDesk
from llm.budget import Money
from llm.gateway import JobRequest
from llm.policies import Policies
from protocol import limits
from protocol.faults import Fault
from storage import alerts
from storage.buckets import Buckets
from storage.budgets import Policy, crossed, drop_policy, set_policy
from tests.llm.houses import House
from tests.llm.test_work import pointing

HALF = 20_000  # micro-dollars: far more than one such call can cost


def job(house: House, number: int = 0) -> JobRequest:
    """Work that costs a little; another number is another answer."""
    return msgspec.structs.replace(pointing(), tenant_id=house.tenant, program=f"{number}")


async def put(house: House, policy: Policy | None) -> None:
    """Change the limits in PostgreSQL only, as somebody by hand."""
    async with house.db.tenant(house.tenant) as c:
        if policy is None:
            await drop_policy(c, house.tenant)
        else:
            await set_policy(c, house.tenant, policy)


def policies(house: House) -> Policies:
    found = house.money._policies
    assert found is not None
    return found


def shared(house: House) -> Buckets:
    found = house.money._shared
    assert found is not None
    return found


async def limit(house: House, which: str = "day") -> int:
    [key] = [key async for key in house.redis.scan_iter(f"*account:{house.tenant}:month:*")]
    return int(await house.redis.hget(key, f"{which}_limit"))


async def told(house: House, which: str = "day") -> int:
    [key] = [key async for key in house.redis.scan_iter(f"*account:{house.tenant}:{which}:*")]
    return int(await house.redis.hget(key, "told") or 0)


async def test_a_limit_that_was_changed_by_hand_is_taken_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lowered, raised and given back, without an account made anew: the next look finds it."""
    monkeypatch.setattr(limits, "POLICY_SECONDS", 0.0)
    await house.gateway.complete(job(house))
    await house.lines()
    used = await house.used("day")
    await put(house, Policy(0, 1, 0))
    await policies(house).look(shared(house), house.tenant)
    with pytest.raises(Fault) as raised:
        await house.gateway.complete(job(house, 1))
    assert raised.value.code == "model_budget"
    await put(house, Policy(0, 10**9, 0))
    await policies(house).look(shared(house), house.tenant)
    house.money._spent.clear()  # as two seconds later
    await house.gateway.complete(job(house, 2))
    await house.lines()
    assert await house.used("day") > used > 0
    await put(house, None)
    await policies(house).look(shared(house), house.tenant)
    assert await limit(house) == house.settings.model_day_micro_usd


async def test_a_call_begins_the_look_and_nobody_waits_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in a while for each company, by whichever process."""
    looked: list[UUID] = []

    async def look(self: Policies, shared: Buckets, tenant_id: UUID) -> None:
        looked.append(tenant_id)

    monkeypatch.setattr(Policies, "look", look)
    for number in range(3):
        await house.gateway.complete(job(house, number))
    await asyncio.sleep(0)
    assert looked == [house.tenant]


async def test_what_was_read_earlier_never_overwrites_what_was_read_later(house: House) -> None:
    """Two processes look in any order; a stamp of PostgreSQL's clock decides."""
    await house.gateway.complete(job(house))
    await house.lines()
    budgets = policies(house)._budgets
    old = await budgets.limits(house.tenant)
    await put(house, Policy(1, 2, 3))
    new = await budgets.limits(house.tenant)
    assert new.own
    assert not old.own
    assert new.at > old.at
    assert await shared(house).limit(house.tenant, (1, 2, 3), new.at)
    top = old.policy
    stale = (top.session, top.day, top.month)
    assert not await shared(house).limit(house.tenant, stale, old.at)
    assert await limit(house) == 2
    assert not await shared(house).limit(house.tenant, (1, 2, 3), new.at + 1)  # nothing new


async def test_where_there_is_no_account_there_is_nothing_to_tell(house: House) -> None:
    """It is made with the limits of that moment; a store that is away is no failure."""
    assert not await shared(house).limit(house.tenant, (1, 2, 3), 10**18)
    with house.redis_away():
        await policies(house).look(shared(house), house.tenant)
    assert [key async for key in house.redis.scan_iter("*account*")] == []


async def test_a_higher_limit_arms_the_thresholds_that_it_leaves_again(house: House) -> None:
    """What is passed under the new limit as well is not told twice."""
    await house.gateway.complete(job(house))
    await house.lines()
    used = await house.used("day")
    at = 10**18
    for top, wanted in ((used, 100), (used * 2, 50), (used * 10, 0), (used, 0)):
        if top == used and wanted == 100:
            [key] = [k async for k in house.redis.scan_iter(f"*account:{house.tenant}:day:*")]
            await house.redis.hset(key, "told", 100)
        at += 1
        await shared(house).limit(house.tenant, (0, top, 0), at)
        assert await told(house) == wanted


@pytest.mark.parametrize(
    ("before", "after", "top", "percent"),
    [
        (0, 49, 100, 0), (49, 50, 100, 50), (0, 80, 100, 80), (80, 99, 100, 0),
        (50, 100, 100, 100), (100, 120, 100, 0), (0, 10, 0, 0),
    ],
)  # fmt: skip
def test_a_threshold_is_crossed_by_the_call_that_passes_it(
    before: int, after: int, top: int, percent: int
) -> None:
    """Without Redis PostgreSQL's account says so; without a limit there is none."""
    assert crossed(before, after, top) == percent


async def test_thresholds_are_told_without_redis_as_well(house: House) -> None:
    """By the account in PostgreSQL."""
    await house.gateway.complete(job(house))
    await house.lines()
    await house.allow(day=HALF * 2)
    async with house.db.tenant(house.tenant) as c:
        await c.execute("UPDATE model_ledger SET micro_usd = $1", HALF - 1)
    with house.redis_away():
        house.money._away_until = 0.0
        house.money._processes = 1  # the whole limit: nobody has to wait for a place
        await house.gateway.complete(job(house, 1))
        await house.lines()
    assert [(one.account, one.percent) for one in house.alerts] == [("day", 50)]


# The desk ----------------------------------------------------------------------------------------


def alert(house: House, percent: int = 80, **changes: Any) -> Alert:
    given = {"session_id": None, "account": "day", "used": 8, "limit": 10, **changes}
    return Alert(house.tenant, percent=percent, **given)


async def kept(house: House) -> list[alerts.BudgetAlert]:
    async with house.db.tenant(house.tenant) as c:
        return await alerts.latest(c)


async def jobs_waiting(house: House) -> int:
    async with house.db.tenant(house.tenant) as c:
        found = await c.fetch("SELECT envelope FROM outbox")
    return sum('"alert"' in row["envelope"] for row in found)


async def test_a_threshold_is_kept_once_however_many_processes_see_it(house: House) -> None:
    """Eight desks at once; another period or another limit is another one."""
    desks = [AlertDesk(house.db, send=True) for _ in range(8)]
    for desk in desks:
        desk.tell(alert(house))
    for desk in desks:
        await desk.close()
    assert (len(await kept(house)), await jobs_waiting(house)) == (1, 1)
    last = AlertDesk(house.db, send=True)
    last.tell(alert(house, limit=20))
    last.tell(alert(house, account="session", session_id=uuid4()))
    last.tell(alert(house, account="month"))
    await last.close()
    assert await jobs_waiting(house) == 4


async def test_without_a_receiver_it_is_kept_and_not_handed_over(house: House) -> None:
    """The operator's page shows it."""
    desk = AlertDesk(house.db, send=False)
    desk.tell(alert(house))
    await desk.close()
    assert (len(await kept(house)), await jobs_waiting(house)) == (1, 0)


async def test_while_postgresql_is_away_alerts_wait_up_to_a_bound(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot wait is said in the log; what waited is kept when it is back."""
    monkeypatch.setattr(limits, "ALERTS_WAITING_MAX", 2)
    monkeypatch.setattr("llm.alerts.PAUSES", (0.01,))
    real, away = alerts.note, True

    async def note(*args: Any, **named: Any) -> bool:
        if away:
            raise Fault("unavailable")
        return await real(*args, **named)

    monkeypatch.setattr(alerts, "note", note)
    desk = AlertDesk(house.db, send=True)
    for percent in (50, 80, 100):
        desk.tell(alert(house, percent))
    await asyncio.sleep(0.05)
    away = False
    await desk.close()
    assert sorted(one.percent for one in await kept(house)) == [50, 80]
    assert [record.getMessage() for record in caplog.records].count("alert_lost") == 1


async def test_a_call_that_crosses_is_on_the_desk_with_its_period(house: House) -> None:
    """The road's own alert, from the script in Redis to the row in PostgreSQL."""
    await house.gateway.complete(job(house))
    await house.lines()
    desk = AlertDesk(house.db, send=True)
    assert isinstance(house.money, Money)
    house.money._on_alert = desk.tell
    await put(house, Policy(0, HALF * 2, 0))
    await policies(house).look(shared(house), house.tenant)
    [key] = [k async for k in house.redis.scan_iter(f"*account:{house.tenant}:day:*")]
    await house.redis.hset(key, "used", HALF - 1)
    await house.gateway.complete(job(house, 1))
    await house.lines()
    await desk.close()
    [one] = await kept(house)
    assert (one.account, one.percent) == ("day", 50)
    assert key.decode().endswith(one.period)
    assert await jobs_waiting(house) == 1
