"""Thresholds of companies' money that were crossed: each once, and whether it was told outside."""

from datetime import datetime
from uuid import UUID

import msgspec

from protocol import jobs
from runtime import clock
from storage import outbox, rows
from storage.transaction import Connection


class BudgetAlert(msgspec.Struct, frozen=True):
    """A threshold of one account in one period, under the limit that it had then."""

    id: UUID
    account: str
    period: str
    percent: int
    used_micro_usd: int
    limit_micro_usd: int
    created_at: datetime
    sent_at: datetime | None


_COLUMNS = rows.columns(BudgetAlert)


async def note(
    c: Connection,
    tenant_id: UUID,
    *,
    account: str,
    period: str,
    percent: int,
    used: int,
    limit: int,
    send: bool,
) -> bool:
    """Keep an alert, and with `send` hand its telling over; False when it was kept already."""
    kept = await c.fetchval(
        "INSERT INTO budget_alerts (id, tenant_id, account, period, percent, used_micro_usd, "
        "limit_micro_usd) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
        clock.new_id(), tenant_id, account, period, percent, used, limit,
    )  # fmt: skip
    if kept is not None and send:
        await outbox.put(c, tenant_id, jobs.BudgetAlert(tenant_id=tenant_id, alert_id=kept), "bulk")
    return kept is not None


async def get(c: Connection, alert_id: UUID) -> BudgetAlert | None:
    """Return an alert of the tenant."""
    row = await c.fetchrow(f"SELECT {_COLUMNS} FROM budget_alerts WHERE id = $1", alert_id)
    return rows.maybe(BudgetAlert, row)


async def latest(c: Connection, limit: int = 20) -> list[BudgetAlert]:
    """Return the tenant's latest alerts, newest first."""
    found = await c.fetch(
        f"SELECT {_COLUMNS} FROM budget_alerts ORDER BY created_at DESC, percent DESC LIMIT $1",
        limit,
    )
    return rows.many(BudgetAlert, found)


async def sent(c: Connection, alert_id: UUID) -> None:
    """Note that the receiver took it."""
    await c.execute("UPDATE budget_alerts SET sent_at = now() WHERE id = $1", alert_id)
