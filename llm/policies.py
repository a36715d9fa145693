"""Limits that change: what a company may spend is looked up now and then, by nobody who waits.

Whoever sets a limit tells Redis at once; this is for limits that were set while Redis was away, or
by hand in SQL. Each process looks once in POLICY_SECONDS for each company that calls.
"""

from uuid import UUID

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from runtime.lifecycle import Tasks
from runtime.logs import Log
from storage.buckets import Buckets
from storage.budgets import Budgets

log = Log("llm.policies")
KNOWN_MAX = 10_000


class Policies:
    """What this process has looked up, and when."""

    def __init__(self, budgets: Budgets, tasks: Tasks) -> None:
        """Read from `budgets`, in `tasks`."""
        self._budgets = budgets
        self._tasks = tasks
        self._due: dict[UUID, float] = {}

    def look_soon(self, shared: Buckets, tenant_id: UUID) -> None:
        """Begin to look, unless somebody here did lately."""
        now = clock.monotonic()
        if self._due.get(tenant_id, 0.0) > now:
            return
        if len(self._due) >= KNOWN_MAX:
            self._due.clear()
        self._due[tenant_id] = now + limits.POLICY_SECONDS
        self._tasks.start(self.look(shared, tenant_id))

    async def look(self, shared: Buckets, tenant_id: UUID) -> None:
        """Bring PostgreSQL's limits to Redis; a store that is away is asked the next time."""
        try:
            found = await self._budgets.limits(tenant_id)
            top = found.policy
            tops = (top.session, top.day, top.month)
            if await shared.limit(tenant_id, tops, found.at):
                log.info("limits_changed", tenant_id=tenant_id)
        except Fault:
            return
