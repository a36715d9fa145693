"""The lean way to the provider: HTTP/1.1 with pooled connections, closed the moment it is left.

One client for a process. It never follows a redirect (the key would go with it), never repeats a
request, and never waits without a bound. Each exchange is one request and its reply.
"""

import asyncio
import ssl
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from llm import events
from llm.reply import ModelFault, RateLimits, Reason, rate_limits, retry_after
from protocol import limits
from runtime import clock
from runtime.lifecycle import Tasks

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

    def __init__(
        self,
        http: ModuleType,
        *,
        key: str,
        base_url: str = "",
        proxy: str = "",
        roots: str = "",
    ) -> None:
        """Take the client library (aiohttp); connections open with the first request.

        `roots` is a file of trusted certificates for a machine that has none of its own; `proxy`
        is used for https only.
        """
        self._http = http
        self._base = (base_url or URL).rstrip("/")
        secure = urlsplit(self._base).scheme == "https"
        self._proxy = proxy if secure and proxy else None
        self._roots = roots
        self._headers = {
            "x-api-key": key,
            "anthropic-version": VERSION,
            "content-type": "application/json",
            "accept-encoding": "identity",  # packed streams arrive in lumps
            "user-agent": "entrevistador",
        }
        self._session: Any = None
        self.endings = Tasks("model reply endings")

    async def send(self, method: str, path: str, body: Any = None, *, seconds: float) -> "Exchange":
        """Return the reply to a request once its head is there; a ModelFault if it is no 200.

        `seconds` bounds the wait for a connection, the sending and the head together.
        """
        if self._session is None:
            self._session = self._open()
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with asyncio.timeout(seconds):
                response = await self._session.request(
                    method, self._base + path, data=data, proxy=self._proxy, allow_redirects=False
                )
        except TimeoutError as error:  # also the library's own, while it connects
            reason: Reason = "late"
            if isinstance(error, self._http.ConnectionTimeoutError):
                reason = "unreachable"
            raise ModelFault(reason, "no answer in time") from error
        except (self._http.ClientConnectorError, self._http.InvalidURL) as error:
            raise ModelFault("unreachable", type(error).__name__) from error
        except (self._http.ClientError, OSError) as error:
            raise ModelFault("disconnected", type(error).__name__) from error
        exchange = Exchange(self, response)
        if response.status != 200:  # noqa: PLR2004 - the one that is an answer
            try:
                raise await exchange.refusal()
            finally:
                exchange.close()
        return exchange

    def _open(self) -> Any:
        context = ssl.create_default_context(cafile=self._roots or None)
        connector = self._http.TCPConnector(
            limit=limits.MODEL_CONNECTIONS_MAX,
            keepalive_timeout=limits.MODEL_IDLE_SECONDS,
            ssl=context,
        )
        timeout = self._http.ClientTimeout(total=None, sock_connect=limits.MODEL_CONNECT_SECONDS)
        return self._http.ClientSession(
            connector=connector,
            headers=self._headers,
            timeout=timeout,
            cookie_jar=self._http.DummyCookieJar(),
            auto_decompress=False,
        )

    @property
    def broken(self) -> tuple[type[Exception], ...]:
        """What a read raises when the connection is gone."""
        return (self._http.ClientError, OSError)

    async def close(self) -> None:
        """Close every connection."""
        await self.endings.close()
        if self._session is not None:
            await self._session.close()
            self._session = None


class Exchange:
    """One request under way. Close it: at its end, at a fault, or when nobody listens any more."""

    def __init__(self, wire: Wire, response: Any) -> None:
        self._wire = wire
        self._response = response
        self._content = response.content
        self._loop = asyncio.get_running_loop()
        self._due = NEVER  # when the bytes that are waited for are late
        self._looks = NEVER  # when the timer looks
        self._timer: asyncio.TimerHandle | None = None
        self._late = False

    @property
    def request_id(self) -> str:
        """The provider's number of the call: what its support asks for."""
        return str(self._response.headers.get("request-id", ""))

    @property
    def limits(self) -> RateLimits | None:
        """What the headers say of the key's limits."""
        return rate_limits(self._response.headers)

    @property
    def kind(self) -> str:
        """The reply's media type."""
        return str(self._response.content_type)

    async def read(self, due: float, reason: Reason) -> bytes:
        """Return the next bytes (b"" at the end); past `due`, a monotonic moment, a ModelFault.

        One timer serves the whole exchange: each read only moves its moment.
        """
        self._due = due
        if due < self._looks:
            self._look_at(due)
        try:
            data: bytes = await self._content.readany()
        except self._wire.broken as error:
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
        self._response.close()

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
        status, headers = self._response.status, self._response.headers
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
        if self._content.is_eof():
            self._response.release()
        else:
            self._response.close()

    def end(self) -> None:
        """After `message_stop`: give the connection back once the body has ended as well."""
        self._forget()
        if self._content.is_eof():
            self._response.release()
        else:
            self._wire.endings.start(self._drain())

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(limits.MODEL_DRAIN_SECONDS):
                while not self._content.at_eof():
                    await self._content.readany()
        except TimeoutError:
            pass
        except self._wire.broken:
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
