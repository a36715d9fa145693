"""The waiting room over real sockets: in when a place frees, in order, through every trouble."""

import asyncio
import contextlib
from uuid import UUID

import pytest
from websockets.exceptions import InvalidStatus

from client.session import Admitted, Interview
from protocol import limits, messages
from runtime import clock
from server.gate import Gate
from server.tickets import Tickets
from storage.waiting import Waiting
from tests.server.live_house import LiveHouse, live_house, make_interview
from tests.server.test_live import Wire, refused_with


async def shrink(house: LiveHouse, *, admit: int = 1) -> None:
    """Let an instance admit only so many."""
    await house.instance.slots.register(
        house.instance.id, url=house.url, admit=admit, cap=admit + 1, target=1
    )


async def ticket(house: LiveHouse, made, since_ms: int = 0) -> tuple[str, str]:
    """What REST gives: a ticket for a seat or for the waiting room, and where to use it."""
    gate = Gate(house.instance.slots, Waiting(house.instance.live._writer), instance_id="")
    seat = await gate.reserve(made.session_id, made.tenant_id, returning=False, since_ms=since_ms)
    token = house.instance.tickets.ticket(
        made.tenant_id,
        made.id,
        made.session_id,
        instance_id=seat.instance_id,
        since_ms=seat.standing.since_ms if seat.standing else 0,
    )
    return token, seat.url


class Candidates:
    """People with raw sockets, each closed at the end of the test."""

    def __init__(self, stack: contextlib.AsyncExitStack, house: LiveHouse) -> None:
        self._stack, self._house = stack, house

    async def come(self, made, *, url: str = "", token: str = "") -> Wire:
        """Fetch a ticket, open the socket and say session.join."""
        if not token:
            token, url = await ticket(self._house, made)
        wire = await self._stack.enter_async_context(Wire(url, messages.TICKET_PREFIX + token))
        await wire.send(messages.SessionJoin())
        return wire


async def queued(wire: Wire, position: int) -> messages.SessionQueued:
    """The next session.queued with this position."""
    while True:
        frame = await wire.next()
        assert isinstance(frame, messages.SessionQueued), frame
        if frame.position == position:
            return frame


async def test_who_waits_goes_in_on_the_same_socket_in_order(settings, db, tenant):
    """Positions are told, and each interview that ends lets the next one in."""
    made = [await make_interview(db, tenant) for _ in range(4)]
    async with live_house(settings) as house, contextlib.AsyncExitStack() as stack:
        await shrink(house)
        people = Candidates(stack, house)
        wires = [await people.come(one) for one in made]
        await wires[0].next(messages.SessionJoined)
        for position, wire in enumerate(wires[1:], 1):
            told = await queued(wire, position)
            assert told.eta_seconds is None
            assert told.waiting_token
        await wires[2].send(messages.Ping())
        await wires[2].next(messages.Pong)
        for number in (1, 2, 3):
            await wires[number - 1].send(messages.SessionLeave())
            joined = await wires[number].next(messages.SessionJoined)
            assert joined.session_id == made[number].session_id
            for position, wire in enumerate(wires[number + 1 :], 1):
                await queued(wire, position)
            assert (await house.instance.slots.instances())[0].taken == 1
        assert await wires[3].next(messages.QuestionCompleted)
        assert len(house.sessions.room) == 0


async def test_a_seat_at_another_instance_comes_with_its_ticket(settings, db, tenant):
    """session.moving names where, the ticket works there, and nobody else can take the seat."""
    made = [await make_interview(db, tenant) for _ in range(3)]
    async with live_house(settings, "one") as one, contextlib.AsyncExitStack() as stack:
        await shrink(one)
        people = Candidates(stack, one)
        first, second, _ = [await people.come(interview) for interview in made]
        await first.next(messages.SessionJoined)
        await queued(second, 1)
        two = await stack.enter_async_context(live_house(settings, "two"))
        await shrink(two)
        moving = await second.next(messages.SessionMoving)
        assert moving.resume_url == two.url
        assert await second.closed() == 4001
        there = await people.come(made[1], url=moving.resume_url, token=moving.ticket)
        assert (await there.next(messages.SessionJoined)).session_id == made[1].session_id
        assert {i.id: i.taken for i in await one.instance.slots.instances()} == {"one": 1, "two": 1}


async def test_whoever_leaves_gives_the_place_up_at_once(settings, db, tenant):
    """The next one moves up; the invitation stays good, and stands at the end of the line."""
    made = [await make_interview(db, tenant) for _ in range(3)]
    async with live_house(settings) as house, contextlib.AsyncExitStack() as stack:
        await shrink(house)
        people = Candidates(stack, house)
        _, second, third = [await people.come(one) for one in made]
        await queued(second, 1)
        await queued(third, 2)
        await second.send(messages.SessionLeave())
        assert await second.closed() == 4506
        await queued(third, 1)
        assert len(house.sessions.room) == 1
        again = await people.come(made[1])
        await queued(again, 2)
        left = Interview(admitted(house, made[1]))
        async with contextlib.aclosing(left.frames()) as frames:
            assert isinstance(await anext(frames), messages.SessionQueued)
            await left.leave()
            assert [frame async for frame in frames] == []
        assert (await house.instance.gate.waiting.stand(made[1].session_id)).standings[
            0
        ].state == "nobody"


def admitted(house: LiveHouse, made):
    """A way to tickets as REST gives them."""

    async def fetch() -> Admitted:
        return Admitted(*await ticket(house, made))

    return fetch


async def test_a_reload_keeps_the_place_and_closes_the_older_socket(settings, db, tenant):
    """The second connection has the first's position, and who came later stays behind it."""
    made = [await make_interview(db, tenant) for _ in range(3)]
    async with live_house(settings) as house, contextlib.AsyncExitStack() as stack:
        await shrink(house)
        people = Candidates(stack, house)
        _, second, third = [await people.come(one) for one in made]
        await queued(second, 1)
        await queued(third, 2)
        again = await people.come(made[1])
        await queued(again, 1)
        assert await second.closed() == 4505
        await again.socket.close()
        once_more = await people.come(made[1])
        await queued(once_more, 1)
        await third.send(messages.Ping())
        await third.next(messages.Pong)  # its position never changed: nothing else was said


async def test_an_emptied_redis_lets_nobody_in_out_of_turn(settings, db, tenant, redis):
    """Places taken are known again before any is handed out, and the order is the old one."""
    made = [await make_interview(db, tenant) for _ in range(6)]
    async with live_house(settings) as house, contextlib.AsyncExitStack() as stack:
        await shrink(house, admit=2)
        people = Candidates(stack, house)
        wires = [await people.come(one) for one in made[:5]]
        for wire in wires[:2]:
            await wire.next(messages.SessionJoined)
        tokens = [(await queued(wire, n)).waiting_token for n, wire in enumerate(wires[2:], 1)]
        await wires[3].socket.close()  # and comes back after it was forgotten
        await redis.flushdb()
        while not await house.instance.slots.instances():
            await asyncio.sleep(0.05)
        since = house.instance.tickets.arrival(tokens[1], made[3].session_id)
        newcomer = await people.come(made[5])
        token, url = await ticket(house, made[3], since_ms=since)
        back = await people.come(made[3], url=url, token=token)
        await queued(back, 2)
        await queued(newcomer, 4)
        assert (await house.instance.slots.instances())[0].taken == 2
        await wires[0].send(messages.SessionLeave())
        assert await wires[2].next(messages.SessionJoined)
        await wires[1].send(messages.SessionLeave())
        assert await back.next(messages.SessionJoined)


async def test_a_draining_instance_sends_the_waiting_on(settings, db, tenant):
    """4001 at once, and the place in line is the same at the other instance."""
    made = [await make_interview(db, tenant) for _ in range(3)]
    async with live_house(settings, "one") as one, contextlib.AsyncExitStack() as stack:
        await shrink(one)
        people = Candidates(stack, one)
        first, second, third = [await people.come(interview) for interview in made]
        await first.next(messages.SessionJoined)
        await queued(third, 2)
        two = await stack.enter_async_context(live_house(settings, "two"))
        await two.instance.slots.register("two", url=two.url, admit=0, cap=1, target=0)
        await one.sessions.drain()
        assert await second.closed() == 4001
        assert await third.closed() == 4001
        again = [await people.come(interview) for interview in (made[2], made[1])]
        await queued(again[0], 2)
        await queued(again[1], 1)


async def test_a_full_waiting_room_refuses_before_the_upgrade(settings, db, tenant, monkeypatch):
    """503 with Retry-After for one too many, and the ones inside wait on."""
    monkeypatch.setattr(limits, "WAITING_SOCKETS_MAX", 1)
    made = [await make_interview(db, tenant) for _ in range(3)]
    async with live_house(settings) as house, contextlib.AsyncExitStack() as stack:
        await shrink(house)
        people = Candidates(stack, house)
        _, second = [await people.come(one) for one in made[:2]]
        await queued(second, 1)
        with pytest.raises(InvalidStatus) as error:
            await people.come(made[2], url=house.url, token=house.ticket(made[2]))
        assert refused_with(error) == 503
        assert int(error.value.response.headers["retry-after"]) >= 1
        assert len(house.sessions.room) == 1


async def test_the_client_waits_and_goes_in_through_cuts(settings, db, tenant):
    """Every change is yielded, a cut while waiting keeps the place, and the interview begins."""
    made = [await make_interview(db, tenant) for _ in range(3)]
    async with live_house(settings) as house, contextlib.AsyncExitStack() as stack:
        await shrink(house)
        people = Candidates(stack, house)
        inside = await people.come(made[0])
        await inside.next(messages.SessionJoined)
        proofs = []

        async def fetch() -> Admitted:
            token, url = await ticket(house, made[1])
            return Admitted(token, url)

        async def fetch_again(proof: str, _: str) -> Admitted:
            proofs.append(house.instance.tickets.arrival(proof, made[1].session_id))
            return await fetch()

        interview = Interview(fetch, fetch_again=fetch_again)
        positions = []
        async for frame in interview.frames():
            if isinstance(frame, messages.SessionQueued):
                positions.append(frame.position)
                if len(positions) == 1:
                    later = await people.come(made[2])
                    await queued(later, 2)
                    await interview.drop()
                else:
                    await inside.send(messages.SessionLeave())
            if isinstance(frame, messages.QuestionCompleted):
                break
        await interview.close()
        assert positions == [1, 1]
        assert len(proofs) == 1
        assert proofs[0] > 0
        assert interview.counts.queued == 1
        await queued(later, 1)


async def test_a_crowd_fills_exactly_the_places_there_are(settings, db, tenant):
    """Many at once at two instances that admit three each: six inside, and the rest in line."""
    made = [await make_interview(db, tenant) for _ in range(24)]
    async with (
        live_house(settings, "one") as one,
        live_house(settings, "two") as two,
        contextlib.AsyncExitStack() as stack,
    ):
        await shrink(one, admit=3)
        await shrink(two, admit=3)
        people = Candidates(stack, one)
        wires = await asyncio.gather(*(people.come(interview) for interview in made))
        firsts = await asyncio.gather(*(wire.next() for wire in wires))
        inside = {f.session_id for f in firsts if isinstance(f, messages.SessionJoined)}
        assert len(inside) == 6
        waiting = sorted(f.position for f in firsts if isinstance(f, messages.SessionQueued))
        assert len(waiting) == 18
        assert len(one.sessions.room) + len(two.sessions.room) == 18
        assert all(i.taken == 3 for i in await one.instance.slots.instances())


def test_a_place_is_proven_for_its_own_session_only(settings):
    """A proof is bound to the session and ends with the keeping."""
    manual = clock.ManualClock()
    tickets = Tickets(settings.secret, manual.wall_ms)
    mine, other = UUID(int=1), UUID(int=2)
    proof = tickets.place(mine, 12_345)
    assert tickets.arrival(proof, mine) == 12_345
    assert tickets.arrival(proof, other) == 0
    assert tickets.arrival(tickets.ticket(mine, mine, mine), mine) == 0
    manual.advance(limits.WAITING_KEEP_SECONDS + 1)
    assert tickets.arrival(proof, mine) == 0


async def test_a_crowd_goes_through_few_places_and_a_drain(settings, db, tenant):
    """Twenty people, six places, and one instance that leaves in the middle: everybody finishes."""
    made = [await make_interview(db, tenant) for _ in range(20)]
    finished: list[UUID] = []
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        await shrink(one, admit=3)
        await shrink(two, admit=3)

        async def candidate(interview) -> int:
            async def fetch(proof: str = "", _: str = "") -> Admitted:
                since = one.instance.tickets.arrival(proof, interview.session_id) if proof else 0
                token, url = await ticket(two, interview, since_ms=since)
                return Admitted(token, url)

            client = Interview(fetch, fetch_again=fetch)
            async for frame in client.frames():
                if isinstance(frame, messages.QuestionCompleted):
                    await client.leave()
                elif isinstance(frame, messages.SessionFinished):
                    finished.append(interview.session_id)
                    if len(finished) == 5:
                        asyncio.get_running_loop().create_task(one.sessions.drain())
            return client.counts.queued

        async with asyncio.timeout(60):
            queued_ = await asyncio.gather(*(candidate(interview) for interview in made))
        assert len(set(finished)) == 20
        assert sum(queued_) >= 14
        assert len(one.sessions.room) == len(two.sessions.room) == 0
