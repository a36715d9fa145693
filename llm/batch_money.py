"""What a batch may cost: reserved before it is made, settled when its answers are there.

A reservation outlives the process and Redis' holds: it is a line of the ledger that says
"reserved" at the most it can cost, on that day, until the answer's own account takes its place.
"""

from datetime import date
from typing import Final

import msgspec

from llm import wording
from llm.batch import EVALUATION, Answer
from llm.budget import Money
from llm.request import EvaluationRequest
from llm.tiers import Usage, load
from protocol.faults import Fault
from runtime import metrics
from storage.buckets import Need, Used, Wait
from storage.ledger import LedgerEntry

ENGINE: Final = "claude"
BUCKET: Final = "batch"  # batches have limits of their own, which tokens a minute do not count in
PER_MINUTE: Final = (1_000, 1_000_000, 1_000_000)
NOTHING: Final = (0, 0, 0)


def need(request: EvaluationRequest, custom_id: str) -> Need:
    """Return what an evaluation in a batch asks of the accounts, under its name in the batch."""
    tier, settings = load().for_task(EVALUATION, request.tier)
    call = wording.evaluation(request, tier, settings)
    size = wording.prompt_bytes(call)
    bound = tier.cost(Usage(tokens_out=call["max_tokens"], cache_write=size), batch=True)
    line = LedgerEntry(
        tenant_id=request.tenant_id,
        session_id=request.session_id,
        interview_id=request.interview_id,
        task=EVALUATION,
        tier=settings.tier,
        engine=ENGINE,
        model=tier.model,
        prompt_version=wording.EVALUATION_PROMPT.version,
        tokens_in=0,
        tokens_out=call["max_tokens"],
        tokens_cache_write=size,
        tokens_cache_read=0,
        micro_usd=bound,
        upper_bound=True,
        outcome="reserved",
        latency_ms=0,
        attempt=custom_id,
        urgency="background",
        batch=True,
    )
    return need_of(line)


def need_of(line: LedgerEntry) -> Need:
    """Return the need of a line that says "reserved".

    Should the process die before the batch is written down, nothing was sent or will be paid.
    """
    return Need(
        attempt=line.attempt,
        tenant_id=line.tenant_id,
        session_id=line.session_id,
        urgency=line.urgency,
        tier=BUCKET,
        tokens=NOTHING,
        per_minute=PER_MINUTE,
        bound=line.micro_usd,
        line=msgspec.structs.replace(line, outcome="lost", micro_usd=0, upper_bound=False),
    )


def reserved(need: Need) -> LedgerEntry:
    """Return the line that keeps a reservation until the answer is there."""
    return msgspec.structs.replace(
        need.line, outcome="reserved", micro_usd=need.bound, upper_bound=True
    )


def unsent(line: LedgerEntry) -> LedgerEntry:
    """Return the line of an evaluation whose batch was never made: nothing is paid for it."""
    return msgspec.structs.replace(
        line, outcome="cancelled", micro_usd=0, tokens_out=0, tokens_cache_write=0,
        upper_bound=False,
    )  # fmt: skip


def booked(line: LedgerEntry, answer: Answer | None, *, number: str, seconds: float) -> LedgerEntry:
    """Return the line of an answer; without one nobody knows, and the bound stays, flagged."""
    latency = int(seconds * 1000)
    if answer is None:
        return msgspec.structs.replace(
            line, outcome="model_unavailable", latency_ms=latency, request_id=number
        )
    usage = answer.usage
    return msgspec.structs.replace(
        line,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        tokens_cache_write=usage.cache_write,
        tokens_cache_read=usage.cache_read,
        micro_usd=answer.micro_usd,
        upper_bound=False,
        outcome="ok" if answer.fault is None else answer.fault.code,
        latency_ms=latency,
        request_id=number,
    )


class BatchMoney:
    """The accounts, as batches use them."""

    def __init__(self, money: Money) -> None:
        """Reserve where the calls of this process do."""
        self._money = money

    async def reserve(self, need: Need) -> None:
        """Hold the most it can cost; Fault `model_budget` at a limit, `model_busy` for a moment."""
        if isinstance(await self._money.reserve(need), Wait):
            raise Fault("model_busy", "this process' share is used up")

    async def keep(self, need: Need) -> None:
        """Charge the bound for as long as it takes: the ledger says `reserved`."""
        await self._money.settle(need, Used(tokens=NOTHING, micro_usd=need.bound), reserved(need))

    async def release(self, need: Need) -> None:
        """Give back what nothing was handed in for, now.

        The next round reserves under the same name: what came later would give that back.
        """
        await self._money.settle(need, Used(tokens=NOTHING, micro_usd=0), None)

    async def settle(self, held: LedgerEntry, line: LedgerEntry, day: date) -> None:
        """Correct the accounts of the reservation's day: `line` took the place of `held`."""
        metrics.model_micro_usd.labels(EVALUATION).inc(line.micro_usd)
        await self._money.correct(need_of(held), day, line.micro_usd - held.micro_usd)
