"""Wire v1: every frame in both directions, as tagged structs (JSON text, tag `type`).

A frame of the record carries `offset` (1, 2, 3 ... within an epoch); control frames carry none.
Unknown fields are ignored, so that a newer peer can speak to an older one.
"""

from typing import Final
from uuid import UUID

import msgspec

from protocol import limits

SUBPROTOCOL: Final = "entrevistador.v1"
TICKET_PREFIX: Final = "ticket."
RESUME_PREFIX: Final = "resume."

# Client -> server ------------------------------------------------------------------------


class SessionJoin(msgspec.Struct, tag="session.join", frozen=True):
    """First frame, within 15 s; epoch and offset are what the client has seen, if anything."""

    epoch: int | None = None
    offset: int | None = None
    locale: str | None = None


class AnswerSubmit(msgspec.Struct, tag="answer.submit", frozen=True):
    """An answer to `turn`; the same client_msg_id may be sent any number of times."""

    client_msg_id: str
    turn: int
    text: str


class SessionPause(msgspec.Struct, tag="session.pause", frozen=True):
    """The candidate wants a break; the interview's clock stops."""


class SessionResume(msgspec.Struct, tag="session.resume", frozen=True):
    """The candidate goes on after a pause."""


class SessionLeave(msgspec.Struct, tag="session.leave", frozen=True):
    """The candidate ends the interview here; what was said is kept and evaluated.

    In the waiting room it gives the place in line up (close 4506): the invitation stays good.
    """


class SessionAck(msgspec.Struct, tag="session.ack", frozen=True):
    """The client has everything up to `offset`; the server may forget it."""

    offset: int


class Ping(msgspec.Struct, tag="ping", frozen=True):
    """The client is alive; answered by pong."""


ClientFrame = (
    SessionJoin | AnswerSubmit | SessionPause | SessionResume | SessionLeave | SessionAck | Ping
)

# Server -> client, control (no offset) -----------------------------------------------------


class SessionQueued(msgspec.Struct, tag="session.queued", frozen=True):
    """The candidate waits for a place; `position` starts at 1, the estimate is null when unknown.

    `waiting_token` proves the place in line: it goes along when the next ticket is asked for.
    """

    position: int
    eta_seconds: float | None
    waiting_token: str = ""


class SessionJoined(msgspec.Struct, tag="session.joined", frozen=True):
    """The session is owned here; `recovered` tells whether the missing frames follow."""

    session_id: UUID
    epoch: int
    recovered: bool
    resume_token: str
    resume_url: str
    heartbeat_seconds: float
    engine: str


class TurnState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answered turn as the record has it; `cut` when the answer is longer than shown here."""

    turn: int
    competency: str
    question: str
    answer: str
    cut: bool = False


class CurrentState(msgspec.Struct, frozen=True):
    """The question that waits, as far as it has been asked."""

    turn: int
    ask: int
    text: str
    completed: bool


class SessionState(msgspec.Struct, tag="session.state", frozen=True):
    """The whole state from the durable record: what a page needs to draw itself anew.

    `offset` is the top of the record's frames that this state already includes.
    """

    turns: list[TurnState]
    current: CurrentState | None
    turns_max: int
    seconds_left: float
    paused: bool
    offset: int = 0
    paused_reason: str = ""


class SessionMoving(msgspec.Struct, tag="session.moving", frozen=True, omit_defaults=True):
    """The instance hands the session over; join at `resume_url` within the deadline.

    Whoever waited for a place gets the `ticket` to use there; otherwise the resume token serves.
    """

    deadline_ms: int
    resume_url: str
    ticket: str = ""


class FaultFrame(msgspec.Struct, tag="fault", frozen=True, omit_defaults=True):
    """An expected failure; `client_msg_id` names the answer it is about, where there is one."""

    code: str
    message: str
    temporary: bool
    client_msg_id: str | None = None


class Pong(msgspec.Struct, tag="pong", frozen=True):
    """The answer to ping."""


# Server -> client, the record (with offset) -------------------------------------------------


class QuestionStarted(msgspec.Struct, tag="question.started", frozen=True):
    """Attempt `ask` at the question of `turn` begins."""

    offset: int
    turn: int
    ask: int


class QuestionDelta(msgspec.Struct, tag="question.delta", frozen=True):
    """A piece of the question's text, to be appended."""

    offset: int
    turn: int
    ask: int
    text: str


class QuestionCompleted(msgspec.Struct, tag="question.completed", frozen=True):
    """The whole question; an answer is awaited from here on."""

    offset: int
    turn: int
    ask: int
    text: str
    competency: str
    seconds_left: float


class QuestionReset(msgspec.Struct, tag="question.reset", frozen=True):
    """Forget the pieces shown for `turn`: attempt `ask` replaces them."""

    offset: int
    turn: int
    ask: int


class AnswerAccepted(msgspec.Struct, tag="answer.accepted", frozen=True):
    """The answer is durable; `duplicate` when it had been accepted before."""

    offset: int
    client_msg_id: str
    turn: int
    duplicate: bool


class SessionPaused(msgspec.Struct, tag="session.paused", frozen=True):
    """The clock stands still; reason: requested or away."""

    offset: int
    reason: str


class SessionResumed(msgspec.Struct, tag="session.resumed", frozen=True):
    """The clock runs again."""

    offset: int
    seconds_left: float


class TimeGranted(msgspec.Struct, tag="time.granted", frozen=True):
    """The company gave `minutes` more, `minutes_total` in all; the clock goes on from here."""

    offset: int
    seconds_left: float
    minutes: int
    minutes_total: int


class EngineChanged(msgspec.Struct, tag="engine.changed", frozen=True):
    """From here on another engine asks; `reason` is a fault code."""

    offset: int
    engine: str
    reason: str


class SessionFinished(msgspec.Struct, tag="session.finished", frozen=True):
    """The interview has ended.

    reason: completed, time_up, left, abandoned (away for a day, with answers), expired (the same
    without any) or withdrawn.
    """

    offset: int
    reason: str


RecordFrame = (
    QuestionStarted
    | QuestionDelta
    | QuestionCompleted
    | QuestionReset
    | AnswerAccepted
    | SessionPaused
    | SessionResumed
    | TimeGranted
    | EngineChanged
    | SessionFinished
)
ControlFrame = SessionQueued | SessionJoined | SessionState | SessionMoving | FaultFrame | Pong
ServerFrame = RecordFrame | ControlFrame

_client_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_server_decoder: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)
_encoder = msgspec.json.Encoder()


def decode_client(data: str | bytes) -> ClientFrame:
    """Return the client's frame; raises msgspec.DecodeError (or ValidationError) otherwise."""
    return _client_decoder.decode(data)


def decode_server(data: str | bytes) -> ServerFrame:
    """Return the server's frame; raises msgspec.DecodeError (or ValidationError) otherwise."""
    return _server_decoder.decode(data)


def encode(frame: ClientFrame | ServerFrame) -> bytes:
    """Return the frame's JSON, UTF-8."""
    return _encoder.encode(frame)


def storable(text: str) -> bool:
    """Tell whether PostgreSQL can keep `text`: no NUL and no lone surrogate."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def answer_fault(frame: AnswerSubmit) -> str | None:
    """Return the fault code of an answer that can't be kept as it is, or None."""
    if not 0 < len(frame.client_msg_id) <= limits.CLIENT_MSG_ID_CHARS_MAX:
        return "answer_invalid"
    if not storable(frame.text) or not storable(frame.client_msg_id):
        return "answer_invalid"
    if not frame.text.strip():
        return "answer_empty"
    if len(frame.text) > limits.ANSWER_CHARS_MAX:
        return "answer_too_long"
    return None
