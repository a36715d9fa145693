"""A plan weighed by a model: which competencies an opening's work asks for, and how much.

The plan that code has made is there before this begins, and stays when the model is away, too
dear, too slow, or answers what does not fit. What a candidate has joined is not changed any more.
"""

from uuid import UUID

from interview import plan as planning
from interview.plan import Plan
from llm import work
from pipeline.toolbox import Toolbox, aside
from protocol import jobs, limits
from protocol.faults import Fault
from runtime import metrics
from runtime.logs import Log
from storage import audit, interviews, openings, runs
from storage.interviews import Interview
from storage.openings import Opening
from storage.transaction import Connection

log = Log("pipeline.plan")


class PlanTask:
    """One interview that nobody has joined."""

    def __init__(self, tools: Toolbox, envelope: jobs.Envelope) -> None:
        """Take the interview from the envelope's job."""
        assert isinstance(envelope.job, jobs.PlanInterview)
        self._tools = tools
        self._tenant = envelope.job.tenant_id
        self._interview: Interview | None = None
        self._opening: Opening | None = None
        self.subject_id: UUID = envelope.job.interview_id
        self.seconds = limits.PLAN_SECONDS
        self.attempts_max = 1 + limits.JOB_RETRIES

    async def wanted(self, c: Connection) -> str | None:
        """Return the run's kind while the invitation is open and its plan is code's own."""
        self._interview = await interviews.get(c, self.subject_id)
        if self._interview is None or self._interview.status != "invited":
            return None
        if not self._interview.plan or self._interview.typed_plan().refined:
            return None
        if not self._tools.settings.asks_with_model:
            return None
        self._opening = await openings.get(c, self._interview.opening_id)
        return "plan"

    def may_pass(self, fault: Fault) -> bool:
        """Say whether to try again: as the fault's kind has it."""
        return fault.kind.retry

    async def do(self, run: runs.Run) -> None:
        """Ask, check, and keep what fits while nobody has joined."""
        assert self._interview is not None
        before = self._interview.typed_plan()
        plan, outcome = await self._weigh(before)
        async with self._tools.db.tenant(self._tenant) as c:
            if plan is not None and not await interviews.replan(c, self._interview, plan):
                plan, outcome = None, "joined"
            if plan is not None:
                chosen = [topic.competency for topic in plan.competencies]
                await audit.note(
                    c, self._tenant, "system:plan", "interview.planned", "interview",
                    self.subject_id, {"competencies": chosen},
                )  # fmt: skip
            await runs.end(c, run)
        metrics.plans.labels(outcome).inc()
        if plan is None:
            log.info("plan_kept", interview_id=self.subject_id, reason=outcome)
            return
        notice = {"interview_id": self.subject_id, "status": "invited"}
        await self._tools.tell(self._tenant, "interview.status", notice)

    async def give_up(self, c: Connection, run: runs.Run, fault: Fault) -> None:
        """Leave the plan as it is; the run's row stays, so that no message tries again."""
        metrics.plans.labels(fault.code).inc()
        await runs.release(c, run, fault=fault.code)

    async def given_up(self) -> None:
        """Say nothing: there is a plan."""

    async def _weigh(self, before: Plan) -> tuple[Plan | None, str]:
        """Return the plan that the model weighed, or None, and how it went."""
        assert self._opening is not None
        request = work.weigh(self._tenant, self._opening.brief(), before)
        try:
            gateway = await aside(self._tools.gateway)
            answer = await gateway.complete(request)
        except Fault as fault:
            if not fault.code.startswith("model_"):
                raise
            return None, fault.code
        plan = planning.refined(before, work.topics_of(answer.text))
        return plan, "refined" if plan is not None else "unfit"
