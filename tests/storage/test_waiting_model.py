"""Any order of arrivals, cuts, crashes, lost seats and an emptied Redis: nobody overtakes or leaks.

A stateful test over real Valkey. After every step the places taken are within the limits, every
session has one place at most, and whoever was called had nobody before them in their own line.
"""

import asyncio
import contextlib
from uuid import UUID

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from server.gate import Gate
from storage import keys, waiting
from storage.connect import open_redis
from storage.redis_writer import RedisWriter
from storage.slots import Slots
from storage.waiting import Waiter, Waiting
from tests.depth import examples

NAMES = ("a", "b", "c")
TENANTS = [UUID(int=number) for number in (1, 2, 3)]
ADMIT, CAP = 1, 2
LONG_MS = 1_000_000_000  # the test's seconds are not the room's: who is away is told by the test
AWAY_MS = LONG_MS // 2


class Person:
    """Somebody on the way in."""

    def __init__(self, session: UUID, tenant: UUID) -> None:
        self.session, self.tenant = session, tenant
        self.since_ms = 0
        self.at = ""
        self.present = True


class Fleet(RuleBasedStateMachine):
    """Three instances, three tenants, one waiting room."""

    redis_url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.redis = open_redis(self.redis_url)
        self.one = open_redis(self.redis_url, connections=1)
        self.writer = RedisWriter(self.one)
        self.slots = Slots(self.redis, self.writer)
        self.room = Waiting(self.writer)
        self.gate = Gate(self.slots, self.room, instance_id="")
        self.inside: dict[UUID, str] = {}
        self.line: dict[UUID, Person] = {}
        self.alive: set[str] = set()
        self.run(self.redis.flushdb())
        self.start("a")
        for number in (0, 0, 0, 1):  # a full house from the first step on
            self.come(TENANTS[number])

    def run(self, work):
        """Do something in this machine's own loop."""
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        """Everybody who is there gets in, once there is room for all."""
        for name in NAMES:
            self.alive.add(name)
            self.run(self.slots.register(name, url=f"ws://{name}", admit=200, cap=201, target=100))
            self.run(self.slots.renew(name, self.held_at(name)))
        waiting_ = [p for p in self.line.values() if p.present]
        for _ in range(3):
            for name in NAMES:
                self.look(name, takes_seat=True)
        assert not [p for p in waiting_ if p.session not in self.inside]
        self.run(self.writer.close())
        self.run(self.one.aclose())
        self.run(self.redis.aclose())
        self.loop.close()

    def held_at(self, name: str) -> list[UUID]:
        return [session for session, at in self.inside.items() if at == name]

    def waiters_at(self, name: str) -> list[Waiter]:
        here = [p for p in self.line.values() if p.present and p.at == name]
        return [Waiter(p.session, str(p.tenant), p.since_ms) for p in here]

    # What happens -----------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES))
    def start(self, name: str) -> None:
        """An instance appears, or appears again."""
        self.alive.add(name)
        self.run(self.slots.register(name, url=f"ws://{name}", admit=ADMIT, cap=CAP, target=1))
        self.run(self.slots.renew(name, self.held_at(name)))

    @rule(tenant=st.sampled_from(TENANTS))
    def come(self, tenant: UUID) -> None:
        """Somebody new asks for a ticket."""
        self.ask(Person(clock.new_id(), tenant))

    @rule(which=st.integers(0, 50))
    def come_back(self, which: int) -> None:
        """Somebody in line reloads, with the proof of the place."""
        if self.line:
            self.ask(list(self.line.values())[which % len(self.line)])

    def ask(self, person: Person) -> None:
        before = self.called()
        with contextlib.suppress(Fault):  # no instance, or none that is not draining
            seat = self.run(
                self.gate.reserve(
                    person.session, person.tenant, returning=False, since_ms=person.since_ms
                )
            )
            person.present = True
            if seat.standing is None and person.session not in self.line:
                same = [p for p in self.line.values() if p.tenant == person.tenant and p.present]
                assert {p.session for p in same} <= self.called()
            elif seat.standing is not None:
                person.at = seat.instance_id
                person.since_ms = person.since_ms or seat.standing.since_ms
                self.line[person.session] = person
            self.nobody_was_overtaken(before)
            if seat.standing is None:
                self.enter(person.session, seat.instance_id)

    @rule(which=st.integers(0, 50))
    def go_away(self, which: int) -> None:
        """A connection is cut, and nobody comes back for now."""
        if self.line:
            self.lose_sight(list(self.line.values())[which % len(self.line)])

    def lose_sight(self, person: Person) -> None:
        person.present = False
        self.run(self.redis.zincrby(keys.waiting(), -AWAY_MS, str(person.session)))

    @rule(name=st.sampled_from(NAMES), takes_seat=st.booleans())
    def look(self, name: str, takes_seat: bool) -> None:
        """An instance looks at the line for its sockets; a called one goes in, or is lost."""
        if name not in self.alive:
            return
        before = self.called()
        answer = self.run(self.room.look(name, self.waiters_at(name)))
        self.nobody_was_overtaken(before)
        for standing in answer.standings:
            if standing.state == "called" and takes_seat:
                self.enter(standing.session_id, standing.instance_id)
            elif standing.state == "called":  # the seat's thirty seconds pass
                seats = keys.slots(standing.instance_id)
                self.run(self.redis.zadd(seats, {str(standing.session_id): 1}))

    def enter(self, session: UUID, name: str) -> None:
        claim = self.run(self.slots.claim(name, session, returning=False, seconds=3_600))
        if claim.held:
            self.run(self.room.leave(session))
            self.inside[session] = name
            self.line.pop(session, None)

    @rule(which=st.integers(0, 50))
    def end(self, which: int) -> None:
        """An interview ends."""
        if self.inside:
            session = list(self.inside)[which % len(self.inside)]
            name = self.inside.pop(session)
            self.run(self.slots.release(name, session))

    @rule(name=st.sampled_from(NAMES))
    def crash(self, name: str) -> None:
        """An instance dies with its sessions, its sockets and the seats it kept."""
        if name in self.alive:
            self.alive.discard(name)
            self.run(self.slots.remove(name))
            for session in self.held_at(name):
                del self.inside[session]
            for person in self.line.values():
                if person.at == name and person.present:
                    self.lose_sight(person)

    @rule()
    def empty_redis(self) -> None:
        """Everything is forgotten; every instance names its sockets in line, then its sessions."""
        self.run(self.redis.flushdb())
        for name in sorted(self.alive):
            self.run(self.room.look(name, self.waiters_at(name)))
        for name in sorted(self.alive):
            assert self.run(self.slots.renew(name, self.held_at(name)[:1], whole=False)) == -1
            self.run(self.slots.renew(name, self.held_at(name)))

    # What holds -------------------------------------------------------------------------------

    def called(self) -> set[UUID]:
        raw = self.run(self.redis.hkeys(keys.waiting_called()))
        return {UUID(one.decode()) for one in raw}

    def nobody_was_overtaken(self, before: set[UUID]) -> None:
        """Of the people in line and there, those called now came before those who were not."""
        called = self.called()
        for session in called - before:
            person = self.line.get(session)
            if person is None:
                continue  # a newcomer who got a free place: see ask
            for other in self.line.values():
                if other.present and other.tenant == person.tenant and other.session not in called:
                    mine, theirs = str(session), str(other.session)
                    assert (person.since_ms, mine) < (other.since_ms, theirs)

    @invariant()
    def the_limits_hold(self) -> None:
        """No instance has more than it admits, and nobody has two places."""
        seen: set[bytes] = set()
        for name in self.alive:
            now = self.run(self.redis.time())
            held = self.run(self.redis.zrangebyscore(keys.slots(name), now[0] * 1000, "+inf"))
            assert len(held) <= ADMIT
            assert not seen & set(held)
            seen |= set(held)
            assert {str(session).encode() for session in self.held_at(name)} <= set(held)

    @invariant()
    def nobody_is_in_two_lines(self) -> None:
        """In line, called or inside: one of them."""
        lines: list[bytes] = []
        for tenant in TENANTS:
            lines += self.run(self.redis.zrange(keys.waiting_line(str(tenant)), 0, -1))
        called = [str(session).encode() for session in self.called()]
        assert len(lines + called) == len(set(lines + called))
        assert not {str(session).encode() for session in self.inside} & set(lines + called)


@pytest.fixture
def long_seconds(monkeypatch):
    """Nobody goes away by the clock: the test says who does."""
    monkeypatch.setattr(limits, "INSTANCE_LEASE_SECONDS", 55.0)
    bounds = (LONG_MS, AWAY_MS // 2, *waiting._BOUNDS[2:])
    monkeypatch.setattr(waiting, "_BOUNDS", bounds)


def test_no_order_of_events_breaks_the_line(settings, long_seconds) -> None:
    """Thirty steps of anything, many times over."""
    Fleet.redis_url = settings.redis_url
    run_state_machine_as_test(Fleet, settings=STEPS)


STEPS = hypothesis_settings(
    max_examples=examples(15),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
