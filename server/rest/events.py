"""Watching: a tenant's notices as server-sent events, for as long as the token lives.

Written as an ASGI response of its own so that a watcher's place is taken before the first byte and
given back whatever happens: the client goes, the token expires, the server closes.
"""

import asyncio
import re
from typing import Any, Final

from litestar import Response, get
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from protocol import limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log
from server import problems
from server.auth import Person
from server.house import House, house_of
from server.rest.guards import PersonRequest
from storage.events import Event

PING_SECONDS: Final = 15.0
WATCHERS_KEY: Final = "watchers"
RETRY_MS: Final = 2_000
SEND_SECONDS: Final = limits.SEND_SECONDS
_EVENT_ID: Final = re.compile(r"\d{1,20}-\d{1,20}")
log = Log("server.rest.events")
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Watchers:
    """How many streams are open in this process, and how many may be."""

    def __init__(self, most: int) -> None:
        """Let at most `most` watch."""
        self._most = most
        self._open = 0

    def enter(self) -> None:
        """Take a place; Fault `at_capacity` when there is none."""
        if self._open >= self._most:
            raise Fault(
                "at_capacity", "too many watchers", retry_after=limits.REFUSED_RETRY_SECONDS
            )
        self._open += 1
        metrics.watchers.set(self._open)

    def leave(self) -> None:
        """Give the place back."""
        self._open -= 1
        metrics.watchers.set(self._open)


class EventStream(Response[bytes]):
    """A response that goes on until the client, the token or the server ends it."""

    def __init__(self, house: House, person: Person, last: str | None, watchers: Watchers) -> None:
        """Stream the notices of the person's tenant that follow `last`."""
        super().__init__(b"")
        self._house = house
        self._person = person
        self._last = last
        self._watchers = watchers

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """Return the application that does the streaming."""
        return _Streaming(self._house, self._person, self._last, self._watchers)


class _Streaming(ASGIResponse):
    def __init__(self, house: House, person: Person, last: str | None, watchers: Watchers) -> None:
        super().__init__(body=b"")
        self._house = house
        self._person = person
        self._last = last
        self._watchers = watchers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        self._watchers.enter()
        try:
            async with (
                self._house.events.watch(self._person.tenant_id, self._last) as queue,
                Tasks("watcher") as tasks,
            ):
                gone = tasks.start(_gone(receive))
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                await self._send(send, b"retry: %d\n\n" % RETRY_MS)
                try:
                    await self._pump(queue, gone, send, tasks)
                except asyncio.CancelledError:  # the server ends, and this one came too late
                    log.info("watcher_cut")
                if not gone.done():
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:  # it does not read: returning without an end closes the connection
            log.info("watcher_too_slow")
        finally:
            self._watchers.leave()

    async def _pump(
        self,
        queue: "asyncio.Queue[Event | None]",
        gone: "asyncio.Task[None]",
        send: Send,
        tasks: Tasks,
    ) -> None:
        while not gone.done():
            left = self._person.expires_at - clock.wall_ms() / 1000
            if left <= 0:
                break
            get_next = tasks.start(queue.get())
            await asyncio.wait(
                (get_next, gone),
                timeout=min(PING_SECONDS, left),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not get_next.done():
                get_next.cancel()
                if not gone.done():
                    await self._send(send, b": ping\n\n")
                continue
            event: Event | None = get_next.result()
            if event is None:  # too slow, or the server closes: the client comes back
                break
            await self._send(send, encode(event))

    async def _send(self, send: Send, body: bytes) -> None:
        """Send, but do not wait for ever for a client that does not read."""
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def encode(event: Event) -> bytes:
    """Return a notice as an event of the stream; its JSON is one line."""
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (
        event.id.encode(),
        event.kind.encode(),
        event.data,
    )


@get(
    "/events",
    summary="Watch what happens (server-sent events)",
    media_type="text/event-stream",
    responses=problems.responses("unauthorized", "at_capacity"),
)
async def watch(request: PersonRequest) -> EventStream:
    """Stream the company's notices; `Last-Event-ID` continues where an earlier stream ended."""
    last = request.headers.get("last-event-id")
    if last is not None and not _EVENT_ID.fullmatch(last):
        last = None
    return EventStream(house_of(request), request.user, last, request.app.state[WATCHERS_KEY])


HANDLERS: Final = [watch]
