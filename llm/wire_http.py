"""The lean way to the provider: HTTP/1.1 with pooled connections, closed the moment it is left.

One client for a process. It never follows a redirect (the key would go with it), never repeats a
request, and never waits without a bound. Each exchange is one request and its reply.
"""

import asyncio
import ssl
from collections import deque
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from llm import events
from llm.reply import ModelFault, RateLimits, Reason, rate_limits, retry_after
from llm.wire_line import Broken, Line, connect
from protocol import limits
from runtime import clock
from runtime.lifecycle import Tasks
from runtime.wheel import Wheel

URL: Final = "https://api.anthropic.com"
VERSION: Final = "2023-06-01"  # of the API
OVERLOADED: Final = 529
PASSING: Final = (408, 409)  # refusals that may go well the next time
ERROR_BYTES_MAX: Final = 64 * 1024
NEVER: Final = float("inf")


class _Refused(msgspec.Struct):
    error: events.ErrorBody = msgspec.field(default_factory=events.ErrorBody)


class Wire:
    """The connections of a process to one provider under one key."""

    def __init__(self, *, key: str, base_url: str = "", proxy: str = "", roots: str = "") -> None:
        """Nothing is opened before the first request.

        `roots` is a file of trusted certificates for a machine that has none of its own; `proxy`
        is used for https only. An address or a key that is none is a ValueError.
        """
        self._base = urlsplit((base_url or URL).rstrip("/"))
        if self._base.scheme not in ("http", "https") or not self._base.hostname:
            raise ValueError("an http or https address is expected")
        if not key.isascii() or not key.isprintable():
            raise ValueError("a key is plain letters, digits and signs")
        secure = self._base.scheme == "https"
        self._proxy = urlsplit(proxy) if secure and proxy else None
        self._roots = roots
        self._secure = secure
        self._context: ssl.SSLContext | None = None
        host = self._base.netloc.rpartition("@")[2]
        self._head = (
            f"host: {host}\r\nx-api-key: {key}\r\nanthropic-version: {VERSION}\r\n"
            "content-type: application/json\r\naccept: */*\r\naccept-encoding: identity\r\n"
            "user-agent: entrevistador\r\n"
        )
        self._closed = False
        self._wheel = Wheel()
        self._idle: deque[tuple[float, Line]] = deque()
        self._places = asyncio.Semaphore(limits.MODEL_CONNECTIONS_MAX)
        self.endings = Tasks("model reply endings")

    async def send(self, method: str, path: str, body: Any = None, *, seconds: float) -> "Exchange":
        """Return the reply to a request once its head is there; a ModelFault if it is no 200.

        `seconds` bounds the wait for a connection, the sending and the head together.
        """
        data = b"" if body is None else msgspec.json.encode(body)
        request = (
            f"{method} {self._base.path}{path} HTTP/1.1\r\n{self._head}"
            f"content-length: {len(data)}\r\n\r\n"
        ).encode("latin-1") + data
        try:
            async with asyncio.timeout(seconds):
                exchange = await self._begin(request)
        except TimeoutError as error:
            raise ModelFault("late", "no answer in time") from error
        if exchange.status != 200:  # noqa: PLR2004 - the one that is an answer
            try:
                raise await exchange.refusal()
            finally:
                exchange.close()
        return exchange

    async def _begin(self, request: bytes) -> "Exchange":
        await self._places.acquire()
        line: Line | None = None
        try:
            line = self._waiting() or await self._connect()
            await line.ask(request)
        except BaseException as error:
            self._places.release()
            if line is not None:
                line.close()
            if isinstance(error, Broken):
                raise ModelFault("disconnected", str(error)) from error
            raise
        return Exchange(self, line)

    def _waiting(self) -> Line | None:
        """Return a connection that another exchange has given back, the latest first."""
        since = clock.monotonic() - limits.MODEL_IDLE_SECONDS
        while self._idle and self._idle[0][0] < since:
            self._idle.popleft()[1].close()
        while self._idle:
            line = self._idle.pop()[1]
            if line.free:
                return line
        return None

    async def _connect(self) -> Line:
        if self._secure and self._context is None:
            self._context = ssl.create_default_context(cafile=self._roots or None)
            self._context.set_alpn_protocols(["http/1.1"])
        try:
            async with asyncio.timeout(limits.MODEL_CONNECT_SECONDS):
                return await connect(self._base, self._context, self._proxy, self._wheel)
        except (OSError, Broken) as error:  # a timeout is an OSError as well
            raise ModelFault("unreachable", type(error).__name__) from error

    def give_back(self, line: Line) -> None:
        """Keep a connection for the next exchange, or close it when it cannot serve one."""
        self._places.release()
        if line.free and not self._closed:
            self._idle.append((clock.monotonic(), line))
        else:
            line.close()

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        await self.endings.close()
        while self._idle:
            self._idle.pop()[1].close()


class Exchange:
    """One request under way. Close it: at its end, at a fault, or when nobody listens any more."""

    def __init__(self, wire: Wire, line: Line) -> None:
        self._wire = wire
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._due = NEVER  # when the bytes that are waited for are late
        self._looks = NEVER  # when the timer looks
        self._timer: asyncio.TimerHandle | None = None
        self._late = False
        self._given = False
        self.status = line.status
        self.headers = line.headers

    @property
    def request_id(self) -> str:
        """The provider's number of the call: what its support asks for."""
        return self.headers.get("request-id", "")

    @property
    def limits(self) -> RateLimits | None:
        """What the headers say of the key's limits."""
        return rate_limits(self.headers)

    @property
    def kind(self) -> str:
        """The reply's media type."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def read(self, due: float, reason: Reason, ripe: float = 0.0) -> bytes:
        """Return the next bytes (b"" at the end); past `due`, a monotonic moment, a ModelFault.

        What comes before the moment `ripe` is collected until then. One timer serves the whole
        exchange: each read only moves its moment.
        """
        self._due = due
        if due < self._looks:
            self._look_at(due)
        try:
            data = await self._line.read(ripe)
        except Broken as error:
            if self._late:
                raise ModelFault(reason, "silence") from error
            raise ModelFault("broken", type(error).__name__) from error
        finally:
            self._due = NEVER
        return data

    def _look_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks = moment
        self._timer = self._loop.call_later(moment - clock.monotonic(), self._look)

    def _look(self) -> None:
        """Close an exchange whose next bytes are late; otherwise look again when they would be."""
        now = clock.monotonic()
        if now < self._due:
            self._look_at(min(self._due, now + limits.MODEL_PIECE_SECONDS))
            return
        self._late = True
        self._line.close()

    async def whole(self, due: float) -> bytes:
        """Return all of the body, within its bound."""
        parts: list[bytes] = []
        size = 0
        while data := await self.read(due, "late"):
            parts.append(data)
            size += len(data)
            if size > limits.MODEL_REPLY_BYTES_MAX:
                raise ModelFault("malformed", "a body without an end")
        return b"".join(parts)

    async def refusal(self) -> ModelFault:
        """Return what a reply with another status than 200 stands for."""
        status, headers = self.status, self.headers
        kind = ""
        due = clock.monotonic() + limits.MODEL_CONNECT_SECONDS
        try:
            body = await self.read(due, "late")
            kind = msgspec.json.decode(body[:ERROR_BYTES_MAX], type=_Refused).error.type
        except (ModelFault, msgspec.MsgspecError):
            pass  # the status says enough
        return ModelFault(
            reason_of(status),
            f"{status} {kind}".strip(),
            status=status,
            request_id=self.request_id,
            limits=self.limits,
            retry_after=retry_after(headers),
        )

    def close(self) -> None:
        """Give the connection back when the reply has ended, otherwise close it now."""
        self._forget()
        if not self._given:
            self._given = True
            self._wire.give_back(self._line)

    def end(self) -> None:
        """After `message_stop`: give the connection back once the body has ended as well."""
        self._forget()
        if self._line.ended or self._line.lost:
            self.close()
        else:
            self._wire.endings.start(self._drain())

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(limits.MODEL_DRAIN_SECONDS):
                while await self._line.read():
                    pass
        except (TimeoutError, Broken):
            pass
        finally:
            self.close()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def reason_of(status: int) -> Reason:
    """Return why a call with this status failed."""
    if status == 429:  # noqa: PLR2004 - HTTP's own number
        return "rate_limited"
    if status == OVERLOADED:
        return "overloaded"
    if status >= 500 or status in PASSING:  # noqa: PLR2004 - HTTP's own number
        return "server_error"
    return "rejected"
