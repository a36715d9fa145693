"""CVs on their way through the stages: each passes forward once, whoever repeats the message."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from protocol import jobs, limits
from protocol.faults import Fault
from storage import outbox, rows
from storage.transaction import Connection

PROGRESS: Final = {
    "upload": 0.1, "validate": 0.2, "parse": 0.5, "extract": 0.7, "vectorize": 0.9, "match": 1.0,
}  # fmt: skip
BEFORE: Final = dict(zip(jobs.STAGES, ("upload", *jobs.STAGES), strict=False))
AFTER: Final[dict[str, str]] = {before: stage for stage, before in BEFORE.items()}


class Cv(msgspec.Struct, frozen=True):
    """One uploaded CV: `stage` is the last one passed, `fault` the code of a refusal."""

    id: UUID
    candidate_id: UUID
    opening_id: UUID | None
    filename: str
    bytes: int
    kind: str
    lane: jobs.Lane
    status: str
    stage: str
    fault: str
    fault_detail: str
    pages: int
    language: str
    text_chars: int
    hidden: dict[str, Any]
    created_at: datetime
    confirmed_at: datetime | None
    stage_at: datetime
    progress: float = 0.0


class Work(msgspec.Struct, frozen=True):
    """What a stage needs to know of a CV."""

    id: UUID
    candidate_id: UUID
    object_key: str
    filename: str
    lane: jobs.Lane
    kind: str
    language: str
    status: str
    stage: str
    confirmed_at: datetime | None

    def waits_for(self, stage: str) -> bool:
        """Whether `stage` is the one to do next: a repeated message finds that it is not."""
        return self.status == "working" and self.stage == BEFORE[stage]


_COLUMNS = rows.columns(Cv).removesuffix(", progress")
_WORK = rows.columns(Work)


def progress(status: str, stage: str) -> float:
    """Return how far a CV is, 0 to 1: what is refused has ended as well."""
    if status == "awaiting_upload":
        return 0.0
    return PROGRESS[stage] if status == "working" else 1.0


def _cv(row: asyncpg.Record) -> Cv:
    values = {**dict(row), "progress": progress(row["status"], row["stage"])}
    return msgspec.convert(values, Cv)


def notice(cv: Cv) -> dict[str, Any]:
    """Return what watchers are told of a CV (event `cv.stage`), after the commit."""
    return {
        "cv_id": cv.id,
        "candidate_id": cv.candidate_id,
        "filename": cv.filename,
        "stage": cv.stage,
        "status": cv.status,
        "progress": cv.progress,
        "fault": cv.fault,
    }


async def create(
    c: Connection,
    tenant_id: UUID,
    cv_id: UUID,
    *,
    candidate_id: UUID,
    object_key: str,
    filename: str,
    opening_id: UUID | None = None,
    lane: jobs.Lane = "active",
) -> Cv:
    """Keep a CV whose file is still to come; the candidate (and opening) must be the tenant's.

    Fault `not_found` when they are not: foreign keys do not look at row-level security.
    """
    row = await c.fetchrow(
        "INSERT INTO cvs (id, tenant_id, candidate_id, opening_id, object_key, filename, lane) "
        "SELECT $1, $2, ca.id, $4, $5, $6, $7 FROM candidates ca "
        "WHERE ca.id = $3 AND ca.erased_at IS NULL "
        "AND ($4::uuid IS NULL OR EXISTS (SELECT 1 FROM openings o WHERE o.id = $4)) "
        f"RETURNING {_COLUMNS}",
        cv_id,
        tenant_id,
        candidate_id,
        opening_id,
        object_key,
        filename[:255],
        lane,
    )
    if row is None:
        raise Fault("not_found")
    return _cv(row)


async def get(c: Connection, cv_id: UUID) -> Cv:
    """Return a CV of the tenant; Fault `not_found` otherwise."""
    row = await c.fetchrow(f"SELECT {_COLUMNS} FROM cvs WHERE id = $1", cv_id)
    if row is None:
        raise Fault("not_found")
    return _cv(row)


async def page(
    c: Connection,
    *,
    after: UUID | None = None,
    limit: int,
    candidate_id: UUID | None = None,
    opening_id: UUID | None = None,
) -> list[Cv]:
    """Return CVs, newest first, older than `after`; those awaiting their file are left out."""
    found = await c.fetch(
        f"SELECT {_COLUMNS} FROM cvs WHERE ($1::uuid IS NULL OR id < $1) "
        "AND ($2::uuid IS NULL OR candidate_id = $2) AND ($3::uuid IS NULL OR opening_id = $3) "
        "AND status NOT IN ('awaiting_upload', 'erased') ORDER BY id DESC LIMIT $4",
        after,
        candidate_id,
        opening_id,
        limit,
    )
    return [_cv(row) for row in found]


async def object_key(c: Connection, cv_id: UUID) -> str:
    """Return where the CV's file is (to be); Fault `not_found` otherwise."""
    key = await c.fetchval("SELECT object_key FROM cvs WHERE id = $1", cv_id)
    if not key:
        raise Fault("not_found")
    return str(key)


async def confirm(
    c: Connection, tenant_id: UUID, cv_id: UUID, *, size: int, request_id: str = ""
) -> Cv:
    """Say that the file has arrived with `size` bytes, and hand over its first stage.

    A second confirmation changes nothing. The caller has looked at the object.
    """
    row = await c.fetchrow(
        "UPDATE cvs SET status = 'working', stage = 'upload', bytes = $2, confirmed_at = now(), "
        "stage_at = now() WHERE id = $1 AND status = 'awaiting_upload' "
        f"RETURNING {_COLUMNS}",
        cv_id,
        size,
    )
    if row is None:
        return await get(c, cv_id)
    await hand_over(c, tenant_id, cv_id, "validate", row["lane"], request_id=request_id)
    return _cv(row)


async def again(c: Connection, tenant_id: UUID, cv_id: UUID, *, request_id: str = "") -> Cv:
    """Read a finished or refused CV anew, in the lane for re-processing."""
    row = await c.fetchrow(
        "UPDATE cvs SET status = 'working', stage = 'upload', lane = 'again', fault = '', "
        "fault_detail = '', confirmed_at = now(), stage_at = now() WHERE id = $1 "
        f"AND status IN ('ready', 'refused', 'needs_ocr') RETURNING {_COLUMNS}",
        cv_id,
    )
    if row is None:
        return await get(c, cv_id)
    await hand_over(c, tenant_id, cv_id, "validate", "again", request_id=request_id)
    return _cv(row)


async def hand_over(
    c: Connection,
    tenant_id: UUID,
    cv_id: UUID,
    stage: str,
    lane: jobs.Lane,
    *,
    request_id: str = "",
    delay_seconds: float = 0.0,
) -> None:
    """Put the job of one stage into the outbox."""
    job = msgspec.convert(
        {"type": "cv", "tenant_id": tenant_id, "cv_id": cv_id, "stage": stage}, jobs.CvStage
    )
    await outbox.put(c, tenant_id, job, lane, request_id=request_id, delay_seconds=delay_seconds)


async def work(c: Connection, cv_id: UUID) -> Work | None:
    """Return what a stage needs to know, or None where there is no such CV.

    The row stays locked until the transaction ends: of two copies of a message the second looks
    again once the first has begun, or has passed the stage.
    """
    row = await c.fetchrow(f"SELECT {_WORK} FROM cvs WHERE id = $1 FOR NO KEY UPDATE", cv_id)
    return rows.maybe(Work, row)


async def passed(c: Connection, cv_id: UUID, stage: str, **facts: Any) -> Cv | None:
    """Move the CV past `stage` and keep what was learned; None when somebody else has.

    `facts` are columns of cvs: kind, sha256, pages, language, text_chars, hidden. The last stage
    makes the CV ready.
    """
    unknown = facts.keys() - {"kind", "sha256", "pages", "language", "text_chars", "hidden"}
    if unknown:
        raise ValueError(f"not a fact of a CV: {', '.join(sorted(unknown))}")
    sets = "".join(f", {name} = ${n}" for n, name in enumerate(facts, start=5))
    row = await c.fetchrow(
        f"UPDATE cvs SET stage = $2, status = $3, stage_at = now(), fault = ''{sets} "
        f"WHERE id = $1 AND status = 'working' AND stage = $4 RETURNING {_COLUMNS}",
        cv_id,
        stage,
        "ready" if stage == jobs.STAGES[-1] else "working",
        BEFORE[stage],
        *facts.values(),
    )
    return None if row is None else _cv(row)


async def refuse(
    c: Connection, cv_id: UUID, stage: str, *, code: str, detail: str = ""
) -> Cv | None:
    """End the CV before `stage` with a named reason; its file stays. None when it has moved."""
    row = await c.fetchrow(
        "UPDATE cvs SET status = $3, fault = $4, fault_detail = $5, stage_at = now() "
        f"WHERE id = $1 AND status = 'working' AND stage = $2 RETURNING {_COLUMNS}",
        cv_id,
        BEFORE[stage],
        "needs_ocr" if code == "cv_needs_ocr" else "refused",
        code,
        detail[:500],
    )
    return None if row is None else _cv(row)


async def save_text(c: Connection, tenant_id: UUID, cv_id: UUID, text: str) -> None:
    """Keep the text a person can see in the CV."""
    await c.execute(
        "INSERT INTO cv_texts (cv_id, tenant_id, text) VALUES ($1, $2, $3) "
        "ON CONFLICT (cv_id) DO UPDATE SET text = excluded.text",
        cv_id,
        tenant_id,
        text,
    )


async def text(c: Connection, cv_id: UUID) -> str:
    """Return the CV's text, empty where there is none."""
    return str(await c.fetchval("SELECT text FROM cv_texts WHERE cv_id = $1", cv_id) or "")


async def expire_upload(c: Connection, cv_id: UUID) -> str | None:
    """End a CV whose file never came (or was never confirmed); return its object's key."""
    key = await c.fetchval(
        "UPDATE cvs SET status = 'refused', fault = 'cv_not_uploaded', stage_at = now() "
        "WHERE id = $1 AND status = 'awaiting_upload' RETURNING object_key",
        cv_id,
    )
    return None if key is None else str(key)


class LaneState(msgspec.Struct, frozen=True):
    """How one lane keeps its promise: what waits for its first stage, and what is under way."""

    lane: str
    waiting: int
    working: int
    oldest_seconds: float
    promise_seconds: float


async def lanes(c: Connection) -> list[LaneState]:
    """Return every lane as the role may see it: one tenant's, or all of them for the fleet's."""
    found = await c.fetch(
        "SELECT lane, count(*) FILTER (WHERE stage = 'upload') AS waiting, "
        "count(*) FILTER (WHERE stage <> 'upload') AS working, "
        "extract(epoch FROM now() - min(confirmed_at))::float8 AS oldest "
        "FROM cvs WHERE status = 'working' GROUP BY lane"
    )
    by_lane = {row["lane"]: row for row in found}
    states = []
    for lane in jobs.LANES:
        row, promise = by_lane.get(lane), limits.LANE_PROMISE_SECONDS[lane]
        if row is None:
            states.append(LaneState(lane, 0, 0, 0.0, promise))
            continue
        oldest = max(0.0, float(row["oldest"] or 0.0))
        states.append(LaneState(lane, row["waiting"], row["working"], oldest, promise))
    return states
