"""What can happen to a session, and what it wants done: events in, effects out."""

from typing import Literal

import msgspec

from interview.interviewer import Directive, Said
from protocol.messages import ControlFrame

# Events ---------------------------------------------------------------------------------


class Joined(msgspec.Struct, frozen=True):
    """A socket joined; epoch and offset are what its client has seen, if anything.

    `wall` is the time of day in seconds: how long the candidate was away outlives an owner's clock.
    """

    epoch: int | None = None
    offset: int | None = None
    wall: float = 0.0


class Left(msgspec.Struct, frozen=True):
    """The socket is gone; the candidate was last heard `silent_seconds` before.

    `wall` is the time of day in seconds, as in Joined.
    """

    silent_seconds: float = 0.0
    wall: float = 0.0


class AnswerReceived(msgspec.Struct, frozen=True):
    """An answer that passed the wire's checks."""

    client_msg_id: str
    turn: int
    text: str


SaveOutcome = Literal["saved", "duplicate", "turn_answered", "wrong_turn", "unavailable"]


class AnswerSaved(msgspec.Struct, frozen=True):
    """What the store said about the answer that was to be saved."""

    client_msg_id: str
    turn: int
    outcome: SaveOutcome


class PieceArrived(msgspec.Struct, frozen=True):
    """A piece of attempt `ask` at the question of `turn`."""

    turn: int
    ask: int
    text: str


class EngineSwitched(msgspec.Struct, frozen=True):
    """From here on another engine asks; `reason` is a fault code."""

    turn: int
    ask: int
    engine: str
    reason: str


class AskCompleted(msgspec.Struct, frozen=True):
    """The question is whole."""

    turn: int
    ask: int
    text: str
    engine: str


class AskFailed(msgspec.Struct, frozen=True):
    """The attempt broke; `code` is a fault code."""

    turn: int
    ask: int
    code: str


class PauseAsked(msgspec.Struct, frozen=True):
    """The candidate wants a break."""


class ResumeAsked(msgspec.Struct, frozen=True):
    """The candidate goes on."""


class LeaveAsked(msgspec.Struct, frozen=True):
    """The candidate ends the interview."""


class Lengthened(msgspec.Struct, frozen=True):
    """The company has granted more time: the plan's seconds and minutes are these now."""

    seconds: float
    minutes: int


class Acked(msgspec.Struct, frozen=True):
    """The client has everything up to `offset`."""

    offset: int


class Ticked(msgspec.Struct, frozen=True):
    """Time passed."""


class Closed(msgspec.Struct, frozen=True):
    """The end is durable: the candidate may be told."""

    reason: str


Event = (
    Joined
    | Left
    | AnswerReceived
    | AnswerSaved
    | PieceArrived
    | EngineSwitched
    | AskCompleted
    | AskFailed
    | PauseAsked
    | ResumeAsked
    | LeaveAsked
    | Lengthened
    | Acked
    | Ticked
    | Closed
)

# Effects --------------------------------------------------------------------------------


class Send(msgspec.Struct, frozen=True):
    """Send these bytes (one encoded frame of the record) to the socket, if there is one."""

    data: bytes


class Tell(msgspec.Struct, frozen=True):
    """Send a control frame to the socket, if there is one."""

    frame: ControlFrame


class Welcome(msgspec.Struct, frozen=True):
    """Send session.joined; the frames that follow come as Send or Tell."""

    recovered: bool


class AskPlan(msgspec.Struct, frozen=True):
    """One attempt at one question; `bank_only` when the model has failed it too often."""

    turn: int
    ask: int
    directive: Directive
    bank_only: bool = False


class Save(msgspec.Struct, frozen=True):
    """Make this answer durable, with the ask that follows it in the same commit."""

    said: Said
    ask: int
    engine: str
    client_msg_id: str
    seconds: float  # of active time
    next_ask: AskPlan | None


class Ask(msgspec.Struct, frozen=True):
    """Begin an attempt; `recorded` when its row was written with the answer before it."""

    plan: AskPlan
    recorded: bool


class Checkpoint(msgspec.Struct, frozen=True):
    """Write the snapshot to the live state; to PostgreSQL as well when `durable`."""

    durable: bool = False


class Close(msgspec.Struct, frozen=True):
    """End the interview durably and hand over its evaluation; then report Closed."""

    reason: str


class CancelAsk(msgspec.Struct, frozen=True):
    """Stop the attempt under way."""


class Notice(msgspec.Struct, frozen=True):
    """Tell the watchers: kind and turn; the texts are taken from the session."""

    kind: Literal["question.asked", "turn.saved"]
    turn: int


Effect = Send | Tell | Welcome | Save | Ask | Checkpoint | Close | CancelAsk | Notice
