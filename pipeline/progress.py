"""What watchers are told while CVs are read, and the waits that the lanes promise."""

from uuid import UUID

from pipeline.toolbox import Toolbox
from runtime import clock, metrics
from storage import cvs


async def cv_moved(tools: Toolbox, tenant_id: UUID, cv: cvs.Cv) -> None:
    """Tell of a CV's new stage or end, after the commit."""
    if cv.status == "ready" and cv.confirmed_at is not None:
        waited = (clock.now() - cv.confirmed_at).total_seconds()
        metrics.cv_wait_seconds.labels(cv.lane).observe(max(0.0, waited))
    await tools.tell(tenant_id, "cv.stage", cvs.notice(cv))


async def cv_ready(tools: Toolbox, tenant_id: UUID, cv: cvs.Cv, count: int) -> None:
    """Tell that a CV has been matched against so many openings."""
    await tools.tell(tenant_id, "match.ready", {"cv_id": cv.id, "count": count})


async def opening_matched(tools: Toolbox, tenant_id: UUID, opening_id: UUID, count: int) -> None:
    """Tell that so many CVs have been matched against an opening."""
    await tools.tell(tenant_id, "match.ready", {"opening_id": opening_id, "count": count})


async def report_queued(tools: Toolbox, tenant_id: UUID, interview_id: UUID) -> None:
    """Tell that a report waits for a batch."""
    await tools.tell(tenant_id, "report.queued", {"interview_id": interview_id})


async def report_ready(tools: Toolbox, tenant_id: UUID, interview_id: UUID, status: str) -> None:
    """Tell that a report can be read, or waits for a person's review."""
    await tools.tell(tenant_id, "report.ready", {"interview_id": interview_id, "status": status})
