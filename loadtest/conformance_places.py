"""Conformance cases about places: the waiting room, and an instance that hands a session over.

They need more than one invitation, or an operator's token; without it they are skipped, and say so.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from client.errors import Refused
from client.rest import Api
from client.session import Admitted
from loadtest.conformance_desk import Check, Desk, Skipped
from loadtest.wirecheck import Failed, Line, expect, open_line
from protocol import messages

WAITERS: Final = 2


class Waiter:
    """Somebody in line: their way to tickets, their socket, and what they were told last."""

    def __init__(self, api: Api, line: Line, told: messages.SessionQueued) -> None:
        """Stand where `told` says."""
        self.api, self.line, self.told = api, line, told


async def queued_in_order(desk: Desk) -> None:
    """Every place taken: session.queued with place, estimate (or null) and proof; pings work."""
    async with _full(desk) as (_, (first, second)):
        for waiter in (first, second):
            told = waiter.told
            expect(told.position >= 1, f"position {told.position}")
            expect(told.eta_seconds is None or told.eta_seconds > 0, f"eta {told.eta_seconds}")
            expect(told.waiting_token, "no waiting_token: the place cannot be proven")
        expect(second.told.position > first.told.position, "who came later stands before")
        await first.line.say(messages.Ping())
        await first.line.until(messages.Pong)


async def a_place_is_kept(desk: Desk) -> None:
    """A cut socket and a new ticket with the proof: the same place, before whoever came later."""
    async with _full(desk) as (_, (first, second)):
        await first.line.end()
        line = await _open(await first.api.ticket(first.told.waiting_token))
        try:
            again = await _queued(line)
            expect(again.position == first.told.position, f"position {again.position} now")
            expect(again.position < second.told.position, "who came later stands before")
        finally:
            await line.end()


async def a_place_that_frees(desk: Desk) -> None:
    """An interview ends: the first in line goes in, the next moves up; session.leave is 4506."""
    async with _full(desk) as (inside, (first, second)):
        if not inside:
            raise Skipped("nobody of these invitations is inside")
        before = second.told.position
        await inside[0].say(messages.SessionLeave())
        await inside[0].until(messages.SessionFinished)
        await _goes_in(first.line)
        await second.line.until(messages.SessionQueued, lambda told: told.position < before)
        await second.line.say(messages.SessionLeave())
        await second.line.closed(4506)


async def handed_over(desk: Desk) -> None:
    """A drained instance: session.moving, 4001, and the same question at the address it names."""
    operator = desk.operator
    if operator is None:
        raise Skipped("needs --operator-token; an instance is drained, and stays so")
    fleet = (await operator.get("/fleet"))["instances"]
    admits = {one["url"]: one["id"] for one in fleet if one["alive"] and not one["draining"]}
    async with desk.line() as line:
        joined = await line.join()
        turn, text = await line.question()
        if joined.resume_url not in admits or len(admits) == 1:
            raise Skipped("needs a second instance that admits")
        await operator.post(f"/fleet/instances/{admits[joined.resume_url]}/drain")
        moving = await line.until(messages.SessionMoving)
        expect(moving.deadline_ms > 0, f"a deadline of {moving.deadline_ms} ms")
        expect(moving.resume_url != joined.resume_url, "it is sent to where it was")
        await line.closed(4001)
    there = await open_line(
        moving.resume_url, messages.SUBPROTOCOL, messages.RESUME_PREFIX + joined.resume_token
    )
    try:
        await there.join()
        expect(await there.question() == (turn, text), "another question waits there")
    finally:
        await there.end()


CASES: Final[tuple[Check, ...]] = (
    queued_in_order,
    a_place_is_kept,
    a_place_that_frees,
    handed_over,
)


@asynccontextmanager
async def _full(desk: Desk) -> AsyncIterator[tuple[list[Line], list[Waiter]]]:
    """Let the other invitations in, one after another, until two of them wait in line."""
    inside, waiters = list[Line](), list[Waiter]()
    async with AsyncExitStack() as stack:
        for api in desk.others:
            try:
                admitted = await api.ticket()
            except Refused as refused:
                if refused.code == "interview_over":
                    continue
                raise
            line = await _open(admitted)
            stack.push_async_callback(line.end)
            frame = await line.hear()
            if isinstance(frame, messages.SessionQueued):
                waiters.append(Waiter(api, line, frame))
            elif isinstance(frame, messages.SessionJoined):
                inside.append(line)
            else:
                raise Failed(f"session.join was answered by {type(frame).__name__}")
            if len(waiters) == WAITERS:
                yield inside, waiters
                return
        raise Skipped(
            f"needs --invitations with {1 + WAITERS} more than there are places; "
            f"{len(inside)} of them went in"
        )


async def _open(admitted: Admitted) -> Line:
    ticket = messages.TICKET_PREFIX + admitted.ticket
    line = await open_line(admitted.url, messages.SUBPROTOCOL, ticket)
    await line.say(messages.SessionJoin())
    return line


async def _queued(line: Line) -> messages.SessionQueued:
    frame = await line.hear()
    if not isinstance(frame, messages.SessionQueued):
        raise Failed(f"{type(frame).__name__} instead of a place in line")
    return frame


async def _goes_in(line: Line) -> None:
    """On this socket, or where session.moving sends with a ticket."""
    while True:
        frame = await line.hear()
        if isinstance(frame, messages.SessionJoined):
            return
        if isinstance(frame, messages.SessionMoving):
            break
        expect(isinstance(frame, messages.SessionQueued), f"{type(frame).__name__} came")
    expect(frame.ticket, "session.moving without a ticket, to somebody without a resume token")
    await line.closed(4001)
    there = await _open(Admitted(frame.ticket, frame.resume_url))
    try:
        await there.until(messages.SessionJoined)
    finally:
        await there.end()
