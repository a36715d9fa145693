"""Notices: each watcher gets exactly what followed, whoever came when."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from protocol.faults import Fault
from runtime import clock
from runtime.settings import Settings
from storage import connect, events, keys
from storage.events import Event, EventHub

TENANT = clock.new_id()


@pytest_asyncio.fixture
async def hub(settings: Settings) -> AsyncIterator[EventHub]:
    """A hub on a client of its own."""
    client = connect.open_redis(settings.redis_url, connections=2)
    hub = EventHub(client)
    yield hub
    await hub.close()
    await client.aclose()


async def tell(redis: Redis, number: int) -> None:
    await events.publish(redis, TENANT, "lanes", {"n": number})


def number(event: Event | None) -> int:
    assert event is not None
    return int(msgspec.json.decode(event.data)["n"])


async def read(queue: "asyncio.Queue[Event | None]", count: int) -> list[int]:
    return [number(await asyncio.wait_for(queue.get(), 30)) for _ in range(count)]


async def test_watchers_who_come_and_go_miss_nothing_and_hear_nothing_twice(
    hub: EventHub, redis: Redis
) -> None:
    """While a publisher goes on, watchers resume from where they were, 60 times over."""
    total = 300
    heard: list[int] = []
    async with hub.watch(TENANT) as steady:

        async def publish() -> None:
            for one in range(total):
                await tell(redis, one)

        task = asyncio.create_task(publish())
        last = "0-0"
        while len(heard) < total:
            async with hub.watch(TENANT, last) as queue:
                for _ in range(min(5, total - len(heard))):
                    event = await asyncio.wait_for(queue.get(), 30)
                    heard.append(number(event))
                    assert event is not None
                    last = event.id
        await task
        assert await read(steady, total) == list(range(total))
    assert heard == list(range(total))


async def test_an_id_of_another_history_starts_from_now(hub: EventHub, redis: Redis) -> None:
    """After Redis lost its stream a client's old place lies in the future; it still hears."""
    await tell(redis, 1)
    async with hub.watch(TENANT, "99999999999999-0") as queue:
        await tell(redis, 2)
        assert await read(queue, 1) == [2]


async def test_a_watcher_that_does_not_read_is_told_to_start_over(
    hub: EventHub, redis: Redis
) -> None:
    """Its queue is bounded; others are not held up."""
    async with hub.watch(TENANT) as slow, hub.watch(TENANT) as quick:
        for start in range(0, 700, 100):
            pipe = redis.pipeline(transaction=False)
            for one in range(start, start + 100):
                pipe.xadd(keys.events(TENANT), {"kind": "lanes", "data": b'{"n":%d}' % one})
            await pipe.execute()
            assert await read(quick, 100) == list(range(start, start + 100))
        while slow.qsize() > 1:
            slow.get_nowait()
        assert slow.get_nowait() is None


async def test_closing_ends_every_watcher_even_while_the_reader_connects(
    settings: Settings,
) -> None:
    """A cancellation that the Redis client swallows while it connects does not hang a shutdown."""
    for delay in (0, 0.001, 0.002, 0.003, 0.02):
        client = connect.open_redis(settings.redis_url, connections=2)
        hub = EventHub(client)
        async with hub.watch(TENANT) as queue:
            await asyncio.sleep(delay)
            await asyncio.wait_for(hub.close(), 20)
            assert await queue.get() is None
        await client.aclose()


async def test_without_redis_watching_is_unavailable() -> None:
    """The client is told to come back, rather than left with a silent stream."""
    away = connect.open_redis("redis://127.0.0.1:1/0")
    with pytest.raises(Fault, match="unavailable"):
        async with EventHub(away).watch(TENANT):
            pass
    await away.aclose()


async def test_forgetting_removes_what_names_somebody(redis: Redis) -> None:
    """Only the notices with the ids given go."""
    gone, stays = clock.new_id(), clock.new_id()
    for one in (gone, stays, gone):
        await events.publish(redis, TENANT, "cv.stage", {"cv_id": one})
    await events.forget(redis, TENANT, [gone])
    rows: Any = await redis.xrange(keys.events(TENANT))
    assert [str(stays).encode() in fields[b"data"] for _, fields in rows] == [True]
