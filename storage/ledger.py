"""The ledger of model calls: one line for each, with its tokens and its price in micro-dollars."""

from typing import Protocol
from uuid import UUID

import msgspec

from runtime import clock
from storage.transaction import Database


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One call; `upper_bound` marks a cut call, whose usage is unknown and booked at its bound.

    `micro_usd` is in millionths of a dollar; `outcome` is "ok", "cancelled" or a fault code.
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


class Ledger(Protocol):
    """Where calls are booked."""

    async def record(self, entry: LedgerEntry) -> None:
        """Keep one line; raises Fault `unavailable` when it cannot be kept now."""
        ...


class LedgerStore:
    """The ledger in PostgreSQL; each line is a transaction of its own."""

    def __init__(self, db: Database) -> None:
        """Write through a pool of the application's role."""
        self._db = db

    async def record(self, entry: LedgerEntry) -> None:
        """Insert one line as the entry's tenant."""
        values = msgspec.structs.asdict(entry)
        marks = ", ".join(f"${number}" for number in range(2, len(values) + 2))
        async with self._db.tenant(entry.tenant_id) as connection:
            await connection.execute(
                f"INSERT INTO model_ledger (id, {', '.join(values)}) VALUES ($1, {marks})",
                clock.new_id(),
                *values.values(),
            )


class MemoryLedger:
    """The ledger of a process without a database; the latest lines only."""

    def __init__(self, lines_max: int = 10_000) -> None:
        """Keep at most `lines_max` lines."""
        self.entries: list[LedgerEntry] = []
        self._lines_max = lines_max

    async def record(self, entry: LedgerEntry) -> None:
        """Keep one line and drop the oldest beyond the bound."""
        self.entries.append(entry)
        del self.entries[: -self._lines_max]
