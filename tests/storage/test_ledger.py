"""The ledger in PostgreSQL: one line for each call, seen by its own company only."""

from typing import Any

import msgspec
import pytest

from protocol.faults import Fault
from runtime import clock
from storage.ledger import LedgerEntry, LedgerStore, MemoryLedger
from storage.transaction import Database
from tests.conftest import Tenant


def entry(tenant_id: object, **changes: Any) -> LedgerEntry:
    given = {
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
        "turn": 2,
        "ask": 1,
        "urgency": "live",
        "request_id": "req_1",
    }
    return msgspec.convert({**given, **changes}, LedgerEntry)


async def lines(db: Database, tenant_id: Any) -> list[Any]:
    async with db.tenant(tenant_id) as connection:
        return list(await connection.fetch("SELECT * FROM model_ledger ORDER BY id"))


async def test_a_line_is_kept_as_it_was_given(db: Database, tenant: Tenant) -> None:
    """Every field in its own column."""
    given = entry(tenant.id)
    await LedgerStore(db).record(given)
    [row] = await lines(db, tenant.id)
    kept = {name: row[name] for name in msgspec.structs.asdict(given)}
    assert kept == msgspec.structs.asdict(given)


async def test_another_company_does_not_see_it(db: Database, tenant: Tenant) -> None:
    """The line belongs to the entry's tenant."""
    await LedgerStore(db).record(entry(tenant.id))
    assert await lines(db, clock.new_id()) == []


async def test_a_database_that_is_away_is_a_fault(db: Database, tenant: Tenant) -> None:
    """Not a crash: the gateway goes on without the line."""
    await db.close()
    with pytest.raises(Fault) as raised:
        await LedgerStore(db).record(entry(tenant.id))
    assert raised.value.code == "unavailable"


async def test_lines_that_were_booked_are_kept_before_the_end(db: Database, tenant: Tenant) -> None:
    """Nobody waited for them; closing does."""
    ledger = LedgerStore(db)
    for _ in range(450):
        ledger.book(entry(tenant.id))
    await ledger.close()
    assert len(await lines(db, tenant.id)) == 450


async def test_an_attempt_has_one_line(db: Database, tenant: Tenant) -> None:
    """The second of a name is not kept, whichever comes from a retry."""
    ledger = LedgerStore(db)
    await ledger.record(entry(tenant.id, attempt="a", micro_usd=1))
    await ledger.record(entry(tenant.id, attempt="a", micro_usd=2))
    await ledger.record(entry(tenant.id, micro_usd=3))
    await ledger.record(entry(tenant.id, micro_usd=4))
    assert sorted(row["micro_usd"] for row in await lines(db, tenant.id)) == [1, 3, 4]


async def test_a_process_thought_dead_corrects_its_line(db: Database, tenant: Tenant) -> None:
    """What it says is better than the bound that was booked for it."""
    ledger = LedgerStore(db)
    await ledger.record(entry(tenant.id, attempt="a", micro_usd=900, outcome="lost"))
    await ledger.record(entry(tenant.id, attempt="a", micro_usd=7, outcome="ok"))
    [row] = await lines(db, tenant.id)
    assert (row["micro_usd"], row["outcome"]) == (7, "ok")


async def test_a_line_that_cannot_be_kept_holds_up_no_other(db: Database, tenant: Tenant) -> None:
    """A company that does not exist has no ledger; the lines behind it are written."""
    ledger = LedgerStore(db)
    nobody = clock.new_id()
    for tenant_id in (nobody, tenant.id, nobody, tenant.id):
        ledger.book(entry(tenant_id))
    await ledger.close()
    assert len(await lines(db, tenant.id)) == 2


async def test_a_ledger_in_memory_is_bounded() -> None:
    """The oldest lines fall out."""
    ledger = MemoryLedger(lines_max=3)
    for _ in range(5):
        await ledger.record(entry(clock.new_id()))
    assert len(ledger.entries) == 3
