"""A clock is moved by an hour: the machine's own, or the one that Redis judges leases by."""

import pytest
import pytest_asyncio

from protocol import ids, limits
from protocol.faults import Fault
from runtime import clock
from server.tickets import Tickets
from storage import keys
from storage.connect import open_redis
from storage.redis_writer import RedisWriter
from storage.slots import Slots
from tests.conftest import SECRET
from tests.failure.waiting import asked, say, ticket
from tests.server.live_house import live_house, make_interview
from tests.server.test_live import Wire, turns_of

HOUR_MS = 3_600_000


@pytest_asyncio.fixture
async def slots(settings, redis):
    """Places over a writer of their own."""
    one = open_redis(settings.redis_url, connections=1)
    writer = RedisWriter(one)
    yield Slots(redis, writer)
    await writer.close()
    await one.aclose()


async def move_clock(redis, slots, *instances, by_ms):
    """Once its clock was moved, what Redis has looks as if written at another time: so it does."""
    for name in instances:
        until = int(await redis.hget(keys.instance(name), "until_ms"))
        await redis.hset(keys.instance(name), "until_ms", until - by_ms)
        await redis.zincrby(keys.instances(), -by_ms, name)
        for place in await redis.zrange(keys.slots(name), 0, -1):
            await redis.zincrby(keys.slots(name), -by_ms, place)


async def announce(slots, name):
    await slots.register(name, url=f"ws://{name}/ws", admit=3, cap=4, target=2)


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS])
async def test_places_are_right_again_with_the_first_renewal(slots, redis, by_ms):
    """Nobody is let in before every session has its place again; the dead one is offered nobody."""
    held = [clock.new_id() for _ in range(3)]
    for name in ("living", "dead"):
        await announce(slots, name)
    for session in held:
        assert (await slots.claim("living", session, returning=False, seconds=20)).held
    await slots.claim("dead", clock.new_id(), returning=False, seconds=20)
    await move_clock(redis, slots, "living", "dead", by_ms=by_ms)
    new = clock.new_id()
    assert (await slots.claim("living", new, returning=False, seconds=20)).outcome == "gone"
    assert await slots.renew("living", held[:1], whole=False) == -1  # all have to be named
    assert await slots.renew("living", held) == 3
    assert (await slots.claim("living", new, returning=False, seconds=20)).outcome == "full"
    assert [one.id for one in await slots.instances() if one.alive] == ["living"]
    assert (await slots.claim("dead", new, returning=False, seconds=20)).outcome == "gone"


async def test_a_place_without_its_session_ends_after_a_clock_set_back(slots, redis):
    """It would have lasted an hour; it lasts one lease."""
    await announce(slots, "one")
    await slots.claim("one", clock.new_id(), returning=False, seconds=20)
    await move_clock(redis, slots, "one", by_ms=-HOUR_MS)
    await slots.renew("one", [])
    seconds, _ = await redis.time()
    ((_, ends),) = await redis.zrange(keys.slots("one"), 0, -1, withscores=True)
    assert ends <= (seconds + limits.SLOT_LEASE_SECONDS + 1) * 1000


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS])
def test_tickets_of_another_hour_are_fetched_anew_and_links_hold(by_ms):
    """A ticket in flight may expire (the page fetches another); links and resume tokens do not."""
    now = clock.wall_ms()
    before, after = Tickets(SECRET, lambda: now), Tickets(SECRET, lambda: now + by_ms)
    tenant, interview, session = (clock.new_id() for _ in range(3))
    taken = before.ticket(tenant, interview, session)
    if by_ms > 0:
        with pytest.raises(Fault) as error:
            after.read_ticket(taken)
        assert error.value.kind.retry  # 4003: the page asks for a new one by itself
    else:
        assert after.read_ticket(taken).session_id == session
    assert after.read_resume(before.resume(tenant, session, 1)).join == 1
    link = before.invitation(tenant, interview, 1)
    assert after.read_invitation(link).interview_id == interview
    assert after.read_ticket(after.ticket(tenant, interview, session)).session_id == session


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS])
async def test_an_interview_does_not_notice(settings, db, tenant, redis, monkeypatch, by_ms):
    """Its time runs on a clock that nobody can set; leases that ended are renewed."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            first = await asked(wire, 1)
            wall = clock.wall_ms
            monkeypatch.setattr(clock, "wall_ms", lambda: wall() + by_ms)
            await move_clock(redis, house.instance.slots, "one", by_ms=by_ms)
            await say(wire, 1)
            second = await asked(wire, 2)
            assert first.seconds_left - 30 < second.seconds_left <= first.seconds_left
            await say(wire, 2)
    assert [row.turn for row in await turns_of(db, made)] == [1, 2]


def test_an_id_made_an_hour_ago_is_still_found_by_its_own_time():
    """Rows are found by the time in the id, not by the time of looking."""
    made = ids.make(clock.wall_ms() - HOUR_MS, bytes(ids.ENTROPY_BYTES))
    assert abs(ids.created_at(made).timestamp() * 1000 - (clock.wall_ms() - HOUR_MS)) < 60_000
