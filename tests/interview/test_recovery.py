"""Coming back: whatever a client has missed, it then shows what one shows that never left.

The oracle keeps the whole record and compares screens, not offsets: what is sent again may leave
out frames that a later one makes needless, as long as nobody can tell.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from interview import events as ev
from interview.plan import OpeningBrief, build
from interview.record import Snapshot
from interview.reel import Reel
from interview.session import Session
from protocol import limits, messages, recovery
from protocol.recovery import replay_from
from tests.depth import examples

BRIEF = OpeningBrief("Analista", "data", "Analizar datos", ["SQL", "Python"], [], "mid", "es")
PLAN = build(BRIEF, None, company="Acme", candidate_name="Ana", minutes=20, locale="es")
ANSWER = "Implementé un tablero con SQL y reducimos el tiempo a la mitad."
FEW, SMALL = 12, 1_500  # frames and bytes that are kept here, so that some are soon forgotten


class Screen:
    """What a page shows, from whatever it was sent."""

    def __init__(self) -> None:
        self.answered: list[int] = []
        self.current: tuple[int, int, str, bool] | None = None
        self.paused = False
        self.finished = ""

    def show(self, frame: messages.ServerFrame) -> None:
        match frame:
            case messages.SessionState():
                now = frame.current
                self.answered = [turn.turn for turn in frame.turns]
                self.current = (now.turn, now.ask, now.text, now.completed) if now else None
                self.paused = frame.paused
            case messages.QuestionStarted() | messages.QuestionReset():
                self.current = (frame.turn, frame.ask, "", False)
            case messages.QuestionDelta():
                assert self.current is not None
                assert self.current[:2] == (frame.turn, frame.ask), "glued to another attempt"
                self.current = (*self.current[:2], self.current[2] + frame.text, False)
            case messages.QuestionCompleted():
                self.current = (frame.turn, frame.ask, frame.text, True)
            case messages.AnswerAccepted():
                if frame.turn not in self.answered:
                    self.answered.append(frame.turn)
                if self.current is not None and self.current[0] == frame.turn:
                    self.current = None
            case messages.SessionPaused():
                self.paused = True
            case messages.SessionResumed():
                self.paused = False
            case messages.SessionFinished():
                self.finished = frame.reason

    def sees(self) -> tuple[Any, ...]:
        return tuple(self.answered), self.current, self.paused, self.finished

    def copy(self) -> "Screen":
        other = Screen()
        other.answered, other.current = list(self.answered), self.current
        other.paused, other.finished = self.paused, self.finished
        return other


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few frames are kept."""
    monkeypatch.setattr(limits, "REPLAY_FRAMES_MAX", FEW)
    monkeypatch.setattr(limits, "REPLAY_BYTES_MAX", SMALL)
    return


# The rule and the reel -------------------------------------------------------------------------


def _frame(kind: str, offset: int, shown: Screen) -> messages.RecordFrame:
    """The next frame of a kind, as a record could have it."""
    turn, ask, text, done = shown.current or (len(shown.answered) + 1, 0, "", True)
    if kind == "piece" and not done:
        return messages.QuestionDelta(offset, turn, ask, f"{offset} ")
    if kind == "done" and not done:
        return messages.QuestionCompleted(offset, turn, ask, text, "sql", 9.0)
    if kind == "answer" and done and shown.current:
        return messages.AnswerAccepted(offset, f"m{turn}", turn, duplicate=False)
    if kind == "long" and not done:
        return messages.QuestionDelta(offset, turn, ask, "x" * 400)
    if shown.current is None:
        return messages.QuestionStarted(offset, turn, 1)
    return messages.QuestionReset(offset, turn, ask + 1)


@given(
    kinds=st.lists(st.sampled_from(["piece", "piece", "done", "answer", "long", "reset"])),
    acks=st.lists(st.tuples(st.integers(0, 50), st.integers(-3, 60)), max_size=4),
    epoch=st.integers(1, 3),
    client_epoch=st.none() | st.integers(1, 3),
    client_offset=st.none() | st.integers(-2, 60),
)
@hypothesis_settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.usefixtures("little")
def test_what_is_sent_again_makes_the_same_screen(
    kinds: list[str],
    acks: list[tuple[int, int]],
    epoch: int,
    client_epoch: int | None,
    client_offset: int | None,
) -> None:
    """Forgotten and acknowledged frames, an older epoch, an offset of another history."""
    reel, whole, screens = Reel(), Screen(), [Screen()]
    for number, kind in enumerate(kinds):
        frame = _frame(kind, reel.next, whole)
        reel.add(frame)
        whole.show(frame)
        screens.append(whole.copy())
        for after, upto in acks:
            if after == number:
                reel.forget(min(upto, reel.top))
    start = replay_from(
        client_epoch=client_epoch,
        client_offset=client_offset,
        epoch=epoch,
        first=reel.first,
        top=reel.top,
    )
    kept = [messages.decode_server(data) for data in reel.since(0)]
    if client_epoch != epoch or client_offset is None or not 0 <= client_offset <= reel.top:
        assert start is None, "somebody of another history is sent frames of this one"
        return
    if start is None:
        missed = set(range(client_offset + 1, reel.top + 1))
        assert missed - {frame.offset for frame in kept}, "refused although nothing is gone"
        return
    again = [messages.decode_server(data) for data in reel.since(start)]
    offsets = [frame.offset for frame in again]
    assert offsets == sorted(set(offsets))
    assert all(client_offset < offset <= reel.top for offset in offsets)
    assert client_offset == reel.top or offsets[-1] == reel.top
    screen = screens[client_offset]
    for frame in again:
        screen.show(frame)
    assert screen.sees() == whole.sees()


# A whole session -------------------------------------------------------------------------------


class Tab:
    """A page with what it has seen; `there` while its socket is the session's."""

    def __init__(self) -> None:
        self.screen = Screen()
        self.epoch: int | None = None
        self.offset: int | None = None
        self.there = False


class Coming(RuleBasedStateMachine):
    """Two tabs come and go, frames are lost on the way, owners change; one watcher misses nothing.

    The watcher is the oracle: it is shown every frame of the record in the moment it is made.
    """

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.tabs = [Tab(), Tab()]
        self.session = Session(plan=PLAN, seed=7, epoch=1)
        self.watcher = Screen()
        self.ask: ev.AskPlan | None = None

    def _do(self, event: ev.Event, *, to: Tab | None = None, lost: bool = False) -> None:
        """Carry out what an event leads to; what is sent again is not news to the watcher."""
        work = list(self.session.receive(event, self.now))
        top = max(self.watched, 0)
        while work:
            effect = work.pop(0)
            if isinstance(effect, ev.Welcome) and to is not None and not effect.recovered:
                to.screen, to.epoch, to.offset = Screen(), self.session.epoch, 0
            elif isinstance(effect, ev.Tell) and isinstance(effect.frame, messages.SessionState):
                if to is not None:
                    to.screen.show(effect.frame)
                    to.offset = effect.frame.offset
            elif isinstance(effect, ev.Send):
                frame = messages.decode_server(effect.data)
                if frame.offset > top:
                    self.watcher.show(frame)
                    top = self.watched = frame.offset
                if not lost:
                    self._send(frame)
            elif isinstance(effect, ev.Save):
                saved = ev.AnswerSaved(effect.client_msg_id, effect.said.turn, "saved")
                work[:0] = self.session.receive(saved, self.now)
            elif isinstance(effect, ev.Ask):
                self.ask = effect.plan
            elif isinstance(effect, ev.Close):
                work[:0] = self.session.receive(ev.Closed(effect.reason), self.now)

    watched = 0

    def _send(self, frame: Any) -> None:
        for tab in self.tabs:
            if tab.there:
                assert tab.offset is not None
                assert frame.offset > tab.offset, "sent twice"
                tab.screen.show(frame)
                tab.offset = frame.offset

    @rule(who=st.integers(0, 1), stale=st.sampled_from([None, "epoch", "above", "nothing"]))
    def join(self, who: int, stale: str | None) -> None:
        """A tab comes back with what it has seen, or with what it can't have seen here."""
        tab = self.tabs[who]
        for other in self.tabs:
            other.there = other is tab
        epoch, offset = tab.epoch, tab.offset
        if stale == "epoch":
            epoch = self.session.epoch - 1
        elif stale == "above":
            offset = self.session.offset + 3
        elif stale == "nothing":
            epoch = offset = None
        self._do(ev.Joined(epoch, offset), to=tab)
        assert tab.screen.sees() == self.watcher.sees()
        assert tab.offset == self.session.offset

    @rule()
    def leave(self) -> None:
        for tab in self.tabs:
            tab.there = False
        self._do(ev.Left())

    @rule(pieces=st.integers(1, 6), lost=st.booleans())
    def pieces(self, pieces: int, lost: bool) -> None:
        """Pieces arrive; when they are lost on the way, so is the socket."""
        for number in range(pieces):
            if self.ask is not None:
                event = ev.PieceArrived(self.ask.turn, self.ask.ask, f"p{number} ")
                self._do(event, lost=lost)
        if lost:
            self.leave()

    @rule(lost=st.booleans())
    def complete(self, lost: bool) -> None:
        if self.ask is not None:
            text = self.session.current.text if self.session.current else ""
            event = ev.AskCompleted(self.ask.turn, self.ask.ask, text or "¿?", "offline")
            self._do(event, lost=lost)
        if lost:
            self.leave()

    @rule()
    def fail(self) -> None:
        if self.ask is not None:
            self._do(ev.AskFailed(self.ask.turn, self.ask.ask, "model_truncated"))

    @rule(again=st.booleans())
    def answer(self, again: bool) -> None:
        """The turn's answer, or the one before it once more."""
        turn = len(self.session.answered) + (0 if again else 1)
        self._do(ev.AnswerReceived(f"m{turn}", turn, ANSWER))

    @rule(pause=st.booleans())
    def pause(self, pause: bool) -> None:
        self._do(ev.PauseAsked() if pause else ev.ResumeAsked())

    @rule(back=st.integers(0, 4))
    def acknowledge(self, back: int) -> None:
        """The tab that is there acknowledges what it has, or a little less."""
        for tab in self.tabs:
            if tab.there and tab.offset is not None:
                self._do(ev.Acked(max(0, tab.offset - back)))

    @rule()
    def other_owner(self) -> None:
        """A take-over: another epoch, and a watcher who begins with its state."""
        old = self.session
        kept = msgspec.convert(msgspec.to_builtins(old.saved_snapshot(self.now)), Snapshot)
        self.session = Session(
            plan=PLAN,
            seed=7,
            epoch=old.epoch + 1,
            answered=old.answered,
            snapshot=kept,
            finished=old.finished,
        )
        for tab in self.tabs:
            tab.there = False
        self.ask, self.watched, finished = None, 0, self.watcher.finished
        self.watcher = Screen()
        self.watcher.show(self.session.state_frame(self.now))
        self.watcher.finished = finished

    @invariant()
    def who_is_there_sees_what_the_watcher_sees(self) -> None:
        for tab in self.tabs:
            if tab.there:
                assert tab.screen.sees() == self.watcher.sees()


@pytest.mark.usefixtures("little")
def test_a_tab_that_comes_back_sees_what_one_sees_that_never_left() -> None:
    """Two tabs, lost frames, forgotten frames, broken attempts, other owners."""
    machine = type("Machine", (Coming,), {})
    machine.TestCase.settings = hypothesis_settings(
        max_examples=examples(150),
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine.TestCase().runTest()


def _forgotten(coming: Coming) -> None:
    """What one tab acknowledged is gone when the other comes back for it."""
    coming.join(who=1, stale=None)
    coming.complete(lost=True)
    coming.answer(again=False)
    coming.join(who=0, stale="nothing")
    coming.pause(pause=True)
    coming.acknowledge(back=2)
    coming.join(who=1, stale=None)


def _of_another_epoch(coming: Coming) -> None:
    """Another owner counts anew, and has shown something since."""
    coming.join(who=1, stale="epoch")
    coming.other_owner()
    coming.pause(pause=True)
    coming.join(who=1, stale=None)


def _lost_pieces(coming: Coming) -> None:
    """Pieces that never came are among what is sent again."""
    coming.join(who=0, stale="above")
    coming.pieces(pieces=6, lost=True)
    coming.join(who=0, stale=None)


WAYS = {
    "forgets the forgotten": _forgotten,
    "any epoch": _of_another_epoch,
    "one too far": _lost_pieces,
}


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("wrong", WAYS)
def test_a_wrong_rule_is_noticed(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """The comparison can fail: the right rule passes there, each of these shows something else."""

    def rule_(*, client_epoch: Any, client_offset: Any, epoch: int, first: int, top: int) -> Any:
        if wrong == "forgets the forgotten":
            first = 0
        elif wrong == "any epoch":
            client_epoch = epoch
        right = replay_from(
            client_epoch=client_epoch,
            client_offset=client_offset,
            epoch=epoch,
            first=first,
            top=top,
        )
        return right + 1 if right is not None and wrong == "one too far" else right

    come_and_go(WAYS[wrong])
    monkeypatch.setattr(recovery, "replay_from", rule_)
    with pytest.raises(AssertionError):
        come_and_go(WAYS[wrong])


def come_and_go(way: Callable[[Coming], None]) -> None:
    """Two tabs on one way."""
    coming = Coming()
    coming.begin()
    way(coming)
    coming.who_is_there_sees_what_the_watcher_sees()
