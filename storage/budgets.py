"""Money in PostgreSQL: limits of a company, what the ledger says, and accounts without Redis.

While Redis is away a reservation is one conditional UPDATE for each account, in one transaction.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from protocol import limits
from runtime import clock
from storage import keys
from storage.buckets import ACCOUNTS, Crossed, Known, Need, Owed, Spent
from storage.ledger import LedgerEntry, insert
from storage.transaction import Connection, Database

OPEN_SECONDS: Final = limits.QUESTION_SECONDS + 15.0  # an attempt older than this has ended
_LOCK: Final = 7_341_003
THRESHOLDS: Final = (50, 80, 100)  # settle.lua and limits.lua have them too
STALE_SECONDS: Final = 60.0  # an account untouched for this long is made from the ledger again

_SPENT: Final = """
SELECT coalesce(sum(micro_usd) FILTER (WHERE session_id = $2), 0)::bigint AS session,
       coalesce(sum(micro_usd) FILTER (WHERE created_at >= $4), 0)::bigint AS day,
       coalesce(sum(micro_usd) FILTER (WHERE created_at >= $3), 0)::bigint AS month
FROM model_ledger WHERE tenant_id = $1 AND (created_at >= $3 OR session_id = $2)
"""
_OPEN: Final = """
SELECT a.session_id, a.turn, a.ask, a.fence, s.interview_id
FROM asks a LEFT JOIN interview_sessions s ON s.id = a.session_id
WHERE a.tenant_id = $1 AND a.created_at > now() - $2::interval
  AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.session_id = a.session_id AND t.turn = a.turn)
  AND NOT EXISTS (SELECT 1 FROM model_ledger l WHERE l.session_id = a.session_id
                  AND l.turn = a.turn AND l.ask = a.ask)
LIMIT 10000
"""
_EVALUATING: Final = """
SELECT r.subject_id, r.attempts, i.session_id FROM job_runs r
JOIN interviews i ON i.id = r.subject_id
WHERE r.tenant_id = $1 AND r.kind = 'evaluate' AND r.lease_until > now()
  AND NOT EXISTS (SELECT 1 FROM model_ledger l WHERE l.interview_id = r.subject_id
                  AND l.task = 'evaluation' AND l.created_at >= r.updated_at)
"""


class Policy(msgspec.Struct, frozen=True):
    """Limits in micro-dollars; 0 = none."""

    session: int
    day: int
    month: int


def attempt_name(session_id: UUID, turn: int, ask: int, fence: int) -> str:
    """Return the name that the first call of an ask is reserved under."""
    return f"{session_id}:{turn}:{ask}:{fence}"


class Limits(msgspec.Struct, frozen=True):
    """A company's limits; `own` unless they are the settings', `at` when PostgreSQL said so (us).

    What was said later is never behind: whoever reads after a commit has its stamp after it too.
    """

    policy: Policy
    own: bool
    at: int


async def limits_of(c: Connection, tenant_id: UUID, default: Policy) -> Limits:
    """Return a company's limits as they are now."""
    row = await c.fetchrow(
        "SELECT b.session_micro_usd, b.day_micro_usd, b.month_micro_usd, "
        "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS at "
        "FROM (SELECT 1) one LEFT JOIN model_budgets b ON b.tenant_id = $1",
        tenant_id,
    )
    assert row is not None
    session, day, month, at = row
    own = session is not None
    return Limits(Policy(session, day, month) if own else default, own, at)


async def policy(c: Connection, tenant_id: UUID, default: Policy) -> Policy:
    """Return a company's own limits, or the default."""
    return (await limits_of(c, tenant_id, default)).policy


async def set_policy(c: Connection, tenant_id: UUID, limits_: Policy) -> None:
    """Give a company limits of its own; Redis is told after the commit, or hears of it soon."""
    await c.execute(
        "INSERT INTO model_budgets (tenant_id, session_micro_usd, day_micro_usd, month_micro_usd) "
        "VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id) DO UPDATE SET "
        "session_micro_usd = $2, day_micro_usd = $3, month_micro_usd = $4, updated_at = now()",
        tenant_id, limits_.session, limits_.day, limits_.month,
    )  # fmt: skip


async def drop_policy(c: Connection, tenant_id: UUID) -> None:
    """Give a company the settings' limits again."""
    await c.execute("DELETE FROM model_budgets WHERE tenant_id = $1", tenant_id)


async def spent(c: Connection, tenant_id: UUID) -> tuple[int, int]:
    """Return what the ledger says of the company's day and month (UTC), in micro-dollars."""
    day = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    row = await c.fetchrow(_SPENT, tenant_id, None, day.replace(day=1), day)
    assert row is not None
    return row["day"], row["month"]


class Bounds(msgspec.Struct, frozen=True):
    """What an open attempt is counted as: the most that one of its task can cost."""

    question: int
    evaluation: int


class Budgets:
    """The accounts as PostgreSQL knows them."""

    def __init__(self, db: Database, default: Policy) -> None:
        """Read and write through a pool of the application's role."""
        self._db = db
        self._default = default

    async def known(self, need: Need, bounds: Bounds) -> Known:
        """Return what was spent, the limits, and the attempts that are open."""
        async with self._db.tenant(need.tenant_id) as c:
            return await self._known(c, need, bounds)

    async def limits(self, tenant_id: UUID) -> Limits:
        """Return a company's limits as they are now; Fault `unavailable`."""
        async with self._db.tenant(tenant_id) as c:
            return await limits_of(c, tenant_id, self._default)

    async def _known(self, c: Connection, need: Need, bounds: Bounds) -> Known:
        now = clock.now()
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        limits_ = await policy(c, need.tenant_id, self._default)
        spent = await c.fetchrow(_SPENT, need.tenant_id, need.session_id, day.replace(day=1), day)
        assert spent is not None
        owed = []
        for row in await c.fetch(_OPEN, need.tenant_id, timedelta(seconds=OPEN_SECONDS)):
            name = attempt_name(row["session_id"], row["turn"], row["ask"], row["fence"])
            owed.append(_owed(need, name, "question", bounds.question, row))
        for row in await c.fetch(_EVALUATING, need.tenant_id):
            name = f"{row['subject_id']}/{row['attempts']}"
            found = {**row, "interview_id": row["subject_id"]}
            owed.append(_owed(need, name, "evaluation", bounds.evaluation, found))
        if need.line.task == "evaluation":  # its own run is one of those
            owed = [one for one in owed if one.line.interview_id != need.line.interview_id]
        return Known(
            (spent["session"], spent["day"], spent["month"]),
            (limits_.session, limits_.day, limits_.month),
            owed,
        )

    async def reserve(self, need: Need, bounds: Bounds) -> Spent | None:
        """Reserve in PostgreSQL; None when it is done. Raises Fault `unavailable`."""
        names = keys.account_names(need.session_id)
        async with self._db.tenant(need.tenant_id) as c:
            # One reservation of a tenant at a time, so that a fresh account is made once.
            await c.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", str(need.tenant_id), _LOCK
            )
            tops = await self._fresh(c, need, bounds, names)
            for account, name, limit in zip(ACCOUNTS, names, tops, strict=True):
                top = limit * need.session_percent // 100 if account == "session" else limit
                used = await c.fetchval(
                    "UPDATE model_accounts SET used = used + $3, touched_at = now() "
                    "WHERE tenant_id = $1 AND account = $2 AND ($4 = 0 OR used + $3 <= $4) "
                    "RETURNING used",
                    need.tenant_id, name, need.bound, top,
                )  # fmt: skip
                if used is None:
                    await self._undo(c, need, names[: ACCOUNTS.index(account)])
                    return Spent(account, top, top)
        return None

    async def _fresh(
        self, c: Connection, need: Need, bounds: Bounds, names: list[str]
    ) -> tuple[int, int, int]:
        """Make the accounts that are missing or stale; return the limits."""
        rows = await c.fetch(
            "SELECT account FROM model_accounts WHERE tenant_id = $1 AND account = ANY($2) "
            "AND touched_at > now() - $3::interval",
            need.tenant_id, names, timedelta(seconds=STALE_SECONDS),
        )  # fmt: skip
        there = {row["account"] for row in rows}
        if len(there) == len(names):
            found = await policy(c, need.tenant_id, self._default)
            return found.session, found.day, found.month
        known = await self._known(c, need, bounds)
        others = [one for one in known.owed if one.attempt != need.attempt]
        held = (
            sum(one.bound for one in others if one.of_session),
            sum(one.bound for one in others if one.of_day),
            sum(one.bound for one in others),
        )
        for name, spent, owed in zip(names, known.spent, held, strict=True):
            if name not in there:
                await c.execute(
                    "INSERT INTO model_accounts (tenant_id, account, used) VALUES ($1, $2, $3) "
                    "ON CONFLICT (tenant_id, account) DO UPDATE SET used = $3, touched_at = now()",
                    need.tenant_id, name, spent + owed,
                )  # fmt: skip
        return known.limits

    async def _undo(self, c: Connection, need: Need, names: list[str]) -> None:
        await c.execute(
            "UPDATE model_accounts SET used = used - $3 WHERE tenant_id = $1 AND account = ANY($2)",
            need.tenant_id, names, need.bound,
        )  # fmt: skip

    async def settle(self, need: Need, entry: LedgerEntry | None) -> list[Crossed]:
        """Charge what a call reserved here really cost, with its line in the same transaction.

        Returns the thresholds that it crossed.
        """
        cost = entry.micro_usd if entry else 0
        names = keys.account_names(need.session_id)
        async with self._db.tenant(need.tenant_id) as c:
            rows = await c.fetch(
                "UPDATE model_accounts SET used = used + $3 WHERE tenant_id = $1 "
                "AND account = ANY($2) RETURNING account, used",
                need.tenant_id, names, cost - need.bound,
            )  # fmt: skip
            if entry is None:
                return []
            await insert(c, [entry])
            tops = await policy(c, need.tenant_id, self._default)
        used = {row["account"]: row["used"] for row in rows}
        accounts = zip(ACCOUNTS, names, (tops.session, tops.day, tops.month), strict=True)
        return [
            Crossed(account, percent, used[name], limit)
            for account, name, limit in accounts
            if name in used and (account != "session" or need.session_id is not None)
            if (percent := crossed(used[name] - cost, used[name], limit))
        ]

    async def forget(self, tenant_id: UUID) -> None:
        """Drop the accounts of a tenant: Redis is back, and keeps them."""
        async with self._db.tenant(tenant_id) as c:
            await c.execute("DELETE FROM model_accounts WHERE tenant_id = $1", tenant_id)


def crossed(before: int, after: int, limit: int) -> int:
    """Return the highest threshold that lies between, in percent of the limit; 0 = none."""
    if limit <= 0:
        return 0
    passed = (one for one in THRESHOLDS if before * 100 < limit * one <= after * 100)
    return max(passed, default=0)


def _owed(need: Need, name: str, task: str, bound: int, row: Any) -> Owed:
    """Return an open attempt; what it is called in the ledger should its end never be told."""
    line = msgspec.structs.replace(
        need.line,
        id=clock.new_id(),
        attempt=name,
        task=task,
        session_id=row["session_id"],
        interview_id=row["interview_id"],
        turn=row.get("turn"),
        ask=row.get("ask"),
        micro_usd=bound,
    )
    return Owed(name, bound, line, row["session_id"] == need.session_id, of_day=True)
