"""A small REST client: bearer token, problem documents as Refused, structs or plain JSON out."""

import functools
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final, Self

import httpx2
import msgspec

from client.errors import Refused
from client.session import Admitted

TIMEOUT_SECONDS: Final = 30.0


class Api:
    """One server's /api/v1 under one token; use it as an async context manager."""

    def __init__(self, base_url: str, token: str = "", *, locale: str = "es") -> None:
        """Speak to `base_url` (scheme and host) with `token` as the bearer."""
        headers = {"Accept-Language": locale}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx2.AsyncClient(
            base_url=base_url,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
            verify=_trust(),
        )

    async def __aenter__(self) -> Self:
        """Open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Any:
        """Call `/api/v1` + path and return the decoded answer; raises Refused on a problem."""
        content = None if body is None else msgspec.json.encode(body)
        sent = dict(headers or {})
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            answer = await self._http.request(
                method, f"/api/v1{path}", content=content, headers=sent
            )
        except httpx2.TransportError as error:
            raise Refused("unreachable", type(error).__name__, retry_after=1.0) from error
        return _decoded(answer)

    async def get(self, path: str) -> Any:
        """GET."""
        return await self.call("GET", path)

    async def page(self, path: str) -> str:
        """GET a page for people, as text."""
        answer = await self._http.get(f"/api/v1{path}")
        if answer.status_code >= 400:  # noqa: PLR2004 - HTTP
            _decoded(answer)
        return answer.text

    async def post(self, path: str, body: Any = None) -> Any:
        """POST; no body sends an empty object."""
        return await self.call("POST", path, {} if body is None else body)

    async def upload(self, url: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        """PUT a file to the (absolute or relative) address of an upload ticket."""
        answer = await self._http.put(url, content=data, headers=headers or {})
        _decoded(answer)

    async def events(self, last_event_id: str = "") -> AsyncIterator[tuple[str, Any]]:
        """Yield (kind, data) of the tenant's event stream until the connection ends."""
        headers = {"Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        async with self._http.stream(
            "GET", "/api/v1/events", headers=headers, timeout=None
        ) as answer:
            kind, data = "", ""
            async for line in answer.aiter_lines():
                if line.startswith("event:"):
                    kind = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield kind, msgspec.json.decode(data)
                    kind, data = "", ""

    async def ticket(self, waiting_token: str = "", unreachable: str = "") -> Admitted:
        """Fetch a ticket for the live socket with an invitation as the token.

        `waiting_token` keeps a place in line, also where the server has lost its list; the address
        `unreachable` is not where this candidate wants to be sent.
        """
        words = {"waiting_token": waiting_token, "unreachable": unreachable}
        asked = {name: word for name, word in words.items() if word}
        answer = await self.post("/invitation/ticket", asked)
        return Admitted(ticket=answer["ticket"], url=answer["url"])


@functools.cache
def _trust() -> ssl.SSLContext:
    """Return the certificates to trust, read once: that takes longer than a whole join."""
    return httpx2.create_ssl_context(trust_env=False)


def _decoded(answer: httpx2.Response) -> Any:
    if answer.status_code < 400:  # noqa: PLR2004 - HTTP
        return msgspec.json.decode(answer.content) if answer.content else None
    retry = answer.headers.get("retry-after")
    try:
        problem = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        problem = {}
    wrong = "; ".join(
        f"{item.get('path', '')} {item.get('message', '')}".strip()
        for item in problem.get("errors", [])
    )
    raise Refused(
        problem.get("code", f"http_{answer.status_code}"),
        wrong or problem.get("detail") or problem.get("title", ""),
        retry_after=float(retry) if retry else None,
    )
