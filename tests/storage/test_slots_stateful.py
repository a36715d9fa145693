"""Places on three instances, in any order of events: never one too many, and none is ever lost.

The oracle counts who is really inside. The scripts read the server's own clock, so time is made to
pass by moving every end that Redis holds (`Fleet.shift`), and what passes by itself is taken back.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from protocol import limits
from runtime.settings import Settings
from storage import keys
from storage.connect import open_redis
from storage.redis_writer import RedisWriter
from storage.slots import Slots
from storage.waiting import Waiter, Waiting
from tests.depth import examples

pytestmark = pytest.mark.timeout(400)  # on however busy a machine
ADMIT, CAP, TARGET = 3, 4, 2
NAMES: Final = ("a", "b", "c")
# Seconds: a lease outlives one step of time, a place two, a seat three.
STEP, LEASE, PLACE, SEAT = 12, 18, 30, 42
SHIFT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local by = now - tonumber(ARGV[1]) - tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
    if i > #KEYS - tonumber(ARGV[3]) then
        if redis.call('HEXISTS', key, 'until_ms') == 1 then
            redis.call('HINCRBY', key, 'until_ms', by)
        end
    else
        for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
            redis.call('ZINCRBY', key, by, member)
        end
    end
end
return now
"""
WHERE = st.sampled_from(NAMES)
WHO = st.integers(0, 13)
TENANT = str(UUID(int=1))


class Fleet:
    """Real Valkey and the slots as the product opens them."""

    def __init__(self, settings: Settings) -> None:
        self._runner = asyncio.Runner()
        self._runner.run(self._open(settings))
        self.moment = 0
        self.shift(0)

    async def _open(self, settings: Settings) -> None:
        self.redis = open_redis(settings.redis_url)
        self.one = open_redis(settings.redis_url, connections=1)
        self.writer = RedisWriter(self.one)
        self.slots = Slots(self.redis, self.writer)
        self.waiting = Waiting(self.writer)

    def run(self, work: Any) -> Any:
        """Do something in the moment in which the last thing was done."""
        self.shift(0)
        return self._runner.run(work)

    def shift(self, seconds: int) -> None:
        """Let so much time pass, and not what has passed by itself since."""
        sets = [keys.instances(), keys.waiting(), *(keys.slots(name) for name in NAMES)]
        hashes = [keys.instance(name) for name in NAMES]
        names = [*sets, *hashes]
        shifting = self.redis.eval(
            SHIFT, len(names), *names, self.moment, seconds * 1000, len(hashes)
        )
        self.moment = self._runner.run(shifting)

    def close(self) -> None:
        self.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        await self.writer.close()
        for client in (self.one, self.redis):
            await client.aclose()


@pytest.fixture
def fleet(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """A fleet whose leases are long enough for any machine that runs the test."""
    monkeypatch.setattr(limits, "INSTANCE_LEASE_SECONDS", LEASE)
    monkeypatch.setattr(limits, "SLOT_LEASE_SECONDS", PLACE)
    made = Fleet(settings)
    yield made
    made.close()


class Process:
    """An instance: what it remembers by itself, and what Redis should have of it."""

    def __init__(self) -> None:
        self.up = False
        self.frozen = False
        self.draining = False
        self.inside: set[UUID] = set()
        self.known = False  # Redis has its hash
        self.told_draining = False
        self.until = -1  # the end of its lease, in steps of half
        self.places: dict[UUID, int] = {}  # and of its places


class Places(RuleBasedStateMachine):
    """Candidates, tickets, crashes and time, with every outcome foretold."""

    fleet: Fleet
    exact = True  # every outcome can be foretold: nobody waits

    @initialize()
    def begin(self) -> None:
        self.fleet.run(self.fleet.redis.flushdb())
        self.now = 0
        self.sessions = [UUID(int=number + 1) for number in range(14)]
        self.houses = {name: Process() for name in NAMES}
        for name in NAMES:
            self.start(name)

    # What the oracle knows ----------------------------------------------------------------------

    def _expire(self) -> None:
        for house in self.houses.values():
            house.places = {s: end for s, end in house.places.items() if end > self.now}

    def _foretell(self, house: Process, session: UUID, limit: int) -> str:
        if not house.known or house.until < self.now:
            return "gone"
        if session in house.places:
            return "renewed"
        if house.told_draining:
            return "draining"
        return "full" if len(house.places) >= limit else "claimed"

    def _claim(self, name: str, session: UUID, *, returning: bool, seconds: int) -> bool:
        house = self.houses[name]
        expected = self._foretell(house, session, CAP if returning else ADMIT)
        claim = self.fleet.run(
            self.fleet.slots.claim(name, session, returning=returning, seconds=seconds)
        )
        if self.exact:
            assert claim.outcome == expected
        if claim.held:
            end = self.now + seconds * 2 // STEP
            house.places[session] = max(end, house.places.get(session, 0))
        return claim.held

    # What happens -------------------------------------------------------------------------------

    @rule(name=WHERE)
    def start(self, name: str) -> None:
        """A process begins, perhaps under the name of one that crashed."""
        house = self.houses[name]
        if house.up:
            return
        house.up, house.frozen, house.draining, house.inside = True, False, False, set()
        self.fleet.run(
            self.fleet.slots.register(
                name, url=f"ws://{name}/ws", admit=ADMIT, cap=CAP, target=TARGET
            )
        )
        self._renewed(house, set())

    def _renewed(self, house: Process, named: set[UUID]) -> None:
        house.known, house.until = True, self.now + LEASE * 2 // STEP
        house.told_draining = house.draining
        for session in named:
            house.places[session] = max(self.now + PLACE * 2 // STEP, house.places.get(session, 0))

    @rule(name=WHERE, part=st.integers(0, 2))
    def renew(self, name: str, part: int, parts: int = 3) -> None:
        """One part of the sessions; all of them where Redis does not know the instance."""
        house = self.houses[name]
        if not house.up or house.frozen:
            return
        due = sorted(house.inside)[part::parts]
        slots = self.fleet.slots
        taken = self.fleet.run(slots.renew(name, due, draining=house.draining, whole=False))
        assert (taken == -1) == (not house.known or house.until < self.now)
        if taken == -1:
            due = sorted(house.inside)
            self.fleet.run(slots.renew(name, due, draining=house.draining))
        self._renewed(house, set(due))

    @rule(name=WHERE, who=WHO)
    def take_a_ticket(self, name: str, who: int) -> None:
        """A seat; whether it is ever used is another matter."""
        session = self.sessions[who]
        self._claim(name, session, returning=self._lives(session), seconds=SEAT)

    @rule(name=WHERE, who=WHO, returning=st.booleans())
    def enter(self, name: str, who: int, returning: bool) -> None:
        """A socket at the door, with a ticket or after its instance crashed; then it is inside."""
        house, session = self.houses[name], self.sessions[who]
        if not house.up or house.frozen or house.draining:
            return
        if self._claim(name, session, returning=returning, seconds=PLACE):
            self._entered(name, session)
            for other in NAMES:  # the session has moved: its old instance lets it go
                if other != name and session in self.houses[other].inside:
                    self.end(other, who)

    def _entered(self, name: str, session: UUID) -> None:
        self.houses[name].inside.add(session)

    def _lives(self, session: UUID) -> bool:
        return any(session in house.inside for house in self.houses.values())

    @rule(name=WHERE, who=WHO)
    def end(self, name: str, who: int) -> None:
        """A session ends or moves away, and its place is given back."""
        house, session = self.houses[name], self.sessions[who]
        if house.up and not house.frozen and session in house.inside:
            house.inside.discard(session)
            self.fleet.run(self.fleet.slots.release(name, session))
            house.places.pop(session, None)

    @rule(name=WHERE)
    def crash(self, name: str) -> None:
        """Whoever was inside is outside; nothing is given back."""
        self.houses[name].up = False
        self.houses[name].inside = set()

    @rule(name=WHERE)
    def freeze(self, name: str) -> None:
        """It does nothing, and whoever is inside stays there; others may take them over."""
        self.houses[name].frozen = self.houses[name].up

    @rule(name=WHERE)
    def wake(self, name: str) -> None:
        self.houses[name].frozen = False

    @rule(name=WHERE)
    def drain(self, name: str) -> None:
        house = self.houses[name]
        house.draining = house.up
        self.renew(name, 0)

    @rule(steps=st.integers(1, 3))
    def pass_time(self, steps: int) -> None:
        """Renewals go on in the meantime, or a place would end with somebody in it."""
        for _ in range(steps):
            self.fleet.shift(STEP)
            self.now += 2
            self._expire()
            for name in NAMES:
                self.renew(name, 0, parts=1)

    @rule()
    def empty_redis(self) -> None:
        self.fleet.run(self.fleet.redis.flushdb())
        for house in self.houses.values():
            house.known, house.places, house.until = False, {}, -1

    # What must hold -----------------------------------------------------------------------------

    @invariant()
    def nobody_is_one_too_many(self) -> None:
        for name, house in self.houses.items():
            assert len(house.inside) <= CAP, f"{name} holds {len(house.inside)}"

    @invariant()
    def redis_counts_as_the_oracle(self) -> None:
        if not self.exact:
            return
        for one in self.fleet.run(self.fleet.slots.instances()):
            house = self.houses[one.id]
            assert one.taken == len(house.places)
            assert one.alive == (house.until >= self.now)

    def teardown(self) -> None:
        """Every ticket is lost and every lease ends: only who is inside has a place."""
        if not hasattr(self, "houses"):
            return
        for name in NAMES:
            self.wake(name)
        self.pass_time(5)
        for one in self.fleet.run(self.fleet.slots.instances()):
            house = self.houses[one.id]
            assert one.taken == len(house.inside), f"{one.id} has leaked a place"
            assert one.alive == house.up


class Waited(Places):
    """The same with a waiting room, whose seats are places as well; outcomes are not foretold."""

    exact = False

    @initialize()
    def sit_down(self) -> None:
        self.waiters: dict[UUID, str] = {}

    @rule(name=WHERE, who=WHO, returning=st.booleans())
    def queue(self, name: str, who: int, returning: bool) -> None:
        session = self.sessions[who]
        if self._lives(session) or session in self.waiters or not self.houses[name].up:
            return
        lane = "*" if returning else TENANT
        self.fleet.run(self.fleet.waiting.join(session, lane=lane, instance_id=name))
        self.waiters[session] = lane

    @rule(name=WHERE)
    def look(self, name: str) -> None:
        """Everybody's sockets wait on one instance; whoever is called goes in, or never comes."""
        waiters = [Waiter(session, lane, 0) for session, lane in self.waiters.items()]
        answer = self.fleet.run(self.fleet.waiting.look(name, waiters))
        for standing in answer.standings:
            house = self.houses.get(standing.instance_id)
            if standing.state != "called" or house is None or not house.up:
                continue
            if house.frozen or house.draining:
                continue
            if self._claim(
                standing.instance_id, standing.session_id, returning=False, seconds=PLACE
            ):
                self._entered(standing.instance_id, standing.session_id)

    @rule(who=WHO)
    def give_up(self, who: int) -> None:
        if self.waiters.pop(self.sessions[who], None) is not None:
            self.fleet.run(self.fleet.waiting.leave(self.sessions[who]))

    def _entered(self, name: str, session: UUID) -> None:
        super()._entered(name, session)
        if self.waiters.pop(session, None) is not None:
            self.fleet.run(self.fleet.waiting.leave(session))

    def teardown(self) -> None:
        for who in range(len(getattr(self, "waiters", ()) and self.sessions)):
            self.give_up(who)
        super().teardown()


@pytest.mark.parametrize("machine", [Places, Waited])
def test_no_order_of_events_gives_one_place_too_many_or_loses_one(
    fleet: Fleet, machine: type[Places]
) -> None:
    """Claims, tickets lost, moves, crashes, freezes, drains, time and an emptied Redis."""
    made = type("Machine", (machine,), {"fleet": fleet})
    made.TestCase.settings = hypothesis_settings(
        max_examples=examples(20),
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    made.TestCase().runTest()


@pytest.mark.parametrize("frozen", [False, True])
def test_a_fleet_that_came_back_in_parts_would_be_over_its_cap(fleet: Fleet, frozen: bool) -> None:
    """Why a Redis that does not know an instance, or not any more, hears of all its sessions."""
    slots, inside = fleet.slots, [UUID(int=number) for number in range(CAP)]
    fleet.run(slots.register("a", url="ws://a/ws", admit=ADMIT, cap=CAP, target=TARGET))
    for session in inside:
        assert fleet.run(slots.claim("a", session, returning=True, seconds=PLACE)).held
    if frozen:
        fleet.shift(PLACE * 2)
    else:
        fleet.run(fleet.redis.flushdb())
    stranger = UUID(int=99)
    assert fleet.run(slots.renew("a", inside[:2], whole=False)) == -1
    assert fleet.run(slots.claim("a", stranger, returning=True, seconds=9)).outcome == "gone"
    assert fleet.run(slots.renew("a", inside[:2], whole=True)) == 2  # a part, told as the whole
    assert fleet.run(slots.claim("a", stranger, returning=True, seconds=9)).held
    assert fleet.run(slots.renew("a", inside, whole=True)) == CAP + 1
