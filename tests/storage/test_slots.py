"""Places: one atomic script decides, and no race, crash or lost ticket gives one too many."""

import asyncio

import pytest_asyncio

from protocol import limits
from runtime import clock
from server.gate import Gate
from storage import keys
from storage.connect import open_redis
from storage.redis_writer import RedisWriter
from storage.slots import Slots
from storage.waiting import Waiting


@pytest_asyncio.fixture
async def slots(settings, redis, monkeypatch):
    """Slots over a writer of their own, with leases that outlast a slow test."""
    monkeypatch.setattr(limits, "INSTANCE_LEASE_SECONDS", 55.0)
    one = open_redis(settings.redis_url, connections=1)
    writer = RedisWriter(one)
    yield Slots(redis, writer)
    await writer.close()
    await one.aclose()


TENANT = clock.new_id()


def gate_over(slots: Slots) -> Gate:
    """The gate of a process that has no sessions of its own."""
    return Gate(slots, Waiting(slots._writer), instance_id="")


async def announce(slots: Slots, name: str, **changes: int) -> None:
    """Announce an instance with the document's limits unless told otherwise."""
    places = {"admit": 70, "cap": 75, "target": 50, **changes}
    await slots.register(name, url=f"ws://{name}/ws", **places)


async def claim(slots, name, session=None, returning=False, seconds=30.0):
    """One claim of a new or known session."""
    return await slots.claim(name, session or clock.new_id(), returning=returning, seconds=seconds)


async def test_ten_thousand_claims_at_once_give_exactly_the_limit(slots):
    """New sessions fill `admit`, returning ones the rest up to the cap, and not one more."""
    await announce(slots, "a")
    claims = await asyncio.gather(*(claim(slots, "a") for _ in range(10_000)))
    assert sum(one.outcome == "claimed" for one in claims) == 70
    assert sum(one.outcome == "full" for one in claims) == 9_930
    again = await asyncio.gather(*(claim(slots, "a", returning=True) for _ in range(100)))
    assert sum(one.held for one in again) == 5
    assert (await slots.instances())[0].taken == 75


async def test_a_session_has_one_place_however_often_it_claims(slots):
    """The second claim renews the first."""
    await announce(slots, "a")
    session = clock.new_id()
    outcomes = [(await claim(slots, "a", session)).outcome for _ in range(3)]
    assert outcomes == ["claimed", "renewed", "renewed"]
    assert (await slots.instances())[0].taken == 1


async def test_a_seat_lives_as_long_as_its_ticket(slots, redis):
    """A ticket that was lost gives its seat back by itself."""
    await announce(slots, "a", admit=1, cap=2, target=1)
    session = clock.new_id()
    assert (await claim(slots, "a", session, seconds=30.0)).held
    assert not (await claim(slots, "a")).held
    await redis.zincrby(keys.slots("a"), -30_001, str(session))  # as if so long ago
    assert (await claim(slots, "a")).held


async def test_a_draining_instance_keeps_who_is_inside_and_admits_nobody(slots):
    """Renewal of a place is no admission."""
    await announce(slots, "a")
    session = clock.new_id()
    await claim(slots, "a", session)
    await slots.renew("a", [session], draining=True)
    assert (await claim(slots, "a")).outcome == "draining"
    assert (await claim(slots, "a", returning=True)).outcome == "draining"
    assert (await claim(slots, "a", session)).outcome == "renewed"


async def test_an_unknown_or_ended_instance_takes_nobody(slots):
    """No lease, no place."""
    assert (await claim(slots, "nobody")).outcome == "gone"
    await announce(slots, "a")
    await slots.remove("a")
    assert (await claim(slots, "a")).outcome == "gone"
    assert await slots.instances() == []


async def test_an_emptied_redis_knows_an_instance_again_after_one_renewal(slots, redis):
    """Who the instance is and who is inside stand in every renewal."""
    await announce(slots, "a")
    session = clock.new_id()
    await claim(slots, "a", session)
    await redis.flushdb()
    await slots.renew("a", [session])
    found = (await slots.instances())[0]
    assert (found.url, found.admit, found.cap, found.taken) == ("ws://a/ws", 70, 75, 1)


async def test_the_fullest_instance_under_its_target_is_filled_first(slots):
    """Packing leaves empty instances to scale in; above the target the others come first."""
    for name in ("a", "b", "c"):
        await announce(slots, name, admit=4, cap=5, target=2)
    gate = gate_over(slots)
    seats = [
        (await gate.reserve(clock.new_id(), TENANT, returning=False)).instance_id for _ in range(12)
    ]
    assert [seats.count(name) for name in sorted(set(seats[:6]))] == [4, 4, 4]
    assert len(set(seats[:2])) == 1
    assert len(set(seats[2:4])) == 1
    assert len(set(seats[:6])) == 3
    waits = await gate.reserve(clock.new_id(), TENANT, returning=False)
    assert waits.standing is not None
    assert waits.standing.position == 1
    assert (await gate.reserve(clock.new_id(), TENANT, returning=True)).instance_id in (
        "a",
        "b",
        "c",
    )


async def test_who_lives_somewhere_is_sent_there(slots):
    """The preferred instance comes first even when another is fuller."""
    await announce(slots, "a")
    await announce(slots, "b")
    await claim(slots, "a")
    gate = gate_over(slots)
    seat = await gate.reserve(clock.new_id(), TENANT, returning=True, prefer="b")
    assert seat.instance_id == "b"


async def test_an_instance_that_missed_a_renewal_is_offered_last(slots, redis):
    """It may have died: whoever lived there is sent elsewhere before its lease has ended."""
    await announce(slots, "a")
    await announce(slots, "b")
    await slots.renew("a", [clock.new_id() for _ in range(9)])
    await redis.hincrby("{fleet}:instance:a", "until_ms", 4_000 - 55_000)
    gate = gate_over(slots)
    assert [one.late for one in await slots.instances()] == [True, False]
    assert (
        await gate.reserve(clock.new_id(), TENANT, returning=True, prefer="a")
    ).instance_id == "b"
    await slots.remove("b")
    assert (
        await gate.reserve(clock.new_id(), TENANT, returning=True, prefer="a")
    ).instance_id == "a"
