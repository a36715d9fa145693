"""A threshold of a company's money, told to the operator's receiver: once taken, never again."""

from typing import Any
from uuid import UUID

import msgspec

from pipeline import webhook
from pipeline.toolbox import Toolbox, aside
from protocol import jobs, limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.logs import Log
from storage import alerts, runs, tenants
from storage.alerts import BudgetAlert
from storage.tenants import Tenant
from storage.transaction import Connection

log = Log("pipeline.alert")


class AlertTask:
    """One threshold."""

    def __init__(self, tools: Toolbox, envelope: jobs.Envelope) -> None:
        """Take the alert from the envelope's job."""
        assert isinstance(envelope.job, jobs.BudgetAlert)
        self._tools = tools
        self._tenant = envelope.job.tenant_id
        self._alert: BudgetAlert | None = None
        self._company: Tenant | None = None
        self.subject_id: UUID = envelope.job.alert_id
        self.seconds = limits.ALERT_SECONDS * 2
        self.attempts_max = 1 + limits.ALERT_RETRIES

    async def wanted(self, c: Connection) -> str | None:
        """Return the run's kind while the receiver has not taken it."""
        self._alert = await alerts.get(c, self.subject_id)
        if self._alert is None or self._alert.sent_at or not self._tools.settings.alert_url:
            return None
        self._company = await tenants.get(c, self._tenant)
        return "alert"

    def may_pass(self, fault: Fault) -> bool:
        """Say whether to try again: whatever a receiver says, somebody may mend it."""
        return fault.kind.retry

    async def do(self, run: runs.Run) -> None:
        """Send it, and note that it was taken."""
        assert self._alert is not None
        assert self._company is not None
        settings = self._tools.settings
        body = msgspec.json.encode(telling(self._alert, self._company))
        at, delivery = int(clock.now().timestamp()), str(self._alert.id)
        try:
            await aside(
                lambda: webhook.post(
                    settings.alert_url, settings.alert_secret, body, delivery=delivery, at=at
                )
            )
        except Fault:
            metrics.alerts_sent.labels("failed").inc()
            raise
        async with self._tools.db.tenant(self._tenant) as c:
            await alerts.sent(c, self._alert.id)
            await runs.end(c, run)
        metrics.alerts_sent.labels("sent").inc()

    async def give_up(self, c: Connection, run: runs.Run, fault: Fault) -> None:
        """Leave the run's row, so that no message tries again; the alert stays unsent."""
        metrics.alerts_sent.labels("given_up").inc()
        log.error("alert_not_sent", tenant_id=self._tenant, reason=fault.detail)
        await runs.release(c, run, fault=fault.code)

    async def given_up(self) -> None:
        """Say nothing more: the log, the metric and the operator's page have it."""


def telling(alert: BudgetAlert, company: Tenant) -> dict[str, Any]:
    """Return what the receiver is told."""
    return {
        "id": alert.id,
        "kind": "budget.threshold",
        "company_id": company.id,
        "company": company.slug,
        "account": alert.account,
        "period": alert.period,
        "percent": alert.percent,
        "used_micro_usd": alert.used_micro_usd,
        "limit_micro_usd": alert.limit_micro_usd,
        "at": alert.created_at,
    }
