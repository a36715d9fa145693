"""Answers to job-level work, kept a week in Redis; one process computes what many ask for."""

import asyncio
import contextlib
from typing import Any, Final
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from runtime.lifecycle import Tasks
from storage import keys
from storage.redis_writer import script, text

AGAIN_SECONDS: Final = 1.0
ANSWER_BYTES_MAX: Final = 1024 * 1024


class WorkCache:
    """One subscription a process; whoever waits hears of an answer or of the leader's end."""

    def __init__(self, redis: Redis) -> None:
        """Look up through `redis`; the subscription begins with the first wait."""
        self._redis = redis
        self._done = redis.register_script(script("work_done"))
        self._tasks = Tasks("work-cache")
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._listening: asyncio.Future[None] | None = None

    async def get(self, tenant_id: UUID, digest: str) -> str | None:
        """Return the answer, or None; raises Fault `unavailable` without Redis."""
        with _away():
            found = await self._redis.get(keys.work(tenant_id, digest))
        return None if found is None else text(found)

    async def lead(self, tenant_id: UUID, digest: str) -> str | None:
        """Return a mark when this caller is to compute the answer, None when somebody does."""
        mark = str(clock.new_id())
        with _away():
            mine = await self._redis.set(
                keys.work_lead(tenant_id, digest), mark, nx=True,
                px=int(limits.WORK_LEAD_SECONDS * 1000),
            )  # fmt: skip
        return mark if mine else None

    async def put(self, tenant_id: UUID, digest: str, mark: str, answer: str | None) -> None:
        """End the lead, with the whole answer or (None) without one, and tell whoever waits."""
        kept = answer if answer and len(answer.encode()) <= ANSWER_BYTES_MAX else ""
        with _away():
            await self._done(
                keys=[
                    keys.work(tenant_id, digest), keys.work_lead(tenant_id, digest), keys.WORK_DONE
                ],
                args=[mark, kept, limits.WORK_CACHE_SECONDS],
            )  # fmt: skip

    async def wait(self, tenant_id: UUID, digest: str, seconds: float) -> None:
        """Return when the answer may be there or the leader's time is up."""
        key, event = keys.work(tenant_id, digest), asyncio.Event()
        self._waiting.setdefault(key, set()).add(event)
        try:
            await self._listen()
            with _away():
                if await self._redis.exists(key):  # it came before we listened
                    return
                left = await self._redis.pttl(keys.work_lead(tenant_id, digest))
            due = max(0.0, left / 1000) if left > 0 else 0.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, due)):
                    await event.wait()
        finally:
            self._waiting[key].discard(event)
            if not self._waiting[key]:
                del self._waiting[key]

    async def _listen(self) -> None:
        if self._listening is None:
            self._listening = asyncio.get_running_loop().create_future()
            self._tasks.start(self._hear(self._listening))
        await asyncio.shield(self._listening)

    async def _hear(self, ready: "asyncio.Future[None]") -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(keys.WORK_DONE)
                    if not ready.done():
                        ready.set_result(None)
                    async for message in channel.listen():
                        self._tell(message)
            except (RedisError, OSError):
                if not ready.done():
                    ready.set_result(None)  # the leader's time ends the wait nevertheless
                await asyncio.sleep(AGAIN_SECONDS)

    def _tell(self, message: dict[str, Any]) -> None:
        if message["type"] == "message":
            for event in self._waiting.get(message["data"].decode(), ()):
                event.set()

    async def close(self) -> None:
        """Listen no more."""
        await self._tasks.close()


@contextlib.contextmanager
def _away() -> Any:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
