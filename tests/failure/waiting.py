"""Small steps that the tests of this folder share."""

import asyncio
import contextlib

from protocol import messages
from tests.server.test_live import ANSWER, Wire, turns_of


@contextlib.asynccontextmanager
async def begun(house, made):
    """A page in its interview, with the first question whole before it."""
    async with Wire(house.url, ticket(house, made)) as wire:
        await wire.join()
        await asked(wire, 1)
        yield wire


async def until(check, what, seconds=60.0):
    """Wait for something that takes a moment; who waits in vain is told what for."""
    for _ in range(int(seconds / 0.05)):
        if await check():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{what} did not happen in {seconds} s")


async def say(wire, turn, id_="", text=ANSWER):
    """Answer a turn, and return once it is acknowledged."""
    await wire.send(messages.AnswerSubmit(id_ or f"m{turn}", turn, text))
    accepted = await wire.next(messages.AnswerAccepted)
    assert (accepted.turn, accepted.duplicate) == (turn, False)


async def said(wire, turn, id_):
    """Send an answer again as the page does; True once it was accepted."""
    await wire.send(messages.AnswerSubmit(id_, turn, ANSWER))
    while not isinstance(frame := await wire.next(), messages.AnswerAccepted | messages.FaultFrame):
        pass
    return isinstance(frame, messages.AnswerAccepted)


async def asked(wire, turn):
    """Wait until the question of a turn is whole."""
    while (frame := await wire.next(messages.QuestionCompleted)).turn != turn:
        pass
    return frame


async def kept(db, made, turns):
    """Whether PostgreSQL has so many turns."""
    return len(await turns_of(db, made)) == turns


def ticket(house, made):
    return messages.TICKET_PREFIX + house.ticket(made)
