"""What is asked of an engine and what comes back: the words on both sides of the gateway."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from interview.interviewer import Directive, Said
from interview.plan import Plan
from interview.scoring import Claim
from llm.tiers import Task, Usage


class QuestionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt (`ask`) at the question of `turn`; the directive says what it has to be.

    `bank_only` leaves the model out, when it has failed this question too often. `engine_told` is
    the engine that the candidate was last told of by an EngineChanged ("" = by none yet): when
    the model asks again after the bank stood in for it, that has to be told as well. `tier` is
    the tier to ask ("" = the task's own in the settings file), `fence` the owner's number of the
    session (0 = nobody checks it): an older owner is given no money.
    """

    tenant_id: UUID
    session_id: UUID
    interview_id: UUID
    turn: int
    ask: int
    plan: Plan
    said: Sequence[Said]
    directive: Directive
    locale: str
    seed: int
    bank_only: bool = False
    engine_told: str = ""
    tier: str = ""
    fence: int = 0


class EvaluationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A finished interview, for which quotes are to be proposed (`tier` as in a question's).

    `urgency` says who waits: "candidate", "recruiter" or nobody ("background").
    """

    tenant_id: UUID
    session_id: UUID
    interview_id: UUID
    plan: Plan
    said: Sequence[Said]
    locale: str
    seed: int
    tier: str = ""
    urgency: str = "recruiter"


class JobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Work on an opening or a text, never on a person's turn or score: its answer may be kept.

    `input` is strangers' text, which goes in as data, `program` what the program wants of it,
    `prompt_version` which words it is told with, and `schema` the form of the answer.
    """

    tenant_id: UUID
    task: Task
    prompt_version: str
    input: str
    schema: dict[str, Any]
    locale: str
    program: str = ""
    tier: str = ""
    urgency: str = "background"


Request = QuestionRequest | EvaluationRequest


class Piece(msgspec.Struct, frozen=True):
    """The next part of the question's text."""

    text: str


class EngineChanged(msgspec.Struct, frozen=True):
    """From here on another engine asks; `reason` is a fault code, or "recovered"."""

    engine: str
    reason: str


class QuestionDone(msgspec.Struct, frozen=True):
    """The question is whole: `text` is its pieces joined."""

    engine: str
    text: str
    usage: Usage


class Claims(msgspec.Struct, frozen=True):
    """What a model proposes about an interview, unchecked."""

    engine: str
    claims: list[Claim]
    usage: Usage


class Engine(Protocol):
    """What finds words. Both methods yield parts in order and account for themselves.

    The first thing yielded may be a Usage with `final=False`: the most the call can cost from here
    on, to be booked should it be cut. The last Usage of a call that ended well is final. A call
    that was refused before anything was billed says so with a final, empty Usage. A Usage names
    the tier that was really asked, and carries the provider's limits where its headers told them.
    Closing the iterator closes the way to the model at once. Failures are Faults (`model_…`);
    those of a model are `llm.reply.ModelFault`s, whose `reason` says more than the code.
    """

    @property
    def name(self) -> str:
        """The engine's name on the wire."""
        ...

    @property
    def prompt_versions(self) -> dict[str, str]:
        """Which prompt is used for each task ("" where there is none)."""
        ...

    def question(self, request: QuestionRequest) -> AsyncGenerator[str | Usage, None]:
        """Yield the pieces of one question's text, and Usage."""
        ...

    def claims(self, request: EvaluationRequest) -> AsyncGenerator[list[Claim] | Usage, None]:
        """Yield the claims, once, and Usage."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


@runtime_checkable
class JobEngine(Protocol):
    """An engine that does job-level work as well; what holds for the others' parts holds here."""

    def work(self, request: JobRequest) -> AsyncGenerator[str | Usage, None]:
        """Yield the whole answer, once, and Usage."""
        ...


class Answered(msgspec.Struct, frozen=True):
    """The answer to job-level work; `cached` when nobody was asked for it now."""

    text: str
    cached: bool = False
