"""Batches as a worker keeps them: intents in PostgreSQL, each with its money in the ledger.

`begin` is the point from which nothing is forgotten: in one transaction the batch has its row, its
interviews are taken, and the ledger says "reserved" at the most that they can cost.
"""

from collections.abc import Iterable

from llm import batch_money
from llm.batch import Intent
from llm.batch_money import BatchMoney
from storage import evaluations, ledger
from storage.buckets import Need
from storage.ledger import LedgerEntry
from storage.transaction import Database


class BatchIntents:
    """Intents of every company (`llm.batch.Intents`), and what is reserved for the next ones."""

    def __init__(self, db: Database, money: BatchMoney) -> None:
        """Keep them through a pool of the application's role."""
        self._db = db
        self.money = money
        self.held: dict[str, Need] = {}  # by the answer's name, until `begin` or `give_back`

    async def begin(self, intent: Intent) -> None:
        """Write the batch down and charge what it may cost; Fault `conflict`: nothing was."""
        needs = [self.held[name] for name in intent.interviews]
        batch = evaluations.Batch(
            id=intent.id,
            tier=intent.tier,
            prompt_version=intent.prompt_version,
            number="",
            begun_at=intent.begun_at,
            cancelled=False,
        )
        async with self._db.tenant(intent.tenant_id) as c:
            await evaluations.claim(c, intent.tenant_id, batch, intent.interviews)
            await ledger.insert(c, [batch_money.reserved(need) for need in needs])
        for need in needs:  # all of them before anything can be cancelled: the ledger has them
            self.held.pop(need.attempt, None)
        for need in needs:
            await self.money.keep(need)

    async def made(self, intent: Intent, number: str) -> None:
        """Keep the number of an intent's batch."""
        async with self._db.tenant(intent.tenant_id) as c:
            await evaluations.made(c, intent.id, number)

    async def end(self, intent: Intent) -> None:
        """Forget an intent; whoever is still in it was never handed in, and waits again."""
        changed: list[tuple[LedgerEntry, LedgerEntry]] = []
        async with self._db.tenant(intent.tenant_id) as c:
            for left in await evaluations.dissolve(c, intent.id):
                held = await ledger.line(c, left.custom_id)
                if held is not None and held.outcome == "reserved":
                    changed.append((held, batch_money.unsent(held)))
            await ledger.insert(c, [line for _, line in changed])
        for held, line in changed:
            await self.money.settle(held, line, intent.begun_at.date())

    async def give_back(self, names: Iterable[str]) -> None:
        """Release what was held under these names for a batch that was not written down."""
        for name in names:
            need = self.held.pop(name, None)
            if need is not None:
                await self.money.release(need)
