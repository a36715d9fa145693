"""Evaluations that wait for a batch: who waits, which batches there are, when to look again.

A row of `evaluations_waiting` goes when its answer is booked; until then it can be done again from
any moment. A batch is claimed by its rows: one that is in a batch, or direct, is in no other.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from protocol import jobs, limits
from protocol.faults import Fault
from storage import outbox, rows, runs
from storage.transaction import Connection


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One interview whose report waits; `direct` when it is evaluated at once after all."""

    interview_id: UUID
    batch_id: UUID | None
    custom_id: str
    tries: int
    direct: bool
    why: str
    queued_at: datetime
    expected_at: datetime


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that is to be, or is; `number` is the provider's, "" until it is known."""

    id: UUID
    tier: str
    prompt_version: str
    number: str
    begun_at: datetime
    cancelled: bool


_WAITING = rows.columns(Waiting)
_BATCH = rows.columns(Batch)


async def queue(c: Connection, tenant_id: UUID, interview_id: UUID) -> None:
    """Let an interview wait for the next batch; one that waits already goes on waiting."""
    seconds = limits.BATCH_GROUP_SECONDS + limits.BATCH_SECONDS
    done = await c.execute(
        "INSERT INTO evaluations_waiting (interview_id, tenant_id, expected_at) "
        "VALUES ($1, $2, now() + $3) ON CONFLICT (interview_id) DO NOTHING",
        interview_id, tenant_id, timedelta(seconds=seconds),
    )  # fmt: skip
    if done == "INSERT 0 1":
        await wake(c, tenant_id, limits.BATCH_GROUP_SECONDS)


async def get(c: Connection, interview_id: UUID) -> Waiting | None:
    """Return an interview's row, None when it does not wait."""
    row = await c.fetchrow(
        f"SELECT {_WAITING} FROM evaluations_waiting WHERE interview_id = $1", interview_id
    )
    return rows.maybe(Waiting, row)


async def make_direct(
    c: Connection, tenant_id: UUID, interview_id: UUID, why: str, *, request_id: str = ""
) -> None:
    """Have an interview evaluated at once, whether it waits or not; its batch's answer is booked.

    What is under way already is not begun a second time; what was given up is begun anew.
    """
    await runs.forget(c, "evaluate", interview_id)
    await c.execute(
        "INSERT INTO evaluations_waiting (interview_id, tenant_id, expected_at, direct, why) "
        "VALUES ($1, $2, now(), true, $3) ON CONFLICT (interview_id) DO UPDATE SET "
        "direct = true, why = $3",
        interview_id, tenant_id, why,
    )  # fmt: skip
    job = jobs.Evaluate(tenant_id=tenant_id, interview_id=interview_id)
    await outbox.put(c, tenant_id, job, "active", request_id=request_id)


async def finished(c: Connection, interview_id: UUID) -> None:
    """Forget an interview whose report was written directly; in a batch it stays to be booked."""
    await c.execute(
        "DELETE FROM evaluations_waiting WHERE interview_id = $1 AND batch_id IS NULL",
        interview_id,
    )


# Batches ------------------------------------------------------------------------------------


async def to_hand_in(c: Connection, *, limit: int) -> list[Waiting]:
    """Return who waits for a batch, longest first; nobody while more may come to join them."""
    found = await c.fetch(
        f"SELECT {_WAITING}, queued_at <= now() - $2::interval AS due FROM evaluations_waiting "
        "WHERE batch_id IS NULL AND NOT direct ORDER BY queued_at, interview_id LIMIT $1",
        limit, timedelta(seconds=limits.BATCH_GROUP_SECONDS),
    )  # fmt: skip
    if len(found) < limit and not any(row["due"] for row in found):
        return []
    return rows.many(Waiting, found)


async def claim(
    c: Connection, tenant_id: UUID, batch: Batch, interviews: Mapping[str, UUID]
) -> None:
    """Write a batch down with its interviews by their names; Fault `conflict` if one is taken."""
    await c.execute(
        "INSERT INTO evaluation_batches (id, tenant_id, tier, prompt_version, begun_at) "
        "VALUES ($1, $2, $3, $4, $5)",
        batch.id, tenant_id, batch.tier, batch.prompt_version, batch.begun_at,
    )  # fmt: skip
    taken = await c.fetch(
        "UPDATE evaluations_waiting w SET batch_id = $1, custom_id = n.custom_id "
        "FROM unnest($2::text[], $3::uuid[]) AS n(custom_id, interview_id) "
        "WHERE w.interview_id = n.interview_id AND w.batch_id IS NULL AND NOT w.direct "
        "RETURNING w.interview_id",
        batch.id, list(interviews), list(interviews.values()),
    )  # fmt: skip
    if len(taken) != len(interviews):
        raise Fault("conflict", "somebody else has handed one of them in")


async def made(c: Connection, batch_id: UUID, number: str) -> None:
    """Keep the provider's number of a batch."""
    await c.execute("UPDATE evaluation_batches SET number = $2 WHERE id = $1", batch_id, number)


async def of_batch(c: Connection, batch_id: UUID) -> list[Waiting]:
    """Return the interviews of a batch whose answers are not booked yet."""
    found = await c.fetch(
        f"SELECT {_WAITING} FROM evaluations_waiting WHERE batch_id = $1 ORDER BY custom_id",
        batch_id,
    )
    return rows.many(Waiting, found)


async def to_look_at(c: Connection, *, limit: int) -> list[Batch]:
    """Return batches, those that were not looked at for longest first, and note the look."""
    found = await c.fetch(
        "UPDATE evaluation_batches SET looked_at = now() WHERE id IN (SELECT id "
        "FROM evaluation_batches ORDER BY looked_at, id LIMIT $1 FOR UPDATE SKIP LOCKED) "
        f"RETURNING {_BATCH}",
        limit,
    )
    return sorted(rows.many(Batch, found), key=lambda batch: batch.begun_at)


async def unwanted(c: Connection, batch_id: UUID) -> bool:
    """Whether nobody waits for a batch's answers any more: reports are there, people erased."""
    return not await c.fetchval(
        "SELECT EXISTS (SELECT 1 FROM evaluations_waiting w JOIN interviews i "
        "ON i.id = w.interview_id WHERE w.batch_id = $1 AND NOT i.erased AND NOT EXISTS "
        "(SELECT 1 FROM reports r WHERE r.interview_id = i.id AND r.status = 'ready'))",
        batch_id,
    )


async def cancelled(c: Connection, batch_id: UUID) -> None:
    """Note that the provider was told to cancel a batch."""
    await c.execute("UPDATE evaluation_batches SET cancelled = true WHERE id = $1", batch_id)


async def take(c: Connection, batch_id: UUID, custom_id: str) -> Waiting | None:
    """Take an interview out of its batch, for its answer; None when another one has done so."""
    row = await c.fetchrow(
        f"SELECT {_WAITING} FROM evaluations_waiting WHERE batch_id = $1 AND custom_id = $2 "
        "FOR UPDATE",
        batch_id, custom_id,
    )  # fmt: skip
    if row is not None:
        await c.execute(
            "UPDATE evaluations_waiting SET batch_id = NULL, custom_id = '' "
            "WHERE interview_id = $1",
            row["interview_id"],
        )
    return rows.maybe(Waiting, row)


async def dissolve(c: Connection, batch_id: UUID) -> list[Waiting]:
    """Forget a batch; whoever is still in it waits for another one. Return those, as they were."""
    left = await of_batch(c, batch_id)
    await c.execute(
        "UPDATE evaluations_waiting SET batch_id = NULL, custom_id = '', tries = tries + 1 "
        "WHERE batch_id = $1",
        batch_id,
    )
    await c.execute("DELETE FROM evaluation_batches WHERE id = $1", batch_id)
    return left


# Rounds -------------------------------------------------------------------------------------


async def wake(c: Connection, tenant_id: UUID, seconds: float) -> None:
    """See that a company has a round in so many seconds, or earlier."""
    sooner = await c.fetchval(
        "INSERT INTO evaluation_rounds (tenant_id, due_at) VALUES ($1, now() + $2) "
        "ON CONFLICT (tenant_id) DO UPDATE SET due_at = excluded.due_at "
        "WHERE evaluation_rounds.due_at > excluded.due_at RETURNING true",
        tenant_id, timedelta(seconds=seconds),
    )  # fmt: skip
    if sooner:
        await _hand_over(c, tenant_id, seconds)


async def due(c: Connection) -> bool:
    """Whether the company's round is due: a message that comes too early is a copy.

    The row stays locked meanwhile: a round that ends just now has set the next one, or has not.
    """
    return bool(await c.fetchval("SELECT due_at <= now() FROM evaluation_rounds FOR UPDATE"))


async def next_round(c: Connection, tenant_id: UUID, *, seconds: float = 0.0) -> None:
    """Set the next round, not before `seconds`; or none when there is nothing to do.

    The row is locked before anybody is counted: whoever queues at this moment is seen here, or sees
    that there is no round.
    """
    await c.execute("SELECT FROM evaluation_rounds FOR UPDATE")
    delay = await c.fetchval(
        "SELECT least((SELECT $1::float8 FROM evaluation_batches LIMIT 1), "
        "(SELECT greatest(extract(epoch FROM min(queued_at) + $2::interval - now()), 1)::float8 "
        "FROM evaluations_waiting WHERE batch_id IS NULL AND NOT direct HAVING count(*) > 0))",
        limits.BATCH_LOOK_SECONDS, timedelta(seconds=limits.BATCH_GROUP_SECONDS),
    )  # fmt: skip
    if delay is None:
        await c.execute("DELETE FROM evaluation_rounds")
        return
    delay = max(float(delay), seconds)
    await c.execute(
        "INSERT INTO evaluation_rounds (tenant_id, due_at) VALUES ($1, now() + $2) "
        "ON CONFLICT (tenant_id) DO UPDATE SET due_at = excluded.due_at",
        tenant_id, timedelta(seconds=delay),
    )  # fmt: skip
    await _hand_over(c, tenant_id, delay)


async def _hand_over(c: Connection, tenant_id: UUID, seconds: float) -> None:
    job = jobs.EvaluationRound(tenant_id=tenant_id)
    await outbox.put(c, tenant_id, job, "bulk", delay_seconds=seconds)
