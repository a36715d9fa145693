"""A stand-in for the Messages API on loopback: streams, usage, rate limits, and faults on order.

It is deterministic from the prompt and says only written questions, so that the road to the model
can be walked over real HTTP without a key, a network or a bill. Each request may be made to fail:
by the option `fault` (every `fault_every`-th request), by the header `x-standin-fault`, or by a
list posted to /faults, which the next requests take from in order.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import msgspec

from loadtest import model_rules, model_text
from loadtest.model_cache import PromptCache
from loadtest.model_rules import Refused
from loadtest.model_stream import FAULTS, RESET, STATUS_FAULTS, Options, Order, text_for
from runtime import clock
from runtime.lifecycle import Tasks

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

BODY_BYTES_MAX: Final = 32 * 1024 * 1024
FAULTS_WAITING_MAX: Final = 10_000
RETRY_AFTER_SECONDS: Final = 7
LIMITS: Final = {"requests": 4_000, "input-tokens": 4_000_000, "output-tokens": 800_000}


class Standin:
    """The ASGI application and its counters."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.requests = 0
        self.open_streams = 0
        self.finished = 0
        self.cut_by_client = 0
        self.faults: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.last_request: dict[str, Any] = {}
        self._next_faults: deque[str] = deque(maxlen=FAULTS_WAITING_MAX)
        self._cache = PromptCache()
        self._minute = (0, 0)  # which minute, and how many requests in it
        self._tasks = Tasks("standin")

    def stats(self) -> dict[str, Any]:
        """Return what GET /stats says."""
        return {
            "requests": self.requests,
            "open_streams": self.open_streams,
            "finished": self.finished,
            "cut_by_client": self.cut_by_client,
            "faults": dict(self.faults),
            "tokens": dict(self.tokens),
        }

    def fail_next(self, *faults: str) -> None:
        """Make the next requests fail in these ways ("" = this one does not)."""
        unknown = [name for name in faults if name and name not in FAULTS]
        if unknown:
            raise ValueError(f"not a fault: {unknown[0]}")
        self._next_faults.extend(faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        route = f"{scope['method']} {scope['path']}"
        if route == "GET /stats":
            await self._json(send, 200, self.stats())
        elif route == "POST /faults":
            await self._order_faults(receive, send)
        elif refused := model_rules.check_headers(headers):
            await self._refuse(send, refused)
        elif route == "GET /v1/models":
            await self._json(send, 200, _model_list())
        elif route == "POST /v1/messages/count_tokens":
            await self._count(receive, send)
        elif route == "POST /v1/messages":
            await self._message(headers, receive, send)
        else:
            await self._refuse(send, Refused(404, f"{scope['path']} is not served here"))

    async def _order_faults(self, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        try:
            self.fail_next(*msgspec.convert(body, dict[str, list[str]])["next"])
        except (ValueError, KeyError) as error:
            await self._refuse(send, Refused(400, str(error)))
        else:
            await self._json(send, 200, {"waiting": len(self._next_faults)})

    async def _count(self, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if refused := model_rules.check_message(body, counting=True):
            await self._refuse(send, refused)
            return
        size = sum(model_text.tokens(block.get("text", "")) for block in model_rules.blocks(body))
        await self._json(send, 200, {"input_tokens": size})

    async def _message(self, headers: dict[str, str], receive: Receive, send: Send) -> None:
        self.requests += 1
        body = await _body(receive)
        fault = self._fault(headers)
        if fault:
            self.faults[fault] += 1
        refused = model_rules.check_message(body) or self._over_limit()
        if fault in STATUS_FAULTS:
            refused = Refused(int(fault), f"ordered: {fault}")
        if refused is not None:
            await self._refuse(send, refused)
            return
        self.last_request = body
        counted = self._cache.count(body, clock.monotonic())
        order = Order(self.options, body, counted, fault, text_for(body, fault))
        if body.get("stream"):
            await self._stream(order, receive, send)
        else:
            await self._whole(order, send)

    def _fault(self, headers: dict[str, str]) -> str:
        if self._next_faults:
            return self._next_faults.popleft()
        if "x-standin-fault" in headers:
            return headers["x-standin-fault"]
        every = max(1, self.options.fault_every)
        return self.options.fault if self.requests % every == 0 else ""

    def _over_limit(self) -> Refused | None:
        minute = int(clock.monotonic() // 60)
        count = self._minute[1] + 1 if self._minute[0] == minute else 1
        self._minute = (minute, count)
        limit = self.options.requests_per_minute
        return Refused(429, "requests per minute exceeded") if limit and count > limit else None

    # Answers ---------------------------------------------------------------------------------

    async def _whole(self, order: Order, send: Send) -> None:
        await asyncio.sleep(order.first_seconds())
        self.tokens.update(order.usage())
        self.finished += 1
        await self._json(send, 200, order.message())

    async def _stream(self, order: Order, receive: Receive, send: Send) -> None:
        kind = [(b"content-type", b"text/event-stream; charset=utf-8")]
        headers = self._headers([*kind, (b"cache-control", b"no-cache")])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self.open_streams += 1
        gone = self._tasks.start(_until_gone(receive))
        try:
            for wait, event in order.events():
                if gone.done() or (wait and await _ended(gone, wait)):
                    self.cut_by_client += 1
                    return
                if event == RESET:
                    raise ConnectionResetError("ordered: reset")  # the server drops the connection
                await send({"type": "http.response.body", "body": event, "more_body": True})
            self.tokens.update(order.usage())
            self.finished += 1
            await send({"type": "http.response.body", "body": b""})
        finally:
            self.open_streams -= 1
            gone.cancel()

    # The wire --------------------------------------------------------------------------------

    async def _refuse(self, send: Send, refused: Refused) -> None:
        kind = model_rules.ERROR_TYPES[refused.status]
        extra = []
        if refused.status == 429:  # noqa: PLR2004 - the status that says when to come back
            extra = [(b"retry-after", str(RETRY_AFTER_SECONDS).encode())]
        body = {"type": "error", "error": {"type": kind, "message": refused.message}}
        await self._json(send, refused.status, body, extra)

    async def _json(
        self, send: Send, status: int, body: Any, extra: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        headers = [(b"content-type", b"application/json"), *(extra or [])]
        start = {"type": "http.response.start", "status": status, "headers": self._headers(headers)}
        await send(start)
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Add the request's id and what is left of each limit in this minute."""
        used = {
            "requests": self._minute[1],
            "input-tokens": self.tokens["input_tokens"],
            "output-tokens": self.tokens["output_tokens"],
        }
        reset = clock.now().replace(microsecond=0).isoformat().replace("+00:00", "Z").encode()
        headers.append((b"request-id", f"req_standin_{self.requests:08d}".encode()))
        for name, limit in LIMITS.items():
            if name == "requests" and self.options.requests_per_minute:
                limit = self.options.requests_per_minute  # noqa: PLW2901 - the one enforced
            key = f"anthropic-ratelimit-{name}".encode()
            headers.append((key + b"-limit", str(limit).encode()))
            headers.append((key + b"-remaining", str(max(0, limit - used[name])).encode()))
            headers.append((key + b"-reset", reset))
        return headers


async def _body(receive: Receive) -> Any:
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


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _ended(task: asyncio.Task[Any], seconds: float) -> bool:
    done, _ = await asyncio.wait({task}, timeout=seconds)
    return bool(done)


def _model_list() -> dict[str, Any]:
    data = [
        {
            "type": "model",
            "id": name,
            "display_name": name,
            "created_at": "2026-10-07T00:00:00Z",
            "lifecycle": "active",
        }
        for name in model_rules.MODELS
    ]
    return {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}
