"""The gate: who gets a place, on which instance, and what everybody else is told."""

from uuid import UUID

import msgspec

from protocol import limits
from protocol.faults import Fault
from runtime import metrics
from storage.slots import Claim, Instance, Slots


class Seat(msgspec.Struct, frozen=True):
    """A place reserved for as long as the ticket lives."""

    instance_id: str
    url: str


class Admission(msgspec.Struct, frozen=True):
    """What the door would say now: open, full or draining."""

    state: str
    retry_after: int


class Gate:
    """Places are claimed by one atomic script; the reservation is the admission."""

    def __init__(self, slots: Slots, *, instance_id: str) -> None:
        """Claim through `slots`; `instance_id` is this process' own, empty for an api role."""
        self._slots = slots
        self._instance_id = instance_id
        self.closed = False

    async def admission(self) -> Admission:
        """Return what a new candidate would be told now."""
        living = [instance for instance in await self._slots.instances() if instance.alive]
        if any(i.taken < i.admit and not i.draining for i in living):
            return Admission("open", 0)
        if living and all(instance.draining for instance in living):
            return Admission("draining", limits.REFUSED_RETRY_SECONDS)
        return Admission("full", limits.REFUSED_RETRY_SECONDS)

    async def instances(self) -> list[Instance]:
        """Return every instance that announced itself, for operators to look at."""
        return await self._slots.instances()

    async def reserve(self, session_id: UUID, *, returning: bool, prefer: str = "") -> Seat:
        """Reserve a seat: where the session lives, else the fullest instance under its target.

        Packing leaves empty instances to scale in. Raises Fault `at_capacity` or `draining`.
        """
        living = [instance for instance in await self._slots.instances() if instance.alive]
        for instance in _order(living, prefer):
            claim = await self._slots.claim(
                instance.id, session_id, returning=returning, seconds=limits.SEAT_SECONDS
            )
            if claim.held:
                metrics.admissions.labels("reserved").inc()
                return Seat(instance.id, instance.url)
        draining = bool(living) and all(instance.draining for instance in living)
        code = "draining" if draining else "at_capacity"
        metrics.admissions.labels(code).inc()
        raise Fault(code, retry_after=limits.REFUSED_RETRY_SECONDS)

    async def enter(self, session_id: UUID, *, returning: bool) -> None:
        """Claim (or confirm) the place of a socket at this instance's door."""
        if self.closed:
            metrics.admissions.labels("draining").inc()
            raise Fault("draining", retry_after=1)
        claim = await self._slots.claim(
            self._instance_id, session_id, returning=returning, seconds=limits.SLOT_LEASE_SECONDS
        )
        metrics.admissions.labels("entered" if claim.held else claim.outcome).inc()
        if not claim.held:
            raise _refusal(claim)


def _refusal(claim: Claim) -> Fault:
    if claim.outcome == "full":
        return Fault("at_capacity", retry_after=limits.REFUSED_RETRY_SECONDS)
    if claim.outcome == "draining":
        return Fault("draining", retry_after=1)
    return Fault("unavailable", "this instance has no lease", retry_after=1)


def _order(living: list[Instance], prefer: str) -> list[Instance]:
    """Instances in the order to try: the preferred, then under target, then what is left.

    One that has missed a renewal comes last of all: a candidate whose server has just died is not
    sent back to it.
    """
    open_ = [i for i in living if not i.draining or i.id == prefer]
    return sorted(
        open_, key=lambda i: (i.late, i.id != prefer, i.taken >= i.target, -i.taken, i.id)
    )
