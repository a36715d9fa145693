"""Thresholds of money, told outside: kept in PostgreSQL once, handed over by the outbox.

No call waits for it. While PostgreSQL is away an alert waits in the process, up to a bound.
"""

import asyncio
from collections import deque
from datetime import date
from typing import Final
from uuid import UUID

import msgspec

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from runtime.lifecycle import Tasks
from runtime.logs import Log
from storage import alerts
from storage.transaction import Database

log = Log("llm.alerts")
PAUSES: Final = (0.2, 1.0, 5.0, 15.0, 60.0)
CLOSE_SECONDS: Final = 2.0


class Alert(msgspec.Struct, frozen=True):
    """A threshold of a company's account was crossed, by a call that was reserved on `day`."""

    tenant_id: UUID
    session_id: UUID | None
    account: str
    percent: int
    used: int
    limit: int
    day: date = date.min

    @property
    def period(self) -> str:
        """What the account's limit is for: one session, one day or one month (UTC)."""
        if self.account == "session":
            return str(self.session_id)
        return f"{self.day:%Y-%m}" if self.account == "month" else self.day.isoformat()


class AlertDesk:
    """Where a process' alerts are kept; the same one seen by many processes is kept once."""

    def __init__(self, db: Database, *, send: bool) -> None:
        """Keep through `db`; with `send` the operator's receiver is told by a job."""
        self._db = db
        self._send = send
        self._tasks = Tasks("alerts")
        self._waiting: deque[Alert] = deque()
        self._writing: asyncio.Task[None] | None = None

    def tell(self, alert: Alert) -> None:
        """Keep an alert soon; nobody waits."""
        if len(self._waiting) >= limits.ALERTS_WAITING_MAX:
            _lost(alert)
            return
        self._waiting.append(alert)
        if self._writing is None or self._writing.done():
            self._writing = self._tasks.start(self._write())

    async def _write(self) -> None:
        tries, until = 0, clock.monotonic() + limits.ALERT_KEEP_SECONDS
        while self._waiting:
            alert = self._waiting[0]
            try:
                await self._keep(alert)
            except Fault:
                if clock.monotonic() < until:
                    await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
                    tries += 1
                    continue
                _lost(alert)
            else:
                tries, until = 0, clock.monotonic() + limits.ALERT_KEEP_SECONDS
            self._waiting.popleft()

    async def _keep(self, alert: Alert) -> None:
        async with self._db.tenant(alert.tenant_id) as c:
            await alerts.note(
                c, alert.tenant_id, account=alert.account, period=alert.period,
                percent=alert.percent, used=alert.used, limit=alert.limit, send=self._send,
            )  # fmt: skip

    async def close(self) -> None:
        """Keep what waits, for a moment at most; what is lost is said."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=CLOSE_SECONDS)
        await self._tasks.close()
        for alert in self._waiting:
            _lost(alert)
        self._waiting.clear()


def _lost(alert: Alert) -> None:
    log.error("alert_lost", tenant_id=alert.tenant_id, account=alert.account, percent=alert.percent)
