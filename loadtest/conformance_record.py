"""Conformance cases about answers, the record, and coming back to it."""

from typing import Final
from uuid import uuid4

from loadtest.conformance_desk import ANSWER, Check, Desk
from loadtest.wirecheck import expect, refusal
from protocol import limits, messages

# Answers --------------------------------------------------------------------------------------


async def _fault(desk: Desk, text: str, code: str, *, turn_offset: int = 0) -> None:
    async with desk.waiting() as (line, turn):
        id_ = uuid4().hex
        await line.say(messages.AnswerSubmit(id_, turn + turn_offset, text))
        fault = await line.until(messages.FaultFrame)
        expect(fault.code == code, f"code {fault.code}")
        expect(fault.client_msg_id == id_, "the fault does not name the answer")
        expect(not fault.temporary, "the fault says that sending again would help")


async def empty_answer(desk: Desk) -> None:
    """An answer of spaces: fault answer_empty, nothing is kept."""
    await _fault(desk, " \n ", "answer_empty")


async def long_answer(desk: Desk) -> None:
    """An answer over the limit: fault answer_too_long."""
    await _fault(desk, "a" * (limits.ANSWER_CHARS_MAX + 1), "answer_too_long")


async def unkeepable_answer(desk: Desk) -> None:
    """A NUL in an answer: fault answer_invalid."""
    await _fault(desk, "hola\x00", "answer_invalid")


async def future_turn(desk: Desk) -> None:
    """An answer for a turn that has not come: fault wrong_turn."""
    await _fault(desk, ANSWER, "wrong_turn", turn_offset=3)


async def accepted_once(desk: Desk) -> None:
    """The same client_msg_id twice: accepted twice, the second time as a duplicate, one turn."""
    id_ = uuid4().hex
    async with desk.waiting() as (line, turn):
        await line.say(messages.AnswerSubmit(id_, turn, ANSWER))
        first = await line.until(messages.AnswerAccepted)
        expect(not first.duplicate, "the first is called a duplicate")
        expect((first.client_msg_id, first.turn) == (id_, turn), "another answer was accepted")
        await line.say(messages.AnswerSubmit(id_, turn, ANSWER))
        again = await line.until(messages.AnswerAccepted)
        expect(again.duplicate, "the second is not called a duplicate")
        expect(again.turn == turn, "the duplicate has another turn")
    async with desk.line() as line:
        await line.join()
        state = await line.until(messages.SessionState)
        turns = [item.turn for item in state.turns]
        expect(turns == list(range(1, turn + 1)), f"the record has the turns {turns}")
        expect(state.turns[-1].answer == ANSWER, "the record has another answer")


async def one_answer_a_turn(desk: Desk) -> None:
    """Another client_msg_id for an answered turn: fault turn_answered."""
    async with desk.waiting() as (line, turn):
        await line.say(messages.AnswerSubmit(uuid4().hex, turn, ANSWER))
        await line.until(messages.AnswerAccepted)
        await line.say(messages.AnswerSubmit(uuid4().hex, turn, "otra"))
        fault = await line.until(messages.FaultFrame)
        expect(fault.code == "turn_answered", f"code {fault.code}")


# The record and coming back ---------------------------------------------------------------------


async def unbroken_offsets(desk: Desk) -> None:
    """Frames of the record count 1, 2, 3 … within the epoch, after the state's own offset."""
    async with desk.waiting() as (line, turn):
        await line.say(messages.AnswerSubmit(uuid4().hex, turn, ANSWER))
        await line.until(messages.QuestionCompleted)
        offsets = [
            f.offset
            for f in line.frames
            if hasattr(f, "offset") and not isinstance(f, messages.SessionState)
        ]
        state = next(f for f in line.frames if isinstance(f, messages.SessionState))
        wanted = list(range(state.offset + 1, state.offset + 1 + len(offsets)))
        expect(offsets == wanted, f"offsets {offsets} after {state.offset}")


async def pieces_are_the_question(desk: Desk) -> None:
    """The pieces of a question, joined, are its text."""
    async with desk.waiting() as (line, turn):
        await line.say(messages.AnswerSubmit(uuid4().hex, turn, ANSWER))
        whole = await line.until(messages.QuestionCompleted)
        pieces = "".join(
            f.text
            for f in line.frames
            if isinstance(f, messages.QuestionDelta) and (f.turn, f.ask) == (whole.turn, whole.ask)
        )
        expect(pieces == whole.text, f"{pieces!r} is not {whole.text!r}")


async def replay(desk: Desk) -> None:
    """Back with epoch and offset: recovered, and exactly the missing frames."""
    async with desk.waiting() as (line, turn):
        await line.say(messages.AnswerSubmit(uuid4().hex, turn, ANSWER))
        await line.until(messages.QuestionCompleted)
        joined, heard = line.joined, [f for f in line.frames if hasattr(f, "offset")]
    record = [f for f in heard if not isinstance(f, messages.SessionState)]
    middle = record[len(record) // 2].offset
    async with desk.back(joined) as line:
        again = await line.join(joined.epoch, middle)
        expect(again.recovered, "not recovered")
        expect(again.epoch == joined.epoch, "another epoch, and yet recovered")
        missing = [f for f in record if f.offset > middle]
        for wanted in missing:
            frame = await line.hear()
            expect(frame == wanted, f"{type(frame).__name__} instead of {wanted}")
        await line.quiet()


async def another_history(desk: Desk) -> None:
    """An offset above the top, or another epoch: recovered is false and the state follows."""
    async with desk.waiting() as (line, _):
        joined, top = line.joined, line.top
    for epoch, offset in ((joined.epoch, top + 1000), (joined.epoch + 1000, 1)):
        async with desk.line() as line:
            again = await line.join(epoch, offset)
            expect(not again.recovered, f"recovered from epoch {epoch}, offset {offset}")
            state = await line.hear()
            expect(isinstance(state, messages.SessionState), f"{type(state).__name__} came")


async def resume_rotates(desk: Desk) -> None:
    """A resume token is void once a later join was confirmed by a frame; until then it admits."""
    async with desk.waiting() as (line, _):
        first = line.joined
        await line.say(messages.Ping())
        await line.until(messages.Pong)
    async with desk.back(first) as line:
        second = await line.join()  # and nothing is said on it: not confirmed
        expect(second.resume_token != first.resume_token, "the token did not change")
    async with desk.back(first) as line:
        third = await line.join()
        await line.say(messages.Ping())
        await line.until(messages.Pong)
    offered = [messages.SUBPROTOCOL, messages.RESUME_PREFIX + first.resume_token]
    status, problem = await refusal(third.resume_url, offered)
    expect(status == 401, f"status {status}")  # noqa: PLR2004 - HTTP
    expect(problem.get("code") == "ticket_used", f"code {problem.get('code')}")


async def second_tab(desk: Desk) -> None:
    """A second connection takes over; the first is closed with 4505."""
    async with desk.waiting() as (first, _), desk.line() as second:
        await second.join()
        await first.closed(4505)
        await second.say(messages.Ping())
        await second.until(messages.Pong)


async def pause_and_resume(desk: Desk) -> None:
    """A break stops the clock and refuses answers; session.resumed gives the time left."""
    async with desk.waiting() as (line, turn):
        await line.say(messages.SessionPause())
        await line.until(messages.SessionPaused)
        await line.say(messages.AnswerSubmit(uuid4().hex, turn, ANSWER))
        fault = await line.until(messages.FaultFrame)
        expect(fault.code == "paused", f"code {fault.code}")
        await line.say(messages.SessionResume())
        resumed = await line.until(messages.SessionResumed)
        expect(resumed.seconds_left > 0, "no time left")


async def leaving_ends(desk: Desk) -> None:
    """session.leave: session.finished, and no ticket any more."""
    async with desk.waiting() as (line, _):
        await line.say(messages.SessionLeave())
        finished = await line.until(messages.SessionFinished)
        expect(finished.reason == "left", f"reason {finished.reason}")
    code = await desk.finished()
    expect(code == "interview_over", f"a ticket afterwards: {code or 'given'}")


CASES: Final[tuple[Check, ...]] = (
    empty_answer,
    long_answer,
    unkeepable_answer,
    future_turn,
    accepted_once,
    one_answer_a_turn,
    unbroken_offsets,
    pieces_are_the_question,
    replay,
    another_history,
    resume_rotates,
    second_tab,
    pause_and_resume,
    leaving_ends,
)
