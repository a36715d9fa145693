"""What a session remembers, and how it is shown to a page: structs without behaviour."""

from collections.abc import Sequence

import msgspec

from interview import events as ev
from interview.interviewer import Directive, Said
from protocol import limits, messages
from protocol.faults import KINDS


class Current(msgspec.Struct):
    """The question under way or waiting."""

    turn: int
    ask: int
    directive: Directive
    text: str = ""
    completed: bool = False
    engine: str = ""
    shown: bool = False  # question.started went out in this epoch


class Answered(msgspec.Struct, frozen=True):
    """One turn that is durable."""

    said: Said
    client_msg_id: str


class Snapshot(msgspec.Struct, kw_only=True):
    """What another instance needs beside the turns: kept in the live state and in PostgreSQL."""

    current: Current | None = None
    used_seconds: float = 0.0
    paused: bool = False
    paused_reason: str = ""
    away_since: float = 0.0  # time of day in seconds when the candidate left; 0 while they are here
    engine: str = ""
    joins: int = 0
    joins_confirmed: int = 0


def taken_up(snapshot: Snapshot, turn: int) -> Snapshot:
    """Drop what can't go on: a question that is not `turn`'s, or pieces of a broken attempt."""
    current = snapshot.current
    if current is not None and current.turn != turn:
        snapshot.current = None
    elif current is not None and not current.completed:
        # Pieces that another owner streamed are never glued to a second attempt.
        current.text, current.shown = "", False
    return snapshot


def state_frame(
    answered: Sequence[Answered],
    snapshot: Snapshot,
    *,
    turns_max: int,
    seconds_left: float,
    offset: int,
) -> messages.SessionState:
    """Return the whole state for a page that starts anew; `offset` is what it includes."""
    current = snapshot.current
    shown = current is not None and (current.shown or current.completed)
    return messages.SessionState(
        turns=_fitting(answered),
        current=messages.CurrentState(
            turn=current.turn, ask=current.ask, text=current.text, completed=current.completed
        )
        if current is not None and shown
        else None,
        turns_max=turns_max,
        seconds_left=round(seconds_left, 3),
        paused=snapshot.paused,
        paused_reason=snapshot.paused_reason if snapshot.paused else "",
        offset=offset,
    )


def _fitting(answered: Sequence[Answered]) -> list[messages.TurnState]:
    """Return the turns with the longest answers cut until all of them fit one frame."""
    turns = [
        messages.TurnState(
            turn=item.said.turn,
            competency=item.said.competency,
            question=item.said.question,
            answer=item.said.answer,
        )
        for item in answered
    ]
    chars = limits.ANSWER_CHARS_MAX
    while chars and sum(len(msgspec.json.encode(turn)) for turn in turns) > limits.STATE_BYTES_MAX:
        chars //= 2
        turns = [
            turn
            if len(turn.answer) <= chars
            else msgspec.structs.replace(turn, answer=turn.answer[:chars] + "…", cut=True)
            for turn in turns
        ]
    return turns


def said_of(current: Current, answer: str) -> Said:
    """Return the turn that an answer to `current` makes."""
    return Said(
        turn=current.turn,
        competency=current.directive.competency,
        level=current.directive.level,
        kind=current.directive.kind,
        question=current.text,
        answer=answer,
        skill=current.directive.skill,
        asked_for=current.directive.asks,
    )


def fault_frame(code: str, client_msg_id: str | None = None) -> ev.Tell:
    """Return the effect that tells the client of an expected failure."""
    kind = KINDS[code]
    return ev.Tell(
        messages.FaultFrame(
            code=code, message=kind.title, temporary=kind.retry, client_msg_id=client_msg_id
        )
    )
