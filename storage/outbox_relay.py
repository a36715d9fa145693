"""The outbox from the relay's side: batches that several relays share without waiting."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import msgspec

from protocol import jobs
from storage.transaction import Connection, Database

HELD_BACK: Final = timedelta(hours=1)


class Waiting(msgspec.Struct, frozen=True):
    """A row to send: the envelope is what the broker's message carries."""

    id: int
    lane: jobs.Lane
    envelope: str


class Batch(msgspec.Struct):
    """Rows to send; what is put into `unreadable` stays, and is not looked at for an hour."""

    rows: list[Waiting]
    unreadable: list[int] = []


@asynccontextmanager
async def batch(db: Database, *, limit: int) -> AsyncIterator[Batch]:
    """Yield rows that are due, locked, oldest first; they are deleted when the block ends well.

    A crash between the sending and the commit sends them again: actors are idempotent.
    """
    async with db.across() as c:
        found = await c.fetch(
            "SELECT id, lane, envelope FROM outbox WHERE not_before <= now() "
            "ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
            limit,
        )
        taken = Batch([Waiting(row["id"], row["lane"], row["envelope"]) for row in found])
        yield taken
        kept = set(taken.unreadable)
        sent = [row.id for row in taken.rows if row.id not in kept]
        if sent:
            await c.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", sent)
        if kept:
            await c.execute(
                "UPDATE outbox SET not_before = now() + $2 WHERE id = ANY($1::bigint[])",
                list(kept),
                HELD_BACK,
            )


async def oldest_seconds(c: Connection) -> float:
    """Return the age of the oldest row that is due, 0 when nothing waits."""
    age = await c.fetchval(
        "SELECT extract(epoch FROM now() - min(not_before))::float8 FROM outbox "
        "WHERE not_before <= now()"
    )
    return max(0.0, float(age or 0.0))


async def waiting(c: Connection) -> dict[str, int]:
    """Return how many rows wait in each lane."""
    found = await c.fetch("SELECT lane, count(*) AS n FROM outbox GROUP BY lane")
    return {row["lane"]: int(row["n"]) for row in found}
