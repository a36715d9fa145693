"""The one door to language models: an interview's questions and its evaluation go through here.

The steps of a question, in order; those of today are numbered, the others have their place:

1. choose the engine: the model, unless there is none or the bank alone is wanted
   (an exact cache for work that is not a candidate's turn, the budget and the line come here)
2. ask it, each silence and the whole within `protocol.limits`
3. guard every piece: never too long, never empty, never the session's own delimiters
4. settle: one line in the ledger for every call, a cut one at its upper bound
5. if it failed before anything was shown, say so and let the bank ask: an interview always ends

After a piece was shown nothing is tried again here: the Fault goes to the session, which asks
anew under a new attempt that the candidate sees.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar

from interview.scoring import Claim
from llm import engines, tiers, wording
from llm.request import (
    Claims,
    Engine,
    EngineChanged,
    EvaluationRequest,
    Piece,
    QuestionDone,
    QuestionRequest,
    Request,
)
from llm.tiers import Task, Usage
from protocol import limits
from protocol.faults import Fault
from protocol.messages import storable
from runtime import clock, metrics
from runtime.logs import Log
from runtime.settings import Settings
from storage.ledger import Ledger, LedgerEntry

__all__ = [
    "Claims",
    "EngineChanged",
    "EvaluationRequest",
    "Gateway",
    "Piece",
    "QuestionDone",
    "QuestionRequest",
    "open_gateway",
]

log = Log("llm.gateway")
T = TypeVar("T")
Event = Piece | EngineChanged | QuestionDone


class Gateway:
    """The engines of a process and the ledger of what they cost."""

    def __init__(self, bank: Engine, model: Engine | None, ledger: Ledger) -> None:
        """Ask `model` where there is one, and `bank` where there is none or it fails."""
        self._bank = bank
        self._model = model
        self._ledger = ledger

    @property
    def engine_name(self) -> str:
        """The engine that asks unless it fails: "claude" or "offline"."""
        return (self._model or self._bank).name

    async def stream(self, request: QuestionRequest) -> AsyncGenerator[Event, None]:
        """Yield one question: its pieces, then QuestionDone whose text is the pieces joined.

        EngineChanged comes first when the bank has to ask in the model's place, or the model asks
        again after that. Raises a Fault
        `model_…` only after a piece was shown. Closing the iterator or cancelling its task closes
        the way to the model at once; use `contextlib.aclosing` around it.
        """
        guard, told = _Guard(wording.marker(request)), request.engine_told
        if self._model is not None and not request.bank_only:
            try:
                async with aclosing(self._ask(self._model, request, guard)) as events:
                    async for event in events:
                        if told not in ("", self._model.name):
                            yield EngineChanged(self._model.name, "recovered")
                            told = ""
                        yield event
            except Fault as fault:
                if guard.text:
                    raise
                log.warning("stepped_down", code=fault.code, turn=request.turn, ask=request.ask)
                yield EngineChanged(self._bank.name, fault.code)
            else:
                return
        elif self._model is not None:
            yield EngineChanged(self._bank.name, "model_unavailable")
        async with aclosing(self._ask(self._bank, request, _Guard(guard.mark))) as events:
            async for event in events:
                yield event

    async def _ask(
        self, engine: Engine, request: QuestionRequest, guard: "_Guard"
    ) -> AsyncGenerator[Piece | QuestionDone, None]:
        """Ask one engine, within its time, and settle the call however it ends."""
        call = _Call(engine, "question", request)
        try:
            async with aclosing(engine.question(request)) as parts:
                while (part := await call.next(parts, waiting=not guard.text)) is not None:
                    if isinstance(part, Usage):
                        call.usage = part
                    else:
                        yield Piece(guard.check(part))
            guard.check_whole()
            call.outcome = "ok"
        except Fault as fault:
            call.outcome = fault.code
            raise
        finally:
            await self._settle(call)
        yield QuestionDone(engine.name, guard.text, call.usage)

    async def evaluate(self, request: EvaluationRequest) -> Claims:
        """Return what the model proposes about a finished interview, unchecked.

        Any failure is a Fault, and the caller's to name: no other engine stands in. Without a
        model it is `model_unavailable` at once (the coverage report needs no engine).
        """
        engine = self._model or self._bank
        call = _Call(engine, "evaluation", request)
        claims: list[Claim] = []
        try:
            async with aclosing(engine.claims(request)) as parts:
                while (part := await call.next(parts, waiting=False)) is not None:
                    if isinstance(part, Usage):
                        call.usage = part
                    else:
                        claims.extend(part)
            call.outcome = "ok"
        except Fault as fault:
            call.outcome = fault.code
            raise
        finally:
            await self._settle(call)
        return Claims(engine.name, claims, call.usage)

    async def _settle(self, call: "_Call") -> None:
        """Book a call that went to a model; a ledger that is away costs a line, not a question."""
        metrics.model_calls.labels(call.task, call.engine.name, call.outcome).inc()
        entry = call.entry()
        if entry is None:
            return
        metrics.model_micro_usd.labels(call.task).inc(entry.micro_usd)
        for kind in ("in", "out", "cache_write", "cache_read"):
            metrics.model_tokens.labels(kind).inc(getattr(entry, f"tokens_{kind}"))
        try:
            async with asyncio.timeout(limits.LEDGER_SECONDS):
                await self._ledger.record(entry)
        except (Fault, TimeoutError) as error:
            log.warning("ledger_line_lost", error=type(error).__name__, tokens=entry.tokens_out)

    async def close(self) -> None:
        """Close the engines."""
        for engine in (self._model, self._bank):
            if engine is not None:
                await engine.close()


class _Call:
    """One call under way: its clock, its latest account of the cost, how it ended."""

    def __init__(self, engine: Engine, task: Task, request: Request) -> None:
        self.engine = engine
        self.task = task
        self.request = request
        self.usage = Usage()
        self.outcome = "cancelled"  # unless it ends in another way
        self._begun = clock.monotonic()
        question = task == "question"
        seconds = limits.MODEL_QUESTION_SECONDS if question else limits.MODEL_EVALUATION_SECONDS
        self._deadline = self._begun + seconds

    async def next(self, parts: AsyncIterator[T], *, waiting: bool) -> T | None:
        """Return the next part, or None at the end; Fault when it does not come in time."""
        left = self._deadline - clock.monotonic()
        if self.task == "question":
            first, later = limits.MODEL_FIRST_PIECE_SECONDS, limits.MODEL_PIECE_SECONDS
            left = min(left, self._begun + first - clock.monotonic() if waiting else later)
        try:
            async with asyncio.timeout(max(0.0, left)):
                return await anext(parts, None)
        except TimeoutError:
            raise Fault("model_unavailable", "no answer in time") from None

    def entry(self) -> LedgerEntry | None:
        """Return the call's line, or None where no money can have been spent."""
        version = self.engine.prompt_versions.get(self.task)
        if version is None:
            return None
        tier, settings = tiers.load().for_task(self.task, self.usage.tier)
        return LedgerEntry(
            tenant_id=self.request.tenant_id,
            session_id=self.request.session_id,
            interview_id=self.request.interview_id,
            task=self.task,
            tier=settings.tier,
            engine=self.engine.name,
            model=tier.model,
            prompt_version=version,
            tokens_in=self.usage.tokens_in,
            tokens_out=self.usage.tokens_out,
            tokens_cache_write=self.usage.cache_write,
            tokens_cache_read=self.usage.cache_read,
            micro_usd=tier.cost(self.usage),
            upper_bound=not self.usage.final,
            outcome=self.outcome,
            latency_ms=int((clock.monotonic() - self._begun) * 1000),
        )


class _Guard:
    """Every piece on its way out: the text so far, and what must never be in it."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.text = ""

    def check(self, piece: str) -> str:
        """Return the piece; Fault when it makes a question that nobody should see."""
        text = self.text + piece
        if len(text) > limits.QUESTION_CHARS_MAX:
            raise Fault("model_truncated", "far longer than a question")
        if not storable(piece) or self.mark in text:
            raise Fault("model_refused", "not a question")
        self.text = text
        return piece

    def check_whole(self) -> None:
        """Fault when the text is no question because there is none."""
        if not self.text.strip():
            raise Fault("model_unavailable", "an empty answer")


def open_gateway(settings: Settings, ledger: Ledger) -> Gateway:
    """Return the gateway with the engines that the settings allow."""
    return Gateway(engines.open_bank(settings), engines.open_model(settings), ledger)
