"""The waiting room over real Valkey: order, shares, seats, and nothing kept that nobody holds."""

import asyncio
from uuid import UUID

import pytest
import pytest_asyncio

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from server.gate import Gate
from storage import keys, waiting
from storage.connect import open_redis
from storage.redis_writer import RedisWriter
from storage.slots import FIRST, Slots
from storage.waiting import Lane, Waiter, Waiting, estimate, per_second, place

PRESENT, KEEP = 60, 600  # seconds
ACME, NORTE, SUR = (UUID(int=number) for number in (1, 2, 3))


class Room:
    """Instances, sessions inside, and people whose sockets wait."""

    def __init__(self, redis, writer) -> None:
        self.redis = redis
        self.slots = Slots(redis, writer)
        self.waiting = Waiting(writer)
        self.gate = Gate(self.slots, self.waiting, instance_id="")
        self.inside: dict[str, list[UUID]] = {}
        self.waiters: dict[UUID, Waiter] = {}
        self.at: dict[UUID, str] = {}

    async def announce(self, name="a", *, admit=1, cap=2) -> None:
        self.inside[name] = []
        await self.slots.register(name, url=f"ws://{name}/ws", admit=admit, cap=cap, target=1)

    async def come(self, tenant=ACME, *, returning=False, session=None, since_ms=0):
        """Somebody asks for a ticket and, if they have to wait, opens their socket."""
        session = session or clock.new_id()
        seat = await self.gate.reserve(session, tenant, returning=returning, since_ms=since_ms)
        if seat.standing is None:
            await self.slots.claim(seat.instance_id, session, returning=True, seconds=3_600)
            self.inside[seat.instance_id].append(session)
            await self.waiting.leave(session)
        else:
            lane = FIRST if returning else str(tenant)
            self.waiters[session] = Waiter(session, lane, seat.standing.since_ms)
            self.at[session] = seat.instance_id
        return session

    async def look(self, *names: str) -> list[UUID]:
        """Every instance looks once; whoever is called goes in. Returns them in order."""
        called = []
        for name in names or list(self.inside):
            here = [w for s, w in self.waiters.items() if self.at[s] == name]
            for standing in (await self.waiting.look(name, here)).standings:
                if standing.state == "called":
                    called.append(standing.session_id)
                    await self.enter(standing.session_id, standing.instance_id)
        return called

    async def enter(self, session: UUID, name: str) -> None:
        claim = await self.slots.claim(name, session, returning=False, seconds=3_600)
        assert claim.held
        await self.waiting.leave(session)
        del self.waiters[session]
        self.inside[name].append(session)

    async def end(self, name="a") -> None:
        """The oldest session of an instance ends."""
        await self.slots.release(name, self.inside[name].pop(0))

    async def positions(self, *sessions: UUID) -> list[int]:
        return [(await self.waiting.stand(s)).standings[0].position for s in sessions]

    async def age(self, session: UUID, seconds: float) -> None:
        """Let the last sign of life of somebody be so long ago."""
        await self.redis.zincrby(keys.waiting(), -seconds * 1000, str(session))


@pytest_asyncio.fixture
async def room(settings, redis, monkeypatch):
    """A waiting room over a writer of its own, patient with a slow machine."""
    monkeypatch.setattr(limits, "INSTANCE_LEASE_SECONDS", 55.0)
    monkeypatch.setattr(waiting, "_BOUNDS", (KEEP * 1000, PRESENT * 1000, *waiting._BOUNDS[2:]))
    one = open_redis(settings.redis_url, connections=1)
    writer = RedisWriter(one)
    yield Room(redis, writer)
    await writer.close()
    await one.aclose()


async def test_who_came_first_goes_in_first(room):
    """Within a tenant the order is that of arrival, and each freed place admits exactly one."""
    await room.announce()
    await room.come()
    people = [await room.come() for _ in range(5)]
    assert await room.positions(*people) == [1, 2, 3, 4, 5]
    assert await room.look() == []
    went_in = []
    for _ in people:
        await room.end()
        went_in += await room.look()
        assert (await room.slots.instances())[0].taken == 1
    assert went_in == people


async def test_tenants_take_turns(room):
    """Two who came after a crowd of another company wait for one of it each, not for all."""
    await room.announce()
    await room.come()
    crowd = [await room.come(ACME) for _ in range(6)]
    norte = [await room.come(NORTE) for _ in range(2)]
    sur = [await room.come(SUR)]
    told = await room.positions(*crowd, *norte, *sur)
    went_in = []
    for _ in range(9):
        await room.end()
        went_in += await room.look()
    assert went_in == [crowd[0], norte[0], sur[0], crowd[1], norte[1], *crowd[2:]]
    in_turn = sorted(zip(told, [*crowd, *norte, *sur], strict=True))
    assert [session for _, session in in_turn] == went_in  # the positions told the truth


async def test_one_at_a_time_is_no_way_around_the_turns(room):
    """A company whose candidates come singly gets every second place, not every place."""
    await room.announce()
    await room.come()
    crowd = [await room.come(ACME) for _ in range(4)]
    went_in = []
    for _ in range(6):
        await room.come(NORTE)
        await room.end()
        went_in += await room.look()
    assert sum(session in crowd for session in went_in) == 3


async def test_a_newcomer_does_not_overtake(room):
    """A place that is free while somebody waits is theirs, whoever asks first."""
    await room.announce()
    await room.come()
    first = await room.come()
    await room.end()  # and nobody has looked yet
    second = await room.come()
    assert second in room.waiters
    claim = await room.slots.claim("a", clock.new_id(), returning=False, seconds=30)
    assert claim.outcome in ("behind", "full")
    assert await room.look() == [first]


async def test_a_place_that_is_free_is_given_at_once(room):
    """Who asks while only absent people are in line does not wait for their return."""
    await room.announce()
    await room.come()
    away = await room.come()
    await room.age(away, PRESENT + 1)
    await room.end()
    there = await room.come()
    assert there in room.inside["a"]
    assert await room.positions(away) == [1]  # kept
    await room.end()
    assert await room.look() == [away]  # back, and still the first


async def test_two_instances_never_admit_one_twice(room):
    """Many looks and asks at once, and places that free meanwhile: each seat to one person."""
    for name in ("a", "b", "c"):
        await room.announce(name, admit=3, cap=4)
    for _ in range(9):
        await room.come()
    people = [await room.come() for _ in range(40)]
    for name in ("a", "b", "c"):
        for _ in range(3):
            await room.end(name)

    async def looking(name):
        here = [w for s, w in room.waiters.items() if room.at[s] == name]
        return (await room.waiting.look(name, here)).standings

    looks = await asyncio.gather(
        *(looking(name) for name in ("a", "b", "c") for _ in range(5)),
        *(room.gate.reserve(clock.new_id(), NORTE, returning=False) for _ in range(20)),
    )
    assert [one.taken for one in await room.slots.instances()] == [3, 3, 3]
    seats = {
        standing.session_id: standing.instance_id
        for standings in looks[:15]
        for standing in standings
        if standing.state == "called"
    }
    held = [await room.redis.zrange(f"{{fleet}}:slots:{name}", 0, -1) for name in "abc"]
    everyone = [UUID(raw.decode()) for raws in held for raw in raws]
    assert len(everyone) == len(set(everyone)) == 9
    assert set(seats) <= set(everyone)
    assert set(everyone) & set(people)


async def test_an_interview_under_way_never_waits_behind_new_ones(room):
    """The reserve up to the hard cap is theirs; above that they are the first in line."""
    await room.announce(admit=1, cap=2)
    await room.come()
    new = await room.come()
    back = await room.come(returning=True)
    assert back in room.inside["a"]
    waits = await room.come(returning=True)
    assert await room.positions(waits, new) == [1, 2]
    await room.end()
    assert await room.look() == [waits]
    await room.end()
    assert await room.look() == []  # one is left, and a new one needs a place below `admit`
    await room.end()
    assert await room.look() == [new]


async def test_a_lost_seat_brings_its_holder_back_to_the_head(room):
    """The admitting instance dies with a seat: the next look puts the person where they stood."""
    await room.announce("a")
    await room.come()
    first, second = await room.come(), await room.come()
    await room.announce("b")
    answer = await room.waiting.look("a", list(room.waiters.values()))
    seat = next(one for one in answer.standings if one.state == "called")
    assert (seat.session_id, seat.instance_id, seat.url) == (first, "b", "ws://b/ws")
    await room.redis.hincrby("{fleet}:instance:b", "until_ms", -60_000)  # it has died
    answer = await room.waiting.look("a", list(room.waiters.values()))
    assert answer.seats_lost == 1
    assert await room.positions(first, second) == [1, 2]
    await room.end()
    assert await room.look("a") == [first]


async def test_a_seat_nobody_takes_goes_to_the_next(room):
    """Called and gone: the seat ends by itself, and the line moves on."""
    await room.announce()
    await room.come()
    _, second = await room.come(), await room.come()
    await room.end()
    await room.waiting.look("a", list(room.waiters.values()))  # the first is called, and vanishes
    gone = next(iter(room.waiters))
    del room.waiters[gone]
    await room.redis.zadd("{fleet}:slots:a", {str(gone): 1})  # thirty seconds later
    assert await room.look() == [second]


async def test_a_place_is_kept_for_a_while_and_not_for_ever(room):
    """A reload keeps it; who stays away for longer than the limit comes anew, and is counted."""
    await room.announce()
    await room.come()
    first, second = await room.come(), await room.come()
    await room.age(first, KEEP - 5)
    await room.come(session=first)
    assert await room.positions(first, second) == [1, 2]
    await room.age(first, KEEP + 5)
    del room.waiters[first]
    answer = await room.waiting.look("a", list(room.waiters.values()))
    assert answer.gave_up == 1
    assert await room.positions(first, second) == [0, 1]
    await room.come(session=first)
    assert await room.positions(first, second) == [2, 1]
    assert int(await room.redis.hget("{fleet}:counters", "gave_up")) == 1


async def test_an_emptied_room_knows_the_order_again(room):
    """Every socket's instance, and a token after a reload, still know when somebody came."""
    await room.announce("a")
    await room.announce("b")
    await room.come()
    await room.come()
    people = [await room.come() for _ in range(6)]
    arrivals = {s: w.since_ms for s, w in room.waiters.items()}
    await room.redis.flushdb()
    for name in ("a", "b"):
        await room.slots.renew(name, room.inside[name])
    reloaded = people[2]
    del room.waiters[reloaded]
    for name in ("b", "a"):
        await room.look(name)
    newcomer = await room.come()
    await room.come(session=reloaded, since_ms=arrivals[reloaded])
    assert await room.positions(*people, newcomer) == [1, 2, 3, 4, 5, 6, 7]


async def test_a_part_of_its_sessions_does_not_make_an_instance_known(room):
    """An emptied Redis hears of every session at once, or it would let too many in."""
    await room.announce(admit=2, cap=3)
    await room.come()
    await room.come()
    await room.redis.flushdb()
    assert await room.slots.renew("a", room.inside["a"][:1], whole=False) == -1
    assert await room.slots.instances() == []
    assert await room.slots.renew("a", room.inside["a"]) == 2
    assert await room.slots.renew("a", room.inside["a"][:1], whole=False) == 2


async def test_the_room_is_bounded(room, monkeypatch):
    """With every place in line taken the door says so; whoever is inside keeps theirs."""
    bounds = waiting._BOUNDS
    monkeypatch.setattr(waiting, "_BOUNDS", (*bounds[:4], 3, *bounds[5:]))
    await room.announce()
    await room.come()
    people = [await room.come() for _ in range(3)]
    with pytest.raises(Fault) as refused:
        await room.come()
    assert refused.value.code == "at_capacity"
    assert refused.value.retry_after
    await room.come(session=people[1])
    assert await room.positions(*people) == [1, 2, 3]
    assert int(await room.redis.hget("{fleet}:counters", "waiting_full")) == 1


async def test_who_opens_a_second_tab_elsewhere_closes_the_first(room):
    """The newer socket's instance has the place; the older one is told."""
    await room.announce("a")
    await room.announce("b")
    await room.come()
    await room.come()
    session = await room.come()
    waiter, at = room.waiters[session], room.at[session]
    other = "b" if at == "a" else "a"
    await room.waiting.join(session, lane=str(ACME), instance_id=other)
    states = [(await room.waiting.look(name, [waiter])).standings[0].state for name in (at, other)]
    assert states == ["elsewhere", "waiting"]


async def test_a_draining_instance_hands_out_no_seat(room):
    """Its freed places are no places; one that leaves draining calls the next."""
    await room.announce()
    await room.come()
    first = await room.come()
    await room.slots.renew("a", room.inside["a"], draining=True)
    await room.end()
    assert await room.look() == []
    await room.slots.renew("a", [])
    assert await room.look() == [first]


async def test_an_instance_that_appears_takes_the_next_in_turn(room):
    """Not one by one: as many as it admits."""
    await room.announce("a")
    await room.come()
    people = [await room.come() for _ in range(5)]
    await room.announce("b", admit=3, cap=4)
    assert await room.look() == people[:3]
    assert room.inside["b"] == people[:3]


async def test_the_estimate_comes_from_places_that_came_free(room):
    """None while there is no basis; then at least what the position alone implies."""
    await room.announce(admit=4, cap=5)
    for _ in range(4):
        await room.come()
    people = [await room.come() for _ in range(8)]
    assert (await room.waiting.stand(people[0])).standings[0].eta_seconds is None
    for _ in range(4):
        await room.end()
    await room.look()
    standings = [(await room.waiting.stand(s)).standings[0] for s in people[4:]]
    assert [one.position for one in standings] == [1, 2, 3, 4]
    etas = [one.eta_seconds for one in standings]
    assert etas == sorted(etas)
    assert all(eta >= position * 15 for position, eta in enumerate(etas, 1))  # 4 freed in a minute


def test_an_estimate_is_rounded_up_and_never_invented():
    """In steps that a person reads, and None without a basis."""
    assert estimate(3, None) is None
    assert per_second(limits.WAITING_BASIS_FREED - 1, 600_000) is None
    assert per_second(6, 600_000) == 0.01
    assert [estimate(p, 0.05) for p in (1, 2, 20, 100)] == [20.0, 40.0, 420.0, 2_040.0]


def test_a_position_counts_those_who_go_before():
    """The lanes take turns, the earlier first of two with the same turn goes first."""
    lanes = [Lane("x", 5, 100, 4), Lane("y", 5, 50, 2), Lane("z", 6, 10, 9)]
    assert [place(lanes, "x", rank) for rank in range(4)] == [2, 5, 7, 9]
    assert [place(lanes, "y", rank) for rank in range(2)] == [1, 4]
    assert [place(lanes, "z", rank) for rank in range(3)] == [3, 6, 8]
