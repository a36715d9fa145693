"""A company's round of batches: hand in what waits, look at what is away, book what has come.

Each step can be done again from wherever a killed process left it, and a round ends: it never
waits for the provider's hours. What a batch does not answer is evaluated directly, or waits for a
person with its reason named.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from interview import scoring
from llm import batch_money
from llm.batch import Answer, BatchDesk, Intent
from llm.evaluating import request_of
from llm.reply import ModelFault
from llm.request import EvaluationRequest
from pipeline.progress import report_ready
from pipeline.toolbox import Toolbox, aside
from protocol import jobs, limits
from protocol.faults import Fault
from protocol.report import Evaluation
from runtime import clock, metrics
from runtime.logs import Log
from storage import evaluations, interviews, ledger, reports, runs
from storage.evaluations import Batch, Waiting
from storage.interviews import Interview
from storage.transaction import Connection

AWAY: Final = (
    "unreachable", "disconnected", "late", "rate_limited", "overloaded", "server_error",
)  # fmt: skip
FINAL: Final = ("refused", "rejected", "max_tokens")  # asked directly it would say the same
ENGINE: Final = "claude"
log = Log("pipeline.batching")


class RoundTask:
    """One round of one company."""

    def __init__(self, tools: Toolbox, envelope: jobs.Envelope) -> None:
        """Take the company from the envelope's job."""
        assert isinstance(envelope.job, jobs.EvaluationRound)
        self._tools = tools
        self._tenant = envelope.job.tenant_id
        self._pause = 0.0  # what the provider, or a store, wants us to wait
        self.subject_id: UUID = self._tenant
        self.seconds = limits.BATCH_ROUND_SECONDS
        self.attempts_max = 1 + limits.JOB_RETRIES

    async def wanted(self, c: Connection) -> str | None:
        """Return the run's kind once the round is due: an earlier message is a copy."""
        return "batch" if await evaluations.due(c) else None

    def may_pass(self, fault: Fault) -> bool:
        """Say whether to try again: as the fault's kind has it."""
        return fault.kind.retry

    async def do(self, run: runs.Run) -> None:
        """Hand in, look and book; then set the next round in the transaction that ends this one."""
        desk = await self._tools.batches()
        if desk is None:
            await self._without_model()
        else:
            await self._hand_in(desk)
            await self._look(desk)
        async with self._tools.db.tenant(self._tenant) as c:
            await evaluations.next_round(c, self._tenant, seconds=self._pause)
            await runs.end(c, run)

    async def give_up(self, c: Connection, run: runs.Run, fault: Fault) -> None:
        """A round is never given up: the next one comes, later."""
        log.warning("round_failed", tenant_id=self._tenant, code=fault.code, attempt=run.attempt)
        await evaluations.next_round(c, self._tenant, seconds=limits.BATCH_ROUND_LATE_SECONDS)
        await runs.end(c, run)

    async def given_up(self) -> None:
        """Nobody has to know."""

    # Handing in ------------------------------------------------------------------------------

    async def _hand_in(self, desk: BatchDesk) -> None:
        """Make one batch of who waits and can be paid."""
        async with self._tools.db.tenant(self._tenant) as c:
            waiting = await evaluations.to_hand_in(c, limit=limits.BATCH_ITEMS_MAX)
        requests: dict[str, EvaluationRequest] = {}
        try:
            for one in waiting:
                request = await self._reserved(one)
                if request is not None:
                    requests[_name(one)] = request
            if requests:
                intent = await desk.hand_in(list(requests.values()), list(requests))
                metrics.batches.labels("made").inc()
                log.info("batch_made", tenant_id=self._tenant, count=len(intent.interviews))
        except ModelFault as fault:
            metrics.batches.labels("refused").inc()
            log.warning("batch_refused", tenant_id=self._tenant, reason=fault.reason)
            self._pause = max(limits.BATCH_LOOK_SECONDS, fault.retry_after or 0.0)
            if fault.reason not in AWAY:
                await self._direct([one.interview_id for one in waiting], fault.code)
        except Fault as fault:
            if fault.code not in ("conflict", "model_busy", "model_unavailable"):
                raise
            self._pause = limits.RETRY_SECONDS
        finally:
            await self._tools.intents.give_back(requests)

    async def _reserved(self, one: Waiting) -> EvaluationRequest | None:
        """Return what to ask for one interview, its money held; None when it is asked no more."""
        async with self._tools.db.tenant(self._tenant) as c:
            interview = await interviews.get(c, one.interview_id)
            ready = await reports.status(c, one.interview_id) == "ready"
            if interview is None or not interview.plan or ready:
                await evaluations.finished(c, one.interview_id)
                return None
            transcript = await reports.transcript(c, one.interview_id)
        if one.tries >= limits.BATCH_TRIES_MAX:
            await self._direct([one.interview_id], "model_unavailable")
            return None
        request = request_of(interview, transcript, urgency="background")
        need = await aside(lambda: batch_money.need(request, _name(one)))
        intents = self._tools.intents
        try:
            await intents.money.reserve(need)
        except Fault as fault:
            if fault.code != "model_budget":
                raise
            await self._keep(interview, _pending(interview, transcript, fault.code))
            return None
        intents.held[need.attempt] = need
        return request

    async def _keep(self, interview: Interview, evaluation: Evaluation) -> None:
        """Keep a pending review of an interview that is in no batch."""
        async with self._tools.db.tenant(self._tenant) as c:
            kept = await reports.save(c, self._tenant, evaluation)
            await evaluations.finished(c, interview.id)
        metrics.evaluations.labels("batch", evaluation.status).inc()
        if kept is not None:
            await report_ready(self._tools, self._tenant, interview.id, evaluation.status)

    async def _without_model(self) -> None:
        """The key is gone: what was not handed in is reported as a house without one does."""
        async with self._tools.db.tenant(self._tenant) as c:
            waiting = await evaluations.to_hand_in(c, limit=limits.BATCH_ITEMS_MAX)
        await self._direct([one.interview_id for one in waiting], "model_unavailable")
        self._pause = limits.BATCH_ROUND_SECONDS

    async def _direct(self, interview_ids: Sequence[UUID], why: str) -> None:
        """Have interviews evaluated at once that still wait for a batch."""
        async with self._tools.db.tenant(self._tenant) as c:
            for interview_id in interview_ids:
                one = await evaluations.get(c, interview_id)
                if one is not None and not one.direct:
                    await evaluations.make_direct(c, self._tenant, interview_id, why)
                    metrics.evaluations.labels("batch", "direct").inc()

    # Looking ---------------------------------------------------------------------------------

    async def _look(self, desk: BatchDesk) -> None:
        async with self._tools.db.tenant(self._tenant) as c:
            batches = await evaluations.to_look_at(c, limit=limits.BATCH_LOOKS_MAX)
        for batch in batches:
            try:
                await self._look_at(desk, batch)
            except ModelFault as fault:
                log.warning("batch_not_seen", tenant_id=self._tenant, reason=fault.reason)
                if fault.reason in AWAY:
                    return  # the others are no nearer

    async def _look_at(self, desk: BatchDesk, batch: Batch) -> None:
        """Bring one batch as far as it can be brought now."""
        async with self._tools.db.tenant(self._tenant) as c:
            items = await evaluations.of_batch(c, batch.id)
        intent = Intent(
            id=batch.id,
            tenant_id=self._tenant,
            tier=batch.tier,
            prompt_version=batch.prompt_version,
            begun_at=batch.begun_at,
            interviews={one.custom_id: one.interview_id for one in items},
            number=batch.number,
        )
        if not items:  # all is booked, and the process died before it could say so
            await desk.done(intent)
            return
        found = await desk.collect(intent)
        if found.state == "waiting":
            await self._wait(desk, batch, intent, items)
            return
        if found.state == "lost" and not intent.number:
            metrics.batches.labels("lost").inc()
            await self._tools.intents.end(intent)  # it was never made: they wait for another one
            return
        metrics.batches.labels(found.state).inc()
        answers = {answer.custom_id: answer for answer in found.answers}
        for one in items:
            await self._book(batch, one, answers.get(one.custom_id))
        await desk.done(intent)

    async def _wait(
        self, desk: BatchDesk, batch: Batch, intent: Intent, items: Sequence[Waiting]
    ) -> None:
        """A batch at work: one that is late is not waited for, one that nobody wants is ended."""
        late = (clock.now() - batch.begun_at).total_seconds() > limits.BATCH_LATE_SECONDS
        if late:
            await self._direct([one.interview_id for one in items], "model_unavailable")
        async with self._tools.db.tenant(self._tenant) as c:
            unwanted = late or await evaluations.unwanted(c, batch.id)
        if unwanted and batch.number and not batch.cancelled and await desk.cancel(intent):
            metrics.batches.labels("cancelled").inc()
            async with self._tools.db.tenant(self._tenant) as c:
                await evaluations.cancelled(c, batch.id)

    # Booking ---------------------------------------------------------------------------------

    async def _book(self, batch: Batch, one: Waiting, answer: Answer | None) -> None:
        """Book one answer and keep what follows from it, in one transaction, once."""
        async with self._tools.db.tenant(self._tenant) as c:
            interview = await interviews.get(c, one.interview_id)
            transcript = await reports.transcript(c, one.interview_id)
        assert interview is not None
        evaluation: Evaluation | None = None
        claims = None if answer is None else answer.claims
        if claims is not None and interview.plan:
            subject = scoring.Subject(interview.id, ENGINE, transcript.turns_by_engine, "batch")
            plan, said = interview.typed_plan(), transcript.said
            try:
                evaluation = await aside(lambda: scoring.rubric_report(claims, plan, said, subject))
            except Exception:  # noqa: BLE001 - it is paid and asked anew; others' answers go on
                log.crash("answer_crashed", interview_id=interview.id)
        elif (
            answer is not None and answer.fault and answer.fault.reason in FINAL and interview.plan
        ):
            evaluation = _pending(interview, transcript, answer.fault.code)
        seconds = (clock.now() - batch.begun_at).total_seconds()
        async with self._tools.db.tenant(self._tenant) as c:
            if await evaluations.take(c, batch.id, one.custom_id) is None:
                return  # another process was faster
            held = await ledger.line(c, one.custom_id)
            assert held is not None
            line = batch_money.booked(held, answer, number=batch.number, seconds=seconds)
            await ledger.insert(c, [line])
            status = await self._follow(c, interview, evaluation, answer)
        metrics.evaluations.labels("batch", status or "unwanted").inc()
        await self._tools.intents.money.settle(held, line, batch.begun_at.date())
        if status in ("ready", "pending_review"):
            await report_ready(self._tools, self._tenant, interview.id, status)

    async def _follow(
        self,
        c: Connection,
        interview: Interview,
        evaluation: Evaluation | None,
        answer: Answer | None,
    ) -> str:
        """Keep the report, or have the interview evaluated directly; say which, "" for neither."""
        there = await reports.status(c, interview.id)
        if not interview.plan or there == "ready":
            await evaluations.finished(c, interview.id)
            return ""
        if evaluation is not None and (evaluation.status == "ready" or there is None):
            kept = await reports.save(c, self._tenant, evaluation)
            await evaluations.finished(c, interview.id)
            return "" if kept is None else evaluation.status
        if there is not None:  # asked directly as well, and no better
            await evaluations.finished(c, interview.id)
            return ""
        fault = "model_unavailable" if answer is None or answer.fault is None else answer.fault.code
        await evaluations.make_direct(c, self._tenant, interview.id, fault)
        return "direct"


def _name(one: Waiting) -> str:
    """Return an interview's name in its next batch, which no earlier one had.

    Whoever goes on for a process that died before the batch was written down finds the same.
    """
    return f"{one.interview_id.hex}-{int(one.queued_at.timestamp() * 1e6):x}-{one.tries}"


def _pending(interview: Interview, transcript: reports.Transcript, reason: str) -> Evaluation:
    subject = scoring.Subject(interview.id, ENGINE, transcript.turns_by_engine, "batch")
    return scoring.pending_report(interview.typed_plan(), transcript.said, subject, reason=reason)
