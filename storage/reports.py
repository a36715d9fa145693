"""Reports of interviews, and the decisions that named people take on them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from interview.interviewer import Said
from protocol.faults import Fault
from protocol.report import Evaluation
from storage import audit, rows
from storage.transaction import Connection

Reason = Annotated[str, msgspec.Meta(min_length=10, max_length=4000)]


class Decision(msgspec.Struct, frozen=True):
    """What a person decided, who it was and why; `report_version` is what they had read."""

    id: UUID
    interview_id: UUID
    report_version: int
    decision: str
    reason: str
    decided_by: UUID
    decided_name: str
    created_at: datetime


class NewDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision as a person sends it; without a reason there is none."""

    decision: Literal["advance", "hold", "decline"]
    reason: Reason


class Report(msgspec.Struct, frozen=True):
    """The report in force and everything decided on it, oldest first."""

    evaluation: Evaluation
    version: int
    created_at: datetime
    decisions: list[Decision]


_DECISION = rows.columns(Decision)


async def save(c: Connection, tenant_id: UUID, evaluation: Evaluation) -> int | None:
    """Keep an interview's report and return its version; None when a ready one is there.

    A pending review is replaced; what is ready is never written again. Of somebody who was erased
    meanwhile nothing is kept: the lock is the one that whoever erases waits for.
    """
    there = await c.fetchval(
        "SELECT true FROM interviews WHERE id = $1 AND NOT erased FOR UPDATE",
        evaluation.interview_id,
    )
    if not there:
        return None
    version = await c.fetchval(
        "INSERT INTO reports (interview_id, tenant_id, status, evaluation) "
        "VALUES ($1, $2, $3, $4) ON CONFLICT (interview_id) DO UPDATE SET "
        "status = excluded.status, evaluation = excluded.evaluation, "
        "version = reports.version + 1, created_at = now() "
        "WHERE reports.status = 'pending_review' RETURNING version",
        evaluation.interview_id,
        tenant_id,
        evaluation.status,
        evaluation,
    )
    return None if version is None else int(version)


class Transcript(msgspec.Struct, frozen=True):
    """What was said in an interview, and how many questions each engine asked."""

    said: list[Said]
    turns_by_engine: dict[str, int]


async def transcript(c: Connection, interview_id: UUID) -> Transcript:
    """Return the answered turns in order, each with the skill and evidence it was asked for."""
    found = await c.fetch(
        "SELECT t.turn, t.competency, t.level, t.kind, t.engine, t.question, t.answer, "
        "coalesce(a.directive->>'skill', '') AS skill, "
        "coalesce(a.directive->>'asks', '') AS asked_for "
        "FROM turns t LEFT JOIN asks a ON a.session_id = t.session_id AND a.turn = t.turn "
        "AND a.ask = t.ask WHERE t.interview_id = $1 ORDER BY t.turn",
        interview_id,
    )
    engines: dict[str, int] = {}
    said = []
    for row in found:
        values = dict(row)
        engine = values.pop("engine")
        engines[engine] = engines.get(engine, 0) + 1
        said.append(Said(**values))
    return Transcript(said, engines)


async def status(c: Connection, interview_id: UUID) -> str | None:
    """Return `ready`, `pending_review`, or None without a report."""
    found = await c.fetchval("SELECT status FROM reports WHERE interview_id = $1", interview_id)
    return None if found is None else str(found)


async def pending_reason(c: Connection, interview_id: UUID) -> str:
    """Return why a report waits for a person, "" when it does not."""
    found = await c.fetchval(
        "SELECT evaluation->>'pending_reason' FROM reports WHERE interview_id = $1 "
        "AND status = 'pending_review'",
        interview_id,
    )
    return str(found or "")


async def get(c: Connection, interview_id: UUID) -> Report:
    """Return the report and its decisions; Fault `not_found` while there is none."""
    row = await c.fetchrow(
        "SELECT evaluation, version, created_at FROM reports WHERE interview_id = $1",
        interview_id,
    )
    if row is None:
        raise Fault("not_found", "the report is not written yet")
    evaluation = msgspec.convert({**row["evaluation"], "version": row["version"]}, Evaluation)
    return Report(evaluation, row["version"], row["created_at"], await decisions(c, interview_id))


async def decisions(c: Connection, interview_id: UUID) -> list[Decision]:
    """Return what was decided, oldest first; the last one is in force."""
    found = await c.fetch(
        f"SELECT {_DECISION} FROM decisions WHERE interview_id = $1 ORDER BY created_at, id",
        interview_id,
    )
    return rows.many(Decision, found)


async def decide(
    c: Connection,
    tenant_id: UUID,
    interview_id: UUID,
    *,
    decision_id: UUID,
    new: NewDecision,
    user_id: UUID,
    user_name: str,
) -> Decision:
    """Keep a named person's decision on the report in force, and note it in the audit log.

    Faults: `conflict` without a report, `invalid_input` without a name or a reason.
    """
    reason, name = new.reason.strip(), user_name.strip()
    if len(reason) < 10:  # noqa: PLR2004 - as the table has it
        raise Fault("invalid_input", "a decision needs a reason of at least 10 characters")
    if not name:
        raise Fault("invalid_input", "a decision needs the name of a person")
    row = await c.fetchrow(
        "INSERT INTO decisions (id, tenant_id, interview_id, report_version, decision, reason, "
        "decided_by, decided_name) SELECT $1, $2, r.interview_id, r.version, $4, $5, u.id, $7 "
        "FROM reports r, users u WHERE r.interview_id = $3 AND u.id = $6 "
        f"RETURNING {_DECISION}",
        decision_id,
        tenant_id,
        interview_id,
        new.decision,
        reason,
        user_id,
        name,
    )
    if row is None:
        raise Fault("conflict", "a decision needs a report and a person of this company")
    await audit.note(
        c, tenant_id, f"user:{user_id}", "decision", "interview", interview_id,
        {"decision": new.decision, "report_version": row["report_version"]},
    )  # fmt: skip
    return rows.one(Decision, row)
