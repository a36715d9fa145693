"""The session machine: whatever happens, no accepted answer is lost and no turn is skipped."""

import msgspec
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from interview import events as ev
from interview.plan import OpeningBrief, build
from interview.record import Answered, Snapshot
from interview.session import Session
from protocol import limits, messages
from tests.depth import examples

OPENING = OpeningBrief(
    title="Analista de datos",
    category="data",
    description="Analizar datos",
    must_have=["SQL", "Python"],
    nice_to_have=["Power BI"],
    seniority="mid",
    language="es",
)
ANSWER = "En mi trabajo anterior implementé un tablero con SQL y reducimos el tiempo a la mitad."


def make_plan(minutes: int = 20):
    """A plan as an invitation would carry it."""
    return build(OPENING, None, company="Acme", candidate_name="Ana", minutes=minutes, locale="es")


def make_session(**changes) -> Session:
    """A session that nobody has joined yet."""
    values = {"plan": make_plan(), "seed": 7, "epoch": 1, **changes}
    return Session(**values)


def frames(effects):
    """The frames of the record among the effects."""
    return [messages.decode_server(e.data) for e in effects if isinstance(e, ev.Send)]


def only(effects, kind):
    """The one effect of a kind."""
    found = [effect for effect in effects if isinstance(effect, kind)]
    assert len(found) == 1, found
    return found[0]


def ask_through(session: Session, effects, now: float = 0.0):
    """Stream the question that the effects begin, to its end."""
    plan = only(effects, ev.Ask).plan
    session.receive(ev.PieceArrived(plan.turn, plan.ask, "¿Pregunta?"), now)
    return session.receive(ev.AskCompleted(plan.turn, plan.ask, "¿Pregunta?", "offline"), now)


def answer_through(session: Session, client_msg_id: str, turn: int, now: float = 0.0):
    """Answer and let the store say that it is saved."""
    save = only(session.receive(ev.AnswerReceived(client_msg_id, turn, ANSWER), now), ev.Save)
    return session.receive(ev.AnswerSaved(client_msg_id, save.said.turn, "saved"), now)


def test_a_join_begins_the_first_question():
    """The first join gets the state and the first attempt at turn 1."""
    session = make_session()
    effects = session.receive(ev.Joined(), 0.0)
    assert only(effects, ev.Welcome).recovered is False
    state = only(effects, ev.Tell).frame
    assert isinstance(state, messages.SessionState)
    assert state.current is None
    assert only(effects, ev.Ask).plan.turn == 1
    assert isinstance(frames(effects)[0], messages.QuestionStarted)


def test_an_answer_is_accepted_only_after_the_store_has_it():
    """AnswerReceived alone sends nothing; AnswerSaved sends answer.accepted."""
    session = make_session()
    ask_through(session, session.receive(ev.Joined(), 0.0))
    effects = session.receive(ev.AnswerReceived("a", 1, ANSWER), 0.0)
    assert frames(effects) == []
    effects = session.receive(ev.AnswerSaved("a", 1, "saved"), 0.0)
    accepted = frames(effects)[0]
    assert isinstance(accepted, messages.AnswerAccepted)
    assert (accepted.client_msg_id, accepted.duplicate) == ("a", False)


def test_the_ask_that_follows_is_saved_with_the_answer():
    """The Save carries turn 2's directive, and the Ask that follows is already recorded."""
    session = make_session()
    ask_through(session, session.receive(ev.Joined(), 0.0))
    save = only(session.receive(ev.AnswerReceived("a", 1, ANSWER), 0.0), ev.Save)
    assert save.next_ask is not None
    assert save.next_ask.turn == 2
    ask = only(session.receive(ev.AnswerSaved("a", 1, "saved"), 0.0), ev.Ask)
    assert ask.recorded
    assert ask.plan == save.next_ask


def test_the_same_message_twice_is_accepted_once():
    """A repeated client_msg_id is told duplicate and saves nothing."""
    session = make_session()
    ask_through(session, session.receive(ev.Joined(), 0.0))
    ask_through(session, answer_through(session, "a", 1))
    effects = session.receive(ev.AnswerReceived("a", 1, "otra cosa"), 0.0)
    assert not [e for e in effects if isinstance(e, ev.Save)]
    assert frames(effects)[0].duplicate is True
    assert session.answered[0].said.answer == ANSWER


def test_an_answer_that_could_not_be_saved_is_not_accepted():
    """The client hears a temporary fault, and the same message can be sent again."""
    session = make_session()
    ask_through(session, session.receive(ev.Joined(), 0.0))
    session.receive(ev.AnswerReceived("a", 1, ANSWER), 0.0)
    effects = session.receive(ev.AnswerSaved("a", 1, "unavailable"), 0.0)
    assert only(effects, ev.Tell).frame.code == "not_saved"
    assert only(effects, ev.Tell).frame.temporary
    assert session.answered == []
    answer_through(session, "a", 1)
    assert len(session.answered) == 1


def test_a_reconnect_gets_exactly_the_missing_frames():
    """The same epoch and an offset within the log: the frames after it, in order."""
    session = make_session()
    effects = ask_through(session, session.receive(ev.Joined(), 0.0))
    top = frames(effects)[-1].offset
    session.receive(ev.Left(), 1.0)
    effects = session.receive(ev.Joined(epoch=1, offset=1), 2.0)
    assert only(effects, ev.Welcome).recovered
    assert [frame.offset for frame in frames(effects)] == list(range(2, top + 1))


def test_a_stranger_to_the_epoch_gets_the_state():
    """Another epoch or an offset above the top: recovered false and session.state."""
    session = make_session()
    ask_through(session, session.receive(ev.Joined(), 0.0))
    for epoch, offset in ((2, 1), (1, 99), (None, 3), (1, -1)):
        effects = session.receive(ev.Joined(epoch=epoch, offset=offset), 2.0)
        assert only(effects, ev.Welcome).recovered is False
        state = only(effects, ev.Tell).frame
        assert state.current.text == "¿Pregunta?"
        assert state.offset == session.offset


def test_a_broken_attempt_is_replaced_and_never_glued():
    """After AskFailed comes question.reset with the next attempt, and late pieces are ignored."""
    session = make_session()
    plan = only(session.receive(ev.Joined(), 0.0), ev.Ask).plan
    session.receive(ev.PieceArrived(1, plan.ask, "Cuén"), 0.0)
    effects = session.receive(ev.AskFailed(1, plan.ask, "model_truncated"), 0.0)
    reset = frames(effects)[0]
    assert isinstance(reset, messages.QuestionReset)
    assert reset.ask == plan.ask + 1
    assert session.receive(ev.PieceArrived(1, plan.ask, "teme"), 0.0) == []
    session.receive(ev.AskCompleted(1, reset.ask, "Otra", "offline"), 0.0)
    assert session.current.text == "Otra"


def test_a_new_owner_keeps_the_question_that_waits():
    """A complete question of the snapshot stands there again, unasked a second time."""
    first = make_session()
    ask_through(first, first.receive(ev.Joined(), 0.0))
    snapshot = msgspec.convert(msgspec.to_builtins(first.saved_snapshot(0.0)), Snapshot)
    second = make_session(epoch=2, snapshot=snapshot)
    effects = second.receive(ev.Joined(epoch=1, offset=3), 0.0)
    assert not [e for e in effects if isinstance(e, ev.Ask)]
    assert only(effects, ev.Tell).frame.current.completed


def test_a_new_owner_begins_a_broken_question_anew():
    """Half a question of the snapshot is dropped and another attempt begins."""
    first = make_session()
    first.receive(ev.Joined(), 0.0)
    first.receive(ev.PieceArrived(1, 1, "Cuén"), 0.0)
    second = make_session(epoch=2, snapshot=first.saved_snapshot(0.0))
    effects = second.receive(ev.Joined(), 0.0)
    assert only(effects, ev.Tell).frame.current is None
    assert only(effects, ev.Ask).plan.ask == 2


def test_time_runs_only_while_an_answer_is_awaited():
    """Streaming, absence and pauses cost the candidate nothing."""
    session = make_session()
    whole = session.seconds_left(0.0)
    effects = session.receive(ev.Joined(), 0.0)
    assert session.seconds_left(50.0) == whole
    ask_through(session, effects, now=50.0)
    assert session.seconds_left(60.0) == whole - 10
    session.receive(ev.Left(silent_seconds=4.0), 64.0)
    assert session.seconds_left(500.0) == whole - 10
    session.receive(ev.Joined(), 500.0)
    session.receive(ev.PauseAsked(), 505.0)
    assert session.seconds_left(900.0) == whole - 15
    session.receive(ev.ResumeAsked(), 900.0)
    assert session.seconds_left(901.0) == whole - 16


def test_time_up_ends_the_interview_after_a_grace():
    """An answer in the last moment still arrives; then it ends."""
    session = make_session(plan=make_plan(minutes=5))
    ask_through(session, session.receive(ev.Joined(), 0.0))
    left = session.seconds_left(0.0)
    assert session.receive(ev.Ticked(), left + 10) == []
    effects = session.receive(ev.Ticked(), left + 31)
    assert only(effects, ev.Close).reason == "time_up"
    assert session.receive(ev.Ticked(), left + 32) == []
    assert frames(session.receive(ev.Closed("time_up"), left + 33))[0].reason == "time_up"


def test_the_end_is_told_only_once_it_is_durable():
    """Leaving asks for Close; session.finished follows Closed."""
    session = make_session()
    ask_through(session, session.receive(ev.Joined(), 0.0))
    effects = session.receive(ev.LeaveAsked(), 0.0)
    assert frames(effects) == []
    assert only(effects, ev.Close).reason == "left"
    refused = session.receive(ev.AnswerReceived("late", 1, ANSWER), 0.0)
    assert only(refused, ev.Tell).frame.code == "interview_over"
    assert isinstance(frames(session.receive(ev.Closed("left"), 0.0))[0], messages.SessionFinished)


def test_a_whole_interview_comes_to_its_end_by_itself():
    """Every turn answered leads to Close(completed) within turns_max."""
    session = make_session()
    effects = session.receive(ev.Joined(), 0.0)
    for turn in range(1, session.plan.turns_max + 2):
        closes = [e for e in effects if isinstance(e, ev.Close)]
        if closes:
            assert closes[0].reason == "completed"
            break
        ask_through(session, effects)
        effects = answer_through(session, f"m{turn}", turn)
    else:
        raise AssertionError("the interview never ended")
    assert {item.said.competency for item in session.answered} == {
        planned.competency for planned in session.plan.competencies
    }


def test_the_log_is_bounded():
    """Old frames fall out; a client that is too far behind gets the state."""
    session = make_session()
    session.receive(ev.Joined(), 0.0)
    for _ in range(limits.REPLAY_FRAMES_MAX + 50):
        session.receive(ev.PieceArrived(1, 1, "x"), 0.0)
    assert len(session._reel) <= limits.REPLAY_FRAMES_MAX
    effects = session.receive(ev.Joined(epoch=1, offset=1), 0.0)
    assert only(effects, ev.Welcome).recovered is False


def test_a_long_interview_comes_back_in_one_frame():
    """24 answers of the longest kind: the state fits, the record is untouched, cuts are marked."""
    session = make_session(plan=make_plan(minutes=60))
    effects = session.receive(ev.Joined(), 0.0)
    text = "ñ" * limits.ANSWER_CHARS_MAX
    while not session.closing:
        ask_through(session, effects)
        turn = len(session.answered) + 1
        session.receive(ev.AnswerReceived(f"m{turn}", turn, text), 0.0)
        effects = session.receive(ev.AnswerSaved(f"m{turn}", turn, "saved"), 0.0)
    assert len(session.answered) > 10
    state = session.state_frame(0.0)
    assert len(messages.encode(state)) < limits.FRAME_BYTES_MAX
    assert [turn.turn for turn in state.turns] == list(range(1, len(session.answered) + 1))
    assert all(turn.cut and text.startswith(turn.answer[:-1]) for turn in state.turns)
    assert all(item.said.answer == text for item in session.answered)


def granted(session: Session, minutes: int):
    """The plan's time with so many minutes more, as a grant makes it."""
    return ev.Lengthened(session.plan.seconds + 60.0 * minutes, session.plan.minutes + minutes)


def test_granted_time_counts_at_once_and_once():
    """The clock goes on with the new total; the same word again, or less time, changes nothing."""
    session = make_session()
    ask_through(session, session.receive(ev.Joined(), 0.0))
    event = granted(session, 10)
    frame = frames(session.receive(event, 60.0))[0]
    assert isinstance(frame, messages.TimeGranted)
    assert (frame.seconds_left, frame.minutes, frame.minutes_total) == (29 * 60.0, 10, 30)
    assert session.seconds_left(120.0) == 28 * 60.0
    assert session.receive(event, 120.0) == []
    assert session.receive(ev.Lengthened(60.0, 1), 120.0) == []
    assert session.plan.minutes == 30


def test_time_granted_within_the_grace_saves_the_interview():
    """After the time and before the end of the grace it is not too late; after the end it is."""
    session = make_session(plan=make_plan(minutes=5))
    ask_through(session, session.receive(ev.Joined(), 0.0))
    session.receive(granted(session, 1), 329.0)
    assert session.receive(ev.Ticked(), 331.0) == []
    assert only(session.receive(ev.Ticked(), 391.0), ev.Close).reason == "time_up"
    assert session.receive(granted(session, 30), 391.0) == []
    assert frames(session.receive(ev.Closed("time_up"), 392.0))[0].reason == "time_up"
    assert session.receive(granted(session, 30), 393.0) == []


def test_time_granted_while_the_last_answer_is_saved_begins_another_question():
    """The end that was foreseen with the answer is not the end any more."""
    session = make_session(plan=make_plan(minutes=5))
    ask_through(session, session.receive(ev.Joined(), 0.0))
    save = only(session.receive(ev.AnswerReceived("a", 1, ANSWER), 290.0), ev.Save)
    assert save.next_ask is None
    session.receive(granted(session, 10), 290.0)
    ask = only(session.receive(ev.AnswerSaved("a", 1, "saved"), 290.0), ev.Ask)
    assert (ask.plan.turn, ask.recorded) == (2, False)


def test_time_granted_in_a_pause_waits_with_the_clock():
    """The frame tells the new time, and it is all there after the pause."""
    session = make_session()
    ask_through(session, session.receive(ev.Joined(), 0.0))
    session.receive(ev.PauseAsked(), 0.0)
    session.receive(granted(session, 10), 500.0)
    assert frames(session.receive(ev.ResumeAsked(), 900.0))[0].seconds_left == 30 * 60.0


def went_and_came(seconds: float, **left):
    """A session whose candidate left and came back to another owner, and what that one does."""
    session = make_session()
    ask_through(session, session.receive(ev.Joined(wall=1e9), 0.0))
    for event in left.get("before", ()):
        session.receive(event, 0.0)
    session.receive(ev.Left(silent_seconds=20.0, wall=1e9 + 100), 100.0)
    state = msgspec.json.decode(msgspec.json.encode(session.saved_snapshot(9_000.0)), type=Snapshot)
    other = make_session(epoch=2, snapshot=state)
    return other, other.receive(ev.Joined(wall=1e9 + 80 + seconds), 5.0)


def test_whoever_was_away_for_long_finds_a_pause():
    """From the last sign of life on, also at another owner: paused, away, and the clock stood."""
    other, effects = went_and_came(limits.AWAY_PAUSE_SECONDS)
    paused = frames(effects)[0]
    assert isinstance(paused, messages.SessionPaused)
    assert paused.reason == "away"
    assert other.state_frame(5.0).paused_reason == "away"
    assert other.seconds_left(9_000.0) == 20 * 60.0 - 80.0
    refused = other.receive(ev.AnswerReceived("a", 1, ANSWER), 9_000.0)
    assert only(refused, ev.Tell).frame.code == "paused"
    resumed = frames(other.receive(ev.ResumeAsked(), 9_000.0))[0]
    assert resumed.seconds_left == 20 * 60.0 - 80.0
    assert other.state_frame(9_000.0).paused_reason == ""


def test_a_short_absence_is_no_pause():
    """A second less, and the interview goes on; the next absence is measured by itself."""
    other, effects = went_and_came(limits.AWAY_PAUSE_SECONDS - 1)
    assert frames(effects) == []
    assert not other.snapshot.paused
    assert only(effects, ev.Checkpoint)  # nobody takes it for away any more, should we die now
    assert other.saved_snapshot(5.0).away_since == 0.0


def test_a_pause_that_was_asked_for_stays_what_it_is():
    """Away in a pause: one pause, with its own reason."""
    other, effects = went_and_came(limits.AWAY_CLOSE_SECONDS - 1, before=[ev.PauseAsked()])
    assert frames(effects) == []
    assert other.snapshot.paused_reason == "requested"


def test_a_day_that_was_set_back_is_no_absence():
    """The time of day may jump: at worst nobody is paused."""
    other, _ = went_and_came(-86_400.0)
    assert not other.snapshot.paused


def test_a_snapshot_of_an_older_program_is_read():
    """What another version wrote has no such fields, and nobody was away."""
    old = msgspec.json.decode(b'{"used_seconds": 3.0, "paused": true}', type=Snapshot)
    session = make_session(snapshot=old)
    session.receive(ev.Joined(wall=1e9), 0.0)
    assert session.state_frame(0.0).paused
    assert session.state_frame(0.0).paused_reason == ""


class AnyOrder(RuleBasedStateMachine):
    """Every event in any order, against a store and a client that keep their own books."""

    @initialize()
    def begin(self):
        self.session = make_session()
        self.now = 0.0
        self.asks = []
        self.store = {}  # turn -> client_msg_id: what PostgreSQL has
        self.accepted = {}
        self.client = None  # the offset the client has, while it is connected
        self.lose_next = False
        self.granted = 0.0
        self.left_at = None  # the time of day when the client left

    def take(self, effects):
        work = list(effects)
        while work:
            effect = work.pop(0)
            if isinstance(effect, ev.Send):
                frame = messages.decode_server(effect.data)
                if self.client is not None:
                    assert frame.offset == self.client + 1, "a gap or a repetition"
                    self.client = frame.offset
                if isinstance(frame, messages.AnswerAccepted):
                    assert self.store[frame.turn] == frame.client_msg_id
                    self.accepted[frame.turn] = frame.client_msg_id
                if isinstance(frame, messages.TimeGranted):
                    assert frame.minutes > 0
                    # a replayed one says what it said when it was new
                    assert frame.minutes_total <= self.session.plan.minutes
            elif isinstance(effect, ev.Tell) and isinstance(effect.frame, messages.SessionState):
                self.client = effect.frame.offset
            elif isinstance(effect, ev.Save):
                work[:0] = self.save(effect)
            elif isinstance(effect, ev.Ask):
                self.asks.append(effect.plan)
                assert effect.plan.turn == len(self.store) + 1
            elif isinstance(effect, ev.Close):
                self.closing = effect.reason

    def save(self, save):
        turn, client_msg_id = save.said.turn, save.client_msg_id
        if self.store.get(turn) == client_msg_id:
            outcome = "duplicate"
        elif turn in self.store:
            outcome = "turn_answered"
        elif turn != len(self.store) + 1:
            outcome = "wrong_turn"
        else:
            self.store[turn] = client_msg_id
            outcome = "saved"
        if self.lose_next:
            self.lose_next = False
            outcome = "unavailable"  # the commit happened, the answer to it was lost
        return self.session.receive(ev.AnswerSaved(client_msg_id, turn, outcome), self.now)

    @rule(seconds=st.floats(0, 400))
    def time_passes(self, seconds):
        self.now += seconds
        self.take(self.session.receive(ev.Ticked(), self.now))

    @rule(epoch=st.sampled_from([None, 1, 2]), back=st.integers(-2, 6))
    def join(self, epoch, back):
        offset = max(0, self.session.offset - back)
        self.client = offset
        was, away = self.session.snapshot.paused, self.left_at
        over = self.session.finished or self.session.closing
        self.take(self.session.receive(ev.Joined(epoch, offset, self.wall), self.now))
        if away is not None and not over:
            long = self.wall - away >= limits.AWAY_PAUSE_SECONDS
            assert self.session.snapshot.paused == (was or long)
            self.left_at = None
        elif not over:
            assert self.session.snapshot.paused == was

    @property
    def wall(self):
        return 1e9 + self.now

    @rule(minutes=st.integers(-5, 30))
    def grant(self, minutes):
        session, before = self.session, self.session.seconds_left(self.now)
        over = session.finished or session.closing
        self.take(session.receive(granted(session, minutes), self.now))
        gained = 0.0 if over else 60.0 * max(0, minutes)
        assert abs(session.seconds_left(self.now) - before - gained) < 1e-6
        self.left += gained
        self.granted += gained

    @rule()
    def leave(self):
        self.client = None
        if self.session.connected:
            self.left_at = self.wall - 3.0
        self.take(self.session.receive(ev.Left(silent_seconds=3.0, wall=self.wall), self.now))
        self.left += 3.0  # silence is given back

    @precondition(lambda self: self.asks)
    @rule(which=st.integers(0, 3))
    def piece(self, which):
        plan = self.asks[-1 - min(which, len(self.asks) - 1)]
        self.take(self.session.receive(ev.PieceArrived(plan.turn, plan.ask, "p"), self.now))

    @precondition(lambda self: self.asks)
    @rule(which=st.integers(0, 3))
    def complete(self, which):
        plan = self.asks[-1 - min(which, len(self.asks) - 1)]
        event = ev.AskCompleted(plan.turn, plan.ask, f"{plan.turn}/{plan.ask}", "offline")
        self.take(self.session.receive(event, self.now))

    @precondition(lambda self: self.asks)
    @rule()
    def fail(self):
        plan = self.asks[-1]
        self.take(self.session.receive(ev.AskFailed(plan.turn, plan.ask, "x"), self.now))

    @rule(turn=st.integers(0, 6), message=st.integers(0, 8), lost=st.booleans())
    def answer(self, turn, message, lost):
        self.lose_next = lost
        self.take(self.session.receive(ev.AnswerReceived(f"m{message}", turn, ANSWER), self.now))
        self.lose_next = False

    @rule()
    def answer_what_is_asked(self):
        turn = len(self.session.answered) + 1
        event = ev.AnswerReceived(f"t{turn}", turn, ANSWER)
        self.take(self.session.receive(event, self.now))

    @rule(pause=st.booleans())
    def pause(self, pause):
        event = ev.PauseAsked() if pause else ev.ResumeAsked()
        self.take(self.session.receive(event, self.now))

    @rule()
    def crash(self):
        """Another instance takes over from the store and the last snapshot."""
        snapshot = msgspec.convert(
            msgspec.to_builtins(self.session.saved_snapshot(self.now)), Snapshot
        )
        said = {item.said.turn: item for item in self.session.answered}
        answered = []
        for turn, client_msg_id in self.store.items():
            item = said.get(turn)
            if item is None:  # committed, never heard of
                current = snapshot.current
                answered.append(
                    Answered(
                        msgspec.structs.replace(
                            answered[-1].said if answered else _said(current), turn=turn
                        ),
                        client_msg_id,
                    )
                )
            else:
                answered.append(item)
        self.session = make_session(
            epoch=self.session.epoch + 1,
            answered=answered,
            snapshot=snapshot,
            plan=self.session.plan,
        )
        self.client = None
        self.asks = []

    @invariant()
    def nothing_accepted_is_lost(self):
        for turn, client_msg_id in self.accepted.items():
            assert self.store[turn] == client_msg_id

    @invariant()
    def turns_are_whole(self):
        turns = [item.said.turn for item in self.session.answered]
        assert turns == list(range(1, len(turns) + 1))
        assert len(turns) <= len(self.store)

    @invariant()
    def time_never_comes_back(self):
        left = self.session.seconds_left(self.now)
        assert self.session.plan.seconds == 20 * 60.0 + self.granted
        assert left <= self.session.plan.seconds
        assert left <= getattr(self, "left", left) + 1e-6
        self.left = left


def _said(current):
    from interview.interviewer import Said

    return Said(
        turn=1,
        competency=current.directive.competency,
        level="mid",
        kind="opening",
        question="q",
        answer=ANSWER,
    )


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = hypothesis_settings(
    max_examples=examples(80), stateful_step_count=40, deadline=None
)
