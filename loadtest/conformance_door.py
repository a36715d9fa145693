"""Conformance cases about the door, the first frame, and what a frame may be."""

import asyncio
from typing import Final

from loadtest.conformance_desk import Check, Desk
from loadtest.wirecheck import expect, open_line, refusal
from protocol import limits, messages

FOREIGN_ORIGIN: Final = "https://elsewhere.example"


# Before the upgrade ---------------------------------------------------------------------------


async def subprotocol(desk: Desk) -> None:
    """The version is chosen from the list, and the ticket is not echoed."""
    async with desk.line() as line:
        expect(line.socket.subprotocol == messages.SUBPROTOCOL, f"{line.socket.subprotocol} chosen")


async def no_token(desk: Desk) -> None:
    """Without ticket or resume token: 401 before the upgrade."""
    url = (await desk.ticket()).url
    status, problem = await refusal(url, [messages.SUBPROTOCOL])
    expect(status == 401, f"status {status}")  # noqa: PLR2004 - HTTP
    expect(problem.get("code") == "unauthorized", f"code {problem.get('code')}")


async def unknown_version(desk: Desk) -> None:
    """Another version alone: refused before the upgrade as version_unknown."""
    admitted = await desk.ticket()
    offered = ["entrevistador.v999", messages.TICKET_PREFIX + admitted.ticket]
    status, problem = await refusal(admitted.url, offered)
    expect(400 <= status < 500, f"status {status}")  # noqa: PLR2004 - HTTP
    expect(problem.get("code") == "version_unknown", f"code {problem.get('code')}")


async def forged_ticket(desk: Desk) -> None:
    """A ticket with another signature: 401 before the upgrade."""
    admitted = await desk.ticket()
    forged = admitted.ticket[:-2] + ("AA" if not admitted.ticket.endswith("AA") else "BB")
    offered = [messages.SUBPROTOCOL, messages.TICKET_PREFIX + forged]
    status, problem = await refusal(admitted.url, offered)
    expect(status == 401, f"status {status}")  # noqa: PLR2004 - HTTP
    expect(problem.get("code") == "ticket_invalid", f"code {problem.get('code')}")


async def foreign_origin(desk: Desk) -> None:
    """A page of another site: 403 before the upgrade, whatever its ticket."""
    admitted = await desk.ticket()
    offered = [messages.SUBPROTOCOL, messages.TICKET_PREFIX + admitted.ticket]
    status, problem = await refusal(admitted.url, offered, origin=FOREIGN_ORIGIN)
    expect(status == 403, f"status {status}")  # noqa: PLR2004 - HTTP
    expect(problem.get("code") == "origin_refused", f"code {problem.get('code')}")


async def refused_is_not_used_up(desk: Desk) -> None:
    """A ticket refused for its Origin still admits: judged first, used up after."""
    admitted = await desk.ticket()
    offered = [messages.SUBPROTOCOL, messages.TICKET_PREFIX + admitted.ticket]
    await refusal(admitted.url, offered, origin=FOREIGN_ORIGIN)
    line = await open_line(admitted.url, *offered)
    await line.end()


async def ticket_once(desk: Desk) -> None:
    """The second use of a ticket: 401 ticket_used."""
    admitted = await desk.ticket()
    offered = [messages.SUBPROTOCOL, messages.TICKET_PREFIX + admitted.ticket]
    line = await open_line(admitted.url, *offered)
    await line.end()
    status, problem = await refusal(admitted.url, offered)
    expect(status == 401, f"status {status}")  # noqa: PLR2004 - HTTP
    expect(problem.get("code") == "ticket_used", f"code {problem.get('code')}")


# The first frame ------------------------------------------------------------------------------


async def join_first(desk: Desk) -> None:
    """Another frame before session.join: 4002."""
    async with desk.line() as line:
        await line.say(messages.Ping())
        await line.closed(4002)


async def join_in_time(desk: Desk) -> None:
    """No session.join for 15 s: 4002."""
    async with desk.line() as line:
        await asyncio.sleep(limits.JOIN_SECONDS)
        await line.closed(4002)


async def join_and_state(desk: Desk) -> None:
    """Joined without a place in the record: recovered is false and session.state follows."""
    async with desk.line() as line:
        joined = await line.join()
        expect(not joined.recovered, "recovered without a place to recover from")
        state = await line.hear()
        expect(isinstance(state, messages.SessionState), f"{type(state).__name__} came")


async def join_twice(desk: Desk) -> None:
    """A second session.join: fault already_joined, and the connection lives."""
    async with desk.waiting() as (line, _):
        await line.say(messages.SessionJoin())
        fault = await line.until(messages.FaultFrame)
        expect(fault.code == "already_joined", f"code {fault.code}")
        await line.say(messages.Ping())
        await line.until(messages.Pong)


# Frames ---------------------------------------------------------------------------------------


async def not_json(desk: Desk) -> None:
    """Text that is no JSON: 4501."""
    async with desk.line() as line:
        await line.join()
        await line.raw("{no")
        await line.closed(4501)


async def unknown_frame(desk: Desk) -> None:
    """A type that does not exist: 4501."""
    async with desk.line() as line:
        await line.join()
        await line.raw('{"type":"session.dance"}')
        await line.closed(4501)


async def binary_frame(desk: Desk) -> None:
    """A binary frame: 4501."""
    async with desk.line() as line:
        await line.join()
        await line.raw(b'{"type":"ping"}')
        await line.closed(4501)


async def oversize_frame(desk: Desk) -> None:
    """More than 64 KiB in a frame: 1009, or 4501."""
    async with desk.line() as line:
        await line.join()
        await line.raw("x" * (limits.FRAME_BYTES_MAX + 1))
        await line.closed(1009, 4501)


async def unknown_field(desk: Desk) -> None:
    """Fields of a newer version are ignored."""
    async with desk.waiting() as (line, _):
        await line.raw('{"type":"ping","mood":"good"}')
        await line.until(messages.Pong)


async def too_many_frames(desk: Desk) -> None:
    """Far more frames a second than allowed: 4013."""
    async with desk.waiting() as (line, _):
        for _ in range(limits.FRAMES_BURST * 3):
            await line.raw('{"type":"ping"}')
        await line.closed(4013)


CASES: Final[tuple[Check, ...]] = (
    subprotocol,
    no_token,
    unknown_version,
    forged_ticket,
    foreign_origin,
    refused_is_not_used_up,
    ticket_once,
    join_first,
    join_in_time,
    join_and_state,
    join_twice,
    not_json,
    unknown_frame,
    binary_frame,
    oversize_frame,
    unknown_field,
    too_many_frames,
)
SLOW: Final[frozenset[Check]] = frozenset({join_in_time})
