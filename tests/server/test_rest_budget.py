"""What a company may spend: seen and set by its operators, and in force at once."""

from typing import Any

import pytest

from runtime import clock
from storage import alerts, keys
from storage.budgets import Policy, set_policy
from storage.ledger import insert
from tests.server.conftest import Door
from tests.storage.test_ledger import entry

URL = "/api/v1/fleet/budget"
LIMITS = {
    "session_limit_micro_usd": 1_000,
    "day_limit_micro_usd": 20_000,
    "month_limit_micro_usd": 300_000,
}


async def test_an_operator_sees_limits_spend_and_alerts(door: Door) -> None:
    """The settings' limits until the company has its own; of this day and month."""
    async with door.house.db.tenant(door.tenant.id) as c:
        await insert(c, [entry(door.tenant.id, micro_usd=70), entry(door.tenant.id, micro_usd=30)])
        await alerts.note(
            c, door.tenant.id, account="day", period=clock.today().isoformat(), percent=50,
            used=100, limit=200, send=False,
        )  # fmt: skip
    found = (await door.operator.get(URL)).json()
    assert found["own"] is False
    assert found["day_limit_micro_usd"] == door.house.settings.model_day_micro_usd
    assert (found["day_spent_micro_usd"], found["month_spent_micro_usd"]) == (100, 100)
    assert [one["percent"] for one in found["alerts"]] == [50]
    other = (await door.stranger.get(URL)).json()
    assert (other["day_spent_micro_usd"], other["alerts"]) == (0, [])


async def test_a_limit_is_set_in_redis_at_once_and_given_back(door: Door) -> None:
    """Accounts that are there take it up; who did it is in the audit log."""
    redis: Any = door.house.redis
    day, month = (keys.account(door.tenant.id, name) for name in keys.account_names(None)[1:])
    await redis.hset(day, mapping={"used": 19_000, "told": 100})
    await redis.hset(month, mapping={"used": 19_000, "day_limit": 10, "month_limit": 0})
    answer = await door.operator.put(URL, json=LIMITS)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in LIMITS} == LIMITS
    assert answer.json()["own"] is True
    assert await redis.hmget(month, "session_limit", "day_limit", "month_limit") == [
        b"1000", b"20000", b"300000",
    ]  # fmt: skip
    assert await redis.hget(day, "told") == b"80"  # 95 % of the new limit
    back = await door.operator.delete(URL)
    assert (back.status_code, back.json()["own"]) == (200, False)
    usual = str(door.house.settings.model_day_micro_usd).encode()
    assert await redis.hget(month, "day_limit") == usual
    async with door.house.db.tenant(door.tenant.id) as c:
        rows = await c.fetch("SELECT detail FROM audit_log WHERE action = 'budget.changed'")
    assert len(rows) == 2
    assert {"session": 1000, "day": 20000, "month": 300000} in [
        row["detail"]["after"] for row in rows
    ]


async def test_a_company_gives_itself_no_more_than_the_installation_does(door: Door) -> None:
    """Nor no limit at all; what it was given on the command line it may keep."""
    usual = door.house.settings.model_day_micro_usd
    for wrong in (usual + 1, 0):
        answer = await door.operator.put(URL, json={**LIMITS, "day_limit_micro_usd": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
        assert (await door.operator.get(URL)).json()["own"] is False
    async with door.house.db.tenant(door.tenant.id) as c:
        await set_policy(c, door.tenant.id, Policy(session=1_000, day=2 * usual, month=0))
    given = {**LIMITS, "day_limit_micro_usd": 2 * usual, "month_limit_micro_usd": 0}
    assert (await door.operator.put(URL, json=given)).status_code == 200
    more = {**given, "day_limit_micro_usd": 2 * usual + 1}
    assert (await door.operator.put(URL, json=more)).status_code == 400


async def test_nobody_else_sets_one(door: Door) -> None:
    """A recruiter sees and sets nothing; an operator of another company has their own."""
    assert (await door.recruiter.get(URL)).status_code == 403
    assert (await door.recruiter.put(URL, json=LIMITS)).status_code == 403
    assert (await door.recruiter.delete(URL)).status_code == 403
    await door.stranger.put(URL, json=LIMITS)
    assert (await door.operator.get(URL)).json()["own"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {**LIMITS, "day_limit_micro_usd": -1},
        {**LIMITS, "day_limit_micro_usd": 10**16},
        {**LIMITS, "day_limit_micro_usd": 1.5},
        {**LIMITS, "year_limit_micro_usd": 1},
        {"day_limit_micro_usd": 1},
    ],
)
async def test_what_is_no_limit_is_refused(door: Door, wrong: dict[str, Any]) -> None:
    """And nothing has changed."""
    answer = await door.operator.put(URL, json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert (await door.operator.get(URL)).json()["own"] is False
