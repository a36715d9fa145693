"""The ledger of model calls: one line for each, with its tokens and its price in micro-dollars."""

import asyncio
from collections import deque
from typing import Final, Protocol
from uuid import UUID

import asyncpg
import msgspec

from protocol.faults import Fault
from runtime import clock, metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log
from storage.transaction import Connection, Database

log = Log("storage.ledger")
LINES_WAITING_MAX: Final = 50_000  # while PostgreSQL is away; a line is about a kilobyte
BATCH_MAX: Final = 200
LINGER_SECONDS: Final = 0.1
RETRY_SECONDS: Final = (0.1, 0.5, 1.0, 2.0)
CLOSE_SECONDS: Final = 5.0


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One call; `upper_bound` marks a cut call, whose usage is unknown and booked at its bound.

    `micro_usd` is in millionths of a dollar; `outcome` is "ok", "cancelled", "lost" (the process
    died), "reserved" (handed in, the answer is to come) or a fault code. `attempt` is the name that
    its money was reserved under: a second line of the same name is not kept, unless the first one
    said "lost" or "reserved". It stays on the day of the first one.
    """

    tenant_id: UUID
    session_id: UUID | None
    interview_id: UUID | None
    task: str
    tier: str
    engine: str
    model: str
    prompt_version: str
    tokens_in: int
    tokens_out: int
    tokens_cache_write: int
    tokens_cache_read: int
    micro_usd: int
    upper_bound: bool
    outcome: str
    latency_ms: int
    attempt: str = ""
    turn: int | None = None
    ask: int | None = None
    urgency: str = ""
    hedge: bool = False
    batch: bool = False
    request_id: str = ""
    id: UUID = msgspec.field(default_factory=clock.new_id)


class Ledger(Protocol):
    """Where calls are booked."""

    async def record(self, entry: LedgerEntry) -> None:
        """Keep one line; raises Fault `unavailable` when it cannot be kept now."""
        ...

    def book(self, entry: LedgerEntry) -> None:
        """Keep one line soon, without waiting; it is tried again until it is kept."""
        ...

    async def close(self) -> None:
        """Keep what still waits, for a few seconds at most."""
        ...


class LedgerStore:
    """The ledger in PostgreSQL; lines of one tenant that wait together are one transaction."""

    def __init__(self, db: Database) -> None:
        """Write through a pool of the application's role."""
        self._db = db
        self._waiting: deque[LedgerEntry] = deque()
        self._tasks = Tasks("ledger")
        self._writing: asyncio.Task[None] | None = None
        self._closing = False

    async def record(self, entry: LedgerEntry) -> None:
        """Insert one line as the entry's tenant."""
        async with self._db.tenant(entry.tenant_id) as connection:
            await insert(connection, [entry])

    def book(self, entry: LedgerEntry) -> None:
        """Queue a line; one that finds the queue full is said in the log, with its price."""
        if len(self._waiting) >= LINES_WAITING_MAX:
            _lost(entry)
            return
        self._waiting.append(entry)
        if not len(self._tasks):
            self._writing = self._tasks.start(self._write())

    async def _write(self) -> None:
        tries, size = 0, BATCH_MAX
        while self._waiting:
            if not self._closing:
                await asyncio.sleep(LINGER_SECONDS)  # nobody waits for it: many lines, one commit
            batch = self._head(size)
            try:
                async with self._db.tenant(batch[0].tenant_id) as connection:
                    await insert(connection, batch)
            except Fault:
                if not tries:
                    log.warning("ledger_waits", count=len(self._waiting))
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1
                continue
            except asyncpg.PostgresError:  # one of them can't be kept: find out which
                if len(batch) > 1:
                    size = 1
                    continue
                _lost(batch[0])
            tries = 0
            for _ in batch:
                self._waiting.popleft()

    def _head(self, size: int) -> list[LedgerEntry]:
        tenant = self._waiting[0].tenant_id
        batch: list[LedgerEntry] = []
        for entry in self._waiting:
            if entry.tenant_id != tenant or len(batch) == size:
                break
            batch.append(entry)
        return batch

    async def close(self) -> None:
        """Wait for the queue, then give up; what is lost is said."""
        self._closing = True
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=CLOSE_SECONDS)
        await self._tasks.close()
        for entry in self._waiting:
            _lost(entry)
        self._waiting.clear()


def _lost(entry: LedgerEntry) -> None:
    metrics.ledger_lost.inc()
    log.error("ledger_line_lost", tenant_id=entry.tenant_id, micro_usd=entry.micro_usd)


async def insert(connection: Connection, entries: list[LedgerEntry]) -> None:
    """Insert lines of the transaction's tenant; an attempt that has its line keeps it."""
    names = LedgerEntry.__struct_fields__
    marks = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    changed = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
    await connection.executemany(
        f"INSERT INTO model_ledger ({', '.join(names)}) VALUES ({marks}) "
        "ON CONFLICT (tenant_id, attempt) WHERE attempt <> '' "
        f"DO UPDATE SET {changed} WHERE model_ledger.outcome = 'lost' "
        "OR model_ledger.outcome = 'reserved' AND excluded.outcome <> 'lost'",
        [[getattr(entry, name) for name in names] for entry in entries],
    )


async def line(connection: Connection, attempt: str) -> LedgerEntry | None:
    """Return the line of an attempt of the transaction's tenant."""
    row = await connection.fetchrow(
        f"SELECT {', '.join(LedgerEntry.__struct_fields__)} FROM model_ledger WHERE attempt = $1",
        attempt,
    )
    return None if row is None else msgspec.convert(dict(row), LedgerEntry)


async def totals(db: Database, days: int) -> list[asyncpg.Record]:
    """Return what all companies' calls of the last days cost, by task and tier (fleet's role)."""
    async with db.across() as connection:
        return await connection.fetch(
            "SELECT task, tier, count(*) AS calls, count(DISTINCT interview_id) AS interviews, "
            "sum(micro_usd)::bigint AS micro_usd, sum(tokens_in)::bigint AS tokens_in, "
            "sum(tokens_out)::bigint AS tokens_out, "
            "sum(tokens_cache_write)::bigint AS tokens_cache_write, "
            "sum(tokens_cache_read)::bigint AS tokens_cache_read, "
            "count(*) FILTER (WHERE upper_bound) AS upper_bounds, "
            "count(*) FILTER (WHERE batch) AS batched FROM model_ledger "
            "WHERE created_at > now() - make_interval(days => $1) GROUP BY task, tier "
            "ORDER BY task, tier",
            days,
        )


class MemoryLedger:
    """The ledger of a process without a database; the latest lines only."""

    def __init__(self, lines_max: int = 10_000) -> None:
        """Keep at most `lines_max` lines."""
        self.entries: list[LedgerEntry] = []
        self._lines_max = lines_max

    async def record(self, entry: LedgerEntry) -> None:
        """Keep one line and drop the oldest beyond the bound."""
        self.book(entry)

    def book(self, entry: LedgerEntry) -> None:
        """Keep one line and drop the oldest beyond the bound."""
        self.entries.append(entry)
        del self.entries[: -self._lines_max]

    async def close(self) -> None:
        """Nothing is open."""


async def count_again(db: Database, tenant_id: UUID) -> int:
    """Return how many calls for questions were further ones of their attempt, hedges included."""
    async with db.tenant(tenant_id) as connection:
        return int(
            await connection.fetchval(
                "SELECT count(*) - count(DISTINCT (session_id, turn, ask)) FROM model_ledger "
                "WHERE task = 'question' AND engine <> 'offline'"
            )
        )
