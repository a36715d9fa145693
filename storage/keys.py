"""Every Redis key and its lifetime, in one table.

Keys of one session share the hash tag {session} so that a script touches one cluster slot.
"""

from typing import Final
from uuid import UUID

from protocol import limits

JOURNALS: Final = "journal:"
LIFETIMES: Final = {
    "live": limits.LIVE_SECONDS,  # a session's live state: SPEC cache-2
    "ticket": limits.TICKET_SECONDS * 4,  # the mark that a ticket was used outlives the ticket
    "slots": 3600,  # an instance's places; members expire on their own
    "instance": int(limits.INSTANCE_LEASE_SECONDS * 4),
    "rate": 60,
    "events": limits.LIVE_SECONDS,
    "upload": 3600,
}


def live(session_id: UUID) -> str:
    """Hash: the live state of a session (fence, instance, url, state)."""
    return f"live:{{{session_id}}}"


def journal(session_id: UUID) -> str:
    """List: what was accepted while PostgreSQL was away. It never expires: it is flushed."""
    return f"{JOURNALS}{{{session_id}}}"


def journal_of(key: str) -> UUID | None:
    """Return whose journal a key is, or None when it is none."""
    try:
        return UUID(key.removeprefix(JOURNALS).strip("{}"))
    except ValueError:
        return None


def ticket(nonce: str) -> str:
    """String: present once the ticket was used."""
    return f"ticket:{nonce}"


def instances() -> str:
    """Sorted set: instance id by the time its lease ends (ms)."""
    return "{fleet}:instances"


def instance(instance_id: str) -> str:
    """Hash: url, cap, admit, target, draining of one instance."""
    return f"{{fleet}}:instance:{instance_id}"


def slots(instance_id: str) -> str:
    """Sorted set: session id by the time its seat or lease ends (ms)."""
    return f"{{fleet}}:slots:{instance_id}"


def counters() -> str:
    """Hash: monotonic counts of admission outcomes over the whole fleet."""
    return "{fleet}:counters"


def rate(who: str) -> str:
    """String: the theoretical arrival time of GCRA for one user or invitation."""
    return f"rate:{who}"


def events(tenant_id: UUID) -> str:
    """Stream: what watchers of a tenant are told."""
    return f"events:{tenant_id}"
