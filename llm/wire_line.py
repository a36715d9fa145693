"""One connection to the provider: a request, its reply as it comes, and the next request.

HTTP/1.1 parsed by httptools (llhttp). Bytes go from the socket to whoever reads in one step:
that is what makes a stream of many small pieces cheap.
"""

import asyncio
import ssl
from base64 import b64encode
from functools import partial
from typing import Any, Final
from urllib.parse import SplitResult, unquote

import aiohappyeyeballs
import httptools

from runtime import clock
from runtime.wheel import Wheel

HIGH_BYTES: Final = 256 * 1024  # unread: more is not taken from the socket
HEAD_BYTES_MAX: Final = 64 * 1024
NEXT_ADDRESS_SECONDS: Final = 0.25  # then another of the host's addresses is tried beside it
FIRST_FINAL: Final = 200  # statuses below announce another head


class Broken(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The connection is gone, or what came over it is no HTTP."""


class Line(asyncio.Protocol):
    """A connection; one exchange at a time."""

    def __init__(self, wheel: Wheel) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser: Any = None
        self._head: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._wheel = wheel
        self._ripens = 0.0  # until then what comes is collected; 0 for at once
        self._parts: list[bytes] = []
        self._unread = 0
        self._paused = False
        self._told = 0  # bytes of headers
        self._raw: asyncio.Future[bytes] | None = None  # a proxy's answer
        self._answer = b""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False
        self.reusable = True
        self.lost = False

    # What whoever asks does ---------------------------------------------------------------------

    async def ask(self, request: bytes) -> None:
        """Send a request and return when the head of its reply is there; or Broken."""
        if self.lost:
            raise Broken("closed")
        self._parser = httptools.HttpResponseParser(self)
        self.status, self.headers, self._told = 0, {}, 0
        self.ended = False
        head = self._head = self._loop.create_future()
        self._transport.write(request)
        try:
            await head
        finally:
            self._head = None

    async def read(self, ripe: float = 0.0) -> bytes:
        """Return what has come of the body, or b"" at its end; or Broken.

        Before the moment `ripe` nobody is woken for what comes, unless it is the end.
        """
        if ripe > clock.monotonic():
            self._ripens = ripe
            self._wheel.at(ripe, partial(self._ripen, ripe))
        while (self._ripens or not self._parts) and not self.ended and not self.lost:
            self._waiter = self._loop.create_future()
            await self._waiter
        self._ripens = 0.0
        parts = self._parts
        if not parts:
            if self.ended:
                return b""
            raise Broken("closed")
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._unread = 0
        if self._paused and not self.lost:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def tunnel(self, target: str, proxy: SplitResult) -> None:
        """Ask a proxy to hand this connection on; Broken when it does not."""
        known = ""
        if proxy.username:
            words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
            known = f"proxy-authorization: Basic {b64encode(words).decode()}\r\n"
        lines = f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{known}\r\n"
        self._transport.write(lines.encode())
        self._raw = self._loop.create_future()
        answer = await self._raw
        if b" 200 " not in answer.split(b"\r\n", 1)[0]:
            raise Broken("the proxy refused")

    @property
    def free(self) -> bool:
        """Whether another request may be sent over it."""
        return self.ended and self.reusable and not self.lost and not self._parts

    def close(self) -> None:
        """Close it now; whoever waits hears of it."""
        if self._transport is not None:
            self._transport.abort()
        self._gone()

    # What the loop calls ------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse what came; bytes that nobody asked for close the connection."""
        if self._raw is not None:
            self._answer += data
            if b"\r\n\r\n" in self._answer or len(self._answer) > HEAD_BYTES_MAX:
                raw, self._raw = self._raw, None
                raw.set_result(self._answer)
            return
        if self.ended or self._parser is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.close()
            return
        if self._unread > HIGH_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        waiter = self._waiter
        if waiter is not None and (self.ended or (self._parts and not self._ripens)):
            self._wake(waiter)

    def eof_received(self) -> None:
        """Take the end of the connection for the end of a body that has no other."""
        endless = {"content-length", "transfer-encoding"}.isdisjoint(self.headers)
        if self.status and not self.ended and endless:
            self.ended, self.reusable = True, False

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever waits."""
        self._gone()

    def _gone(self) -> None:
        self.lost = True
        if self._head is not None and not self._head.done():
            self._head.set_exception(Broken("closed before a reply"))
        if self._raw is not None and not self._raw.done():
            self._raw.set_exception(Broken("closed by the proxy"))
        if self._waiter is not None:
            self._wake(self._waiter)

    def _ripen(self, moment: float) -> None:
        """Give what was collected to whoever waits; what comes from now on need not wait."""
        if self._ripens != moment:
            return  # an earlier reading's, which has ended before its time
        self._ripens = 0.0
        if self._waiter is not None and self._parts:
            self._wake(self._waiter)

    def _wake(self, waiter: "asyncio.Future[None]") -> None:
        self._waiter = None
        if not waiter.done():
            waiter.set_result(None)

    # What the parser calls ----------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, within a bound."""
        self._told += len(name) + len(value)
        if self._told > HEAD_BYTES_MAX:
            self.close()
            return
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Give the head to whoever asked; an interim one is passed over."""
        if self.ended:  # a reply that nobody asked for
            self.reusable = False
            return
        status = self._parser.get_status_code()
        if status < FIRST_FINAL:
            self.headers = {}
            return
        self.status = status
        if self._head is not None and not self._head.done():
            self._head.set_result(None)

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body until it is read."""
        if self.ended:
            return
        self._parts.append(data)
        self._unread += len(data)

    def on_message_complete(self) -> None:
        """Note the end of the reply."""
        if self.status and not self.ended:
            self.ended = True
            self.reusable = self._parser.should_keep_alive()


async def connect(
    target: SplitResult,
    context: ssl.SSLContext | None,
    proxy: SplitResult | None,
    wheel: Wheel,
) -> Line:
    """Return a new connection to an address; OSError, or Broken by a proxy, when there is none."""
    host, port = target.hostname or "", target.port or (443 if context else 80)
    loop = asyncio.get_running_loop()
    near = (host, port) if proxy is None else (proxy.hostname or "", proxy.port or 80)
    found = await loop.getaddrinfo(*near, type=1, proto=6)  # a stream, over TCP
    sock = await aiohappyeyeballs.start_connection(
        found, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, interleave=1
    )
    try:
        if proxy is None:
            name = host if context else None
            _, line = await loop.create_connection(
                partial(Line, wheel), sock=sock, ssl=context, server_hostname=name
            )
            return line
        transport, door = await loop.create_connection(partial(Line, wheel), sock=sock)
    except BaseException:
        sock.close()
        raise
    try:
        await door.tunnel(f"{host}:{port}", proxy)
        line = Line(wheel)
        if context is None:
            raise Broken("a tunnel is for https only")
        inner = await loop.start_tls(transport, line, context, server_hostname=host)
        line.connection_made(inner)
    except BaseException:
        transport.abort()
        raise
    return line
