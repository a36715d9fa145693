"""Work that a transaction may hand over: which actor, in which lane, with which payload."""

from typing import Final, Literal
from uuid import UUID

import msgspec

Lane = Literal["premium", "active", "bulk", "again"]
LANES: Final[tuple[Lane, ...]] = ("premium", "active", "bulk", "again")
URGENT_LANES: Final[tuple[Lane, ...]] = ("premium", "active")
STAGES: Final = ("validate", "parse", "extract", "vectorize", "match")


class CvStage(msgspec.Struct, tag="cv", frozen=True):
    """Carry one CV through the stage named; a CV that is past it makes this a no-op."""

    tenant_id: UUID
    cv_id: UUID
    stage: Literal["validate", "parse", "extract", "vectorize", "match"]


class OpeningVector(msgspec.Struct, tag="opening", frozen=True):
    """Embed an opening anew and match every profile of the tenant against it."""

    tenant_id: UUID
    opening_id: UUID


class Evaluate(msgspec.Struct, tag="evaluate", frozen=True):
    """Write the report of a finished interview."""

    tenant_id: UUID
    interview_id: UUID


class PlanInterview(msgspec.Struct, tag="plan", frozen=True):
    """Have a model weigh the plan of an interview that nobody has joined."""

    tenant_id: UUID
    interview_id: UUID


class BudgetAlert(msgspec.Struct, tag="alert", frozen=True):
    """Tell the operator's receiver that a threshold of a company's money was crossed."""

    tenant_id: UUID
    alert_id: UUID


class EvaluationRound(msgspec.Struct, tag="evaluation_round", frozen=True):
    """Hand in a company's evaluations that wait, look at its batches, book what has come."""

    tenant_id: UUID


Job = CvStage | OpeningVector | Evaluate | PlanInterview | BudgetAlert | EvaluationRound


class Envelope(msgspec.Struct, frozen=True):
    """What travels through the outbox and the broker; `request_id` joins the log lines."""

    job: Job
    lane: Lane
    request_id: str = ""


_decoder = msgspec.json.Decoder(Envelope)


def encode(envelope: Envelope) -> str:
    """Return the envelope as JSON text: broker messages and outbox rows carry it as it is."""
    return msgspec.json.encode(envelope).decode()


def decode(text: str | bytes) -> Envelope:
    """Return the envelope; raises msgspec.DecodeError (or ValidationError) on anything else."""
    return _decoder.decode(text)


def queue_name(lane: Lane) -> str:
    """Return the broker's queue of a lane."""
    return f"lane.{lane}"
