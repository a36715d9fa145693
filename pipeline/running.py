"""How a job is run: counted before it begins, leased while it lasts, bounded, retried later.

Every kind of job is a `Task`. Nothing here knows what a job does; a task never retries itself.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Final, Protocol
from uuid import UUID

from pipeline.toolbox import Toolbox
from protocol import jobs, limits
from protocol.faults import Fault
from runtime import clock, logs, metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log
from storage import outbox, runs
from storage.transaction import Connection

GRACE_SECONDS: Final = 2.0  # a sandbox or client that has the same limit names its reason first
log = Log("pipeline.running")


class Task(Protocol):
    """One job of one kind, made from its envelope."""

    subject_id: UUID
    seconds: float
    attempts_max: int

    async def wanted(self, c: Connection) -> str | None:
        """Return the run's kind (`cv.parse`), or None when the work has been done already."""

    def may_pass(self, fault: Fault) -> bool:
        """Say whether another attempt may end better."""

    async def do(self, run: runs.Run) -> None:
        """Load, compute, and save in one transaction that ends the run."""

    async def give_up(self, c: Connection, run: runs.Run, fault: Fault) -> None:
        """End the work with a named reason, in the transaction given."""

    async def given_up(self) -> None:
        """Tell watchers of it, after the commit."""


MakeTask = Callable[[Toolbox, jobs.Envelope], Task]


class Runner:
    """Runs envelopes; the same one many times at once has the effect of one."""

    def __init__(self, tools: Toolbox, kinds: Mapping[type[jobs.Job], MakeTask]) -> None:
        """Use `tools` for every job; `kinds` says how a task is made of each."""
        self._tools = tools
        self._kinds = kinds

    async def run(self, text: str) -> str:
        """Do what an envelope asks for and return the outcome.

        While PostgreSQL is away the message is kept in hand for a while; then Fault
        `unavailable` is raised and the sweep will hand the work over again.
        """
        envelope = jobs.decode(text)
        token = logs.bind(request_id=envelope.request_id, tenant_id=envelope.job.tenant_id)
        deadline = clock.monotonic() + limits.AWAY_SECONDS_MAX
        pause = limits.RETRY_SECONDS / 4
        try:
            while True:
                try:
                    outcome = await self._attempt(envelope)
                except Fault as fault:
                    if fault.code != "unavailable" or clock.monotonic() > deadline:
                        metrics.jobs.labels(_name(envelope.job), "failed").inc()
                        raise
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, limits.RETRY_SECONDS_MAX / 6)
                else:
                    metrics.jobs.labels(_name(envelope.job), outcome).inc()
                    return outcome
        finally:
            logs.unbind(token)

    async def _attempt(self, envelope: jobs.Envelope) -> str:
        job, db = envelope.job, self._tools.db
        task = self._kinds[type(job)](self._tools, envelope)
        exhausted = None
        async with db.tenant(job.tenant_id) as c:
            kind = await task.wanted(c)
            if kind is None:
                return "repeated"
            run = await runs.begin(c, job.tenant_id, kind, task.subject_id)
            if isinstance(run, runs.Busy):
                await self._later(c, envelope, run.seconds)
                return "busy"
            if run.attempt > task.attempts_max:
                exhausted = Fault("cv_attempts_exhausted", run.fault)
                await task.give_up(c, run, exhausted)
        if exhausted is not None:
            await task.given_up()
            log.warning("job_given_up", actor=_name(job), kind=kind, attempt=run.attempt)
            return "given_up"
        return await self._work(task, run, envelope)

    async def _work(self, task: Task, run: runs.Run, envelope: jobs.Envelope) -> str:
        began = clock.monotonic()
        fault: Fault
        try:
            async with Tasks("lease") as tasks, asyncio.timeout(task.seconds + GRACE_SECONDS):
                tasks.start(self._hold(envelope.job.tenant_id, run))
                await task.do(run)
        except asyncio.CancelledError:
            await self._let_go(envelope, run)
            raise
        except TimeoutError:
            fault = (
                Fault("cv_timeout") if run.kind.startswith("cv.") else Fault("server_error", "time")
            )
        except Fault as caught:
            fault = caught
        except Exception as error:  # noqa: BLE001 - a bug in one job must not end the worker
            log.crash("job_crashed", kind=run.kind, attempt=run.attempt)
            fault = Fault("server_error", type(error).__name__)
        else:
            log.info(
                "job_done", kind=run.kind, attempt=run.attempt,
                seconds=round(clock.monotonic() - began, 3),
            )  # fmt: skip
            return "done"
        return await self._failed(task, run, envelope, fault)

    async def _failed(
        self, task: Task, run: runs.Run, envelope: jobs.Envelope, fault: Fault
    ) -> str:
        """Hand the job over again, later, or end it with its reason: in one transaction."""
        hope = task.may_pass(fault)
        again = hope and (run.attempt < task.attempts_max or _not_its_own(fault))
        async with self._tools.db.tenant(envelope.job.tenant_id) as c:
            if again:
                await runs.release(c, run, fault=fault.code, counted=not _not_its_own(fault))
                await self._later(c, envelope, back_off(run.attempt))
            elif hope:
                await task.give_up(c, run, Fault("cv_attempts_exhausted", fault.code))
            else:
                await task.give_up(c, run, fault)
        log.warning(
            "job_failed", kind=run.kind, attempt=run.attempt, code=fault.code,
            reason="again" if again else "ended",
        )  # fmt: skip
        if again:
            return "again"
        await task.given_up()
        return "refused"

    async def _later(self, c: Connection, envelope: jobs.Envelope, seconds: float) -> None:
        await outbox.put(
            c,
            envelope.job.tenant_id,
            envelope.job,
            envelope.lane,
            request_id=envelope.request_id,
            delay_seconds=seconds,
        )

    async def _hold(self, tenant_id: UUID, run: runs.Run) -> None:
        """Renew the lease while the work lasts; once it is somebody else's there is no more."""
        while True:
            await asyncio.sleep(runs.RENEW_SECONDS)
            try:
                async with self._tools.db.tenant(tenant_id) as c:
                    if not await runs.renew(c, run):
                        return
            except Fault:
                continue

    async def _let_go(self, envelope: jobs.Envelope, run: runs.Run) -> None:
        """Let whoever gets the message next begin at once: this worker stops."""
        try:
            async with asyncio.timeout(1), self._tools.db.tenant(envelope.job.tenant_id) as c:
                await runs.release(c, run, fault="", counted=False)
        except (Fault, TimeoutError):
            return  # the lease runs out by itself


def _not_its_own(fault: Fault) -> bool:
    """Whether the surroundings failed, not the job: such an attempt does not count."""
    return fault.code in ("unavailable", "model_busy")


def back_off(attempt: int) -> float:
    """Return the seconds to wait after failed attempt 1, 2, 3 ...: doubling, half of it random."""
    ceiling = min(limits.RETRY_SECONDS * 2.0 ** (attempt - 1), limits.RETRY_SECONDS_MAX)
    return ceiling * (0.5 + random.random() / 2)  # noqa: S311 - spreading, not secrecy


def _name(job: jobs.Job) -> str:
    return str(type(job).__struct_config__.tag)
