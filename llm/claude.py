"""Claude for live turns, claims and jobs: parts in order, and nothing that was cut is ever whole.

The way there is the lean client, the events are decoded by a room of their own. Nothing is tried
again here: an attempt is the session's, with a row and a line in the ledger of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any, Final

import msgspec

from interview.scoring import Claim
from llm import events, wording, work
from llm.events import Heard
from llm.reply import ModelFault
from llm.request import EvaluationRequest, JobRequest, QuestionRequest
from llm.tiers import Task, TaskSettings, Tier, Tiers, Usage
from llm.wire_http import Exchange, Wire
from protocol import limits
from runtime import clock, metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log

NAME: Final = "claude"
MESSAGES: Final = "/v1/messages"
COUNT: Final = "/v1/messages/count_tokens"
MODELS: Final = "/v1/models?limit=1000"
GONE: Final = 404
NEVER_BILLED: Final = ("unreachable", "rate_limited", "overloaded", "server_error", "rejected")

log = Log("llm.claude")


class ClaimList(msgspec.Struct, frozen=True):
    """The shape of the structured output."""

    claims: list[Claim]


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


class _Counted(msgspec.Struct):
    input_tokens: int


class ClaudeEngine:
    """One client for the process; each call closes its own way to the model."""

    name = NAME
    keeps_time = True  # silence and the whole are bounded here: nobody needs a timer for each piece

    def __init__(self, wire: Wire, tiers: Tiers) -> None:
        """Ask over `wire`, with the models and settings of `tiers`."""
        self._wire = wire
        self._tiers = tiers
        self._stand_ins: dict[str, str] = {}
        self._checked = False
        self._tasks = Tasks("model list")

    @property
    def prompt_versions(self) -> dict[str, str]:
        """The numbered prompt files in use."""
        return {
            "question": wording.QUESTION_PROMPT.version,
            "evaluation": wording.EVALUATION_PROMPT.version,
            **{task: prompt.version for task, prompt in work.PROMPTS.items()},
        }

    async def question(self, request: QuestionRequest) -> AsyncGenerator[str | Usage, None]:
        """Yield one question's text; thinking is skipped, `message_stop` required.

        The first delta at once, then those of COALESCE_SECONDS as one part: what is shown together
        goes its whole way together.
        """
        self.check_soon()
        tier, settings = self._tier("question", request.tier)
        call = wording.question(request, tier, settings)
        bound = _bound(call, settings)
        yield bound
        begun = clock.monotonic()
        try:
            exchange = await self._send(call, stream=True, seconds=limits.MODEL_FIRST_PIECE_SECONDS)
        except ModelFault as fault:
            if fault.reason in NEVER_BILLED:
                yield _nothing(bound, fault)
            raise
        heard, decoder = Heard(bound), events.Decoder()
        heard.told(exchange.request_id, exchange.limits)
        try:
            if exchange.kind != "text/event-stream":
                raise ModelFault("malformed", exchange.kind, request_id=exchange.request_id)
            end, shown, ripe = begun + limits.MODEL_QUESTION_SECONDS, False, 0.0
            while not heard.stopped:
                due = begun + limits.MODEL_FIRST_PIECE_SECONDS
                if shown:
                    due = min(end, clock.monotonic() + limits.MODEL_PIECE_SECONDS)
                data = await exchange.read(due, "stalled" if shown else "late", ripe)
                if not data:
                    break
                for part in heard.hear(decoder.feed(data)):
                    if isinstance(part, str):
                        shown, ripe = True, clock.monotonic() + limits.COALESCE_SECONDS
                    yield part
            heard.finish()
        except ModelFault as fault:
            fault.request_id = fault.request_id or exchange.request_id
            raise
        finally:
            if heard.stopped:
                exchange.end()
            else:
                exchange.close()

    async def claims(self, request: EvaluationRequest) -> AsyncGenerator[list[Claim] | Usage, None]:
        """Yield the claims of one call with structured output; anything else is a ModelFault."""
        self.check_soon()
        tier, settings = self._tier("evaluation", request.tier)
        call = wording.evaluation(request, tier, settings)
        async with aclosing(self._whole(call, settings)) as parts:
            async for part in parts:
                yield part if isinstance(part, Usage) else claims_of(part)

    async def work(self, request: JobRequest) -> AsyncGenerator[str | Usage, None]:
        """Yield the text of one answer with structured output, whole, for its asker to check."""
        self.check_soon()
        tier, settings = self._tier(request.task, request.tier)
        async with aclosing(self._whole(work.job(request, tier, settings), settings)) as parts:
            async for part in parts:
                yield part if isinstance(part, Usage) else text_of(part)

    async def _whole(
        self, call: dict[str, Any], settings: TaskSettings
    ) -> AsyncGenerator[Sequence[events.Block] | Usage, None]:
        """Yield the bound, the account and the content of a call that is answered in one piece."""
        bound = _bound(call, settings)
        yield bound
        due = clock.monotonic() + limits.MODEL_EVALUATION_SECONDS
        try:
            exchange = await self._send(call, seconds=limits.MODEL_EVALUATION_SECONDS)
        except ModelFault as fault:
            if fault.reason in NEVER_BILLED:
                yield _nothing(bound, fault)
            raise
        heard = Heard(bound)
        heard.told(exchange.request_id, exchange.limits)
        try:
            message = msgspec.json.decode(await exchange.whole(due), type=events.Message)
        except msgspec.MsgspecError as error:
            raise ModelFault("malformed", "not a message") from error
        finally:
            exchange.close()
        heard.count(message.usage)
        yield heard.usage
        events.check_stop(message.stop_reason)
        yield message.content

    async def count(self, call: dict[str, Any]) -> int:
        """Return how many tokens the provider counts for a prompt; nothing is billed for it."""
        asked = {name: call[name] for name in ("model", "system", "messages")}
        exchange = await self._wire.send("POST", COUNT, asked, seconds=limits.MODEL_CHECK_SECONDS)
        due = clock.monotonic() + limits.MODEL_CHECK_SECONDS
        try:
            return msgspec.json.decode(await exchange.whole(due), type=_Counted).input_tokens
        except msgspec.MsgspecError as error:
            raise ModelFault("malformed", "not a count") from error
        finally:
            exchange.close()

    async def close(self) -> None:
        """Close the engine's connections."""
        await self._tasks.close()
        await self._wire.close()

    async def missing_models(self) -> list[str]:
        """Return the models of the settings that the provider does not list (any more)."""
        exchange = await self._wire.send("GET", MODELS, seconds=limits.MODEL_CHECK_SECONDS)
        due = clock.monotonic() + limits.MODEL_CHECK_SECONDS
        try:
            listed = msgspec.json.decode(await exchange.whole(due), type=_Models)
        except msgspec.MsgspecError as error:
            raise ModelFault("malformed", "not a list of models") from error
        finally:
            exchange.close()
        known = {model.id for model in listed.data}
        return sorted({tier.model for tier in self._tiers.tiers.values()} - known)

    def check_soon(self) -> None:
        """Begin to compare the settings with the provider's list, once; nobody waits for it.

        Outside a running loop this is a RuntimeError, and nothing has begun.
        """
        asyncio.get_running_loop()
        if not self._checked:
            self._checked = True
            self._tasks.start(self._check())

    async def _check(self) -> None:
        """Warn of models that are gone and let their fallbacks stand in.

        A provider that is away is asked again a few times, and the settings hold meanwhile.
        """
        for _ in range(limits.MODEL_CHECKS_MAX):
            try:
                missing = await self.missing_models()
            except ModelFault as fault:
                log.warning("models_unchecked", reason=fault.reason, status=fault.status)
                await asyncio.sleep(limits.MODEL_CHECK_PAUSE_SECONDS)
                continue
            self._stand_ins = self._tiers.stand_ins(missing)
            for name, tier in self._tiers.tiers.items():
                metrics.model_missing.labels(name).set(int(tier.model in missing))
                if tier.model in missing:
                    standing = self._stand_ins.get(name, "")
                    log.warning("model_gone", tier=name, model=tier.model, name=standing or "none")
            return

    def _tier(self, task: Task, wanted: str) -> tuple[Tier, TaskSettings]:
        """Return the tier that does a task now, and how."""
        tier, settings = self._tiers.for_task(task, wanted)
        standing = self._stand_ins.get(settings.tier)
        return self._tiers.for_task(task, standing) if standing else (tier, settings)

    async def _send(
        self, call: dict[str, Any], *, seconds: float, stream: bool = False
    ) -> Exchange:
        body = {**call, "stream": True} if stream else call
        try:
            return await self._wire.send("POST", MESSAGES, body, seconds=seconds)
        except ModelFault as fault:
            if fault.reason == "rejected":
                log.error(  # noqa: TRY400 - a stack says nothing here
                    "model_call_refused", status=fault.status, reason=fault.detail
                )
            if fault.status == GONE:
                self._checked = False  # retired since the start: the next call looks again
            raise


def claims_of(content: Iterable[events.Block]) -> list[Claim]:
    """Return the claims that an answer's text holds; a ModelFault when it holds something else."""
    try:
        return msgspec.json.decode(text_of(content), type=ClaimList).claims
    except msgspec.MsgspecError as error:
        raise ModelFault("malformed", "not the structure that was asked for") from error


def text_of(content: Iterable[events.Block]) -> str:
    """Return an answer's text; thinking and whatever is yet to be invented is passed over."""
    return "".join(block.text for block in content if block.type == "text")


def _bound(call: dict[str, Any], settings: TaskSettings) -> Usage:
    """Return the most a call can use: a token is a byte at least, and the output has a limit.

    The whole prompt is counted as written to the cache, which is its dearest price.
    """
    return Usage(
        tokens_out=call["max_tokens"],
        cache_write=wording.prompt_bytes(call),
        final=False,
        tier=settings.tier,
    )


def _nothing(bound: Usage, fault: ModelFault) -> Usage:
    """Return the account of a call that was refused at the door: nothing is billed."""
    return Usage(tier=bound.tier, request_id=fault.request_id, limits=fault.limits)
