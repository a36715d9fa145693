"""One call to an engine: its clock, what it needs, its latest account of the cost, how it ended."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, TypeVar

import msgspec

from llm import ladder, tiers
from llm.reply import Limit, ModelFault, RateLimits
from llm.request import Engine, EvaluationRequest, JobEngine, JobRequest, QuestionRequest
from llm.tiers import Task, Usage
from protocol import limits
from protocol.faults import Fault
from protocol.messages import storable
from runtime import clock
from storage.buckets import Need, Used
from storage.budgets import attempt_name
from storage.ledger import LedgerEntry

AnyRequest = QuestionRequest | EvaluationRequest | JobRequest
T = TypeVar("T")
BYTES_PER_TOKEN: Final = 4  # in es, en and pt; an estimate that settling corrects
TOKENS_OUT: Final[dict[str, int]] = {"question": 150, "evaluation": 3_000}  # as a rule
NOTHING_OUT: Final = 1_000


class Guard:
    """Every piece on its way out: the text so far, and what must never be in it."""

    def __init__(self, mark: str) -> None:
        """Look out for the session's delimiter `mark`."""
        self.mark = mark
        self.text = ""

    def check(self, piece: str) -> str:
        """Return the piece; a ModelFault when it makes a question that nobody should see.

        Its reasons say nothing against the provider: no candidate can open a breaker for others.
        """
        text = self.text + piece
        if len(text) > limits.QUESTION_CHARS_MAX:
            raise ModelFault("max_tokens", "far longer than a question")
        if not storable(piece) or self.mark in text:
            raise ModelFault("refused", "not a question")
        self.text = text
        return piece

    def check_whole(self) -> None:
        """Fault when the text is no question because there is none."""
        if not self.text.strip():
            raise Fault("model_unavailable", "an empty answer")


class Call:
    """One call under way; `begun` is when the request began, which may have had calls before."""

    def __init__(
        self,
        engine: Engine,
        request: AnyRequest,
        *,
        tier: str = "",
        number: int = 1,
        begun: float | None = None,
        guard: Guard | None = None,
        hedge: bool = False,
    ) -> None:
        """Ask `engine` for `request` on a tier (its task's own by default)."""
        self.engine = engine
        self.task: Task = task_of(request)
        self.request = msgspec.structs.replace(request, tier=tier) if tier else request
        self.guard = guard
        self.hedge = hedge
        self.usage = Usage()
        self.outcome = "cancelled"  # unless it ends in another way
        self.reason = ""
        self.retry_after: float | None = None
        self.limits: RateLimits | None = None
        self.asked = False  # for money: from here on there may be a reservation
        self.sent = False
        self.shown = False
        self.winner: Call = self
        self.number = number
        self._keeps_time = getattr(engine, "keeps_time", False)
        self._at = clock.monotonic()
        self.begun = self._at if begun is None else begun
        live = self.task == "question"
        whole = limits.MODEL_QUESTION_SECONDS if live else limits.MODEL_EVALUATION_SECONDS
        self._due = self.begun + whole
        self._first_due = self.begun + limits.MODEL_FIRST_PIECE_SECONDS if live else self._due

    def open(self) -> AsyncGenerator[Any, None]:
        """Return the engine's parts; nothing is sent before the second one is asked for."""
        if isinstance(self.request, QuestionRequest):
            return self.engine.question(self.request)
        if isinstance(self.request, EvaluationRequest):
            return self.engine.claims(self.request)
        if isinstance(self.engine, JobEngine):
            return self.engine.work(self.request)
        raise Fault("model_unavailable", "this engine does no such work")

    async def next(self, parts: AsyncIterator[T]) -> T | None:
        """Return the next part, or None at the end; Fault when it does not come in time."""
        due = self._due if self.shown else self._first_due
        if self.shown and self.task == "question":
            due = min(due, clock.monotonic() + limits.MODEL_PIECE_SECONDS)
        try:
            async with asyncio.timeout(max(0.0, due - clock.monotonic())):
                return await anext(parts, None)
        except TimeoutError:
            raise ModelFault("stalled" if self.shown else "late", "no answer in time") from None

    @property
    def unhurried(self) -> bool:
        """Inside a stream an engine that keeps time itself is left to it: no timer for a piece."""
        return self.shown and self._keeps_time

    def take(self, part: Any) -> Any:
        """Return a part as it may be shown."""
        if self.guard is not None:
            part = self.guard.check(part)
        self.shown = True
        return part

    def end(self) -> None:
        """Note that it is whole, or fault because it is not."""
        if self.guard is not None:
            self.guard.check_whole()
        self.outcome = "ok"

    def failed(self, fault: Fault) -> None:
        """Note why it failed."""
        self.outcome, self.reason = fault.code, ladder.reason_of(fault)
        self.retry_after = fault.retry_after
        if isinstance(fault, ModelFault):
            self.limits = fault.limits

    def patience(self) -> float:
        """Return how long it may stand in line, or wait for another call."""
        if self.hedge:
            return 0.0  # a second call is for when there is room
        return min(limits.LINE_SECONDS[self.urgency], self._first_due - clock.monotonic())

    @property
    def urgency(self) -> str:
        """Who waits for it."""
        if isinstance(self.request, QuestionRequest):
            return "live"
        return self.request.urgency

    # Money -----------------------------------------------------------------------------------

    def need(self, bound: Usage, spared: int) -> Need:
        """Return what it asks of bucket and budget; `spared` tokens come from the cache."""
        tier, settings = tiers.load().for_task(self.task, bound.tier)
        tokens_in = max(1, bound.prompt_tokens // BYTES_PER_TOKEN - spared)
        tokens_out = min(bound.tokens_out, TOKENS_OUT.get(self.task, NOTHING_OUT))
        top = tier.limits
        request = self.request
        session = None if isinstance(request, JobRequest) else request.session_id
        fence, fresh = 0, False
        percent = 0 if session is None else 100
        if isinstance(request, QuestionRequest):
            fence, percent = request.fence, limits.QUESTION_BUDGET_PERCENT
            fresh = request.turn == request.ask == self.number == 1 and not request.said
        line = self._line(bound, settings.tier)
        return Need(
            attempt=line.attempt,
            tenant_id=request.tenant_id,
            session_id=session,
            urgency=self.urgency,
            tier=settings.tier,
            tokens=(1, tokens_in, tokens_out),
            per_minute=(top.requests, top.input_tokens, top.output_tokens),
            bound=line.micro_usd,
            line=line,
            fence=fence,
            fresh=fresh,
            session_percent=percent,
            borrow_seconds=min(limits.BORROW_SECONDS, max(0.0, self.patience())),
        )

    def used(self) -> Used:
        """Return what it really used, as far as anybody knows, for the bucket and the accounts."""
        usage = self.usage if self.sent else Usage()
        told = usage.limits or self.limits
        kinds = (told.requests, told.input_tokens, told.output_tokens) if told else (None,) * 3
        away = 0.0
        if self.reason == "rate_limited":
            away = min(max(1.0, self.retry_after or 0.0), 60.0)
        tier, _ = tiers.load().for_task(self.task, usage.tier or self.request.tier)
        return Used(
            tokens=(int(self.sent), usage.tokens_in + usage.cache_write, usage.tokens_out),
            micro_usd=tier.cost(usage),
            stay_away_seconds=away,
            limits=_three(kinds, lambda one: one.limit),
            left=_three(kinds, lambda one: one.remaining),
        )

    def entry(self, need: Need) -> LedgerEntry:
        """Return the call's line in the ledger."""
        usage = self.usage
        tier, settings = tiers.load().for_task(self.task, usage.tier or self.request.tier)
        return msgspec.structs.replace(
            need.line,
            tier=settings.tier,
            model=tier.model,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            tokens_cache_write=usage.cache_write,
            tokens_cache_read=usage.cache_read,
            micro_usd=tier.cost(usage),
            upper_bound=not usage.final,
            outcome=self.outcome,
            latency_ms=int((clock.monotonic() - self._at) * 1000),
            request_id=usage.request_id,
        )

    def _line(self, bound: Usage, name: str) -> LedgerEntry:
        """Return the line that is booked should nobody ever tell how the call ended."""
        request, tier = self.request, tiers.load().tiers[name]
        session = interview = turn = ask = None
        attempt = f"{self.task}:{clock.new_id()}"
        if not isinstance(request, JobRequest):
            session, interview = request.session_id, request.interview_id
        if isinstance(request, QuestionRequest):
            turn, ask = request.turn, request.ask
            attempt = attempt_name(request.session_id, turn, ask, request.fence)
            if self.number > 1:
                attempt = f"{attempt}:{self.number}"
        return LedgerEntry(
            tenant_id=request.tenant_id,
            session_id=session,
            interview_id=interview,
            task=self.task,
            tier=name,
            engine=self.engine.name,
            model=tier.model,
            prompt_version=self.engine.prompt_versions.get(self.task, ""),
            tokens_in=bound.tokens_in,
            tokens_out=bound.tokens_out,
            tokens_cache_write=bound.cache_write,
            tokens_cache_read=0,
            micro_usd=tier.cost(bound),
            upper_bound=True,
            outcome="lost",
            latency_ms=0,
            attempt=attempt,
            turn=turn,
            ask=ask,
            urgency=self.urgency,
            hedge=self.hedge,
        )


def task_of(request: AnyRequest) -> Task:
    """Return the task that a request is for."""
    if isinstance(request, QuestionRequest):
        return "question"
    return "evaluation" if isinstance(request, EvaluationRequest) else request.task


def _three(kinds: tuple[Limit | None, ...], value: Any) -> tuple[int, int, int]:
    first, second, third = (-1 if one is None else int(value(one)) for one in kinds)
    return first, second, third
