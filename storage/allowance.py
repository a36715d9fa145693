"""What an operator sees of a company's money, and how a new limit reaches the accounts in Redis."""

from typing import Final
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from protocol.faults import Fault
from storage import alerts, budgets
from storage.alerts import BudgetAlert
from storage.buckets import accounts
from storage.budgets import Limits, Policy
from storage.redis_writer import script
from storage.transaction import Connection

MICRO_USD_MAX: Final = 10**15


class Allowance(msgspec.Struct, frozen=True):
    """A company's limits (0 = none) and what the ledger says it spent, in micro-dollars.

    `own` unless the limits are the settings' for everybody; days and months are UTC.
    """

    own: bool
    session_limit_micro_usd: int
    day_limit_micro_usd: int
    month_limit_micro_usd: int
    day_spent_micro_usd: int
    month_spent_micro_usd: int
    alerts: list[BudgetAlert]


async def look(c: Connection, tenant_id: UUID, default: Policy) -> Allowance:
    """Return a company's money as PostgreSQL has it."""
    found = await budgets.limits_of(c, tenant_id, default)
    day, month = await budgets.spent(c, tenant_id)
    top = found.policy
    return Allowance(
        own=found.own,
        session_limit_micro_usd=top.session,
        day_limit_micro_usd=top.day,
        month_limit_micro_usd=top.month,
        day_spent_micro_usd=day,
        month_spent_micro_usd=month,
        alerts=await alerts.latest(c),
    )


async def change(c: Connection, tenant_id: UUID, to: Policy | None, default: Policy) -> Limits:
    """Set a company's own limits, or (None) the settings' again; return those before."""
    before = await budgets.limits_of(c, tenant_id, default)
    if to is None:
        await budgets.drop_policy(c, tenant_id)
    else:
        await budgets.set_policy(c, tenant_id, to)
    return before


def check_ceiling(to: Policy, before: Policy, default: Policy) -> None:
    """Fault `invalid_input` for a limit above the installation's, and above what there was.

    More than that is the installation's to give (`entrevistador fleet budget`): it pays.
    """
    for name, asked, had, usual in zip(
        ("session", "day", "month"), *((p.session, p.day, p.month) for p in (to, before, default)),
        strict=True,
    ):  # fmt: skip
        top = 0 if 0 in (had, usual) else max(had, usual)  # 0 = none
        if top and not 0 < asked <= top:
            raise Fault("invalid_input", f"the limit of a {name} may be {top} at most")


async def tell(redis: Redis, tenant_id: UUID, now: Limits) -> bool:
    """Tell Redis of limits that were read after the commit; False when it is away.

    Then every process that calls finds them within limits.POLICY_SECONDS of its return.
    """
    top = now.policy
    try:
        await redis.register_script(script("limits"))(
            keys=accounts(tenant_id, None)[1:], args=[top.session, top.day, top.month, now.at]
        )
    except (RedisError, OSError):
        return False
    return True


def policy(session: int, day: int, month: int) -> Policy:
    """Return limits that make sense; Fault `invalid_input` otherwise."""
    if min(session, day, month) < 0 or max(session, day, month) > MICRO_USD_MAX:
        raise Fault("invalid_input", f"limits are 0 (none) to {MICRO_USD_MAX} micro-dollars")
    return Policy(session, day, month)
