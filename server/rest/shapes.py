"""What goes in and out over REST that no other room has a struct for."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import msgspec

from protocol import limits
from protocol.profile import Profile
from protocol.report import Evaluation
from storage.accommodations import Accommodation, Kind
from storage.candidates import Candidate
from storage.consents import Consent
from storage.cvs import LaneState
from storage.interviews import TurnRow
from storage.matches import Gate, Matched, Missing
from storage.reports import Decision

T = TypeVar("T")
Name = Annotated[str, msgspec.Meta(max_length=200)]
Email = Annotated[str, msgspec.Meta(max_length=320)]
Phone = Annotated[str, msgspec.Meta(max_length=40)]
Filename = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Minutes = Annotated[int, msgspec.Meta(ge=limits.MINUTES_MIN, le=limits.MINUTES_MAX)]
Locale = Literal["es", "es-PE", "en", "pt", "pt-BR"]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Version = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Note = Annotated[str, msgspec.Meta(max_length=2000)]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Part of a list; `next` goes into `?after=` for what follows, null at the end."""

    items: list[T]
    next: UUID | None


class Me(msgspec.Struct, frozen=True):
    """Who the token speaks for."""

    user_id: UUID
    tenant_id: UUID
    name: str
    roles: list[str]
    company: str
    slug: str
    locale: str


# CVs and candidates ---------------------------------------------------------------------


class NewCandidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a candidate before the CV is read; the CV fills what is empty."""

    name: Name = ""
    email: Email = ""
    phone: Phone = ""


class NewCv(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file about to be uploaded, of a new candidate or a known one."""

    filename: Filename
    bytes: Bytes
    candidate: NewCandidate | None = None
    candidate_id: UUID | None = None
    opening_id: UUID | None = None
    lane: Literal["premium", "active", "bulk"] = "active"


class UploadTo(msgspec.Struct, frozen=True):
    """Where and how to send the file, and for how many seconds that is allowed."""

    method: str
    url: str
    headers: dict[str, str]
    expires_in: int


class CvTicket(msgspec.Struct, frozen=True):
    """A CV that waits for its file."""

    cv_id: UUID
    candidate_id: UUID
    upload: UploadTo


class Told(msgspec.Struct, frozen=True):
    """A fault as a person reads it."""

    code: str
    message: str


class CvOut(msgspec.Struct, frozen=True, kw_only=True):
    """A CV on its way through the stages; `progress` is 0 to 1, `stage` the last one passed."""

    id: UUID
    candidate_id: UUID
    opening_id: UUID | None
    filename: str
    bytes: int
    kind: str
    lane: str
    status: str
    stage: str
    progress: float
    fault: Told | None
    pages: int
    language: str
    text_chars: int
    hidden: dict[str, Any]
    created_at: datetime
    confirmed_at: datetime | None
    stage_at: datetime


class CvDetail(CvOut, frozen=True, kw_only=True):
    """A CV with what was extracted from it, each field with its evidence."""

    profile: Profile | None


class CandidateDetail(Candidate, frozen=True, kw_only=True):
    """A candidate with their CVs, newest first."""

    cvs: list[CvOut]


# Matches --------------------------------------------------------------------------------


class Who(msgspec.Struct, frozen=True):
    """A person in a list."""

    id: UUID
    name: str


class MatchOut(msgspec.Struct, frozen=True):
    """How well a CV answers an opening, and why; a gate is for people to look at."""

    cv_id: UUID
    candidate: Who
    score: float
    gates_passed: bool
    matched: list[Matched]
    missing: list[Missing]
    gates: list[Gate]


class CvMatchOut(msgspec.Struct, frozen=True):
    """How well one CV answers one of the open openings, and why."""

    opening_id: UUID
    opening_title: str
    score: float
    gates_passed: bool
    matched: list[Matched]
    missing: list[Missing]
    gates: list[Gate]


# Interviews -----------------------------------------------------------------------------


class NewInterview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to invite for which opening: by a CV that has been read, or without one."""

    opening_id: UUID
    cv_id: UUID | None = None
    candidate_id: UUID | None = None
    locale: Locale | None = None
    minutes: Minutes = limits.MINUTES_DEFAULT


class InterviewOut(msgspec.Struct, frozen=True, kw_only=True):
    """An interview as a list shows it."""

    id: UUID
    opening_id: UUID
    opening_title: str
    candidate_id: UUID
    candidate_name: str
    cv_id: UUID | None
    session_id: UUID
    status: str
    locale: str
    minutes: int
    finished_reason: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    erased: bool


class InterviewListed(InterviewOut, frozen=True, kw_only=True):
    """An interview in a list: requests that wait for an answer, report and newest decision."""

    waiting: list[Kind]
    report: Literal["ready", "pending_review", "queued"] | None
    decision: Literal["advance", "hold", "decline"] | None


class Invited(InterviewOut, frozen=True, kw_only=True):
    """A new interview with the link for the candidate; the link is shown only now."""

    link: str


class InterviewDetail(InterviewListed, frozen=True, kw_only=True):
    """An interview with its plan, what was said, what was agreed to and asked for."""

    plan: dict[str, Any]
    turns: list[TurnRow]
    consent: Consent | None
    requests: list[Accommodation]


class Link(msgspec.Struct, frozen=True):
    """A fresh link; every older one is void."""

    link: str


class RequestAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's answer to what a candidate asked for."""

    status: Literal["granted", "declined"]
    extra_minutes: Annotated[int, msgspec.Meta(ge=0, le=120)] = 0
    reason: Note = ""


class ReportOut(Evaluation, frozen=True, kw_only=True):
    """The evaluation in force and everything that was decided on it, oldest first."""

    decisions: list[Decision]
    created_at: datetime


# Candidates' own doors ------------------------------------------------------------------


class ConsentState(msgspec.Struct, frozen=True):
    """The notice in force and whether this candidate has agreed to be interviewed."""

    version: str
    locale: str
    text: str
    sha256: str
    given: bool


class AskedFor(msgspec.Struct, frozen=True):
    """Something the candidate asked for, as the candidate sees it."""

    kind: Kind
    status: str
    extra_minutes: int
    reason: str


class InvitationOut(msgspec.Struct, frozen=True, kw_only=True):
    """All that a candidate's page needs before the interview."""

    interview_id: UUID
    session_id: UUID
    status: str
    company: str
    opening_title: str
    candidate_name: str
    locale: str
    minutes: int
    finished_reason: str
    turns_max: int
    engine: Literal["offline", "claude"]
    with_ai: bool
    consent: ConsentState
    requests: list[AskedFor]


class ConsentGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A candidate's answer to the notice they were shown; `given: false` takes it back."""

    version: Version
    sha256: Sha256
    given: bool
    locale: Locale


class RequestAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a candidate asks for."""

    kind: Kind
    note: Note = ""


class OwnTurn(msgspec.Struct, frozen=True):
    """One question and what the candidate answered."""

    turn: int
    question: str
    answer: str


class OwnTranscript(msgspec.Struct, frozen=True):
    """A candidate's copy of their interview, and until when the link shows it."""

    turns: list[OwnTurn]
    until: datetime


class TicketAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for a ticket; `waiting_token` proves a place in line that was given before.

    `unreachable` is the address that could not be reached just now: others are tried first.
    """

    waiting_token: str = ""
    unreachable: str = ""


class WaitingOut(msgspec.Struct, frozen=True):
    """A place in line: from 1, the seconds that are to be expected (null: unknown), its proof."""

    position: int
    eta_seconds: float | None
    waiting_token: str


class TicketOut(msgspec.Struct, frozen=True):
    """What admits one socket once, where, and for how many seconds.

    With `waiting` every place is taken: the ticket leads to a socket in the waiting room.
    """

    ticket: str
    url: str
    session_id: UUID
    expires_in: int
    waiting: WaitingOut | None = None


class AdmissionOut(msgspec.Struct, frozen=True):
    """What the door would say now: open, waiting, full or draining, and when to ask again.

    `waiting` with a position for whoever stands in line, without one for whoever would.
    """

    state: str
    retry_after: int
    position: int | None = None
    eta_seconds: float | None = None


# Operators ------------------------------------------------------------------------------


class InstanceOut(msgspec.Struct, frozen=True):
    """One instance; `sessions` counts the places taken, those reserved by a ticket included."""

    id: str
    url: str
    sessions: int
    admit: int
    cap: int
    target: int
    draining: bool
    alive: bool
    waiting: int


class Fleet(msgspec.Struct, frozen=True):
    """Instances, lanes and what waits to be handed to the workers."""

    instances: list[InstanceOut]
    lanes: list[LaneState]
    outbox_waiting: int


class DrainOut(msgspec.Struct, frozen=True):
    """What happens to an instance that was asked to drain.

    It begins within `begins_seconds` and is empty `empty_seconds` later; then it waits to be
    stopped. `already` when it had been asked before.
    """

    instance_id: str
    sessions: int
    already: bool
    begins_seconds: float
    empty_seconds: float
