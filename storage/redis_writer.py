"""Writes of many sessions leave together whenever the one writing connection is idle.

No timer: the first command leaves at once, those that come while it travels leave in one batch.
"""

import asyncio
from collections import deque
from importlib import resources
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from protocol.faults import Fault
from runtime.lifecycle import Tasks

PENDING_MAX: Final = 20_000
BATCH_MAX: Final = 500


def text(raw: Any) -> str:
    """Return what Redis answered as text."""
    return raw.decode() if isinstance(raw, bytes) else str(raw)


def script(name: str) -> str:
    """Return the source of a packaged Lua script."""
    return resources.files("storage.scripts").joinpath(f"{name}.lua").read_text(encoding="utf-8")


def _tell(batch: list[Any], answers: list[Any]) -> None:
    """Give each caller its answer; where there is none, the write counts as not done."""
    for number, (*_, future) in enumerate(batch):
        if future.done():
            continue
        answer = answers[number] if number < len(answers) else RedisError("not written")
        if isinstance(answer, Exception):
            future.set_exception(Fault("unavailable", f"Redis: {type(answer).__name__}"))
        else:
            future.set_result(answer)


class RedisWriter:
    """One connection, one loop; `call` gives a future with the script's answer."""

    def __init__(self, redis: Redis) -> None:
        """Use `redis` for the writing; the loop starts with the first call."""
        self._redis = redis
        self._pending: deque[tuple[str, list[str], list[Any], asyncio.Future[Any]]] = deque()
        self._wake = asyncio.Event()
        self._tasks = Tasks("redis-writer")
        self._hashes: dict[str, str] = {}
        self._sources: dict[str, str] = {}

    def call(self, name: str, keys: list[str], args: list[Any]) -> "asyncio.Future[Any]":
        """Queue script `name`; the future raises Fault `unavailable` when Redis is away."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if len(self._pending) >= PENDING_MAX:
            future.set_exception(Fault("unavailable", "Redis: too many writes wait"))
            return future
        self._pending.append((name, keys, args, future))
        self._wake.set()
        if not len(self._tasks):
            self._tasks.start(self._run())
        return future

    async def run(self, name: str, keys: list[str], args: list[Any]) -> Any:
        """Run script `name` and return its answer."""
        return await self.call(name, keys, args)

    async def _run(self) -> None:
        while True:
            while not self._pending:
                self._wake.clear()
                await self._wake.wait()
            batch = [self._pending.popleft() for _ in range(min(len(self._pending), BATCH_MAX))]
            answers: list[Any] = []
            try:
                answers = await self._send(batch)
            except (RedisError, OSError, TimeoutError) as error:
                answers = [error] * len(batch)
            finally:
                _tell(batch, answers)

    async def _send(self, batch: list[Any]) -> list[Any]:
        await self._load({name for name, *_ in batch})
        pipe = self._redis.pipeline(transaction=False)
        for name, keys, args, _ in batch:
            pipe.evalsha(self._hashes[name], len(keys), *keys, *args)
        answers = await pipe.execute(raise_on_error=False)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # Redis was restarted: none of these has run, so loading and sending again is safe.
            self._hashes.clear()
            await self._load({name for name, *_ in batch})
            retry = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            pipe = self._redis.pipeline(transaction=False)
            for i in retry:
                name, keys, args, _ = batch[i]
                pipe.evalsha(self._hashes[name], len(keys), *keys, *args)
            for i, answer in zip(retry, await pipe.execute(raise_on_error=False), strict=True):
                answers[i] = answer
        return list(answers)

    async def _load(self, names: set[str]) -> None:
        for name in names - self._hashes.keys():
            source = self._sources.setdefault(name, script(name))
            loaded = await self._redis.script_load(source)
            self._hashes[name] = text(loaded)

    async def close(self) -> None:
        """Stop; what still waits is told that Redis is away."""
        await self._tasks.close()
        for *_, future in self._pending:
            if not future.done():
                future.set_exception(Fault("unavailable", "closing"))
                future.exception()  # whoever waits still sees it; nobody waiting is no error
        self._pending.clear()
