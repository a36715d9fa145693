"""The ledger in PostgreSQL: one line for each call, seen by its own company only."""

import msgspec
import pytest

from protocol.faults import Fault
from runtime import clock
from storage.ledger import LedgerEntry, LedgerStore, MemoryLedger
from storage.transaction import Database


def entry(tenant_id: object) -> LedgerEntry:
    return msgspec.convert(
        {
            "tenant_id": str(tenant_id),
            "session_id": str(clock.new_id()),
            "interview_id": None,
            "task": "question",
            "tier": "fast",
            "engine": "claude",
            "model": "claude-haiku-5-5",
            "prompt_version": "question.001",
            "tokens_in": 120,
            "tokens_out": 30,
            "tokens_cache_write": 900,
            "tokens_cache_read": 0,
            "micro_usd": 140,
            "upper_bound": True,
            "outcome": "cancelled",
            "latency_ms": 812,
        },
        LedgerEntry,
    )


async def test_a_line_is_kept_as_it_was_given(db: Database, tenant: tuple[object, ...]) -> None:
    """Every field in its own column."""
    given = entry(tenant[0])
    await LedgerStore(db).record(given)
    async with db.tenant(given.tenant_id) as connection:
        [row] = await connection.fetch("SELECT * FROM model_ledger")
    kept = {name: row[name] for name in msgspec.structs.asdict(given)}
    assert kept == msgspec.structs.asdict(given)


async def test_another_company_does_not_see_it(db: Database, tenant: tuple[object, ...]) -> None:
    """The line belongs to the entry's tenant."""
    await LedgerStore(db).record(entry(tenant[0]))
    async with db.tenant(clock.new_id()) as connection:
        assert await connection.fetch("SELECT * FROM model_ledger") == []


async def test_a_database_that_is_away_is_a_fault(db: Database, tenant: tuple[object, ...]) -> None:
    """Not a crash: the gateway goes on without the line."""
    await db.close()
    with pytest.raises(Fault) as raised:
        await LedgerStore(db).record(entry(tenant[0]))
    assert raised.value.code == "unavailable"


async def test_a_ledger_in_memory_is_bounded() -> None:
    """The oldest lines fall out."""
    ledger = MemoryLedger(lines_max=3)
    for _ in range(5):
        await ledger.record(entry(clock.new_id()))
    assert len(ledger.entries) == 3
