"""Writes of many sessions leave together whenever the one writing connection is idle.

No timer: the first command leaves at once, those that come while it travels leave in one batch.
"""

import asyncio
from collections import deque
from importlib import resources
from typing import Any, Final

import hiredis
from redis.asyncio import Redis
from redis.exceptions import InvalidResponse, NoScriptError, RedisError, ResponseError

from protocol.faults import Fault
from runtime.lifecycle import Tasks

PENDING_MAX: Final = 20_000
READ_BYTES: Final = 256 * 1024
_NOTHING: Final = object()
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


def _parser() -> Any:
    return hiredis.Reader(protocolError=InvalidResponse, replyError=_error, notEnoughData=_NOTHING)


def _error(text: str) -> ResponseError:
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)


def _pack(*words: Any) -> bytes:
    packed: bytes = hiredis.pack_command(words)
    return packed


class RedisWriter:
    """One connection, one loop; `call` gives a future with the script's answer."""

    def __init__(self, redis: Redis) -> None:
        """Use `redis` for the writing; the loop starts with the first call."""
        self._pool: Any = redis.connection_pool
        self._pending: deque[tuple[str, list[str], list[Any], asyncio.Future[Any]]] = deque()
        self._wake = asyncio.Event()
        self._tasks = Tasks("redis-writer")
        self._connection: Any = None
        self._parser = _parser()
        self._seconds: float | None = None  # that one exchange may take
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
        answers = await self._exchange([self._command(item) for item in batch])
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # Redis was restarted: none of these has run, so loading and sending again is safe.
            self._hashes.clear()
            await self._load({name for name, *_ in batch})
            retry = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            again = await self._exchange([self._command(batch[i]) for i in retry])
            for i, answer in zip(retry, again, strict=True):
                answers[i] = answer
        return answers

    def _command(self, item: Any) -> bytes:
        name, keys, args, _ = item
        return _pack("EVALSHA", self._hashes[name], len(keys), *keys, *args)

    async def _load(self, names: set[str]) -> None:
        for name in names - self._hashes.keys():
            source = self._sources.setdefault(name, script(name))
            loaded = (await self._exchange([_pack("SCRIPT", "LOAD", source)]))[0]
            if isinstance(loaded, Exception):
                raise loaded
            self._hashes[name] = text(loaded)

    async def _exchange(self, commands: list[bytes]) -> list[Any]:
        """Send commands in one piece and return their answers, errors among them.

        The connection is kept between batches, without a pool's and a pipeline's work around each.
        One that has died since the last batch is opened once more: what was sent twice is a script
        under a fence, a claim or a name of its own, which does the same thing once.
        """
        fresh = self._connection is None
        try:
            return await self._exchange_on(await self._connected(), commands)
        except BaseException as error:
            await self._disconnect()
            if fresh or not isinstance(error, (RedisError, OSError)):
                raise
        try:
            return await self._exchange_on(await self._connected(), commands)
        except BaseException:
            await self._disconnect()
            raise

    async def _exchange_on(self, connection: Any, commands: list[bytes]) -> list[Any]:
        """Write all, then parse what comes: redis-py's own ways cost 30 us for each answer."""
        answers: list[Any] = []
        async with asyncio.timeout(self._seconds):
            connection._writer.write(b"".join(commands))  # noqa: SLF001
            while len(answers) < len(commands):
                answer = self._parser.gets()
                if answer is _NOTHING:
                    data = await connection._reader.read(READ_BYTES)  # noqa: SLF001
                    if not data:
                        raise ConnectionError("Redis closed the connection")
                    self._parser.feed(data)
                elif not isinstance(answer, hiredis.PushNotification):
                    answers.append(answer)
        return answers

    async def _connected(self) -> Any:
        if self._connection is None:
            self._connection = await self._pool.get_connection()
            self._parser = _parser()
            # One deadline for an exchange, not one for each sending and each answer in it.
            self._seconds = self._connection.socket_timeout
            self._connection.socket_timeout = None
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.socket_timeout = self._seconds
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

    async def close(self) -> None:
        """Stop; what still waits is told that Redis is away."""
        await self._tasks.close()
        await self._disconnect()
        for *_, future in self._pending:
            if not future.done():
                future.set_exception(Fault("unavailable", "closing"))
                future.exception()  # whoever waits still sees it; nobody waiting is no error
        self._pending.clear()
