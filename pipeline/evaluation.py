"""An interview's report: written once it has ended, from the record and nothing else.

Without a model it says how much of the expected evidence was given. With one, the model proposes
quotes and code checks them and counts: in a batch, at half the price, where the opening (or the
house) lets its reports wait, and at once otherwise or when a recruiter asks for it. When the model
fails, the report waits for a review with the reason named, and the sweep asks again for a day. The
bank never scores in a model's place.
"""

from typing import Literal
from uuid import UUID

from interview import scoring
from llm.evaluating import request_of
from pipeline.progress import report_queued, report_ready
from pipeline.toolbox import Toolbox, aside
from protocol import jobs, limits
from protocol.faults import KINDS, Fault
from protocol.report import Evaluation
from runtime import clock, metrics
from runtime.logs import Log
from storage import evaluations, interviews, openings, reports, runs
from storage.transaction import Connection

Way = Literal["", "now", "batch"]
log = Log("pipeline.evaluation")


class EvaluateTask:
    """One finished interview."""

    def __init__(self, tools: Toolbox, envelope: jobs.Envelope) -> None:
        """Take the interview from the envelope's job."""
        assert isinstance(envelope.job, jobs.Evaluate)
        self._tools = tools
        self._tenant = envelope.job.tenant_id
        self._interview: interviews.Interview | None = None
        self._waits = False
        self._told: str | None = None
        self.subject_id: UUID = envelope.job.interview_id
        self.seconds = limits.EVALUATE_SECONDS
        self.attempts_max = 1 + limits.JOB_RETRIES

    async def wanted(self, c: Connection) -> str | None:
        """Return the run's kind while the interview has ended without a ready report."""
        self._interview = await interviews.get(c, self.subject_id)
        if self._interview is None or self._interview.status != "finished":
            return None
        if not self._interview.plan or await reports.status(c, self.subject_id) == "ready":
            return None  # erased, or written already
        waiting = await evaluations.get(c, self.subject_id)
        if waiting is not None and not waiting.direct:
            return None  # a batch will bring it
        refused = await reports.pending_reason(c, self.subject_id) == "model_refused"
        if waiting is None and refused:
            return None  # it was paid for, and would be again: a person has to look, or ask anew
        if waiting is None and self._tools.settings.asks_with_model:
            opening = await openings.get(c, self._interview.opening_id)
            self._waits = _may_wait(opening.reports, self._tools.settings.evaluations)
        return "evaluate"

    def may_pass(self, fault: Fault) -> bool:
        """Say whether to try again: as the fault's kind has it."""
        return fault.kind.retry

    async def do(self, run: runs.Run) -> None:
        """Write the report, or the pending review that names why there is none."""
        async with self._tools.db.tenant(self._tenant) as c:
            transcript = await reports.transcript(c, self.subject_id)
            if self._waits and transcript.said:
                await evaluations.queue(c, self._tenant, self.subject_id)
                await runs.end(c, run)
        if self._waits and transcript.said:
            metrics.evaluations.labels("batch", "queued").inc()
            await report_queued(self._tools, self._tenant, self.subject_id)
            return
        evaluation = await self._evaluate(transcript)
        async with self._tools.db.tenant(self._tenant) as c:
            kept = await reports.save(c, self._tenant, evaluation)
            await evaluations.finished(c, self.subject_id)
            await runs.end(c, run)
        metrics.evaluations.labels(evaluation.way or "code", evaluation.status).inc()
        if kept is not None:
            await report_ready(self._tools, self._tenant, self.subject_id, evaluation.status)

    async def give_up(self, c: Connection, run: runs.Run, fault: Fault) -> None:
        """Leave a pending review; the run's row stays, so that no message tries again."""
        transcript = await reports.transcript(c, self.subject_id)
        ended_by = fault.detail if fault.detail in KINDS else "server_error"
        await reports.save(c, self._tenant, self._pending(transcript, ended_by))
        await evaluations.finished(c, self.subject_id)
        await runs.release(c, run, fault=fault.code)
        self._told = "pending_review"

    async def given_up(self) -> None:
        """Tell that a person has to look."""
        if self._told is not None:
            await report_ready(self._tools, self._tenant, self.subject_id, self._told)

    async def _evaluate(self, transcript: reports.Transcript) -> Evaluation:
        assert self._interview is not None
        plan, said = self._interview.typed_plan(), transcript.said
        if not self._tools.settings.asks_with_model:
            subject = self._subject(transcript, "offline")
            return await aside(lambda: scoring.coverage_report(plan, said, subject))
        request = request_of(self._interview, transcript)
        try:
            gateway = await aside(self._tools.gateway)
            found = await gateway.complete(request)
        except Fault as fault:
            if not fault.code.startswith("model_") or self._comes_again(fault):
                raise
            log.warning("evaluation_pending", interview_id=self.subject_id, code=fault.code)
            return self._pending(transcript, fault.code)
        subject = self._subject(transcript, found.engine, "now")
        return await aside(lambda: scoring.rubric_report(found.claims, plan, said, subject))

    def _comes_again(self, fault: Fault) -> bool:
        """Whether to come back in a moment: nothing was asked, because all places were taken.

        That is nothing for a person to review, until it has gone on for as long as reviews do.
        """
        assert self._interview is not None
        ended = self._interview.finished_at
        if fault.code != "model_busy" or ended is None:
            return False
        return (clock.now() - ended).total_seconds() < limits.REVIEW_SECONDS_MAX

    def _pending(self, transcript: reports.Transcript, reason: str) -> Evaluation:
        assert self._interview is not None
        engine = "claude" if self._tools.settings.asks_with_model else "offline"
        way: Way = "now" if self._tools.settings.asks_with_model else ""
        return scoring.pending_report(
            self._interview.typed_plan(),
            transcript.said,
            self._subject(transcript, engine, way),
            reason=reason,
        )

    def _subject(
        self, transcript: reports.Transcript, engine: str, way: Way = ""
    ) -> scoring.Subject:
        return scoring.Subject(self.subject_id, engine, transcript.turns_by_engine, way)


def _may_wait(opening: str, house: str) -> bool:
    """Whether reports of an opening wait for a batch: as it says itself, or as the house has it."""
    return (house if opening == "default" else opening) == "wait"
