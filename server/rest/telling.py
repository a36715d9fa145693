"""Notices to a company's watchers that follow a REST request, after its commit."""

from server.house import House
from storage import events
from storage.interviews import Interview


async def tell(house: House, interview: Interview, status: str = "") -> None:
    """Say that something of an interview changed: its status, a consent or a request."""
    notice = {"interview_id": interview.id, "status": status or interview.status}
    await events.publish(house.redis, interview.tenant_id, "interview.status", notice)
