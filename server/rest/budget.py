"""What a company may spend on models, for its operators: look, set, and give back."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import delete, get, put
from litestar.params import JSONBody

from server import problems
from server.auth import Person
from server.house import House, house_of
from server.rest.guards import PersonRequest
from storage import allowance, audit, budgets
from storage.allowance import Allowance
from storage.budgets import Policy


class BudgetLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a company may spend on models, in micro-dollars; 0 = no limit."""

    session_limit_micro_usd: int
    day_limit_micro_usd: int
    month_limit_micro_usd: int


def default(house: House) -> Policy:
    """Return the limits of companies without their own."""
    settings = house.settings
    return Policy(
        settings.model_session_micro_usd,
        settings.model_day_micro_usd,
        settings.model_month_micro_usd,
    )


@get(
    "/fleet/budget",
    summary="What the company may spend on models, and has spent",
    responses=problems.responses("unauthorized", "forbidden"),
)
async def budget(request: PersonRequest) -> Allowance:
    """Return limits, the ledger's sums of this day and month (UTC), and the latest alerts."""
    house, person = house_of(request), request.user
    async with house.db.tenant(person.tenant_id) as c:
        return await allowance.look(c, person.tenant_id, default(house))


@put(
    "/fleet/budget",
    summary="Give the company limits of its own",
    responses=problems.responses("unauthorized", "forbidden"),
)
async def set_budget(request: PersonRequest, data: JSONBody[BudgetLimits]) -> Allowance:
    """Set all three limits; calls that begin from now on go by them.

    Up to the installation's own, or to what the installation has given this company.
    """
    to = allowance.policy(
        data.session_limit_micro_usd, data.day_limit_micro_usd, data.month_limit_micro_usd
    )
    return await _change(house_of(request), request.user, to)


@delete(
    "/fleet/budget",
    summary="Give the company the installation's limits again",
    status_code=200,
    responses=problems.responses("unauthorized", "forbidden"),
)
async def drop_budget(request: PersonRequest) -> Allowance:
    """Forget the company's own limits; doing it twice changes nothing."""
    return await _change(house_of(request), request.user, None)


async def _change(house: House, person: Person, to: Policy | None) -> Allowance:
    tenant_id: UUID = person.tenant_id
    async with house.db.tenant(tenant_id) as c:
        before = await allowance.change(c, tenant_id, to, default(house))
        if to is not None:
            allowance.check_ceiling(to, before.policy, default(house))
        await audit.note(
            c, tenant_id, f"user:{person.id}", "budget.changed", "tenant", tenant_id,
            {"before": before.policy if before.own else None, "after": to},
        )  # fmt: skip
    async with house.db.tenant(tenant_id) as c:  # after the commit: its stamp comes later
        now = await budgets.limits_of(c, tenant_id, default(house))
        found = await allowance.look(c, tenant_id, default(house))
    await allowance.tell(house.redis, tenant_id, now)
    return found


OPERATOR_HANDLERS: Final = [budget, set_budget, drop_budget]
