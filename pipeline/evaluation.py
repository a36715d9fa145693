"""An interview's report: written once it has ended, from the record and nothing else.

Without a model it says how much of the expected evidence was given. With one, the model proposes
quotes and code checks them and counts; when the model fails, the report waits for a review with
the reason named, and the sweep asks again for a day. The bank never scores in a model's place.
"""

from uuid import UUID

from interview import scoring
from llm.request import EvaluationRequest
from pipeline.progress import report_ready
from pipeline.toolbox import Toolbox, aside
from protocol import jobs, limits
from protocol.faults import KINDS, Fault
from protocol.report import Evaluation
from runtime.logs import Log
from storage import interviews, reports, runs
from storage.transaction import Connection

log = Log("pipeline.evaluation")


class EvaluateTask:
    """One finished interview."""

    def __init__(self, tools: Toolbox, envelope: jobs.Envelope) -> None:
        """Take the interview from the envelope's job."""
        assert isinstance(envelope.job, jobs.Evaluate)
        self._tools = tools
        self._tenant = envelope.job.tenant_id
        self._interview: interviews.Interview | None = None
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
        return "evaluate"

    def may_pass(self, fault: Fault) -> bool:
        """Say whether to try again: as the fault's kind has it."""
        return fault.kind.retry

    async def do(self, run: runs.Run) -> None:
        """Write the report, or the pending review that names why there is none."""
        async with self._tools.db.tenant(self._tenant) as c:
            transcript = await reports.transcript(c, self.subject_id)
        evaluation = await self._evaluate(transcript)
        async with self._tools.db.tenant(self._tenant) as c:
            kept = await reports.save(c, self._tenant, evaluation)
            await runs.end(c, run)
        if kept is not None:
            await report_ready(self._tools, self._tenant, self.subject_id, evaluation.status)

    async def give_up(self, c: Connection, run: runs.Run, fault: Fault) -> None:
        """Leave a pending review; the run's row stays, so that no message tries again."""
        transcript = await reports.transcript(c, self.subject_id)
        ended_by = fault.detail if fault.detail in KINDS else "server_error"
        await reports.save(c, self._tenant, self._pending(transcript, ended_by))
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
        request = EvaluationRequest(
            tenant_id=self._tenant,
            session_id=self._interview.session_id,
            interview_id=self.subject_id,
            plan=plan,
            said=said,
            locale=self._interview.locale,
            seed=self._interview.seed,
        )
        try:
            gateway = await aside(self._tools.gateway)
            found = await gateway.complete(request)
        except Fault as fault:
            if not fault.code.startswith("model_"):
                raise
            log.warning("evaluation_pending", interview_id=self.subject_id, code=fault.code)
            return self._pending(transcript, fault.code)
        subject = self._subject(transcript, found.engine)
        return await aside(lambda: scoring.rubric_report(found.claims, plan, said, subject))

    def _pending(self, transcript: reports.Transcript, reason: str) -> Evaluation:
        assert self._interview is not None
        engine = "claude" if self._tools.settings.asks_with_model else "offline"
        return scoring.pending_report(
            self._interview.typed_plan(),
            transcript.said,
            self._subject(transcript, engine),
            reason=reason,
        )

    def _subject(self, transcript: reports.Transcript, engine: str) -> scoring.Subject:
        return scoring.Subject(self.subject_id, engine, transcript.turns_by_engine)
