"""A line of one's own: a TCP relay on loopback that delays, narrows and breaks what goes through.

It can go dead for a while (a lift, a tunnel: nothing comes through, the connection stays) and it
can stop taking what the server sends, so that the server's own buffers fill.
"""

import _socket
import asyncio
import contextlib
import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
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
    receive_bytes: int = 0  # what the far end's kernel keeps for a line that does not take it

    @property
    def round_trip_seconds_max(self) -> float:
        """What the line alone adds to a question and its answer."""
        return 2 * (self.delay_seconds + self.jitter_seconds)


STEADY: Final = Line(0.0, 0.0, math.inf, receive_bytes=2048)
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
        self._far: set[asyncio.StreamWriter] = set()
        self._dead_until = 0.0
        self.held = False

    def dead(self, seconds: float) -> None:
        """Let nothing through for a while; what was sent meanwhile comes afterwards."""
        self._dead_until = asyncio.get_running_loop().time() + seconds

    def hold(self) -> None:
        """Take nothing more from the server on the connections that there are."""
        self.held = True
        for writer in self._far:
            if not writer.transport.is_closing():
                _reading(writer).pause_reading()

    def go_on(self) -> None:
        """Take again what the server sends."""
        self.held = False
        for writer in self._far:
            if not writer.transport.is_closing():
                _reading(writer).resume_reading()

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
            far_reader, far_writer = await self._connect(target)
        except OSError:
            writer.close()
            return
        self._far.add(far_writer)
        ways = {
            self._tasks.start(self._way(reader, far_writer)),
            self._tasks.start(self._way(far_reader, writer)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._far.discard(far_writer)
            for way in ways:
                way.cancel()
            for end in (writer, far_writer):
                end.transport.abort()

    async def _connect(
        self, target: tuple[str, int]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect; the kernel's window is narrowed before, it does not shrink afterwards."""
        if not self._line.receive_bytes:
            return await asyncio.open_connection(*target)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(*target, type=_socket.SOCK_STREAM)
        family, kind, number, _, address = found[0]
        plain: Any = _socket.socket(family, kind, number)  # a load tester replaces the other class
        try:
            plain.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, self._line.receive_bytes)
            plain.setblocking(False)
            await loop.sock_connect(plain, address)
        except OSError:
            plain.close()
            raise
        return await asyncio.open_connection(sock=plain)

    async def _way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction: each chunk leaves after its delay, in order, at the line's width."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING_CHUNKS_MAX)

        async def take() -> None:
            with contextlib.suppress(OSError):  # a reset is an end, too
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
                if self._dead_until > loop.time():
                    await asyncio.sleep(self._dead_until - loop.time())
                if writer.is_closing():
                    return
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


def _reading(writer: asyncio.StreamWriter) -> asyncio.ReadTransport:
    transport: Any = writer.transport
    reading: asyncio.ReadTransport = transport
    return reading


@asynccontextmanager
async def slow_line(line: Line = PHONE_3G) -> AsyncIterator[SlowLine]:
    """Have a slow line while the block runs."""
    relay = SlowLine(line)
    try:
        yield relay
    finally:
        await relay.close()
