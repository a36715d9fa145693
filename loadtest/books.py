"""What one simulated candidate has seen, and whether it adds up."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from client.session import Counts
from protocol import messages

# What is timed. Times by schedule count from the moment at which the answer was to be sent.
JOIN: Final = "join"
WAITED: Final = "waited_for_a_place"  # instead of `join`, for whoever was queued
ACCEPTED: Final = "answer_accepted"
ACCEPTED_PLANNED: Final = "answer_accepted_by_schedule"
FIRST_PIECE: Final = "first_piece"
FIRST_PIECE_PLANNED: Final = "first_piece_by_schedule"
BACK: Final = "back_after_cut"
BACK_STORM: Final = "back_after_storm"
STORM_ACCEPTED: Final = "answer_accepted_in_the_storm"
STORM_ACCEPTED_PLANNED: Final = "answer_accepted_in_the_storm_by_schedule"

# What is counted, beside the close codes (closed_4008).
QUEUED: Final = "queued"
REPEATED: Final = "answers_sent_twice"
TWO_TABS: Final = "answers_over_two_connections"
CUTS: Final = "cuts"
DEAD_SPOTS: Final = "dead_spots"
STOPS: Final = "stopped_reading"
STOPS_SURVIVED: Final = "stopped_reading_and_kept_the_connection"
STOPS_CUT: Final = "stopped_reading_and_came_back"
STORM_CUT: Final = "storm_cut"
STORM_WAITING: Final = "storm_cut_in_the_waiting_room"
STORM_CONNECTS: Final = "storm_connects"
STORM_REFUSED: Final = "storm_refused"

OVERDUE_SECONDS: Final = 30.0  # an answer not accepted for this long, on a line that works


class Sample(msgspec.Struct, frozen=True):
    """One measured latency, in seconds."""

    name: str
    seconds: float


class Failure(msgspec.Struct, frozen=True):
    """Something that may not happen; `name` is from a closed list."""

    name: str
    detail: str


class Result(msgspec.Struct, kw_only=True):
    """One candidate's interview, as far as it has come."""

    finished: str = ""
    joined: bool = False
    turns: int = 0
    counts: Counts = msgspec.field(default_factory=Counts)
    did: dict[str, int] = {}
    failures: list[Failure] = []


Note = Callable[[Sample], None]


class Books:
    """The books of one candidate."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self.result = Result()
        self.rivals: set[str] = set()  # ids under which an answered turn was sent again
        self._sent: dict[str, tuple[int, float, float]] = {}  # id -> turn, planned, sent
        self._answers: dict[int, str] = {}  # turn -> the id that answers it
        self._accepted: set[int] = set()
        self._answering: set[int] = set()
        self._first_awaited: tuple[float, float] | None = None

    def fail(self, name: str, detail: str) -> None:
        """Note what may not happen."""
        self.result.failures.append(Failure(name, detail))

    def did(self, name: str, count: int = 1) -> None:
        """Count what was done or what happened."""
        self.result.did[name] = self.result.did.get(name, 0) + count

    def started(self, turn: int) -> None:
        """A question begins: never one that has been answered."""
        if turn in self._accepted:
            self.fail("asked_again", f"turn {turn}")

    def piece(self, turn: int, text: str, now: float, note: Note) -> None:
        """A piece arrives; the first after an answer is timed."""
        del text
        if turn in self._accepted:
            self.fail("asked_again", f"turn {turn}")
        if self._first_awaited is not None:
            planned, sent = self._first_awaited
            self._first_awaited = None
            note(Sample(FIRST_PIECE, now - sent))
            note(Sample(FIRST_PIECE_PLANNED, now - planned))

    def completed(self, turn: int) -> bool:
        """Tell whether the whole question of `turn` is to be answered now."""
        if turn in self._answering:
            return False
        if turn != len(self._accepted) + 1:
            self.fail("out_of_order", f"turn {turn} after {len(self._accepted)} answers")
        self._answering.add(turn)
        return True

    def sent(self, turn: int, client_msg_id: str, planned: float, now: float) -> None:
        """An answer leaves."""
        self._sent[client_msg_id] = (turn, planned, now)
        self._answers[turn] = client_msg_id

    def accepted(self, frame: messages.AnswerAccepted, now: float, note: Note) -> None:
        """The server has an answer; the second word about the same one changes nothing."""
        if frame.client_msg_id in self.rivals:
            self.fail("doubled", f"turn {frame.turn} was accepted under two ids")
            return
        found = self._sent.get(frame.client_msg_id)
        if found is None or found[0] != frame.turn:
            self.fail("unknown_answer", f"turn {frame.turn}")
            return
        if frame.turn in self._accepted:
            return
        self._accepted.add(frame.turn)
        self.result.turns += 1
        _, planned, sent = found
        self._first_awaited = (planned, sent)
        note(Sample(ACCEPTED, now - sent))
        note(Sample(ACCEPTED_PLANNED, now - planned))

    def reloaded(self, turns: Sequence[int]) -> None:
        """The state from the record: every accepted answer has to be in it, once and in order."""
        if list(turns) != list(range(1, len(turns) + 1)):
            self.fail("reordered", str(list(turns)))
        lost = self._accepted - set(turns)
        if lost:
            self.fail("lost", f"turns {sorted(lost)}")
        self._accepted.update(turns)
        self._answering.update(turns)
        self.result.turns = len(self._accepted)

    def fault(self, frame: messages.FaultFrame) -> None:
        """A fault: expected for a turn sent again under another id, temporary ones pass."""
        expected = frame.client_msg_id in self.rivals
        if not frame.temporary and not expected:
            self.fail("fault", frame.code)

    def finished(self, reason: str) -> None:
        """The end: every answer sent has to be accepted by then."""
        self.result.finished = reason
        missing = self._answers.keys() - self._accepted
        if missing:
            self.fail("lost", f"turns {sorted(missing)} were never accepted")

    def given_up(self, now: float) -> None:
        """The test ends in mid-interview: an answer must not have waited for long."""
        for turn, client_msg_id in self._answers.items():
            sent = self._sent[client_msg_id][2]
            if turn not in self._accepted and now - sent > OVERDUE_SECONDS:
                self.fail("overdue", f"turn {turn} not accepted in {now - sent:.0f} s")
