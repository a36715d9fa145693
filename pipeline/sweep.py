"""The sweep: finds what was left behind and hands it over again, now and then.

Nothing depends on it while all goes well. It looks across tenants with a role that may only look,
and changes things as the application does, one tenant at a time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from protocol import jobs, limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.lifecycle import sleep_or_stop
from runtime.logs import Log
from storage import abandoned, cvs, flushing, outbox, sweeps
from storage.blobs import Blobs
from storage.events import Teller
from storage.journal import Journal
from storage.live import Live
from storage.transaction import Database

EVERY_SECONDS: Final = 30.0
MONTHS_AHEAD: Final = 3
FOUND_MAX: Final = 200  # of each kind in one round
STUCK_SECONDS_MIN: Final = 60.0
LEFT_SECONDS: Final = 60.0
NUDGE_SECONDS: Final = 300.0  # the same thing is not handed over again before this
REMEMBERED_MAX: Final = 10_000
log = Log("pipeline.sweep")


class LiveSide(msgspec.Struct, frozen=True):
    """What of the live sessions' stores the sweep needs to close one."""

    live: Live
    teller: Teller


class Sweep:
    """One sweep of this process; several processes take turns by a lock."""

    def __init__(
        self,
        across: Database,
        db: Database,
        blobs: Blobs,
        journal: Journal | None = None,
        live: LiveSide | None = None,
    ) -> None:
        """Look with `across` (the sweep's role), act with `db` (the application's).

        With a `journal` it also flushes what dead owners had accepted while PostgreSQL was away,
        and with the `live` side it closes the interviews that nobody came back to.
        """
        self._across = across
        self._db = db
        self._blobs = blobs
        self._journal = journal
        self._live = live
        self._nudged: OrderedDict[UUID, float] = OrderedDict()

    async def round(self) -> dict[str, int]:
        """Do everything once and return what was done, by name; {} when another one is at it."""
        async with self._across.across() as c:
            if not await sweeps.alone(c):
                return {}
            months = await sweeps.ensure_months(c, MONTHS_AHEAD)
            stuck = [
                cv
                for lane in jobs.LANES
                for cv in await sweeps.stuck_cvs(
                    c, lane, seconds=stuck_seconds(lane), limit=FOUND_MAX
                )
            ]
            openings = await sweeps.openings_without_vector(
                c, seconds=LEFT_SECONDS, limit=FOUND_MAX
            )
            ended = await sweeps.interviews_without_report(c, seconds=LEFT_SECONDS, limit=FOUND_MAX)
            ended += await sweeps.pending_reviews(c, limit=FOUND_MAX)
            rounds = await sweeps.late_rounds(c, limit=FOUND_MAX)
            metrics.evaluations_waiting.set(await sweeps.waiting_for_batches(c))
            expired = await sweeps.expired_uploads(c, limit=FOUND_MAX)
            away = await sweeps.abandoned_sessions(c, limit=FOUND_MAX)
            handed = await self._hand_over(stuck, openings, ended, rounds)
        done = {"months": months, **handed, "uploads": await self._expire(expired)}
        done["journals"] = await self._flush()
        done["abandoned"] = await self._close(away)
        for name, count in done.items():
            if count:
                log.info("swept", name=name, count=count)
        return done

    async def _hand_over(
        self,
        stuck: Iterable[sweeps.StuckCv],
        openings: Iterable[sweeps.Left],
        ended: Iterable[sweeps.Left],
        rounds: Iterable[sweeps.Left],
    ) -> dict[str, int]:
        counts = {"cvs": 0, "openings": 0, "interviews": 0, "rounds": 0}
        for cv in stuck:
            if self._fresh(cv.cv_id):
                async with self._db.tenant(cv.tenant_id) as c:
                    await cvs.hand_over(c, cv.tenant_id, cv.cv_id, cvs.AFTER[cv.stage], cv.lane)
                counts["cvs"] += 1
        for left in openings:
            if self._fresh(left.id):
                await self._put(
                    left, jobs.OpeningVector(tenant_id=left.tenant_id, opening_id=left.id)
                )
                counts["openings"] += 1
        for left in ended:
            if self._fresh(left.id):
                await self._put(left, jobs.Evaluate(tenant_id=left.tenant_id, interview_id=left.id))
                counts["interviews"] += 1
        for left in rounds:
            if self._fresh(left.id):
                await self._put(left, jobs.EvaluationRound(tenant_id=left.tenant_id), "bulk")
                counts["rounds"] += 1
        return counts

    async def _put(self, left: sweeps.Left, job: jobs.Job, lane: jobs.Lane = "active") -> None:
        async with self._db.tenant(left.tenant_id) as c:
            await outbox.put(c, left.tenant_id, job, lane)

    async def _expire(self, expired: Iterable[sweeps.Left]) -> int:
        count = 0
        for left in expired:
            async with self._db.tenant(left.tenant_id) as c:
                key = await cvs.expire_upload(c, left.id)
            if key is not None:
                count += 1
                await self._blobs.delete(key)
        return count

    async def _flush(self) -> int:
        """Bring journals to PostgreSQL; where somebody is taking over they are left to them."""
        if self._journal is None:
            return 0
        count = 0
        for session_id in await self._journal.held(limit=limits.JOURNALS_SWEPT_MAX):
            try:
                count += await flushing.flush_left(self._db, self._journal, session_id)
            except flushing.Stuck as stuck:  # the others behind it are in no worse state
                metrics.journal.labels("stuck").inc()
                log.warning("journal_stuck", session_id=session_id, reason=stuck.detail)
        return count

    async def _close(self, away: Iterable[sweeps.Left]) -> int:
        """Close the interviews that were left for a day; whoever comes back meanwhile wins."""
        count = 0
        for left in away if self._live is not None else ():
            assert self._live is not None
            try:
                interview_id, status = await abandoned.close(
                    self._db, self._live.live, left.tenant_id, left.id
                )
            except Fault as fault:
                log.info("not_closed", session_id=left.id, code=fault.code)
                continue
            count += 1
            metrics.finished.labels("abandoned" if status == "finished" else status).inc()
            notice = {"interview_id": interview_id, "status": status}
            self._live.teller.tell(left.tenant_id, "interview.status", notice)
        return count

    def _fresh(self, id_: UUID) -> bool:
        """Remember what was handed over: a message may wait for its turn, and that is no loss."""
        now = clock.monotonic()
        if now - self._nudged.get(id_, -NUDGE_SECONDS) < NUDGE_SECONDS:
            return False
        self._nudged[id_] = now
        self._nudged.move_to_end(id_)
        while len(self._nudged) > REMEMBERED_MAX:
            self._nudged.popitem(last=False)
        return True


def stuck_seconds(lane: jobs.Lane) -> float:
    """Return how long a CV of a lane may stand still before it counts as left behind."""
    return max(STUCK_SECONDS_MIN, 2 * limits.LANE_PROMISE_SECONDS[lane])


async def run(sweep: Sweep, stop: asyncio.Event) -> None:
    """Sweep every now and then until `stop` is set."""
    while not stop.is_set():
        try:
            await sweep.round()
        except Fault as fault:
            log.warning("sweep_waits", code=fault.code)
        await sleep_or_stop(EVERY_SECONDS, stop)
