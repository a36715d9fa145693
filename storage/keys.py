"""Every Redis key and its lifetime, in one table.

Keys of one session share the hash tag {session} so that a script touches one cluster slot.
"""

from datetime import date
from functools import lru_cache
from typing import Final
from uuid import UUID

from protocol import limits
from runtime import clock

JOURNALS: Final = "journal:"
LIFETIMES: Final = {
    "live": limits.LIVE_SECONDS,  # a session's live state: SPEC cache-2
    "ticket": limits.TICKET_SECONDS * 4,  # the mark that a ticket was used outlives the ticket
    "slots": 3600,  # an instance's places; members expire on their own
    "instance": int(limits.INSTANCE_LEASE_SECONDS * 4),
    "rate": 60,
    "waiting": 7200,  # whose members end with limits.WAITING_KEEP_SECONDS
    "freed": 3600,
    "events": limits.LIVE_SECONDS,
    "upload": 3600,
    "money": 40 * 24 * 3600,  # accounts of a month; made again from the ledger when missing
    "work": limits.WORK_CACHE_SECONDS,
}


def live(session_id: UUID) -> str:
    """Hash: the live state of a session (fence, instance, url, state)."""
    return f"live:{{{session_id}}}"


def journal(session_id: UUID) -> str:
    """List: what was accepted while PostgreSQL was away. It never expires: it is flushed."""
    return f"{JOURNALS}{{{session_id}}}"


def set_aside(session_id: UUID) -> str:
    """List: entries of a journal that nobody can read. They wait for a person, without an end."""
    return f"set-aside:{{{session_id}}}"


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


def freed() -> str:
    """Hash: places that came free, by minute, and since when they are counted."""
    return "{fleet}:freed"


def waiting() -> str:
    """Sorted set: who is in the waiting room, by the last sign of life (ms)."""
    return "{fleet}:waiting"


def waiting_who() -> str:
    """Hash: session -> its lane and the instance it waits at."""
    return "{fleet}:waiting:who"


def waiting_called() -> str:
    """Hash: session -> the instance that keeps a seat for it, and when it arrived."""
    return "{fleet}:waiting:called"


def waiting_turns() -> str:
    """Sorted set: tenant by its turn in the round."""
    return "{fleet}:waiting:turns"


def waiting_clock() -> str:
    """String: the turn that was served last."""
    return "{fleet}:waiting:clock"


def waiting_line(lane: str) -> str:
    """Sorted set: who waits in a lane (a tenant, or the returning) by arrival (ms)."""
    return f"{{fleet}}:waiting:line:{lane}"


def rate(who: str) -> str:
    """String: the theoretical arrival time of GCRA for one user or invitation."""
    return f"rate:{who}"


def events(tenant_id: UUID) -> str:
    """Stream: what watchers of a tenant are told."""
    return f"events:{tenant_id}"


# Money and tokens share one tag: a reservation is one script over all of them.


def bucket(tier: str) -> str:
    """Hash: what is left of a tier's limits, and when each urgency last asked."""
    return f"{{money}}:bucket:{tier}"


def bucket_usage(tier: str) -> str:
    """Hash: tenant by its share of the tier lately."""
    return f"{{money}}:usage:{tier}"


def bucket_waiting(tier: str) -> str:
    """Sorted set: "<rank>:<tenant>" that waits, by when it asks again (ms)."""
    return f"{{money}}:waiting:{tier}"


def holds() -> str:
    """Hash: attempt by what is reserved for it."""
    return "{money}:holds"


def open_attempts() -> str:
    """Sorted set: attempt by the time when it must have ended (ms)."""
    return "{money}:open"


def settled(settlement: UUID) -> str:
    """Return the key that says that a settlement was made, a minute ago at most."""
    return f"{{money}}:settled:{settlement}"


def account(tenant_id: UUID, name: str) -> str:
    """Hash: used (spent and held micro-dollars) and told (the last threshold) of one account."""
    return f"{{money}}:account:{tenant_id}:{name}"


def account_names(session_id: UUID | None, day: date | None = None) -> list[str]:
    """Return what the accounts of a session, and of a company's `day` and month, are called."""
    return [f"session:{session_id or 'none'}", *_days(day or clock.today())]


@lru_cache(maxsize=2)
def _days(today: date) -> tuple[str, str]:
    return f"day:{today}", f"month:{today:%Y-%m}"


def work(tenant_id: UUID, digest: str) -> str:
    """String: the answer to a piece of job-level work."""
    return f"work:{{{tenant_id}:{digest}}}"


def work_lead(tenant_id: UUID, digest: str) -> str:
    """String: who computes it now."""
    return f"work:{{{tenant_id}:{digest}}}:lead"


WORK_DONE: Final = "work:done"  # channel: digests whose answer is there, or whose leader gave up
