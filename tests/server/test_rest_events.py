"""Watching: notices as server-sent events, in order, resumable, bounded, ended cleanly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import msgspec
import pytest

from protocol.faults import Fault
from runtime import clock
from runtime.lifecycle import Stack
from server.app import compose
from server.house import STATE_KEY
from server.rest import events as rest_events
from server.rest.events import Watchers
from storage import events
from storage.events import Event
from tests.server.conftest import Door


class Stream:
    """The events of one open stream."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.comments = 0
        self._lines = answer.aiter_lines()

    async def next(self) -> dict[str, str]:
        """Return the next event, counting comments on the way; raises StopAsyncIteration."""
        event: dict[str, str] = {}
        async for line in self._lines:
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif "data" in event:
                return event
            else:
                event = {}
        raise StopAsyncIteration

    async def comment(self) -> None:
        """Read on to the next comment."""
        async for line in self._lines:
            if line.startswith(":"):
                self.comments += 1
                return
        raise StopAsyncIteration

    async def ended(self) -> bool:
        """Read to the end."""
        async for _ in self._lines:
            pass
        return True


@asynccontextmanager
async def watching(
    door: Door, client: httpx2.AsyncClient | None = None, *, last: str | None = None
) -> AsyncIterator[Stream]:
    headers = {} if last is None else {"last-event-id": last}
    async with (client or door.recruiter).stream(
        "GET", "/api/v1/events", headers=headers
    ) as answer:
        assert answer.status_code == 200, await answer.aread()
        yield Stream(answer)


async def tell(door: Door, **data: Any) -> None:
    await events.publish(door.house.redis, door.tenant.id, "interview.status", data)


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_what_happens_is_told_in_order(door: Door) -> None:
    """Each event has its id, its kind and one line of JSON."""
    async with watching(door) as stream:
        assert stream.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.answer.headers["cache-control"] == "no-store"
        assert stream.answer.headers["x-accel-buffering"] == "no"
        for number in range(5):
            await tell(door, n=number, text="uno\ndos")
        seen = [await stream.next() for _ in range(5)]
    assert [msgspec.json.decode(event["data"])["n"] for event in seen] == [0, 1, 2, 3, 4]
    assert {event["event"] for event in seen} == {"interview.status"}
    assert [event["id"] for event in seen] == sorted(event["id"] for event in seen)


async def test_a_stream_goes_on_where_another_ended(door: Door) -> None:
    """Last-Event-ID gives exactly what was missed, then what comes."""
    async with watching(door) as stream:
        await tell(door, n=1)
        last = (await stream.next())["id"]
    for number in (2, 3):
        await tell(door, n=number)
    async with watching(door, last=last) as stream:
        await tell(door, n=4)
        seen = [msgspec.json.decode((await stream.next())["data"])["n"] for _ in range(3)]
    assert seen == [2, 3, 4]


async def test_a_last_event_id_that_is_none_starts_from_now(door: Door) -> None:
    """Whatever a client sends there is no reason to fail."""
    await tell(door, n=1)
    for wrong in ("x", "1", "9" * 400, "1-1 OR 1", "-", "99999999999999999999-0"):
        async with watching(door, last=wrong) as stream:
            assert stream.answer.status_code == 200


async def test_another_company_s_watcher_hears_nothing(door: Door) -> None:
    """The tenant is the token's."""
    async with watching(door) as ours, watching(door, door.stranger) as theirs:
        await tell(door, n=1)
        await events.publish(door.house.redis, door.other.id, "lanes", {"n": 2})
        assert msgspec.json.decode((await ours.next())["data"]) == {"n": 1}
        assert msgspec.json.decode((await theirs.next())["data"]) == {"n": 2}


async def test_a_stream_is_kept_awake_by_comments(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies drop what is silent; a comment is no event."""
    monkeypatch.setattr(rest_events, "PING_SECONDS", 0.02)
    async with watching(door) as stream:
        async with asyncio.timeout(20):
            for _ in range(2):
                await stream.comment()
        await tell(door, n=1)
        assert msgspec.json.decode((await stream.next())["data"]) == {"n": 1}


async def test_a_stream_ends_with_its_token(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person whose token has run out is not shown any more; the page fetches a new one."""
    monkeypatch.setattr(rest_events, "PING_SECONDS", 0.02)
    token = door.token(door.tenant, door.tenant.recruiter, "recruiter", seconds=600)
    wall = clock.wall_ms
    async with watching(door, door.client(token)) as stream:
        await stream.comment()  # as long as it lives it is listened to
        monkeypatch.setattr(clock, "wall_ms", lambda: wall() + 600_000)
        async with asyncio.timeout(20):
            assert await stream.ended()
    await until(lambda: door.house.events.watching == 0)


async def test_a_stream_ends_when_the_server_closes(door: Door) -> None:
    """A drain does not wait for watchers: they come back elsewhere."""
    async with watching(door) as stream:
        await until(lambda: door.house.events.watching == 1)
        await door.house.events.close()
        assert await stream.ended()


async def test_a_client_that_goes_gives_its_place_back(door: Door) -> None:
    """Nothing is left behind, however many come and go."""
    for _ in range(5):
        async with watching(door):
            await until(lambda: door.house.events.watching == 1)
        await until(lambda: door.house.events.watching == 0)


async def test_more_watchers_than_places_are_refused(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After as a problem document, at once even when all come together."""
    monkeypatch.setattr(Watchers, "enter", _with_most(2))
    recruiter = door.recruiter

    async def open_one(hold: asyncio.Event) -> tuple[int, str, str]:
        async with recruiter.stream("GET", "/api/v1/events") as answer:
            if answer.status_code == 200:
                await hold.wait()
                return 200, "", ""
            body = msgspec.json.decode(await answer.aread())
            return answer.status_code, body["code"], answer.headers["retry-after"]

    hold = asyncio.Event()
    tasks = [asyncio.create_task(open_one(hold)) for _ in range(6)]
    await until(lambda: sum(task.done() for task in tasks) == 4)
    hold.set()
    answers = await asyncio.gather(*tasks)
    assert sorted(answers) == [(200, "", "")] * 2 + [(503, "at_capacity", "5")] * 4
    await until(lambda: door.house.events.watching == 0)


def _with_most(most: int) -> Any:
    whole = Watchers.enter

    def enter(self: Watchers) -> None:
        self._most = most
        whole(self)

    return enter


def test_a_place_that_is_taken_is_counted_once() -> None:
    """As many as allowed, then a fault, then again one for one."""
    watchers = Watchers(2)
    watchers.enter()
    watchers.enter()
    with pytest.raises(Fault, match="at_capacity"):
        watchers.enter()
    watchers.leave()
    watchers.enter()


def test_an_event_is_one_record_of_the_stream() -> None:
    """Its parts stand on lines of their own and an empty line ends it."""
    event = Event("5-0", "cv.stage", b'{"a":1}')
    assert rest_events.encode(event) == b'id: 5-0\nevent: cv.stage\ndata: {"a":1}\n\n'


async def test_several_watch_through_the_products_own_composition(settings, tenant, monkeypatch):
    """The blocking reader has a connection of its own: nobody waits for another's silence."""
    monkeypatch.setattr(events, "_BLOCK_MS", 4_000)  # of silence that four would wait for in turn
    async with Stack() as stack:
        composed = await compose(settings, "api", stack)
        hub = composed.app.app.state[STATE_KEY].events
        async with asyncio.timeout(10), AsyncExitStack() as watchers:
            for _ in range(5):
                await watchers.enter_async_context(hub.watch(tenant.id))
                await asyncio.sleep(0.05)
            assert hub.watching == 5
