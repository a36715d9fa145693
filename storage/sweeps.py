"""What was left behind, found across tenants by the sweep's own role, which may only look."""

from datetime import timedelta
from uuid import UUID

import msgspec

from protocol import jobs, limits
from storage import rows
from storage.transaction import Connection


class StuckCv(msgspec.Struct, frozen=True):
    """A CV that waits for its next stage longer than its lane explains."""

    tenant_id: UUID
    cv_id: UUID
    stage: str
    lane: jobs.Lane


class Left(msgspec.Struct, frozen=True):
    """A thing of a tenant that needs a hand."""

    tenant_id: UUID
    id: UUID


async def alone(c: Connection) -> bool:
    """Take the sweep's lock for this transaction; False while another sweep has it."""
    return bool(await c.fetchval("SELECT pg_try_advisory_xact_lock(7341003)"))


async def ensure_months(c: Connection, ahead: int) -> int:
    """Make the partitions of the months to come; return how many were new."""
    return int(await c.fetchval("SELECT ensure_months($1)", ahead))


async def stuck_cvs(c: Connection, lane: jobs.Lane, *, seconds: float, limit: int) -> list[StuckCv]:
    """Return working CVs of a lane without progress for `seconds` that nobody holds a lease on."""
    found = await c.fetch(
        "SELECT v.tenant_id, v.id AS cv_id, v.stage, v.lane FROM cvs v "
        "WHERE v.status = 'working' AND v.lane = $1 AND v.stage_at < now() - $2::interval "
        "AND NOT EXISTS (SELECT 1 FROM job_runs r WHERE r.subject_id = v.id "
        "AND (r.lease_until > now() OR r.updated_at > now() - $2::interval)) "
        "ORDER BY v.stage_at LIMIT $3",
        lane,
        timedelta(seconds=seconds),
        limit,
    )
    return rows.many(StuckCv, found)


async def openings_without_vector(c: Connection, *, seconds: float, limit: int) -> list[Left]:
    """Return open openings whose present version has had no vector for `seconds`."""
    found = await c.fetch(
        "SELECT o.tenant_id, o.id FROM openings o WHERE o.status = 'open' "
        "AND o.updated_at < now() - $1::interval AND NOT EXISTS (SELECT 1 FROM embeddings e "
        "WHERE e.owner_kind = 'opening' AND e.owner_id = o.id AND e.version = o.version) "
        "AND NOT EXISTS (SELECT 1 FROM job_runs r WHERE r.subject_id = o.id "
        "AND (r.lease_until > now() OR r.updated_at > now() - $1::interval)) "
        "ORDER BY o.id LIMIT $2",
        timedelta(seconds=seconds),
        limit,
    )
    return rows.many(Left, found)


async def interviews_without_report(c: Connection, *, seconds: float, limit: int) -> list[Left]:
    """Return interviews that ended more than `seconds` ago and have no report at all."""
    found = await c.fetch(
        "SELECT i.tenant_id, i.id FROM interviews i WHERE i.status = 'finished' "
        "AND NOT i.erased AND i.finished_at < now() - $1::interval "
        "AND NOT EXISTS (SELECT 1 FROM reports r WHERE r.interview_id = i.id) "
        "AND NOT EXISTS (SELECT 1 FROM evaluations_waiting w WHERE w.interview_id = i.id "
        "AND NOT w.direct) "
        "AND NOT EXISTS (SELECT 1 FROM job_runs j WHERE j.subject_id = i.id "
        "AND (j.lease_until > now() OR j.updated_at > now() - $1::interval)) "
        "ORDER BY i.finished_at LIMIT $2",
        timedelta(seconds=seconds),
        limit,
    )
    return rows.many(Left, found)


async def pending_reviews(c: Connection, *, limit: int) -> list[Left]:
    """Return reports that a model failed to write, to be tried again for a day."""
    found = await c.fetch(
        "SELECT r.tenant_id, r.interview_id AS id FROM reports r "
        "JOIN interviews i ON i.id = r.interview_id WHERE r.status = 'pending_review' "
        "AND NOT i.erased AND r.created_at < now() - $1::interval "
        "AND i.finished_at > now() - $2::interval AND NOT EXISTS (SELECT 1 "
        "FROM evaluations_waiting w WHERE w.interview_id = i.id AND NOT w.direct) "
        "ORDER BY r.created_at LIMIT $3",
        timedelta(seconds=limits.REVIEW_RETRY_SECONDS),
        timedelta(seconds=limits.REVIEW_SECONDS_MAX),
        limit,
    )
    return rows.many(Left, found)


async def late_rounds(c: Connection, *, limit: int) -> list[Left]:
    """Return companies whose round of batches should have come some time ago."""
    found = await c.fetch(
        "SELECT o.tenant_id, o.tenant_id AS id FROM evaluation_rounds o "
        "WHERE o.due_at < now() - $1::interval AND NOT EXISTS (SELECT 1 FROM job_runs r "
        "WHERE r.subject_id = o.tenant_id AND r.lease_until > now()) ORDER BY o.due_at LIMIT $2",
        timedelta(seconds=limits.BATCH_ROUND_LATE_SECONDS),
        limit,
    )
    return rows.many(Left, found)


async def waiting_for_batches(c: Connection) -> int:
    """Return how many interviews' reports wait for a batch, of all companies."""
    return int(await c.fetchval("SELECT count(*) FROM evaluations_waiting WHERE NOT direct"))


async def abandoned_sessions(c: Connection, *, limit: int) -> list[Left]:
    """Return sessions that nothing has happened to for limits.AWAY_CLOSE_SECONDS.

    A session with its candidate is written to far more often: time runs out, and a pause gives its
    place back. One whose consent was taken back is left to the company.
    """
    found = await c.fetch(
        "SELECT s.tenant_id, s.id FROM interview_sessions s "
        "JOIN interviews i ON i.id = s.interview_id WHERE s.status = 'active' "
        "AND i.status = 'live' AND NOT i.erased AND s.updated_at < now() - $1::interval "
        "AND (SELECT n.given FROM consents n WHERE n.interview_id = i.id "
        "ORDER BY n.created_at DESC, n.id DESC LIMIT 1) ORDER BY s.updated_at LIMIT $2",
        timedelta(seconds=limits.AWAY_CLOSE_SECONDS),
        limit,
    )
    return rows.many(Left, found)


async def expired_uploads(c: Connection, *, limit: int) -> list[Left]:
    """Return CVs whose file was announced and never confirmed."""
    found = await c.fetch(
        "SELECT tenant_id, id FROM cvs WHERE status = 'awaiting_upload' "
        "AND created_at < now() - $1::interval ORDER BY id LIMIT $2",
        timedelta(seconds=limits.UPLOAD_EXPIRED_SECONDS),
        limit,
    )
    return rows.many(Left, found)
