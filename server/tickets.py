"""Signed tokens: invitations, tickets, resume tokens and uploads. Each carries its tenant.

A token is `<kind>.<payload>.<signature>` in the alphabet of WebSocket subprotocols; the kind is
part of what is signed, so that no token serves as another.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from protocol import limits
from protocol.faults import Fault
from runtime import clock

_SIGNATURE_BYTES: Final = 20
TOKEN_CHARS_MAX: Final = 1_200
T = TypeVar("T")


class Invitation(msgspec.Struct, frozen=True, array_like=True):
    """What a candidate's link carries; `number` voids the links given out before it."""

    tenant_id: UUID
    interview_id: UUID
    number: int
    expires: int


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """Admits one socket once; the seat it holds is on `instance_id`.

    With `since_ms` it leads to the waiting room of that instance: the arrival that counts.
    """

    tenant_id: UUID
    interview_id: UUID
    session_id: UUID
    nonce: str
    instance_id: str
    expires: int
    returning: bool = False
    since_ms: int = 0


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Proves a place in line, also to a room that has forgotten everybody."""

    session_id: UUID
    since_ms: int
    expires: int


class Resume(msgspec.Struct, frozen=True, array_like=True):
    """Returns to a session; void once a later join was confirmed by the client."""

    tenant_id: UUID
    session_id: UUID
    join: int
    expires: int


class Upload(msgspec.Struct, frozen=True, array_like=True):
    """Allows one object to be put."""

    tenant_id: UUID
    cv_id: UUID
    key: str
    bytes_max: int
    expires: int


class Tickets:
    """Makes and reads tokens under the deployment's secret."""

    def __init__(self, secret: str, wall_ms: Callable[[], int] = clock.wall_ms) -> None:
        """Derive the signing key; `wall_ms` is the clock that expiry is judged by."""
        self._key = hmac.new(secret.encode(), b"tickets", hashlib.sha256).digest()
        self._wall_ms = wall_ms

    def _now(self) -> int:
        return self._wall_ms() // 1000

    def _sign(self, kind: str, payload: msgspec.Struct) -> str:
        body = _text(msgspec.msgpack.encode(payload))
        return f"{body}.{_text(self._signature(kind, body))}"

    def _signature(self, kind: str, body: str) -> bytes:
        mac = hmac.new(self._key, f"{kind}.{body}".encode(), hashlib.sha256)
        return mac.digest()[:_SIGNATURE_BYTES]

    def _read(self, kind: str, token: str, struct: type[T], invalid: str, expired: str) -> T:
        if len(token) > TOKEN_CHARS_MAX or not token.isascii():
            raise Fault(invalid)
        body, _, signature = token.partition(".")
        if not hmac.compare_digest(_text(self._signature(kind, body)), signature):
            raise Fault(invalid)
        try:
            payload = msgspec.msgpack.decode(_bytes(body), type=struct)
        except (msgspec.DecodeError, binascii.Error, ValueError):
            raise Fault(invalid) from None
        if getattr(payload, "expires", 0) < self._now():
            raise Fault(expired)
        return payload

    def invitation(
        self,
        tenant_id: UUID,
        interview_id: UUID,
        number: int,
        seconds: int = limits.INVITATION_SECONDS,
    ) -> str:
        """Return the token for a candidate's link."""
        return self._sign(
            "invitation", Invitation(tenant_id, interview_id, number, self._now() + seconds)
        )

    def read_invitation(self, token: str) -> Invitation:
        """Return the invitation; raises Fault `unauthorized`."""
        return self._read("invitation", token, Invitation, "unauthorized", "unauthorized")

    def ticket(
        self,
        tenant_id: UUID,
        interview_id: UUID,
        session_id: UUID,
        *,
        instance_id: str = "",
        returning: bool = False,
        since_ms: int = 0,
    ) -> str:
        """Return a ticket that lives for limits.TICKET_SECONDS and serves once."""
        ticket = Ticket(
            tenant_id=tenant_id,
            interview_id=interview_id,
            session_id=session_id,
            nonce=_text(os.urandom(12)),
            instance_id=instance_id,
            expires=self._now() + limits.TICKET_SECONDS,
            returning=returning,
            since_ms=since_ms,
        )
        return self._sign("ticket", ticket)

    def read_ticket(self, token: str) -> Ticket:
        """Return the ticket; raises Fault `ticket_invalid` or `ticket_used` (expired)."""
        return self._read("ticket", token, Ticket, "ticket_invalid", "ticket_used")

    def resume(self, tenant_id: UUID, session_id: UUID, join: int) -> str:
        """Return the token that returns to a session."""
        return self._sign(
            "resume", Resume(tenant_id, session_id, join, self._now() + limits.RESUME_SECONDS)
        )

    def read_resume(self, token: str) -> Resume:
        """Return the resume token; raises Fault `ticket_invalid` or `ticket_used` (expired)."""
        return self._read("resume", token, Resume, "ticket_invalid", "ticket_used")

    def place(self, session_id: UUID, since_ms: int) -> str:
        """Return the proof of a place in line, good for as long as the place is kept."""
        expires = self._now() + int(limits.WAITING_KEEP_SECONDS)
        return self._sign("place", Place(session_id, since_ms, expires))

    def arrival(self, token: str, session_id: UUID) -> int:
        """Return when the holder of a place in line arrived (ms), or 0 when it proves nothing."""
        try:
            place = self._read("place", token, Place, "ticket_invalid", "ticket_used")
        except Fault:
            return 0  # an old one: the place is no longer kept, and nothing is lost by asking
        return place.since_ms if place.session_id == session_id else 0

    def upload(self, tenant_id: UUID, cv_id: UUID, key: str, bytes_max: int) -> str:
        """Return the token that allows one object to be put within limits.UPLOAD_SECONDS."""
        # A slow phone needs longer to send than to start: the token is judged at the start.
        expires = self._now() + limits.UPLOAD_SECONDS * 4
        return self._sign("upload", Upload(tenant_id, cv_id, key, bytes_max, expires))

    def read_upload(self, token: str) -> Upload:
        """Return the upload; raises Fault `unauthorized`."""
        return self._read("upload", token, Upload, "unauthorized", "unauthorized")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
