"""The vendor's SDK as an engine: what the product's own client is measured and tested against.

Both of its ways to stream, `create(stream=True)` and the accumulating `stream()`, keep the same
contract here, so that a comparison compares the same work. The product does not use it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

from llm import wording
from llm.reply import ModelFault, rate_limits, retry_after
from llm.request import QuestionRequest
from llm.tiers import Tiers, Usage
from llm.wire_http import reason_of
from protocol import limits
from runtime import clock


class SdkEngine:
    """Questions over `AsyncAnthropic`; `accumulate` takes the helper that keeps a message."""

    name = "claude"
    prompt_versions: dict[str, str] = {}  # noqa: RUF012 - a constant

    def __init__(
        self,
        sdk: ModuleType,
        wire: ModuleType,
        tiers: Tiers,
        *,
        key: str,
        base_url: str,
        accumulate: bool = False,
        bare: bool = False,
    ) -> None:
        """Open a client of `sdk` (anthropic), whose transport errors are those of `wire`.

        `bare` leaves the deadline around each event out: it is not the SDK's cost.
        """
        self._bare = bare
        self._sdk = sdk
        self._wire = wire
        self._tiers = tiers
        self._accumulate = accumulate
        self._client = sdk.AsyncAnthropic(api_key=key, base_url=base_url, max_retries=0)

    async def question(self, request: QuestionRequest) -> AsyncGenerator[str | Usage, None]:
        """Yield the text deltas of one question, and its usage."""
        tier, settings = self._tiers.for_task("question", request.tier)
        call = wording.question(request, tier, settings)
        bound = Usage(tokens_out=call["max_tokens"], final=False)
        yield bound
        heard = _Heard()
        due = clock.monotonic() + limits.MODEL_FIRST_PIECE_SECONDS
        try:
            async with asyncio.timeout(None if self._bare else limits.MODEL_FIRST_PIECE_SECONDS):
                opened = self._opened(call)
                events = await opened.__aenter__()
        except TimeoutError as error:
            raise ModelFault("late") from error
        except self._sdk.APIStatusError as error:
            fault = _fault(error)
            yield Usage(request_id=fault.request_id, limits=fault.limits)
            raise fault from error
        except self._sdk.APIConnectionError as error:
            raise ModelFault("unreachable", type(error).__name__) from error
        try:
            while (event := await self._next(events, due, shown=heard.shown)) is not None:
                for part in heard.take(event):
                    yield part
                if heard.shown:
                    due = clock.monotonic() + limits.MODEL_PIECE_SECONDS
            heard.finish()
        finally:
            await opened.__aexit__(None, None, None)

    @asynccontextmanager
    async def _opened(self, call: dict[str, Any]) -> AsyncIterator[Any]:
        if self._accumulate:
            async with self._client.messages.stream(**call) as stream:
                yield aiter(stream)
            return
        stream = await self._client.messages.create(**call, stream=True)
        try:
            yield aiter(stream)
        finally:
            await stream.close()

    async def _next(self, events: Any, due: float, *, shown: bool) -> Any:
        try:
            if self._bare:
                return await anext(events, None)
            async with asyncio.timeout(max(0.0, due - clock.monotonic())):
                return await anext(events, None)
        except TimeoutError as error:
            raise ModelFault("stalled" if shown else "late") from error
        except self._sdk.APIStatusError as error:
            raise _fault(error) from error
        except self._wire.HTTPError as error:
            raise ModelFault("broken", type(error).__name__) from error
        except ValueError as error:
            raise ModelFault("malformed", type(error).__name__) from error

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()


class _Heard:
    def __init__(self) -> None:
        self.shown = False
        self._stopped = False
        self._reason: str | None = None
        self._start: Any = None

    def take(self, event: Any) -> list[str | Usage]:
        match event.type:
            case "message_start":
                self._start = event.message.usage
            case "content_block_delta" if event.delta.type == "text_delta" and event.delta.text:
                self.shown = True
                return [event.delta.text]
            case "message_delta":
                self._reason = event.delta.stop_reason
                return [
                    Usage(
                        tokens_in=self._start.input_tokens,
                        tokens_out=event.usage.output_tokens,
                        cache_write=self._start.cache_creation_input_tokens or 0,
                        cache_read=self._start.cache_read_input_tokens or 0,
                    )
                ]
            case "message_stop":
                self._stopped = True
            case _:
                pass
        return []

    def finish(self) -> None:
        if not self._stopped:
            raise ModelFault("cut")
        if self._reason == "refusal":
            raise ModelFault("refused")
        if self._reason not in ("end_turn", "stop_sequence"):
            raise ModelFault("max_tokens", self._reason or "")


def _fault(error: Any) -> ModelFault:
    headers, status = error.response.headers, error.status_code
    reason = reason_of(status)
    if status == 200:  # noqa: PLR2004 - told in mid-stream
        reason = "overloaded" if error.type == "overloaded_error" else "server_error"
    return ModelFault(
        reason,
        f"{status} {error.type}",
        status=status,
        request_id=headers.get("request-id", ""),
        limits=rate_limits(headers),
        retry_after=retry_after(headers),
    )
