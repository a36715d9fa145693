"""The evaluation of an interview: levels that code computed from quotes that code checked."""

from typing import Literal
from uuid import UUID

import msgspec


class Quote(msgspec.Struct, frozen=True):
    """Words that stand literally in the answer of `turn`, at `start:end` of its text."""

    turn: int
    text: str
    start: int
    end: int
    evidence: str  # id of the expected evidence it supports
    label: str  # what the recruiter reads for that evidence


class CompetencyReport(msgspec.Struct, frozen=True):
    """One competency: level 0-4, or None where the interview did not reach it."""

    competency: str
    name: str
    weight: float
    level: int | None
    expected: list[str]  # labels of the evidence looked for
    found: list[str]  # labels with at least one quote
    missing: list[str]
    quotes: list[Quote]
    turns: list[int]


class Evaluation(msgspec.Struct, frozen=True):
    """What a recruiter reads and has to decide on.

    kind `coverage` (offline: how much of the expected evidence was given, never a hire score) or
    `rubric` (the model proposed quotes, code checked them and computed the levels).
    """

    interview_id: UUID
    kind: Literal["coverage", "rubric"]
    engine: str
    locale: str
    competencies: list[CompetencyReport]
    coverage: float  # 0..1, weighted share of the evidence found, of the topics reached
    summary: str
    dropped_claims: int  # claims without a literal quote
    turns_total: int
    turns_by_engine: dict[str, int]
    status: Literal["ready", "pending_review"] = "ready"
    way: Literal["", "now", "batch"] = ""  # how a model was asked; "" = no model, or unknown
    pending_reason: str = ""
    version: int = 1


DECISIONS = ("advance", "hold", "decline")
