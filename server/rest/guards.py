"""Who may come through which door, and what a body must be before a handler sees it.

A guard runs before the body is read. It finds out who asks, admits them at their rate and leaves a
Person or a Guest in `request.user`; nothing else in a request can name a tenant.
"""

from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import SerializationException
from litestar.handlers import BaseRouteHandler

from protocol.faults import Fault
from server.auth import Person, bearer
from server.house import House, house_of


class Guest(msgspec.Struct, frozen=True):
    """A candidate with an invitation's link; `number` tells whether it is the newest link.

    `expires` is when the link itself ends, in seconds since 1970.
    """

    tenant_id: UUID
    interview_id: UUID
    number: int
    expires: int


AnyConnection: TypeAlias = ASGIConnection[Any, Any, Any, State]
AnyRequest: TypeAlias = Request[Any, Any, State]
PersonRequest: TypeAlias = Request[Person, None, State]
GuestRequest: TypeAlias = Request[Guest, None, State]
WatcherRequest: TypeAlias = Request[Person | Guest, None, State]


async def _person(connection: AnyConnection, house: House, role: str) -> Person:
    person = await house.auth.person(connection.headers.get("authorization"))
    await house.limiter.admit(f"user:{person.id}")
    if role and role not in person.roles:
        raise Fault("forbidden", f"this needs the role {role}")
    if not person.roles:
        raise Fault("forbidden", "the token carries no role")
    return person


async def _guest(connection: AnyConnection, house: House) -> Guest:
    invitation = house.tickets.read_invitation(bearer(connection.headers.get("authorization")))
    await house.limiter.admit(f"invitation:{invitation.interview_id}")
    return Guest(*msgspec.structs.astuple(invitation))


async def member(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Admit a recruiter or an operator."""
    connection.scope["user"] = await _person(connection, house_of(connection), "")


async def recruiter(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Admit a recruiter."""
    connection.scope["user"] = await _person(connection, house_of(connection), "recruiter")


async def operator(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Admit an operator."""
    connection.scope["user"] = await _person(connection, house_of(connection), "operator")


async def guest(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Admit a candidate by their invitation."""
    connection.scope["user"] = await _guest(connection, house_of(connection))


async def guest_or_member(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Admit a candidate by their invitation, or anybody of the company by their JWT."""
    house = house_of(connection)
    is_jwt = connection.headers.get("authorization", "").count(".") == 2  # noqa: PLR2004
    connection.scope["user"] = (
        await _person(connection, house, "") if is_jwt else await _guest(connection, house)
    )


async def json_only(request: AnyRequest) -> None:
    """Refuse a body that is not JSON or holds what cannot be kept; runs before each handler.

    Raises Fault `unsupported_media_type` or `invalid_input`.
    """
    if request.method not in ("POST", "PUT", "PATCH"):
        return
    body = await request.body()
    if not body:
        return
    if request.content_type[0].lower() != "application/json":
        raise Fault("unsupported_media_type", "send application/json")
    try:
        value = await request.json()
    except (SerializationException, UnicodeDecodeError) as error:
        raise Fault("invalid_input", "the body is not JSON") from error
    if holds_nul(value):
        raise Fault("invalid_input", "U+0000 cannot be kept")


def holds_nul(value: Any) -> bool:
    """Tell whether a decoded JSON value has a NUL anywhere: PostgreSQL keeps none."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False
