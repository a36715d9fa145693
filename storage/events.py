"""What watchers are told: one Redis stream a tenant, one reader a process, many queues.

Events are notices, not the record: a lost one is found again in PostgreSQL. The stream's own ids
serve as Last-Event-ID.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from protocol import limits
from protocol.faults import Fault
from runtime.lifecycle import Tasks
from runtime.logs import Log
from storage import keys
from storage.redis_writer import RedisWriter

_QUEUE_MAX: Final = 500
_BLOCK_MS: Final = 1_000
log = Log("storage.events")
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Event(NamedTuple):
    """One notice: its place in the tenant's stream, its kind and its JSON."""

    id: str
    kind: str
    data: bytes


def _commands(pipe: Any, tenant_id: UUID, kind: str, data: Any) -> None:
    key = keys.events(tenant_id)
    pipe.xadd(
        key,
        {"kind": kind, "data": _encode(data)},
        maxlen=limits.EVENTS_KEPT_MAX,
        approximate=True,
    )
    pipe.expire(key, keys.LIFETIMES["events"])


async def publish(redis: Redis, tenant_id: UUID, kind: str, data: Any) -> None:
    """Tell the tenant's watchers, after the commit; a Redis that is away loses only the notice."""
    try:
        pipe = redis.pipeline(transaction=False)
        _commands(pipe, tenant_id, kind, data)
        await pipe.execute()
    except (RedisError, OSError) as error:
        log.warning("event_not_published", kind=kind, error=type(error).__name__)


class Teller:
    """Notices of many sessions, through the one writer: nobody waits for them."""

    def __init__(self, writer: RedisWriter) -> None:
        """Tell through `writer`."""
        self._writer = writer

    def tell(self, tenant_id: UUID, kind: str, data: Any) -> None:
        """Tell the tenant's watchers soon; a Redis that is away loses only the notice."""
        future = self._writer.call(
            "tell",
            [keys.events(tenant_id)],
            [kind, _encode(data), limits.EVENTS_KEPT_MAX, keys.LIFETIMES["events"]],
        )
        future.add_done_callback(_told)


def _told(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled() and future.exception() is not None:
        log.warning("event_not_published", error=str(future.exception()))


class EventHub:
    """Reads the streams of all watched tenants on one connection and hands events out."""

    def __init__(self, redis: Redis, reader: Redis | None = None) -> None:
        """Look things up through `redis`; `reader` has a connection that may block for long."""
        self._redis = redis
        self._reader = reader or redis
        self._tasks = Tasks("events")
        # Each watcher's queue with the last event it has been given.
        self._watchers: dict[UUID, dict[asyncio.Queue[Event | None], str]] = {}
        self._positions: dict[UUID, str] = {}
        self._changed = asyncio.Event()

    @property
    def watching(self) -> int:
        """How many watchers there are."""
        return sum(len(queues) for queues in self._watchers.values())

    @asynccontextmanager
    async def watch(
        self, tenant_id: UUID, last_event_id: str | None = None
    ) -> AsyncIterator["asyncio.Queue[Event | None]"]:
        """Yield a queue of the tenant's events after `last_event_id` (None: from now on).

        The queue gets None and nothing more when the watcher was too slow; it must start over.
        An id that is not of this stream (Redis lost it) is as good as none. Fault `unavailable`
        without Redis.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_QUEUE_MAX)
        top = await self._top(tenant_id)
        known = last_event_id is not None and _order(last_event_id) <= _order(top)
        seen = last_event_id if known and last_event_id is not None else top
        self._positions.setdefault(tenant_id, seen)
        self._watchers.setdefault(tenant_id, {})[queue] = seen
        self._changed.set()
        if not len(self._tasks):
            self._tasks.start(self._read())
        try:
            await self._catch_up(tenant_id, queue, seen)
            yield queue
        finally:
            watchers = self._watchers.get(tenant_id, {})
            watchers.pop(queue, None)
            if not watchers:  # all have gone, or were too slow
                self._watchers.pop(tenant_id, None)
                self._positions.pop(tenant_id, None)

    async def _catch_up(
        self, tenant_id: UUID, queue: "asyncio.Queue[Event | None]", seen: str
    ) -> None:
        """Put what was missed before what the reader has handed out since the queue is known.

        The queue came first, so that no event falls between the two.
        """
        missed = await self._since(tenant_id, seen)
        live = [queue.get_nowait() for _ in range(queue.qsize())]
        last = missed[-1].id if missed else seen
        newer = [event for event in live if event is None or _order(event.id) > _order(last)]
        for event in [*missed, *newer][-_QUEUE_MAX + 1 :]:
            queue.put_nowait(event)
        watchers = self._watchers.get(tenant_id, {})
        if queue in watchers:
            watchers[queue] = max(watchers[queue], last, key=_order)

    async def _since(self, tenant_id: UUID, last: str) -> list[Event]:
        try:
            rows: Any = await self._redis.xrange(keys.events(tenant_id), min=f"({last}", max="+")
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
        return [_event(row) for row in rows]

    async def _top(self, tenant_id: UUID) -> str:
        try:
            rows: Any = await self._redis.xrevrange(keys.events(tenant_id), count=1)
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
        return rows[0][0].decode() if rows else "0-0"

    async def _read(self) -> None:
        while True:
            if not self._watchers:
                self._changed.clear()
                await self._changed.wait()
                continue
            streams: dict[Any, Any] = {
                keys.events(tenant): position for tenant, position in self._positions.items()
            }
            try:
                answer = await self._reader.xread(streams, count=200, block=_BLOCK_MS)
            except (RedisError, OSError):
                await asyncio.sleep(1)
                continue
            for key, rows in _pairs(answer):
                self._hand_out(UUID(key.decode().partition(":")[2]), rows)

    def _hand_out(self, tenant_id: UUID, rows: list[Any]) -> None:
        if tenant_id not in self._positions:
            return
        for row in rows:
            event = _event(row)
            self._positions[tenant_id] = event.id
            watchers = self._watchers.get(tenant_id, {})
            for queue, seen in list(watchers.items()):
                if _order(event.id) <= _order(seen):
                    continue  # it was among what this watcher had missed
                watchers[queue] = event.id
                if queue.qsize() < _QUEUE_MAX - 1:
                    queue.put_nowait(event)
                    continue
                if not queue.full():
                    queue.put_nowait(None)
                del watchers[queue]

    async def close(self) -> None:
        """Stop reading and tell every watcher to start over elsewhere."""
        await self._tasks.close()
        for queues in self._watchers.values():
            for queue in queues:
                if not queue.full():
                    queue.put_nowait(None)


def _pairs(answer: Any) -> list[tuple[bytes, list[Any]]]:
    """Return (key, rows) whether the protocol gave a map (3) or a list (2)."""
    if not answer:
        return []
    if isinstance(answer, dict):
        return [
            (key, rows[0] if rows and isinstance(rows[0], list) else rows)
            for key, rows in answer.items()
        ]
    return [(key, rows) for key, rows in answer]


def _order(event_id: str) -> tuple[int, int]:
    """Return what an id of a stream sorts by."""
    milliseconds, _, number = event_id.partition("-")
    return int(milliseconds), int(number or 0)


def _event(row: Any) -> Event:
    event_id, fields = row
    return Event(event_id.decode(), fields[b"kind"].decode(), bytes(fields[b"data"]))


async def forget(redis: Redis, tenant_id: UUID, about: list[UUID]) -> None:
    """Remove the notices that name one of the ids: they may hold an erased person's words."""
    needles = [str(id_).encode() for id_ in about]
    try:
        rows: Any = await redis.xrange(keys.events(tenant_id))
        doomed = [
            event_id
            for event_id, fields in rows
            if any(needle in fields[b"data"] for needle in needles)
        ]
        if doomed:
            await redis.xdel(keys.events(tenant_id), *doomed)
    except (RedisError, OSError) as error:
        raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
