"""One candidate's live interview as a state machine: events in, effects out, no I/O, no clock.

Order is everything here. An answer leads to Save; only the store's word (AnswerSaved) leads to
answer.accepted and to the next question. The interview's time runs only while a whole question
waits for its answer and the candidate is connected and not paused.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from interview import events as ev
from interview.attempts import Attempts
from interview.interviewer import Said, choose
from interview.plan import Plan
from interview.record import (
    Answered,
    Current,
    Snapshot,
    fault_frame,
    said_of,
    state_frame,
    taken_up,
)
from interview.reel import Reel
from interview.stopwatch import Stopwatch
from protocol import limits, messages, recovery

TIME_UP_GRACE_SECONDS: Final = 30.0  # an answer sent at the last moment still arrives


class Session:
    """The machine. `now` is seconds on a clock that never goes back; the owner hands it in."""

    def __init__(
        self,
        *,
        plan: Plan,
        seed: int,
        epoch: int,
        answered: Sequence[Answered] = (),
        snapshot: Snapshot | None = None,
        finished: str = "",
        asked: int = 0,
    ) -> None:
        """Take up an interview as the durable record has it; `epoch` is the owner's fence."""
        self.plan = plan
        self.seed = seed
        self.epoch = epoch
        self.answered = list(answered)
        self.snapshot = taken_up(snapshot or Snapshot(), len(self.answered) + 1)
        self.finished = finished
        self.connected = False
        self.saving: ev.Save | None = None
        self.closing = ""
        self._attempts = Attempts(len(self.answered) + 1, asked)
        self._ids = {item.client_msg_id: item.said.turn for item in self.answered}
        self._reel = Reel()
        self._watch = Stopwatch(self.snapshot.used_seconds)

    # What others read -------------------------------------------------------------------

    @property
    def current(self) -> Current | None:
        """The question under way or waiting."""
        return self.snapshot.current

    @property
    def said(self) -> list[Said]:
        """The turns so far, as the interviewer sees them."""
        return [item.said for item in self.answered]

    @property
    def offset(self) -> int:
        """The offset of the newest frame of the record in this epoch."""
        return self._reel.top

    @property
    def asking(self) -> bool:
        """Whether a question is being streamed."""
        return self.current is not None and not self.current.completed and self.current.shown

    def seconds_left(self, now: float) -> float:
        """The interview's time that is left; negative once it is up."""
        return self.plan.seconds - self._watch.used(now)

    def saved_snapshot(self, now: float) -> Snapshot:
        """A copy of the snapshot with the clock brought up to `now`."""
        self._watch.settle(now)
        return msgspec.structs.replace(
            self.snapshot,
            used_seconds=self._watch.used_seconds,
            current=msgspec.structs.replace(self.current) if self.current else None,
        )

    def state_frame(self, now: float) -> messages.SessionState:
        """The whole state for a page that starts anew."""
        return state_frame(
            self.answered,
            self.snapshot,
            turns_max=self.plan.turns_max,
            seconds_left=self.seconds_left(now),
            offset=self._reel.top,
        )

    # The one door -----------------------------------------------------------------------

    def receive(self, event: ev.Event, now: float) -> list[ev.Effect]:
        """Take an event and return what has to be done, in order."""
        match event:
            case ev.PieceArrived():
                return self._piece(event)
            case ev.AnswerReceived():
                return self._answer(event, now)
            case ev.AnswerSaved():
                return self._answer_saved(event, now)
            case ev.AskCompleted():
                return self._ask_completed(event, now)
            case ev.AskFailed():
                return self._ask_failed(event)
            case ev.EngineSwitched():
                return self._engine_switched(event)
            case ev.Joined():
                return self._joined(event, now)
            case ev.Left():
                return self._left(event, now)
            case ev.PauseAsked():
                return self._pause(now, "requested")
            case ev.ResumeAsked():
                return self._resume(now)
            case ev.LeaveAsked():
                return self._close("left", now)
            case ev.Lengthened():
                return self._lengthened(event, now)
            case ev.Acked():
                return self._acked(event.offset)
            case ev.Ticked():
                return self._ticked(now)
            case ev.Closed():
                return self._closed(event.reason)

    # Joining and leaving ------------------------------------------------------------------

    def _joined(self, event: ev.Joined, now: float) -> list[ev.Effect]:
        self.connected = True
        start = recovery.replay_from(
            client_epoch=event.epoch,
            client_offset=event.offset,
            epoch=self.epoch,
            first=self._reel.first,
            top=self._reel.top,
        )
        effects: list[ev.Effect] = [ev.Welcome(recovered=start is not None)]
        if start is None:
            effects.append(ev.Tell(self.state_frame(now)))
        else:
            effects.extend(ev.Send(data) for data in self._reel.since(start))
        if self.finished:
            if start is None:
                effects.append(self._end(self.finished))
            return effects
        if self.closing:
            return [*effects, ev.Close(self.closing)]
        effects.extend(self._returned(event.wall, now))
        self._run(now)
        if self.current is None:
            effects.extend(self._next(now))
        elif not self.current.completed and not self.current.shown:
            effects.extend(self._again(self.current))
        return effects

    def _returned(self, wall: float, now: float) -> list[ev.Effect]:
        """Whoever was away for long finds the interview in pause, and continues when they want."""
        since, self.snapshot.away_since = self.snapshot.away_since, 0.0
        if since and wall - since >= limits.AWAY_PAUSE_SECONDS and not self.snapshot.paused:
            return self._pause(now, "away")
        return [ev.Checkpoint()] if since else []

    def _left(self, event: ev.Left, now: float) -> list[ev.Effect]:
        if self.connected and event.wall:
            self.snapshot.away_since = event.wall - max(0.0, event.silent_seconds)
        self.connected = False
        # Time is the candidate's only while there was a sign of life.
        self._watch.stop(now - max(0.0, event.silent_seconds))
        return [ev.Checkpoint()]

    # Asking -------------------------------------------------------------------------------

    def _next(self, now: float) -> list[ev.Effect]:
        plan = self._plan_next(now)
        if plan is None:
            return self._close(self._natural_end(now), now)
        return self._begin(plan, recorded=False)

    def _plan_next(self, now: float, extra: Said | None = None) -> ev.AskPlan | None:
        said = [*self.said, extra] if extra else self.said
        directive = choose(self.plan, said, seed=self.seed, seconds_left=self.seconds_left(now))
        if directive is None:
            return None
        return self._attempts.plan(len(said) + 1, 1, directive)

    def _natural_end(self, now: float) -> str:
        up = self.seconds_left(now) < limits.CLOSING_SECONDS_LEFT
        return "time_up" if up and len(self.answered) < self.plan.turns_max else "completed"

    def _begin(self, plan: ev.AskPlan, *, recorded: bool) -> list[ev.Effect]:
        self.snapshot.current = Current(
            turn=plan.turn, ask=plan.ask, directive=plan.directive, shown=True
        )
        frame = self._emit(messages.QuestionStarted(self._reel.next, plan.turn, plan.ask))
        return [frame, ev.Ask(plan, recorded=recorded)]

    def _again(self, current: Current) -> list[ev.Effect]:
        """Begin another attempt at a question whose earlier attempt broke."""
        plan = self._attempts.plan(current.turn, current.ask + 1, current.directive)
        self.snapshot.current = Current(
            turn=plan.turn, ask=plan.ask, directive=current.directive, shown=True
        )
        frame = self._emit(messages.QuestionReset(self._reel.next, plan.turn, plan.ask))
        return [frame, ev.Ask(plan, recorded=False)]

    def _under_way(self, turn: int, ask: int) -> Current | None:
        current = self.current
        if current is None or (current.turn, current.ask) != (turn, ask) or current.completed:
            return None
        return current

    def _piece(self, event: ev.PieceArrived) -> list[ev.Effect]:
        current = self._under_way(event.turn, event.ask)
        if current is None or not event.text:
            return []
        current.text += event.text
        delta = messages.QuestionDelta(self._reel.next, event.turn, event.ask, event.text)
        return [self._emit(delta)]

    def _engine_switched(self, event: ev.EngineSwitched) -> list[ev.Effect]:
        if self._under_way(event.turn, event.ask) is None or self.snapshot.engine == event.engine:
            return []
        self.snapshot.engine = event.engine
        return [self._emit(messages.EngineChanged(self._reel.next, event.engine, event.reason))]

    def _ask_completed(self, event: ev.AskCompleted, now: float) -> list[ev.Effect]:
        current = self._under_way(event.turn, event.ask)
        if current is None:
            return []
        current.text, current.completed, current.engine = event.text, True, event.engine
        self._run(now)
        frame = messages.QuestionCompleted(
            offset=self._reel.next,
            turn=event.turn,
            ask=event.ask,
            text=event.text,
            competency=current.directive.competency,
            seconds_left=round(self.seconds_left(now), 3),
        )
        return [self._emit(frame), ev.Checkpoint(), ev.Notice("question.asked", event.turn)]

    def _ask_failed(self, event: ev.AskFailed) -> list[ev.Effect]:
        current = self._under_way(event.turn, event.ask)
        if current is None or self.finished or self.closing:
            return []
        return self._again(current)

    # Answering ------------------------------------------------------------------------------

    def _answer(self, event: ev.AnswerReceived, now: float) -> list[ev.Effect]:
        known = self._ids.get(event.client_msg_id)
        if known is not None:
            return [self._accept(event.client_msg_id, known, duplicate=True)]
        code = self._refusal(event)
        if code:
            return [fault_frame(code, event.client_msg_id)]
        current = self.current
        if current is None:  # _refusal has said so; the type checker has not heard it
            return []
        said = said_of(current, event.text)
        self.saving = ev.Save(
            said=said,
            ask=current.ask,
            engine=current.engine,
            client_msg_id=event.client_msg_id,
            seconds=round(self._watch.lap(now), 3),
            next_ask=self._plan_next(now, said),
        )
        return [self.saving]

    def _refusal(self, event: ev.AnswerReceived) -> str:
        """Return the fault code that keeps this answer from being saved, or nothing."""
        current = self.current
        if self.finished or self.closing:
            return "interview_over"
        if event.turn <= len(self.answered):
            return "turn_answered"
        if event.turn > len(self.answered) + 1:
            return "wrong_turn"
        if current is None or not current.completed:
            return "question_not_ready"
        if self.snapshot.paused:
            return "paused"
        return "not_saved" if self.saving is not None else ""

    def _answer_saved(self, event: ev.AnswerSaved, now: float) -> list[ev.Effect]:
        saving, self.saving = self.saving, None
        if saving is None or saving.client_msg_id != event.client_msg_id:
            return []
        if event.outcome == "unavailable":
            return [fault_frame("not_saved", event.client_msg_id)]
        if event.outcome in ("turn_answered", "wrong_turn"):
            return [fault_frame(event.outcome, event.client_msg_id)]
        self._watch.turn_over(now)
        current = self.current
        turn = saving.said.turn
        self.answered.append(Answered(saving.said, saving.client_msg_id))
        self._ids[saving.client_msg_id] = turn
        if current is not None and current.turn == turn:
            self.snapshot.current = None
        effects: list[ev.Effect] = [
            self._accept(saving.client_msg_id, turn, duplicate=False),
            ev.Notice("turn.saved", turn),
        ]
        if saving.next_ask is None:  # unless time was granted since
            return [*effects, *self._next(now)]
        return [*effects, *self._begin(saving.next_ask, recorded=event.outcome == "saved")]

    def _accept(self, client_msg_id: str, turn: int, *, duplicate: bool) -> ev.Send:
        return self._emit(messages.AnswerAccepted(self._reel.next, client_msg_id, turn, duplicate))

    # Pausing and ending -----------------------------------------------------------------------

    def _pause(self, now: float, reason: str) -> list[ev.Effect]:
        if self.finished or self.closing or self.snapshot.paused:
            return []
        self._watch.stop(now)
        self.snapshot.paused, self.snapshot.paused_reason = True, reason
        frame = messages.SessionPaused(self._reel.next, reason)
        return [self._emit(frame), ev.Checkpoint(durable=True)]

    def _resume(self, now: float) -> list[ev.Effect]:
        if self.finished or self.closing or not self.snapshot.paused:
            return []
        self.snapshot.paused, self.snapshot.paused_reason = False, ""
        self._run(now)
        frame = messages.SessionResumed(self._reel.next, round(self.seconds_left(now), 3))
        return [self._emit(frame), ev.Checkpoint(durable=True)]

    def _lengthened(self, event: ev.Lengthened, now: float) -> list[ev.Effect]:
        """Take the plan's new time: it never shortens, and once the end is decided it is late."""
        if self.finished or self.closing or event.seconds <= self.plan.seconds:
            return []
        added = event.minutes - self.plan.minutes
        self.plan = msgspec.structs.replace(self.plan, seconds=event.seconds, minutes=event.minutes)
        left = round(self.seconds_left(now), 3)
        return [self._emit(messages.TimeGranted(self._reel.next, left, added, event.minutes))]

    def _ticked(self, now: float) -> list[ev.Effect]:
        if self.finished or self.closing or self.saving is not None:
            return []
        if self.seconds_left(now) <= -TIME_UP_GRACE_SECONDS:
            return self._close("time_up", now)
        return []

    def _close(self, reason: str, now: float) -> list[ev.Effect]:
        if self.finished or self.closing:
            return []
        self._watch.stop(now)
        self.closing = reason
        effects: list[ev.Effect] = [ev.CancelAsk()] if self.asking else []
        if self.current is not None and not self.current.completed:
            self.snapshot.current = None
        return [*effects, ev.Close(reason)]

    def _closed(self, reason: str) -> list[ev.Effect]:
        if self.finished:
            return []
        self.closing, self.finished = "", reason
        return [self._end(reason)]

    # The record and the clock -----------------------------------------------------------

    def _emit(self, frame: messages.RecordFrame) -> ev.Send:
        return ev.Send(self._reel.add(frame))

    def _end(self, reason: str) -> ev.Send:
        return self._emit(messages.SessionFinished(self._reel.next, reason))

    def _acked(self, offset: int) -> list[ev.Effect]:
        self._reel.forget(min(offset, self._reel.top))
        return []

    def _run(self, now: float) -> None:
        """Let the interview's time run if the candidate can answer."""
        ready = self.current is not None and self.current.completed
        if ready and self.connected and not self.snapshot.paused:
            self._watch.start(now)
