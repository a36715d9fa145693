"""The stand-in's side of HTTP: a request's body and key, and the replies to it."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from loadtest import model_rules
from loadtest.model_rules import Refused

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

BODY_BYTES_MAX: Final = 32 * 1024 * 1024
LIMITED: Final = 429


class Reply:
    """The reply to one request: whole, refused, or streamed."""

    def __init__(self, send: Send, request_id: str) -> None:
        """Answer over `send`, under this number."""
        self._send = send
        self.request_id = request_id

    async def json(self, status: int, body: Any, extra: Headers = ()) -> None:
        """Answer with JSON."""
        headers = [(b"content-type", b"application/json"), *extra]
        await self.whole(status, json.dumps(body).encode(), headers)

    async def refuse(self, refused: Refused, extra: Headers = ()) -> None:
        """Answer as the API refuses; 429 says when to come back."""
        kind = model_rules.ERROR_TYPES[refused.status]
        if refused.status == LIMITED:
            seconds = max(1, -(-int(refused.retry_after * 1000) // 1000))
            extra = [*extra, (b"retry-after", str(seconds).encode())]
        error = {"type": kind, "message": refused.message}
        body = {"type": "error", "error": error, "request_id": self.request_id}
        await self.json(refused.status, body, extra)

    async def whole(self, status: int, body: bytes, headers: Headers) -> None:
        """Answer in one piece."""
        await self.begin(status, headers)
        await self.end(body)

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the head."""
        told = [*headers, (b"request-id", self.request_id.encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": told})

    async def part(self, data: bytes) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the rest."""
        await self._send({"type": "http.response.body", "body": data})


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a request's headers, names in lower case."""
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}


def key_of(headers: dict[str, str]) -> str:
    """Return whose request it is."""
    return headers.get("x-api-key") or headers.get("authorization", "")


async def read_body(receive: Receive) -> Any:
    """Return the decoded JSON body, or None when it is too large, cut short or not JSON."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES_MAX:
            return None
        if not message.get("more_body"):
            break
    try:
        return msgspec.json.decode(b"".join(parts))
    except msgspec.DecodeError:
        return None


async def until_gone(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
