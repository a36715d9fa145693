"""The front of the house over HTTP: what holds for every request, matched by a route or not.

Request ids, the list of origins, security headers, one log line and the metrics of each request.
It wraps the application because the framework's own middleware never sees a 404 or a 405.
"""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from protocol.faults import Fault
from runtime import clock, logs, metrics
from runtime.logs import Log
from runtime.settings import Settings
from server import problems

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{8,64}")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_EXPOSED: Final = b"ETag, Retry-After, X-Request-Id, Content-Language"
_ALLOWED_HEADERS: Final = (
    b"Authorization, Content-Type, Accept-Language, If-Match, If-None-Match, Last-Event-ID, "
    b"X-Request-Id, Cache-Control"
)
_PREFLIGHT_SECONDS: Final = b"600"
_DEFAULTS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=()"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"cache-control", b"no-store"),
)
_QUIET: Final = frozenset({"/health/live", "/health/ready", "/metrics"})  # asked by machines
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
log = Log("server.rest")


def allowed_origins(settings: Settings) -> frozenset[str]:
    """Return the origins whose pages may use the service: the list, and our own pages'."""
    own = (origin_of(url) for url in (settings.public_url, settings.instance_url))
    listed = (origin.rstrip("/").lower() for origin in settings.origins)
    return frozenset(origin for origin in (*own, *listed) if origin)


def origin_of(url: str) -> str:
    """Return the origin of a URL as a browser writes it, empty for no URL."""
    parts = urlsplit(url.lower())
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if not parts.hostname or scheme not in ("http", "https"):
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    standard = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, standard) else "")


class Front:
    """An ASGI application around another; only HTTP is touched."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Serve `app` to the pages of the settings' origins."""
        self.app = app
        self._origins = allowed_origins(settings)
        self._defaults = (
            (*_DEFAULTS, _HSTS) if settings.public_url.startswith("https:") else _DEFAULTS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})[problems.REQUEST_ID] = request_id
        bound = logs.bind(request_id=request_id)
        answer = _Answer(send, self._more_headers(request_id, headers))
        started = clock.monotonic()
        try:
            await self._serve(scope, headers, receive, answer)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            log.crash("request_crashed", error=type(error).__name__)
            await answer.problem(Fault("server_error"), headers, request_id)
        finally:
            _count(scope, answer, clock.monotonic() - started)
            logs.unbind(bound)

    async def _serve(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, answer: "_Answer"
    ) -> None:
        origin = headers.get(b"origin")
        method = scope["method"]  # type: ignore[typeddict-item]
        if method == "OPTIONS" and origin and b"access-control-request-method" in headers:
            await answer.preflight(allowed=self._allows(origin))
        elif origin and method not in _SAFE_METHODS and not self._allows(origin):
            request_id = scope["state"][problems.REQUEST_ID]
            await answer.problem(Fault("origin_refused"), headers, request_id)
        else:
            await self.app(scope, receive, answer)

    def _allows(self, origin: bytes) -> bool:
        return origin.decode("latin-1").lower() in self._origins

    def _more_headers(
        self, request_id: str, headers: dict[bytes, bytes]
    ) -> tuple[tuple[bytes, bytes], ...]:
        own = (*self._defaults, (b"x-request-id", request_id.encode()))
        origin = headers.get(b"origin")
        if origin is None or not self._allows(origin):
            return own
        return (
            *own,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
        )


class _Answer:
    """The way out of one request: adds headers that are not set yet, remembers the status."""

    def __init__(self, send: Send, more: tuple[tuple[bytes, bytes], ...]) -> None:
        self._send = send
        self._more = more
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            given += [(name, value) for name, value in self._more if name not in names]
            given = _vary(given)
            message = {**message, "headers": given}
        await self._send(message)

    async def problem(self, fault: Fault, headers: dict[bytes, bytes], request_id: str) -> None:
        """Answer with a problem document, unless an answer has begun."""
        if self.status:
            return
        metrics.faults.labels(fault.code).inc()
        accepted = headers.get(b"accept-language", b"").decode("latin-1")
        locale = problems.accepted_language(accepted)
        body = problems.encode(
            problems.document(fault.code, locale=locale, request_id=request_id, reason=fault.detail)
        )
        told = {
            **problems.headers(fault),
            "content-type": problems.MEDIA_TYPE,
            "content-language": locale,
            "content-length": str(len(body)),
        }
        await self._whole(fault.kind.status, told, body)

    async def preflight(self, *, allowed: bool) -> None:
        """Answer a browser's question whether a page may ask."""
        if not allowed:
            await self._whole(403, {}, b"")
            return
        told = {
            "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
            "access-control-allow-headers": _ALLOWED_HEADERS.decode(),
            "access-control-max-age": _PREFLIGHT_SECONDS.decode(),
        }
        await self._whole(204, told, b"")

    async def _whole(self, status: int, told: dict[str, str], body: bytes) -> None:
        headers = [(name.encode(), value.encode()) for name, value in told.items()]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body, "more_body": False})


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in scope["headers"]}


def _request_id(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"")
    if _REQUEST_ID.fullmatch(given):
        return given.decode()
    return str(clock.new_id())


def _vary(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Answers differ by origin and language; a cache has to know."""
    named = b", ".join(value for name, value in headers if name.lower() == b"vary")
    rest = [(name, value) for name, value in headers if name.lower() != b"vary"]
    return [*rest, (b"vary", named + b", Origin" if named else b"Origin")]


def _count(scope: Scope, answer: _Answer, seconds: float) -> None:
    # A label for each method and template that exists; what a stranger types is one label.
    template = str(scope.get("path_template") or "unmatched")
    raw: Any = scope.get("method", "")
    method = raw if raw in _METHODS else "other"
    metrics.requests.labels(f"{method} {template}", str(answer.status or 499)).inc()
    metrics.request_seconds.labels(f"{method} {template}").observe(seconds)
    say = log.debug if template in _QUIET else log.info
    say(
        "request",
        method=method,
        path=template,
        status=answer.status or 499,
        seconds=round(seconds, 5),
    )
