"""Claude through the vendor's SDK: streamed questions, and claims as structured output.

The SDK is handed in by the registry, which loads it only where a key is set. It never retries by
itself: attempts are the session's, each with its own row and its own line in the ledger.
"""

from collections.abc import AsyncGenerator
from types import ModuleType
from typing import Any, Final

import msgspec

from interview.scoring import Claim
from llm import wording
from llm.request import EvaluationRequest, QuestionRequest
from llm.tiers import Task, Tiers, Usage
from protocol import limits
from protocol.faults import Fault
from runtime.logs import Log

NAME: Final = "claude"
URL: Final = "https://api.anthropic.com"
CONNECT_SECONDS: Final = 5.0
OURS: Final = (400, 401, 403, 404, 413)  # statuses that an operator has to look at
NOTHING: Final = Usage()

log = Log("llm.claude")


class ClaimList(msgspec.Struct, frozen=True):
    """The shape of the structured output."""

    claims: list[Claim]


class ClaudeEngine:
    """One client for the process; each call closes its own way to the model."""

    name = NAME

    def __init__(
        self, sdk: ModuleType, wire: ModuleType, tiers: Tiers, *, key: str, base_url: str = ""
    ) -> None:
        """Open a client of `sdk` (anthropic), whose transport errors are those of `wire`."""
        self._sdk = sdk
        self._wire = wire
        self._never_sent = (wire.ConnectError, wire.ConnectTimeout, wire.PoolTimeout)
        self._tiers = tiers
        self._client = sdk.AsyncAnthropic(
            api_key=key,
            base_url=base_url or URL,
            max_retries=0,
            timeout=wire.Timeout(limits.MODEL_EVALUATION_SECONDS, connect=CONNECT_SECONDS),
        )

    @property
    def prompt_versions(self) -> dict[str, str]:
        """The numbered prompt files in use."""
        return {
            "question": wording.QUESTION_PROMPT.version,
            "evaluation": wording.EVALUATION_PROMPT.version,
        }

    async def question(self, request: QuestionRequest) -> AsyncGenerator[str | Usage, None]:
        """Yield the text deltas of one question; thinking is skipped, `message_stop` required."""
        tier, settings = self._tiers.for_task("question")
        call = wording.question(request, tier, settings)
        bound = self._bound("question", call)
        yield bound
        try:
            stream = await self._client.messages.create(**call, stream=True)
        except self._sdk.APIStatusError as error:
            yield NOTHING  # refused at the door: nothing is billed
            raise self._fault(error) from error
        except self._sdk.APIConnectionError as error:
            if isinstance(error.__cause__, self._never_sent):
                yield NOTHING
            raise Fault("model_unavailable", type(error).__name__) from error
        state = _Stream(bound)
        try:
            async for event in stream:
                for part in state.take(event):
                    yield part
            state.finish()
        except self._sdk.APIStatusError as error:  # an overload told in mid-stream
            raise self._fault(error) from error
        except (self._wire.HTTPError, ValueError) as error:  # broken off, or not JSON
            raise Fault("model_truncated", type(error).__name__) from error
        finally:
            await stream.close()

    async def claims(self, request: EvaluationRequest) -> AsyncGenerator[list[Claim] | Usage, None]:
        """Yield the claims of one call with structured output; anything else is a Fault."""
        tier, settings = self._tiers.for_task("evaluation")
        call = wording.evaluation(request, tier, settings)
        yield self._bound("evaluation", call)
        try:
            message = await self._client.messages.create(**call)
        except self._sdk.APIStatusError as error:
            yield NOTHING
            raise self._fault(error) from error
        except self._sdk.APIConnectionError as error:
            if isinstance(error.__cause__, self._never_sent):
                yield NOTHING
            raise Fault("model_unavailable", type(error).__name__) from error
        yield _usage(message.usage)
        _check_stop(message.stop_reason)
        text = "".join(block.text for block in message.content if block.type == "text")
        try:
            yield msgspec.json.decode(text, type=ClaimList).claims
        except msgspec.MsgspecError as error:
            raise Fault("model_truncated", "not the structure that was asked for") from error

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()

    async def missing_models(self) -> list[str]:
        """Return the models of the settings that the vendor does not list (any more)."""
        known = {model.id async for model in self._client.models.list(limit=100)}
        return sorted({tier.model for tier in self._tiers.tiers.values()} - known)

    def _bound(self, task: Task, call: dict[str, Any]) -> Usage:
        """Return the most a call can use: a token is a byte at least, and the output has a limit.

        The whole prompt is counted as written to the cache, which is its dearest price.
        """
        _, settings = self._tiers.for_task(task)
        return Usage(
            tokens_out=settings.max_tokens, cache_write=wording.prompt_bytes(call), final=False
        )

    def _fault(self, error: Any) -> Fault:
        """Return the Fault of an HTTP status or of an error event; some are ours to repair."""
        status, kind = error.status_code, error.type or ""
        if status in OURS:
            log.error("model_call_refused", status=status, kind=kind)
        return Fault("model_unavailable", f"{status} {kind}", retry_after=_retry_after(error))


class _Stream:
    """What has been heard of one stream."""

    def __init__(self, bound: Usage) -> None:
        self._usage = bound
        self._output_max = bound.tokens_out
        self._stop_reason: str | None = None
        self._stopped = False

    def take(self, event: Any) -> list[str | Usage]:
        """Return what an event brings: text, or a better account of the cost."""
        match event.type:
            case "message_start":
                self._usage = _usage(event.message.usage)
                known = msgspec.structs.replace(
                    self._usage, tokens_out=self._output_max, final=False
                )
                return [known]
            case "content_block_delta" if event.delta.type == "text_delta" and event.delta.text:
                return [event.delta.text]
            case "message_delta":
                self._stop_reason = event.delta.stop_reason
                self._usage = _merge(self._usage, event.usage)
                return [self._usage]
            case "message_stop":
                self._stopped = True
            case _:
                pass  # block boundaries, thinking, and events that are yet to be invented
        return []

    def finish(self) -> None:
        """Fault when the stream ended before `message_stop`, or for a reason that is no end."""
        if not self._stopped:
            raise Fault("model_truncated", "the stream ended without message_stop")
        _check_stop(self._stop_reason)


def _check_stop(reason: str | None) -> None:
    if reason == "refusal":
        raise Fault("model_refused")
    if reason not in ("end_turn", "stop_sequence"):
        raise Fault("model_truncated", reason or "")


def _usage(usage: Any) -> Usage:
    return Usage(
        tokens_in=usage.input_tokens,
        tokens_out=usage.output_tokens,
        cache_write=usage.cache_creation_input_tokens or 0,
        cache_read=usage.cache_read_input_tokens or 0,
    )


def _merge(before: Usage, delta: Any) -> Usage:
    """Return the usage at the end: counts are cumulative, and absent where nothing changed."""

    def newer(value: int | None, older: int) -> int:
        return older if value is None else value

    return Usage(
        tokens_in=newer(delta.input_tokens, before.tokens_in),
        tokens_out=delta.output_tokens,
        cache_write=newer(delta.cache_creation_input_tokens, before.cache_write),
        cache_read=newer(delta.cache_read_input_tokens, before.cache_read),
    )


def _retry_after(error: Any) -> float | None:
    try:
        return float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
