"""A slow line: a TCP relay on loopback that delays and narrows what goes through it."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import msgspec

from runtime.lifecycle import Tasks

CHUNK_BYTES: Final = 4096
WAITING_CHUNKS_MAX: Final = 64  # in each direction: a full line pushes back, as a real one does


class Line(msgspec.Struct, frozen=True):
    """What a line does to bytes, each way."""

    delay_seconds: float
    jitter_seconds: float
    bytes_per_second: float


PHONE_3G: Final = Line(delay_seconds=0.12, jitter_seconds=0.06, bytes_per_second=48_000)


class SlowLine:
    """Relays for as many servers as are asked for; each listens on a port of its own."""

    def __init__(self, line: Line, *, rng: random.Random | None = None) -> None:
        """Treat bytes as `line` says."""
        self._line = line
        self._random = rng or random.Random()
        self._ports: dict[tuple[str, int], int] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks = Tasks("slow line")
        self._opening = asyncio.Lock()

    async def route(self, url: str) -> tuple[str, int]:
        """Return the host and port through which `url` is reached on this line."""
        parts = urlsplit(url)
        standard = 443 if parts.scheme in ("wss", "https") else 80
        target = (parts.hostname or "127.0.0.1", parts.port or standard)
        async with self._opening:
            if target not in self._ports:
                self._ports[target] = await self._listen(target)
        return "127.0.0.1", self._ports[target]

    async def _listen(self, target: tuple[str, int]) -> int:
        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                await self._relay(reader, writer, target)

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]
    ) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*target)
        except OSError:
            writer.close()
            return
        ways = {
            self._tasks.start(self._way(reader, far_writer)),
            self._tasks.start(self._way(far_reader, writer)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, far_writer):
                end.transport.abort()

    async def _way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction: each chunk leaves after its delay, in order, at the line's width."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING_CHUNKS_MAX)

        async def take() -> None:
            while data := await reader.read(CHUNK_BYTES):
                jitter = self._random.uniform(0, self._line.jitter_seconds)
                await waiting.put((loop.time() + self._line.delay_seconds + jitter, data))
            await waiting.put((0.0, b""))

        async with Tasks("slow way") as tasks:
            tasks.start(take())
            free_at = 0.0
            while True:
                due, data = await waiting.get()
                if not data:
                    return
                free_at = max(free_at, due) + len(data) / self._line.bytes_per_second
                await asyncio.sleep(max(0.0, free_at - loop.time()))
                try:
                    writer.write(data)
                    await writer.drain()
                except OSError:
                    return

    async def close(self) -> None:
        """End every relay."""
        for server in self._servers:
            server.close()
        await self._tasks.close()


@asynccontextmanager
async def slow_line(line: Line = PHONE_3G) -> AsyncIterator[SlowLine]:
    """Have a slow line while the block runs."""
    relay = SlowLine(line)
    try:
        yield relay
    finally:
        await relay.close()
