"""Interviews: the durable record beside the live session."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from interview.plan import Plan
from protocol import ids
from protocol.faults import Fault
from runtime import clock
from storage.transaction import Connection

Status = Literal["invited", "live", "finished", "expired", "withdrawn"]
_COLUMNS = (
    "i.id, i.tenant_id, i.opening_id, i.candidate_id, i.cv_id, i.session_id, i.status, i.locale, "
    "i.minutes, i.plan, i.seed, i.invitation, i.finished_reason, i.created_at, i.started_at, "
    "i.finished_at, i.erased, o.title AS opening_title, c.name AS candidate_name"
)
# A request matters as long as its answer can: more time only before the end, another process
# until the company has closed this one.
_WAITS = (
    "a.interview_id = i.id AND a.status = 'asked' AND NOT i.erased AND (i.status IN "
    "('invited', 'live') OR i.status <> 'withdrawn' AND a.kind = 'alternative_process')"
)
_SIGNS = (
    f"ARRAY(SELECT a.kind FROM accommodations a WHERE {_WAITS} ORDER BY a.id) AS waiting, "
    "coalesce((SELECT 'queued' FROM evaluations_waiting w WHERE w.interview_id = i.id "
    "AND NOT w.direct), (SELECT r.status FROM reports r WHERE r.interview_id = i.id)) AS report, "
    "(SELECT d.decision FROM decisions d WHERE d.interview_id = i.id "
    "ORDER BY d.created_at DESC, d.id DESC LIMIT 1) AS decision"
)
_FROM = (
    "interviews i JOIN openings o ON o.id = i.opening_id JOIN candidates c ON c.id = i.candidate_id"
)


class Interview(msgspec.Struct, frozen=True, kw_only=True):
    """One interview with the names a list needs."""

    id: UUID
    tenant_id: UUID
    opening_id: UUID
    candidate_id: UUID
    cv_id: UUID | None
    session_id: UUID
    status: Status
    locale: str
    minutes: int
    plan: dict[str, Any]
    seed: int
    invitation: int
    finished_reason: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    erased: bool
    opening_title: str
    candidate_name: str

    def typed_plan(self) -> Plan:
        """The plan as its struct; raises Fault `interview_over` once the person was erased."""
        if not self.plan:
            raise Fault("interview_over")
        return msgspec.convert(self.plan, Plan)


class Listed(Interview, frozen=True, kw_only=True):
    """An interview with what a list has to tell: what waits, the report's status, the decision."""

    waiting: list[str]
    report: str | None
    decision: str | None


class TurnRow(msgspec.Struct, frozen=True, kw_only=True):
    """One answered turn of the record."""

    turn: int
    ask: int
    competency: str
    level: str
    kind: str
    engine: str
    question: str
    answer: str
    client_msg_id: str
    seconds: float
    answered_at: datetime


def _interview(row: Any) -> Interview:
    return msgspec.convert(dict(row), Interview)


async def create(
    connection: Connection,
    *,
    tenant_id: UUID,
    opening_id: UUID,
    candidate_id: UUID,
    cv_id: UUID | None,
    locale: str,
    minutes: int,
    plan: Plan,
    invited_by: UUID | None,
) -> Interview:
    """Insert an interview with its (not yet started) session and return it."""
    interview_id, session_id = clock.new_id(), clock.new_id()
    seed = interview_id.int & 0x7FFF_FFFF_FFFF  # differs by interview, the same for its session
    await connection.execute(
        "INSERT INTO interviews (id, tenant_id, opening_id, candidate_id, cv_id, session_id, "
        "locale, minutes, plan, seed, invited_by) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        interview_id,
        tenant_id,
        opening_id,
        candidate_id,
        cv_id,
        session_id,
        locale,
        minutes,
        plan,
        seed,
        invited_by,
    )
    await connection.execute(
        "INSERT INTO interview_sessions (id, created_at, tenant_id, interview_id) "
        "VALUES ($1, $2, $3, $4)",
        session_id,
        ids.created_at(session_id),
        tenant_id,
        interview_id,
    )
    created = await get(connection, interview_id)
    if created is None:
        raise Fault("not_found", "the opening or the candidate does not exist")
    return created


async def get(connection: Connection, interview_id: UUID) -> Interview | None:
    """Return the tenant's interview, or None."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM {_FROM} WHERE i.id = $1", interview_id)
    return _interview(row) if row else None


async def page(
    connection: Connection,
    *,
    after: UUID | None = None,
    limit: int = 50,
    opening_id: UUID | None = None,
    status: str | None = None,
    waiting: bool = False,
) -> list[Listed]:
    """Return the newest interviews first, `after` the id given; `waiting` for an answer only."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS}, {_SIGNS} FROM {_FROM} WHERE ($1::uuid IS NULL OR i.id < $1) "
        "AND ($2::uuid IS NULL OR i.opening_id = $2) AND ($3::text IS NULL OR i.status = $3) "
        f"AND (NOT $5 OR EXISTS (SELECT 1 FROM accommodations a WHERE {_WAITS})) "
        "ORDER BY i.id DESC LIMIT $4",
        after,
        opening_id,
        status,
        limit,
        waiting,
    )
    return [msgspec.convert(dict(row), Listed) for row in rows]


async def listed(connection: Connection, interview_id: UUID) -> Listed | None:
    """Return one interview as the list has it, or None."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, {_SIGNS} FROM {_FROM} WHERE i.id = $1", interview_id
    )
    return msgspec.convert(dict(row), Listed) if row else None


async def turns(connection: Connection, interview_id: UUID) -> list[TurnRow]:
    """Return what was said, in order."""
    rows = await connection.fetch(
        "SELECT turn, ask, competency, level, kind, engine, question, answer, client_msg_id, "
        "seconds, answered_at FROM turns WHERE interview_id = $1 ORDER BY turn",
        interview_id,
    )
    return [msgspec.convert(dict(row), TurnRow) for row in rows]


async def withdraw(connection: Connection, interview_id: UUID) -> bool:
    """Withdraw an invitation that has not been used up; False when it is too late."""
    row = await connection.fetchrow(
        "UPDATE interviews SET status = 'withdrawn', invitation = invitation + 1 "
        "WHERE id = $1 AND status IN ('invited', 'live') RETURNING session_id",
        interview_id,
    )
    if row is None:
        return False
    await connection.execute(
        "UPDATE interview_sessions SET status = 'finished', fence = fence + 1, "
        "finished_at = now() WHERE id = $1 AND created_at = $2",
        row["session_id"],
        ids.created_at(row["session_id"]),
    )
    return True


async def raise_invitation(connection: Connection, interview_id: UUID) -> int:
    """Void every link given out so far and return the number of the next one."""
    number = await connection.fetchval(
        "UPDATE interviews SET invitation = invitation + 1 WHERE id = $1 RETURNING invitation",
        interview_id,
    )
    if number is None:
        raise Fault("not_found")
    return int(number)


async def record_extra_minutes(connection: Connection, interview_id: UUID, minutes: int) -> float:
    """Give more time; return the plan's seconds now, 0 for an interview whose person was erased."""
    seconds = await connection.fetchval(
        "UPDATE interviews SET minutes = least(minutes + $2, 180), plan = plan || "
        "jsonb_build_object('seconds', (plan->>'seconds')::float + $2 * 60, "
        "'minutes', (plan->>'minutes')::int + $2) WHERE id = $1 AND plan <> '{}' "
        "RETURNING (plan->>'seconds')::float",
        interview_id,
        minutes,
    )
    return float(seconds or 0)


async def replan(connection: Connection, interview: Interview, plan: Plan) -> bool:
    """Give an interview that nobody has joined other competencies; False when it is too late.

    The session's row is locked first, as by whoever takes it: they read the one plan or the other.
    What was granted meanwhile stays.
    """
    fence = await connection.fetchval(
        "SELECT fence FROM interview_sessions WHERE id = $1 AND created_at = $2 FOR NO KEY UPDATE",
        interview.session_id,
        ids.created_at(interview.session_id),
    )
    if fence != 0:
        return False
    done = await connection.fetchval(
        "UPDATE interviews SET plan = plan || $2 WHERE id = $1 AND status = 'invited' "
        "AND plan <> '{}' RETURNING true",
        interview.id,
        {"competencies": plan.competencies, "turns_max": plan.turns_max, "refined": plan.refined},
    )
    return bool(done)


async def planned_time(connection: Connection, interview_id: UUID) -> tuple[float, int]:
    """Return the plan's seconds and minutes as they are now, (0, 0) for an erased person's."""
    row = await connection.fetchrow(
        "SELECT (plan->>'seconds')::float AS seconds, (plan->>'minutes')::int AS minutes "
        "FROM interviews WHERE id = $1 AND plan <> '{}'",
        interview_id,
    )
    return (row["seconds"], row["minutes"]) if row else (0.0, 0)


async def session_instance(connection: Connection, session_id: UUID) -> str:
    """Return the instance that holds the session's live state, empty when none does."""
    found = await connection.fetchval(
        "SELECT instance_id FROM interview_sessions WHERE id = $1 AND created_at = $2 "
        "AND status = 'active'",
        session_id,
        ids.created_at(session_id),
    )
    return str(found or "")


class ActiveSession(msgspec.Struct, frozen=True):
    """A live session of the tenant, as operators list them."""

    session_id: UUID
    interview_id: UUID
    instance: str
    status: str
    turns_done: int
    updated_at: datetime


async def active_sessions(connection: Connection, *, limit: int) -> list[ActiveSession]:
    """Return the tenant's sessions that are going on, the latest change first."""
    rows = await connection.fetch(
        "SELECT id AS session_id, interview_id, instance_id AS instance, status, turns_done, "
        "updated_at FROM interview_sessions WHERE status = 'active' "
        "ORDER BY updated_at DESC LIMIT $1",
        limit,
    )
    return [msgspec.convert(dict(row), ActiveSession) for row in rows]
