"""Jobs handed over inside a transaction: a row here is a message as soon as it commits."""

from datetime import timedelta
from uuid import UUID

from protocol import jobs
from storage.transaction import Connection


async def put(
    connection: Connection,
    tenant_id: UUID,
    job: jobs.Job,
    lane: jobs.Lane,
    *,
    request_id: str = "",
    delay_seconds: float = 0.0,
) -> None:
    """Hand `job` over when the caller's transaction commits, not before `delay_seconds`."""
    envelope = jobs.encode(jobs.Envelope(job=job, lane=lane, request_id=request_id))
    await connection.execute(
        "INSERT INTO outbox (tenant_id, lane, envelope, not_before) "
        "VALUES ($1, $2, $3, now() + $4)",
        tenant_id,
        lane,
        envelope,
        timedelta(seconds=delay_seconds),
    )


async def waiting(connection: Connection) -> int:
    """Return how many jobs of the tenant have not been handed to the broker yet."""
    return int(await connection.fetchval("SELECT count(*) FROM outbox"))
