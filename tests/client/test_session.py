"""The Python client against a small real server that follows scripts."""

import asyncio
import contextlib
import random

import pytest

from client import session as client_session
from client.backoff import Backoff
from client.errors import Refused
from client.session import Admitted, Interview
from protocol import messages
from tests.client.fake_wire import FakeWire, Line, Script


class _Soon(Backoff):
    """Comes back at once, so that a test does not wait."""

    def next(self) -> float:
        super().next()
        return 0.0


def _interview(house: FakeWire, **options: object) -> Interview:
    return Interview(house.ticket, backoff=_Soon(random.Random(1)), **options)  # type: ignore[arg-type]


async def _read(interview: Interview, *, until: type | None = None) -> list[messages.ServerFrame]:
    seen = []
    async with asyncio.timeout(30):
        async with contextlib.aclosing(interview.frames()) as frames:  # type: ignore[type-var]
            async for frame in frames:
                seen.append(frame)
                if until is not None and isinstance(frame, until):
                    break
    return seen


def _offsets(frames: list[messages.ServerFrame]) -> list[int]:
    return [f.offset for f in frames if isinstance(f, messages.RecordFrame)]


async def _finish(line: Line, offset: int) -> None:
    await line.send(messages.SessionFinished(offset, "completed"))
    await line.socket.wait_closed()


async def _asked_and(line: Line, then: Script) -> None:
    await line.joined()
    await line.state()
    await line.question(1, 1)
    await then(line)


async def test_a_whole_interview_is_seen_once_and_in_order():
    """Join, state, question, answer, the end: every frame once, and the ticket used once."""

    async def script(line: Line) -> None:
        await line.joined()
        await line.state()
        await line.question(1, 1)
        answer = await line.answer()
        assert (answer.turn, answer.text) == (1, "Coordino el almacén")
        await line.accept(answer, 5)
        await _finish(line, 6)

    async with FakeWire(script).running() as house:
        interview = _interview(house)
        seen = []
        async for frame in interview.frames():
            seen.append(frame)
            if isinstance(frame, messages.QuestionCompleted):
                await interview.answer(frame.turn, "Coordino el almacén")
    assert _offsets(seen) == [1, 2, 3, 4, 5, 6]
    assert isinstance(seen[0], messages.SessionJoined)
    assert house.tokens == ["ticket.t1"]


async def test_after_a_cut_the_client_names_what_it_has_and_gets_only_what_is_missing():
    """The resume token, the epoch and the offset go out; replayed frames are no news twice."""

    async def first(line: Line) -> None:
        await line.joined(resume="one")
        await line.state()
        await line.send(messages.QuestionStarted(1, 1, 1), messages.QuestionDelta(2, 1, 1, "¿Qué "))
        await asyncio.sleep(0.05)
        await line.cut()

    async def second(line: Line) -> None:
        await line.joined(recovered=True)
        assert (line.join.epoch, line.join.offset) == (1, 2)
        await line.send(
            messages.QuestionDelta(2, 1, 1, "¿Qué "),  # one too many: not shown twice
            messages.QuestionDelta(3, 1, 1, "hace?"),
        )
        await _finish(line, 4)

    async with FakeWire(first, second).running() as house:
        interview = _interview(house)
        seen = await _read(interview)
    assert _offsets(seen) == [1, 2, 3, 4]
    assert house.tokens == ["ticket.t1", "resume.one"]
    assert (interview.counts.replayed, interview.counts.duplicates) == (1, 1)


async def test_a_gap_makes_the_client_join_again_from_before_it():
    """A frame that is missing is asked for; what came after it is not shown before it."""

    async def first(line: Line) -> None:
        await line.joined()
        await line.state()
        await line.send(messages.QuestionStarted(1, 1, 1), messages.QuestionDelta(3, 1, 1, "?"))
        await line.socket.wait_closed()

    async def second(line: Line) -> None:
        await line.joined(recovered=True)
        assert line.join.offset == 1
        await line.send(messages.QuestionDelta(2, 1, 1, "¿Y"), messages.QuestionDelta(3, 1, 1, "?"))
        await _finish(line, 4)

    async with FakeWire(first, second).running() as house:
        interview = _interview(house)
        seen = await _read(interview)
    assert _offsets(seen) == [1, 2, 3, 4]
    assert interview.counts.gaps == 1


async def test_a_gap_that_the_replay_has_too_is_answered_by_asking_for_the_whole_state():
    """Twice the same hole: the second time the client forgets its place."""

    async def with_a_hole(line: Line) -> None:
        await line.joined(recovered=line.join.epoch is not None)
        if line is line.house.lines[0]:
            await line.state()
            await line.send(messages.QuestionStarted(1, 1, 1))
        await line.send(messages.QuestionDelta(3, 1, 1, "?"))
        await line.socket.wait_closed()

    async def replay_with_a_hole(line: Line) -> None:
        await line.joined(recovered=True)
        await line.send(messages.QuestionDelta(3, 1, 1, "?"))
        await line.socket.wait_closed()

    async def whole(line: Line) -> None:
        await line.joined()
        assert (line.join.epoch, line.join.offset) == (None, None)
        await line.state(offset=3)
        await _finish(line, 4)

    async with FakeWire(with_a_hole, replay_with_a_hole, whole).running() as house:
        interview = _interview(house)
        seen = await _read(interview)
    assert _offsets(seen) == [1, 4]


async def test_an_answer_is_sent_with_the_same_id_until_it_is_accepted():
    """Lost with the connection, refused for now, then accepted: three times the same id."""
    sent = []

    async def cut_before_accepting(line: Line) -> None:
        sent.append(await line.answer())
        await line.cut()

    async def first(line: Line) -> None:
        await _asked_and(line, cut_before_accepting)

    async def second(line: Line) -> None:
        await line.joined(recovered=True)
        answer = await line.answer()
        sent.append(answer)
        await line.send(
            messages.FaultFrame("not_saved", "", temporary=True, client_msg_id=answer.client_msg_id)
        )
        sent.append(await line.answer())
        await line.accept(sent[-1], 5)
        await _finish(line, 6)

    async with FakeWire(first, second).running() as house:
        interview = _interview(house)
        async for frame in interview.frames():
            if isinstance(frame, messages.QuestionCompleted):
                await interview.answer(1, "Sí")
    assert len(sent) == 3
    assert len({answer.client_msg_id for answer in sent}) == 1
    assert interview.counts.resent == 2


async def test_an_answer_given_while_away_leaves_after_the_next_join():
    """Never before session.join, which has to be the first frame."""
    offline = asyncio.Event()

    async def first(line: Line) -> None:
        await _asked_and(line, Line.cut)
        offline.set()

    async def second(line: Line) -> None:
        await line.joined(recovered=True)
        answer = await line.answer()
        await line.accept(answer, 5)
        await _finish(line, 6)

    async with FakeWire(first, second).running() as house:
        interview = _interview(house)

        async def later() -> None:
            await offline.wait()
            await interview.answer(1, "Desde el tren")

        answering = asyncio.ensure_future(later())
        seen = await _read(interview)
        await answering
    assert [f.client_msg_id for f in seen if isinstance(f, messages.AnswerAccepted)]


async def test_an_answer_refused_for_good_is_not_sent_again():
    """A fault that is not temporary ends the sending."""

    async def refuse(line: Line) -> None:
        answer = await line.answer()
        await line.send(
            messages.FaultFrame(
                "wrong_turn", "", temporary=False, client_msg_id=answer.client_msg_id
            )
        )
        await asyncio.sleep(0.05)
        await line.cut()

    async def first(line: Line) -> None:
        await _asked_and(line, refuse)

    async def second(line: Line) -> None:
        await line.joined(recovered=True)
        assert isinstance(await line.receive(), messages.Ping)
        await _finish(line, 5)

    async with FakeWire(first, second).running() as house:
        interview = _interview(house)
        async for frame in interview.frames():
            if isinstance(frame, messages.QuestionCompleted):
                await interview.answer(9, "?")
    assert interview.counts.resent == 0


async def test_moving_joins_at_the_new_address_with_the_token_in_hand():
    """session.moving names the next instance; no new ticket is needed there."""

    async def new(line: Line) -> None:
        await line.joined(epoch=2)
        await line.state()
        await _finish(line, 1)

    async with FakeWire(new).running() as other:

        async def old(line: Line) -> None:
            await line.joined(resume="mine")
            await line.state()
            await line.send(messages.SessionMoving(8000, other.url))
            await line.close(4001)

        async with FakeWire(old).running() as house:
            interview = _interview(house)
            seen = await _read(interview)
    assert other.tokens == ["resume.mine"]
    assert house.tickets == 1
    assert interview.counts.moved == 1
    assert isinstance(seen[-1], messages.SessionFinished)


async def test_a_used_ticket_is_fetched_anew():
    """Refused before the upgrade with ticket_used: another ticket, no other harm."""

    async def script(line: Line) -> None:
        await line.joined()
        await line.state()
        await _finish(line, 1)

    async with FakeWire("ticket_used", script).running() as house:
        await _read(_interview(house))
    assert house.tokens == ["ticket.t1", "ticket.t2"]


async def test_a_resume_token_that_is_refused_gives_way_to_a_ticket():
    """The invitation always finds the way back."""

    async def first(line: Line) -> None:
        await _asked_and(line, Line.cut)

    async def second(line: Line) -> None:
        await line.joined(recovered=True)
        await _finish(line, 5)

    async with FakeWire(first, "ticket_used", second).running() as house:
        await _read(_interview(house))
    assert [token.partition(".")[0] for token in house.tokens] == ["ticket", "resume", "ticket"]


@pytest.mark.parametrize("code", [1001, 1011, 1012, 4002, 4004, 4008, 4013, 4029, 4500])
async def test_these_closes_bring_the_client_back(code: int):
    """With what it has seen, and without an error."""

    async def first(line: Line) -> None:
        await line.joined()
        await line.state()
        await line.close(code)

    async def second(line: Line) -> None:
        await line.joined(recovered=True)
        await _finish(line, 1)

    async with FakeWire(first, second).running() as house:
        seen = await _read(_interview(house))
    assert isinstance(seen[-1], messages.SessionFinished)


async def test_granted_time_is_news_once():
    """A frame of the record like the others: yielded, counted, and asked for again after a cut."""

    async def first(line: Line) -> None:
        await line.joined()
        await line.state()
        await line.send(messages.TimeGranted(1, 630.0, 10, 30))
        await line.close(1012)  # behind what was sent, which a cut might lose

    async def second(line: Line) -> None:
        await line.joined(recovered=True)
        assert line.join.offset == 1
        await line.send(messages.TimeGranted(1, 630.0, 10, 30))
        await _finish(line, 2)

    async with FakeWire(first, second).running() as house:
        seen = await _read(_interview(house))
    assert [f for f in seen if isinstance(f, messages.TimeGranted)] == [
        messages.TimeGranted(1, 630.0, 10, 30)
    ]


async def test_lost_state_is_loaded_again_with_a_new_ticket():
    """4010: neither the token nor the place in the record is of use any more."""

    async def first(line: Line) -> None:
        await line.joined(epoch=5)
        await line.state(offset=9)
        await line.close(4010)

    async def second(line: Line) -> None:
        await line.joined(epoch=6)
        assert (line.join.epoch, line.join.offset) == (None, None)
        await line.state()
        await _finish(line, 1)

    async with FakeWire(first, second).running() as house:
        await _read(_interview(house))
    assert house.tokens == ["ticket.t1", "ticket.t2"]


@pytest.mark.parametrize("code", [4501, 4503, 4504, 4505, 4506, 4507, 4509, 4510])
async def test_these_closes_end_the_client_with_their_code(code: int):
    """Coming back would be of no use."""

    async def script(line: Line) -> None:
        await line.joined()
        await line.state()
        await line.close(code)

    async with FakeWire(script).running() as house:
        with pytest.raises(Refused) as refused:
            await _read(_interview(house))
    assert refused.value.code == f"closed_{code}"


@pytest.mark.parametrize("code", ["withdrawn", "consent_missing", "version_unknown"])
async def test_a_final_refusal_of_the_upgrade_ends_the_client(code: str):
    """The problem document's code is what the caller learns."""
    async with FakeWire(code).running() as house:
        with pytest.raises(Refused) as refused:
            await _read(_interview(house))
    assert refused.value.code == code


async def test_at_capacity_the_client_comes_back_until_it_gets_in():
    """Refused for now, by the door and by the ticket's office alike."""

    async def script(line: Line) -> None:
        await line.joined()
        await line.state()
        await _finish(line, 1)

    house = FakeWire("at_capacity", "at_capacity", script)
    asked = 0

    async def ticket() -> Admitted:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise Refused("at_capacity", retry_after=0.01)
        return await house.ticket()

    async with house.running():
        interview = Interview(ticket, backoff=_Soon(random.Random(1)))
        await _read(interview)
    assert interview.counts.refused == 3


async def test_an_address_that_is_gone_is_asked_for_again():
    """Nobody listens where the session was: a new ticket names the new place."""

    async def script(line: Line) -> None:
        await line.joined()
        await line.state()
        await _finish(line, 1)

    async with FakeWire(script).running() as house:
        tickets = iter([Admitted("t0", "ws://127.0.0.1:9/ws"), Admitted("t1", house.url)])

        async def ticket() -> Admitted:
            return next(tickets)

        await _read(Interview(ticket, backoff=_Soon(random.Random(1))))
    assert house.tokens == ["ticket.t1"]


async def test_a_server_that_died_is_left_at_once_and_named():
    """The one try at its address has waited; the next goes elsewhere, and says what was in vain."""
    dead = "ws://127.0.0.1:9/ws"
    asked: list[tuple[str, str]] = []

    async def first(line: Line) -> None:
        await line.joined(resume_url=dead)
        await line.state()
        await line.cut()

    async def second(line: Line) -> None:
        await line.joined()
        await line.state()
        await _finish(line, 1)

    class Counted(_Soon):
        waits = 0

        def next(self) -> float:
            Counted.waits += 1
            return super().next()

    async with FakeWire(first, second).running() as house:

        async def again(place: str, unreachable: str) -> Admitted:
            asked.append((place, unreachable))
            return await house.ticket()

        backoff = Counted(random.Random(1))
        await _read(Interview(house.ticket, backoff=backoff, fetch_again=again))
    assert asked == [("", dead)]
    assert Counted.waits == 1


async def test_closing_ends_the_frames_quietly():
    """The candidate's own close is no failure."""

    async def script(line: Line) -> None:
        await line.joined()
        await line.state()
        await line.socket.wait_closed()

    async with FakeWire(script).running() as house:
        interview = _interview(house)
        seen = []
        async for frame in interview.frames():
            seen.append(frame)
            if isinstance(frame, messages.SessionState):
                await interview.close()
    assert len(seen) == 2


async def test_a_client_that_may_not_reconnect_ends_with_its_first_connection():
    """For programs that want to see one connection's life."""

    async def script(line: Line) -> None:
        await line.joined()
        await line.state()
        await line.cut()

    async with FakeWire(script).running() as house:
        seen = await _read(_interview(house, reconnect=False))
    assert len(seen) == 2
    assert house.tickets == 1


async def test_a_server_that_gives_no_sign_of_life_is_left(monkeypatch: pytest.MonkeyPatch):
    """A frozen server answers no ping: the client joins anew."""
    monkeypatch.setattr(client_session.limits, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(client_session.limits, "PONG_SECONDS", 0.3)

    async def frozen(line: Line) -> None:
        await line.joined()
        await line.state()
        await line.socket.wait_closed()

    async def living(line: Line) -> None:
        await line.joined(recovered=True)
        await _finish(line, 1)

    async with FakeWire(frozen, living).running() as house:
        seen = await _read(_interview(house))
    assert isinstance(seen[-1], messages.SessionFinished)
    assert len(house.tokens) == 2


async def test_the_state_of_a_long_interview_is_larger_than_a_frame_and_is_read():
    """Twenty-four long answers do not fit 64 KiB; the client takes them all the same."""
    turns = [messages.TurnState(n, "teamwork", "¿?", "a" * 12_000) for n in range(1, 25)]

    async def script(line: Line) -> None:
        await line.joined()
        await line.send(messages.SessionState(turns, None, 24, 60.0, paused=False))
        await _finish(line, 1)

    async with FakeWire(script).running() as house:
        seen = await _read(_interview(house))
    assert isinstance(seen[1], messages.SessionState)
    assert len(seen[1].turns) == 24


async def test_the_server_is_told_what_it_may_forget():
    """Every so many frames of the record an acknowledgement names the newest one."""
    acked = []

    async def script(line: Line) -> None:
        await line.joined()
        await line.state()
        for offset in range(1, 70):
            await line.send(messages.QuestionDelta(offset, 1, 1, "a"))
        for _ in range(3):
            frame = await line.receive()
            if isinstance(frame, messages.SessionAck):
                acked.append(frame.offset)
        await _finish(line, 70)

    async with FakeWire(script).running() as house:
        await _read(_interview(house))
    assert acked == [32, 64]
