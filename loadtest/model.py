"""A stand-in for the Messages API on loopback: streams, usage, limits, batches, faults on order.

It is deterministic from the prompt and says only written questions, so that the road to the model
can be walked over real HTTP without a key, a network or a bill. docs/model.md says how to order
faults, to move its clock and to read its counts.
"""

from collections import Counter
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from loadtest import model_faults, model_rules, model_text
from loadtest.model_batches import Batches
from loadtest.model_cache import PromptCache
from loadtest.model_clock import StandinClock
from loadtest.model_count import Account, Outcome
from loadtest.model_faults import Chooser
from loadtest.model_limits import Limits
from loadtest.model_rules import Refused
from loadtest.model_stream import RESET, STATUS_FAULTS, Options, Order, text_for
from loadtest.model_wire import (
    Receive,
    Reply,
    Scope,
    Send,
    headers_of,
    key_of,
    read_body,
    until_gone,
)
from runtime.lifecycle import Tasks

BATCHES: Final = "/v1/messages/batches"
EVENT_STREAM: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
)
CONTROL: Final = ("/stats", "/counts", "/calls", "/faults", "/options", "/clock", "/reset")


class Standin:
    """The ASGI application and its counters."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.clock = StandinClock(self.options.speed)
        self.requests = 0
        self.open_streams = 0
        self.last_request: dict[str, Any] = {}
        self._chooser = Chooser()
        self._tasks = Tasks("standin")
        self.reset()

    def reset(self) -> None:
        """Forget everything but the options and the time."""
        self.requests = 0
        self.finished = 0
        self.cut_by_client = 0
        self.faults: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.account = Account()
        self._chooser.clear()
        self._cache = PromptCache(self.options.prefix_tokens_min)
        self._limits = self._new_limits()
        self._batches = Batches(self.clock, self._batch_message, lambda: self.options.batch_seconds)

    def _new_limits(self) -> Limits:
        options = self.options
        return Limits(
            self.clock,
            {
                "requests": options.requests_per_minute,
                "input-tokens": options.input_tokens_per_minute,
                "output-tokens": options.output_tokens_per_minute,
            },
        )

    def change(self, changes: dict[str, Any]) -> None:
        """Change options while it runs; ValueError names what is wrong with them."""
        merged = {**msgspec.to_builtins(self.options), **changes}
        try:
            options = msgspec.convert(merged, Options)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        model_faults.check([options.fault])
        model_faults.check_shares(options.faults)
        self.clock.set_speed(options.speed)
        self.options = options
        self._cache.tokens_min = options.prefix_tokens_min
        if {name for name in changes if name.endswith("_per_minute")}:
            self._limits = self._new_limits()

    def stats(self) -> dict[str, Any]:
        """Return what GET /stats says."""
        return {
            "requests": self.requests,
            "open_streams": self.open_streams,
            "finished": self.finished,
            "cut_by_client": self.cut_by_client,
            "faults": dict(self.faults),
            "tokens": dict(self.tokens),
            "batches": self._batches.made,
        }

    def fail_next(self, *faults: str) -> int:
        """Make the next requests fail in these ways ("" = this one does not); how many wait."""
        return self._chooser.order(*faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        headers, path = headers_of(scope), scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode()))
        route = f"{scope['method']} {path}"
        reply = Reply(send, f"req_standin_{self.requests:08d}")
        if path in CONTROL:
            await self._control(route, query, await read_body(receive), reply)
        elif refused := model_rules.check_headers(headers):
            await reply.refuse(refused)
        elif route == "GET /v1/models":
            await reply.json(200, _model_list(self.options.models_gone))
        elif route == "POST /v1/messages/count_tokens":
            await self._count(await read_body(receive), reply)
        elif path == BATCHES or path.startswith(f"{BATCHES}/"):
            await self._batch(route, headers, query, await read_body(receive), reply)
        elif route == "POST /v1/messages":
            await self._message(headers, receive, reply)
        else:
            await reply.refuse(Refused(404, f"{path} is not served here"))

    # Control ---------------------------------------------------------------------------------

    async def _control(self, route: str, query: dict[str, str], body: Any, reply: Reply) -> None:
        try:
            found = self._controlled(route, query, body)
        except (ValueError, TypeError, KeyError) as error:
            await reply.refuse(Refused(400, str(error)))
        else:
            await reply.json(200, found)

    def _controlled(self, route: str, query: dict[str, str], body: Any) -> Any:
        match route:
            case "GET /stats":
                return self.stats()
            case "GET /counts":
                return self.account.counts()
            case "GET /calls":
                return self.account.latest(int(query.get("last", "1000")))
            case "GET /options":
                return msgspec.to_builtins(self.options)
            case "POST /options":
                self.change(msgspec.convert(body, dict[str, Any]))
                return msgspec.to_builtins(self.options)
            case "POST /faults":
                wanted = msgspec.convert(body, dict[str, list[str]])["next"]
                return {"waiting": self.fail_next(*wanted)}
            case "POST /clock":
                told = msgspec.convert(body, dict[str, float])
                self.clock.advance(told.get("advance", 0.0))
                if "speed" in told:
                    self.change({"speed": told["speed"]})
            case "GET /clock":
                pass
            case "POST /reset":
                self.reset()
                return self.stats()
            case _:
                raise ValueError(f"{route} is not served here")
        return {"now": self.clock.now(), "speed": self.clock.speed}

    # Messages --------------------------------------------------------------------------------

    async def _count(self, body: Any, reply: Reply) -> None:
        if refused := model_rules.check_message(body, counting=True):
            await reply.refuse(refused)
            return
        size = sum(model_text.tokens(block.get("text", "")) for block in model_rules.blocks(body))
        await reply.json(200, {"input_tokens": size})

    async def _message(self, headers: dict[str, str], receive: Receive, reply: Reply) -> None:
        body, key = await read_body(receive), key_of(headers)
        try:
            fault = self._next_fault(headers)
        except ValueError as error:
            await reply.refuse(Refused(400, str(error)))
            return
        reply.request_id = f"req_standin_{self.requests:08d}"
        refused = model_rules.check_message(body) or self._gone(body)
        if fault in STATUS_FAULTS:
            refused = Refused(int(fault), f"ordered: {fault}", self.options.retry_after_seconds)
        if refused is not None:
            await reply.refuse(refused, self._told(key, body))
            return
        self.last_request = body
        counted = self._cache.count(body, self.clock.now(), owner=key)
        fresh = counted.fresh + counted.written
        if limited := self._limits.take(key, body["model"], fresh_tokens=fresh):
            await reply.refuse(limited, self._told(key, body))
            return
        text = text_for(body, fault, self.options)
        order = Order(self.options, body, counted, fault, text)
        call = _Call(order, key, reply)
        if fault == "html":
            page = b"<html>Sign in to use this network</html>"
            await reply.whole(200, page, [(b"content-type", b"text/html")])
        elif fault == "hung":
            await self._hang(call, receive)
        elif body.get("stream"):
            await self._stream(call, receive)
        else:
            await self._whole(call, receive)

    def _next_fault(self, headers: dict[str, str]) -> str:
        """Count a request and return how it fails."""
        self.requests += 1
        fault = self._chooser.choose(self.options, self.requests, headers)
        if fault:
            self.faults[fault] += 1
        return fault

    def _gone(self, body: Any) -> Refused | None:
        model = body["model"]
        return Refused(404, f"model: {model}") if model in self.options.models_gone else None

    async def _hang(self, call: "_Call", receive: Receive) -> None:
        """Say nothing; whoever leaves meanwhile may have to pay for the prompt."""
        gone = self._tasks.start(until_gone(receive))
        try:
            if await self.clock.ended(gone, self.options.slow_seconds):
                self.cut_by_client += 1
                self._book(call, "cut")
                return
        finally:
            gone.cancel()
        await call.reply.refuse(Refused(500, "ordered: hung"))

    async def _whole(self, call: "_Call", receive: Receive) -> None:
        gone = self._tasks.start(until_gone(receive))
        try:
            if await self.clock.ended(gone, call.order.first_seconds()):
                self.cut_by_client += 1
                self._book(call, "cut")
                return
        finally:
            gone.cancel()
        self._book(call, "completed")
        self.finished += 1
        await call.reply.json(200, call.order.message(), self._told(call.key, call.order.body))

    async def _stream(self, call: "_Call", receive: Receive) -> None:
        told = self._told(call.key, call.order.body)
        await call.reply.begin(200, [*EVENT_STREAM, *told])
        self.open_streams += 1
        gone = self._tasks.start(until_gone(receive))
        outcome: Outcome = "cut"
        try:
            for step in call.order.events():
                if gone.done() or (step.wait and await self.clock.ended(gone, step.wait)):
                    self.cut_by_client += 1
                    return
                if step.data == RESET:
                    raise ConnectionResetError("ordered: reset")  # the server drops the connection
                call.written += step.text
                await call.reply.part(step.data)
            outcome = "cut" if call.order.breaks else "completed"
            self.finished += 1
        finally:
            self._book(call, outcome)
            self.open_streams -= 1
            gone.cancel()
        await call.reply.end()

    def _book(self, call: "_Call", outcome: Outcome) -> None:
        order = call.order
        usage = order.usage() if outcome == "completed" else order.usage_of(call.written)
        self.tokens.update(usage)
        self._limits.write(call.key, order.body["model"], usage["output_tokens"])
        number = call.reply.request_id
        digest = order.digest if outcome == "completed" else ""
        self.account.book(
            number, call.key, order.body, usage, outcome=outcome, fault=order.fault, digest=digest
        )

    # Batches ---------------------------------------------------------------------------------

    async def _batch(
        self, route: str, headers: dict[str, str], query: dict[str, str], body: Any, reply: Reply
    ) -> None:
        batches, key = self._batches, key_of(headers)
        method, _, path = route.partition(" ")
        name, _, verb = path.removeprefix(BATCHES).lstrip("/").partition("/")
        batch = batches.find(key, name)
        match (method, verb):
            case ("POST", "") if not name:
                made = batches.make(key, body, lambda: self._next_fault(headers))
                if isinstance(made, Refused):
                    await reply.refuse(made)
                else:
                    await reply.json(200, made)
            case ("GET", "") if not name:
                await reply.json(200, batches.page(key, query))
            case _ if batch is None:
                await reply.refuse(Refused(404, f"batch {name} not found"))
            case ("POST", "cancel"):
                batches.cancel(batch)
                await reply.json(200, batches.show(batch))
            case ("DELETE", ""):
                batches.remove(batch)
                await reply.json(200, {"id": name, "type": "message_batch_deleted"})
            case ("GET", "results") if (lines := batches.lines(batch)) is not None:
                await reply.whole(200, lines, [(b"content-type", b"application/x-jsonl")])
            case ("GET", ""):
                await reply.json(200, batches.show(batch))
            case _:
                await reply.refuse(Refused(404, f"{path} is not there (yet)"))

    def _batch_message(self, params: dict[str, Any], fault: str) -> dict[str, Any]:
        """Return one answer of a batch, and count it at the batch's price."""
        counted = self._cache.count(params, self.clock.now(), owner="batch")
        order = Order(self.options, params, counted, fault, text_for(params, fault, self.options))
        self.tokens.update(order.usage())
        self.account.book("", "batch", params, order.usage(), outcome="batch", fault=fault)
        return order.message()

    def _told(self, key: str, body: Any) -> list[tuple[bytes, bytes]]:
        """Return the headers of what is left of the key's limits."""
        model = body.get("model") if isinstance(body, dict) else None
        return self._limits.headers(key, str(model))


class _Call:
    """One message under way: its order, whose it is, and what was written so far."""

    def __init__(self, order: Order, key: str, reply: Reply) -> None:
        self.order = order
        self.key = key
        self.reply = reply
        self.written = ""


def _model_list(gone: tuple[str, ...]) -> dict[str, Any]:
    data = [
        {
            "type": "model",
            "id": name,
            "display_name": name,
            "created_at": "2026-10-07T00:00:00Z",
            "lifecycle": "active",
        }
        for name in model_rules.MODELS
        if name not in gone
    ]
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"data": data, "has_more": False, "first_id": first, "last_id": last}
