"""The Python client in the waiting room, against a server that follows scripts."""

import random

from client.session import Admitted, Interview
from protocol import messages
from tests.client.fake_wire import SESSION, FakeWire, Line
from tests.client.test_session import _finish, _read, _Soon


async def _queued(line: Line, *positions: int) -> None:
    join = await line.receive()
    assert isinstance(join, messages.SessionJoin)
    for position in positions:
        await line.send(messages.SessionQueued(position, None, f"proof-{position}"))


async def _let_in(line: Line) -> None:
    await line.joined()
    await line.state()
    await _finish(line, 1)


async def test_waiting_is_seen_and_ends_with_the_join():
    """Every session.queued is yielded, and the interview begins on the same connection."""

    async def script(line: Line) -> None:
        await _queued(line, 2, 1)
        await line.send(
            messages.SessionJoined(SESSION, 1, False, "r", line.house.url, 25.0, "offline")
        )
        await line.state()
        await _finish(line, 1)

    async with FakeWire(script).running() as house:
        interview = Interview(house.ticket, backoff=_Soon(random.Random(1)))
        seen = await _read(interview)
    assert [f.position for f in seen if isinstance(f, messages.SessionQueued)] == [2, 1]
    assert any(isinstance(frame, messages.SessionJoined) for frame in seen)
    assert house.tickets == 1
    assert interview.waiting_token == ""
    assert interview.counts.queued == 1


async def test_a_seat_elsewhere_is_taken_with_the_ticket_that_came():
    """session.moving with a ticket: the next connection uses it, and no other is fetched."""

    async def script(line: Line) -> None:
        await _queued(line, 1)
        await line.send(messages.SessionMoving(30_000, line.house.url, "from-the-line"))
        await line.close(4001)

    async with FakeWire(script, _let_in).running() as house:
        await _read(Interview(house.ticket, backoff=_Soon(random.Random(1))))
    assert house.tokens == ["ticket.t1", "ticket.from-the-line"]
    assert house.tickets == 1


async def test_a_cut_in_line_proves_the_place_again():
    """The last proof goes along with the next ticket; without a way to send it, none does."""
    proofs: list[str] = []

    async def script(line: Line) -> None:
        await _queued(line, 5, 4)
        await line.cut()

    async with FakeWire(script, _let_in, script, _let_in).running() as house:

        async def again(proof: str, _: str) -> Admitted:
            proofs.append(proof)
            return await house.ticket()

        await _read(Interview(house.ticket, backoff=_Soon(random.Random(1)), fetch_again=again))
        await _read(Interview(house.ticket, backoff=_Soon(random.Random(1))))
    assert proofs == ["proof-4"]
    assert house.tickets == 4
