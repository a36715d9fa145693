"""The simulated candidate's books: what does not add up is a failure."""

import msgspec
import pytest

from loadtest import books, visitor
from loadtest.books import Sample
from loadtest.visitor import Habits, Invitation, Visitor
from protocol import messages


class _Seen:
    """A visitor fed with frames by hand, and what it noted."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.visitor = Visitor(Invitation("http://127.0.0.1:9", "t"), Habits(), self.samples.append)
        self.books = self.visitor._books

    @property
    def failures(self) -> list[str]:
        return [failure.name for failure in self.visitor.result.failures]


@pytest.fixture
def seen() -> _Seen:
    """A visitor that has answered its first question."""
    found = _Seen()
    assert found.books.completed(1)
    found.books.sent(1, "a", planned=10.0, now=10.5)
    return found


def _accepted(turn: int, id_: str, *, duplicate: bool = False) -> messages.AnswerAccepted:
    return messages.AnswerAccepted(1, id_, turn, duplicate)


def test_an_answer_is_timed_from_its_sending_and_from_its_schedule(seen: _Seen):
    """Half a second late in leaving counts by schedule only."""
    seen.books.accepted(_accepted(1, "a"), 11.0, seen.samples.append)
    assert seen.samples == [
        Sample(books.ACCEPTED, 0.5), Sample(books.ACCEPTED_PLANNED, 1.0),
    ]  # fmt: skip
    seen.books.piece(2, "¿", 12.0, seen.samples.append)
    assert seen.samples[2:] == [
        Sample(books.FIRST_PIECE, 1.5), Sample(books.FIRST_PIECE_PLANNED, 2.0),
    ]  # fmt: skip
    assert seen.failures == []


def test_an_answer_accepted_under_two_ids_is_doubled(seen: _Seen):
    """The rival id has to be refused."""
    seen.books.rivals.add("b")
    seen.books.accepted(_accepted(1, "b"), 11.0, seen.samples.append)
    assert seen.failures == ["doubled"]


def test_the_refusal_of_a_rival_answer_is_as_it_should_be(seen: _Seen):
    """Any other final fault is a failure."""
    seen.books.rivals.add("b")
    seen.books.fault(messages.FaultFrame("turn_answered", "", temporary=False, client_msg_id="b"))
    assert seen.failures == []
    seen.books.fault(messages.FaultFrame("wrong_turn", "", temporary=False, client_msg_id="a"))
    assert seen.failures == ["fault"]


def test_an_accepted_answer_that_the_record_does_not_have_is_lost(seen: _Seen):
    """The state after a take-over has to hold every accepted turn."""
    seen.books.accepted(_accepted(1, "a"), 11.0, seen.samples.append)
    seen.books.reloaded([])
    assert seen.failures == ["lost"]


def test_an_answer_never_accepted_is_lost_at_the_end(seen: _Seen):
    """The interview may not finish over it."""
    seen.books.finished("completed")
    assert seen.failures == ["lost"]


def test_an_answer_that_waits_for_long_when_the_test_ends_is_overdue(seen: _Seen):
    """Sent at 10.5 and not accepted half a minute later; before that it is under way."""
    seen.books.given_up(20.0)
    assert seen.failures == []
    seen.books.given_up(41.0)
    assert seen.failures == ["overdue"]


def test_an_answered_question_is_not_asked_again(seen: _Seen):
    """Nor may a turn be skipped."""
    seen.books.accepted(_accepted(1, "a"), 11.0, seen.samples.append)
    seen.books.started(1)
    assert seen.failures == ["asked_again"]
    assert seen.books.completed(3)
    assert seen.failures == ["asked_again", "out_of_order"]


def test_an_invitations_file_is_read_back_as_it_was_written(tmp_path):
    """One JSON line each, for its owner only: they are keys to interviews."""
    found = [Invitation("http://127.0.0.1:1", f"t{n}") for n in range(3)]
    path = tmp_path / "invitations.jsonl"
    visitor.write_invitations(path, found)
    assert visitor.read_invitations(path) == found
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("{no\n")
    with pytest.raises(msgspec.DecodeError):
        visitor.read_invitations(path)
