"""Jobs under way: attempts counted before the work, and leases that outlive no worker.

A message may come twice at once (a worker thought dead, a relay that fell over between sending
and deleting). The lease lets one of them work; the other waits for the lease's end.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from storage.transaction import Connection

LEASE_SECONDS: Final = 6.0  # a killed worker's job waits this long at most
RENEW_SECONDS: Final = 2.0


class Run(msgspec.Struct, frozen=True):
    """One attempt: its number says whose lease it is."""

    kind: str
    subject_id: UUID
    attempt: int
    fault: str = ""  # what ended the attempt before, if it could say


class Busy(msgspec.Struct, frozen=True):
    """Somebody else is at it, for at least this long."""

    seconds: float


async def begin(c: Connection, tenant_id: UUID, kind: str, subject_id: UUID) -> Run | Busy:
    """Count an attempt and take the lease, or say how long another one's still holds."""
    row = await c.fetchrow(
        "INSERT INTO job_runs (kind, subject_id, tenant_id, lease_until) "
        "VALUES ($1, $2, $3, now() + $4) ON CONFLICT (kind, subject_id) DO UPDATE SET "
        "attempts = job_runs.attempts + 1, lease_until = excluded.lease_until, "
        "updated_at = now() WHERE job_runs.lease_until <= now() "
        "RETURNING attempts, fault",
        kind,
        subject_id,
        tenant_id,
        timedelta(seconds=LEASE_SECONDS),
    )
    if row is not None:
        return Run(kind, subject_id, row["attempts"], row["fault"])
    left = await c.fetchval(
        "SELECT extract(epoch FROM lease_until - now())::float8 FROM job_runs "
        "WHERE kind = $1 AND subject_id = $2",
        kind,
        subject_id,
    )
    return Busy(max(0.1, float(left or 0.0)))


async def renew(c: Connection, run: Run) -> bool:
    """Hold the lease longer; False when it is somebody else's by now."""
    done = await c.execute(
        "UPDATE job_runs SET lease_until = now() + $4 "
        "WHERE kind = $1 AND subject_id = $2 AND attempts = $3",
        run.kind,
        run.subject_id,
        run.attempt,
        timedelta(seconds=LEASE_SECONDS),
    )
    return done == "UPDATE 1"


async def release(c: Connection, run: Run, *, fault: str, counted: bool = True) -> None:
    """Let go after a failure; `counted=False` takes an attempt back that was not the job's fault.

    Somebody else's lease is left alone.
    """
    await c.execute(
        "UPDATE job_runs SET lease_until = now(), fault = $4, updated_at = now(), "
        "attempts = attempts - $5 WHERE kind = $1 AND subject_id = $2 AND attempts = $3",
        run.kind,
        run.subject_id,
        run.attempt,
        fault,
        0 if counted else 1,
    )


async def end(c: Connection, run: Run) -> None:
    """Forget the job: it has passed, or was refused."""
    await c.execute(
        "DELETE FROM job_runs WHERE kind = $1 AND subject_id = $2", run.kind, run.subject_id
    )


async def forget(c: Connection, kind: str, subject_id: UUID) -> None:
    """Forget the attempts of a job that nobody is at: somebody wants it anew."""
    await c.execute(
        "DELETE FROM job_runs WHERE kind = $1 AND subject_id = $2 AND lease_until <= now()",
        kind,
        subject_id,
    )
