"""The one door to language models: an interview's questions and its evaluation go through here.

`Gateway._road` is the whole road of one call, from top to bottom:

    the most it can cost -> a peek at budget and breaker -> the line -> budget and bucket reserved
    in one script -> the engine, every piece guarded -> settled, with one line in the ledger

`stream` walks it for a question, `complete` for an evaluation, and for job-level work behind an
exact cache. When a call fails before anything was shown the ladder says what follows: the same
tier again, a cheaper one, and for a question in the end the written bank: an interview always
ends. A score has no rung below its own tier: it becomes a review that waits, with its reason.

After a piece was shown nothing is tried again here: the Fault goes to the session, which asks
anew under a new attempt that the candidate sees.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, overload

from interview.scoring import Claim
from llm import cache, engines, hedge, ladder, tiers, wording
from llm.alerts import AlertDesk
from llm.breaker import CLOSED, Breaker, Breakers
from llm.budget import Money
from llm.call import Call, Guard, task_of
from llm.line import Line
from llm.request import (
    Answered,
    Claims,
    Engine,
    EngineChanged,
    EvaluationRequest,
    JobRequest,
    Piece,
    QuestionDone,
    QuestionRequest,
)
from llm.tiers import Usage
from protocol import limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.logs import Log
from runtime.settings import Settings
from storage.buckets import Buckets, Need
from storage.budgets import Budgets, Policy
from storage.connect import Redis
from storage.ledger import Ledger
from storage.redis_writer import RedisWriter
from storage.transaction import Database
from storage.work_cache import WorkCache

__all__ = [
    "Answered",
    "Claims",
    "EngineChanged",
    "EvaluationRequest",
    "Gateway",
    "JobRequest",
    "Piece",
    "QuestionDone",
    "QuestionRequest",
    "open_gateway",
]

log = Log("llm.gateway")
Event = Piece | EngineChanged | QuestionDone


class Gateway:
    """The engines of a process, its line to them, and the money of what they cost."""

    def __init__(
        self,
        bank: Engine,
        model: Engine | None,
        ledger: Ledger,
        *,
        money: Money | None = None,
        kept: WorkCache | None = None,
        hedging: bool = False,
    ) -> None:
        """Ask `model` where there is one, and `bank` where there is none or it fails."""
        self._bank = bank
        self._model = model
        self._money = money or Money(ledger)
        self._kept = kept
        self._line = Line(self._money.reserve, self._money.release)
        self._breakers = Breakers()
        self._prefixes = cache.Prefixes()
        self._hedges = hedge.Allowance() if hedging else None

    @property
    def engine_name(self) -> str:
        """The engine that asks unless it fails: "claude" or "offline"."""
        return (self._model or self._bank).name

    @property
    def money(self) -> Money:
        """Where this process reserves and settles: batches do so as well."""
        return self._money

    async def stream(self, request: QuestionRequest) -> AsyncGenerator[Event, None]:
        """Yield one question: its pieces, then QuestionDone whose text is the pieces joined.

        EngineChanged comes first when the bank has to ask in the model's place, or the model asks
        again after that. Raises a Fault `model_…` only after a piece was shown, `fence_lost` when
        another owner has paid for the session. Closing the iterator or cancelling its task closes
        the way to the model at once; use `contextlib.aclosing` around it.
        """
        model, told = self._model, request.engine_told
        if model is not None and not request.bank_only:
            shown = False
            try:
                async with aclosing(self._descend(model, request)) as parts:
                    async for part in parts:
                        if told not in ("", model.name):
                            yield EngineChanged(model.name, "recovered")
                            told = ""
                        shown = True
                        yield _event(part)
            except Fault as fault:
                if shown or fault.code == "fence_lost":
                    raise
                log.warning("stepped_down", code=fault.code, turn=request.turn, ask=request.ask)
                metrics.model_steps.labels("offline", fault.code).inc()
                yield EngineChanged(self._bank.name, fault.code)
            else:
                return
        elif model is not None:
            yield EngineChanged(self._bank.name, "model_unavailable")
        call = Call(self._bank, request, guard=Guard(wording.marker(request)))
        async with aclosing(self._road(call)) as parts:
            async for part in parts:
                yield Piece(part)
        yield _event(call)

    @overload
    async def complete(self, request: EvaluationRequest) -> Claims: ...
    @overload
    async def complete(self, request: JobRequest) -> Answered: ...
    async def complete(self, request: EvaluationRequest | JobRequest) -> Claims | Answered:
        """Return what the model proposes about a finished interview, unchecked, or a job's answer.

        Any failure is a Fault, and the caller's to name: no other engine stands in for a score.
        Without a model it is `model_unavailable` at once (the coverage report needs no engine).
        """
        if isinstance(request, JobRequest):
            return await self._from_cache(request)
        engine, claims, usage = self._model or self._bank, [], Usage()
        async with aclosing(self._descend(engine, request)) as parts:
            async for part in parts:
                if isinstance(part, Call):
                    usage = part.usage
                else:
                    claims.extend(part)
        found: list[Claim] = claims
        return Claims(engine.name, found, usage)

    async def _from_cache(self, request: JobRequest) -> Answered:
        """Return the kept answer, or compute it once however many ask for it anywhere."""
        tier, settings = tiers.load().for_task(request.task, request.tier)
        name = cache.digest(request, tier, settings)
        deadline = clock.monotonic() + limits.LINE_SECONDS[request.urgency]
        try:
            while self._kept is not None:
                found = await self._kept.get(request.tenant_id, name)
                if found is not None:
                    metrics.work_cache.labels("hit").inc()
                    return Answered(found, cached=True)
                mark = await self._kept.lead(request.tenant_id, name)
                if mark is not None:
                    metrics.work_cache.labels("miss").inc()
                    return await self._lead(self._kept, request, name, mark)
                left = deadline - clock.monotonic()
                if left <= 0:
                    raise Fault("model_busy", "another one computes the same answer")
                await self._kept.wait(request.tenant_id, name, left)
        except Fault as fault:
            if fault.code != "unavailable":
                raise
        metrics.work_cache.labels("away").inc()
        return Answered(await self._work(request))

    async def _lead(self, kept: WorkCache, request: JobRequest, name: str, mark: str) -> Answered:
        answer = None
        try:
            async with asyncio.timeout(limits.WORK_LEAD_SECONDS):
                answer = await self._work(request)
        except TimeoutError:
            raise Fault("model_unavailable", "no answer in time") from None
        finally:
            try:
                await kept.put(request.tenant_id, name, mark, answer)
            except Fault:
                log.warning("answer_not_kept", tenant_id=request.tenant_id)
        return Answered(answer)

    async def _work(self, request: JobRequest) -> str:
        """Return a whole answer; whatever is cut or empty is a Fault and never kept."""
        answer = ""
        async with aclosing(self._descend(self._model or self._bank, request)) as parts:
            async for part in parts:
                if not isinstance(part, Call):
                    answer += part
        if not answer:
            raise Fault("model_unavailable", "an empty answer")
        return answer

    async def _descend(
        self, engine: Engine, request: QuestionRequest | EvaluationRequest | JobRequest
    ) -> AsyncGenerator[Any, None]:
        """Yield the parts of the first call that answers, then that Call; rung by rung."""
        task, begun, number = task_of(request), clock.monotonic(), 0
        fault, step = Fault("model_unavailable"), ladder.Next("down")
        for tier in ladder.rungs(task, tiers.load(), request.tier):
            if number:
                metrics.model_steps.labels(tier, fault.code).inc()
            calls, step = 0, ladder.Next("again")
            while step.what == "again":
                await asyncio.sleep(step.seconds)
                number, calls = number + 1, calls + 1
                call = _call(engine, request, tier, number, begun)
                try:
                    async with aclosing(self._maybe_hedged(call)) as parts:
                        async for part in parts:
                            yield part
                except Fault as caught:
                    if call.winner.shown:
                        raise
                    fault = caught
                else:
                    yield call.winner
                    return
                step = ladder.after(fault, calls, call.patience())
            if step.what == "end":
                break
        raise fault

    async def _road(self, call: Call) -> AsyncGenerator[Any, None]:
        """Walk one call down the whole road; its usage stays with the call."""
        need: Need | None = None
        breaker: Breaker | None = None
        try:
            async with aclosing(call.open()) as parts:
                # The most it can cost: an engine that costs says so before anything is sent.
                part = await call.next(parts)
                if isinstance(part, Usage) and not part.final:
                    need = call.need(part, self._spared(call, part))
                    # A peek: what is known to be spent or broken does not stand in line.
                    self._money.peek(need)
                    breaker = self._passing(need)
                    # The line, at whose head budget and bucket are reserved in one script.
                    begun, call.asked = clock.monotonic(), True
                    go = await self._line.enter(need, call.patience())
                    if go.seconds:
                        await asyncio.sleep(go.seconds)
                    metrics.model_line_seconds.labels(need.urgency).observe(
                        clock.monotonic() - begun
                    )
                    # The engine: from here on it may have to be paid.
                    call.sent, call.usage = True, part
                    part = await call.next(parts)
                while part is not None:
                    if isinstance(part, Usage):
                        call.usage = part
                    else:
                        yield call.take(part)
                    part = await (anext(parts, None) if call.unhurried else call.next(parts))
                call.end()
        except Fault as fault:
            call.failed(fault)
            raise
        finally:
            await self._settle(call, need, breaker)

    def _spared(self, call: Call, bound: Usage) -> int:
        """Return the tokens of a turn's prompt that the provider should still have."""
        if not isinstance(call.request, QuestionRequest):
            return 0
        return self._prefixes.expected(call.request.session_id, bound.tier)

    def _passing(self, need: Need) -> Breaker:
        breaker = self._breakers.of(need.tier)
        if not breaker.allow():
            metrics.model_refusals.labels("breaker", need.urgency).inc()
            raise Fault("model_unavailable", "the tier is left alone for now")
        return breaker

    async def _settle(self, call: Call, need: Need | None, breaker: Breaker | None) -> None:
        """Book a call that may have cost something; a candidate does not wait for it."""
        metrics.model_calls.labels(call.task, call.engine.name, call.outcome).inc()
        if breaker is not None:
            if call.outcome == "ok":
                breaker.succeeded()
            elif call.sent and call.reason:
                breaker.failed(call.reason)
            else:
                breaker.abandoned()
        if need is None or not call.asked:
            return
        used, entry = call.used(), call.entry(need) if call.sent else None
        if entry is not None:
            metrics.model_micro_usd.labels(call.task).inc(entry.micro_usd)
            for kind in ("in", "out", "cache_write", "cache_read"):
                metrics.model_tokens.labels(kind).inc(getattr(entry, f"tokens_{kind}"))
        if call.task == "question":
            self._money.settle_soon(need, used, entry)
            if call.outcome == "ok" and need.session_id is not None:
                tier = tiers.load().tiers[need.tier]
                self._prefixes.note(need.session_id, need.tier, tier, call.usage)
        else:
            await self._money.settle(need, used, entry)

    def _maybe_hedged(self, call: Call) -> AsyncGenerator[Any, None]:
        allowance, request = self._hedges, call.request
        if allowance is None or not isinstance(request, QuestionRequest):
            return self._road(call)
        allowance.earn()

        def second() -> Call | None:
            tier = tiers.load().for_task("question", request.tier)[1].tier
            if self._breakers.of(tier).state != CLOSED or self._line.waiting("live"):
                return None
            if not allowance.take():
                return None
            number = call.number + limits.MODEL_ATTEMPTS_MAX * 10  # a name of its own
            return _call(call.engine, request, request.tier, number, call.begun, hedge=True)

        return hedge.race(call, self._road, second)

    async def close(self) -> None:
        """Let the line go, close the engines, and settle what they cost."""
        await self._line.close()
        for engine in (self._model, self._bank):
            if engine is not None:
                await engine.close()
        if self._kept is not None:
            await self._kept.close()
        await self._money.close()


def _call(
    engine: Engine, request: Any, tier: str, number: int, begun: float, *, hedge: bool = False
) -> Call:
    guard = Guard(wording.marker(request)) if isinstance(request, QuestionRequest) else None
    return Call(engine, request, tier=tier, number=number, begun=begun, guard=guard, hedge=hedge)


def _event(part: Any) -> Piece | QuestionDone:
    if isinstance(part, Call):
        assert part.guard is not None
        return QuestionDone(part.engine.name, part.guard.text, part.usage)
    return Piece(part)


def open_gateway(
    settings: Settings,
    ledger: Ledger,
    *,
    db: Database | None = None,
    writer: RedisWriter | None = None,
    redis: Redis | None = None,
) -> Gateway:
    """Return the gateway with the engines that the settings allow.

    `writer` reserves for all processes, `db` keeps the accounts without it, `redis` keeps answers.
    """
    default = Policy(
        settings.model_session_micro_usd,
        settings.model_day_micro_usd,
        settings.model_month_micro_usd,
    )
    money = Money(
        ledger,
        shared=None if writer is None else Buckets(writer),
        budgets=None if db is None else Budgets(db, default),
        processes=settings.model_processes_max,
        desk=None if db is None else AlertDesk(db, send=bool(settings.alert_url)),
    )
    return Gateway(
        engines.open_bank(settings),
        engines.open_model(settings),
        ledger,
        money=money,
        kept=None if redis is None else WorkCache(redis),
        hedging=settings.model_hedge,
    )
