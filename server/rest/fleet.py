"""What operators look at: instances and their places, lanes, live sessions; and who one is."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from protocol import limits
from protocol.faults import Fault
from server import problems
from server.auth import Person
from server.house import House, house_of
from server.rest import guards
from server.rest.guards import PersonRequest
from server.rest.shapes import DrainOut, Fleet, InstanceOut, Me
from storage import audit, cvs, interviews, outbox, tenants
from storage.interviews import ActiveSession


@get("/me", summary="Who the token speaks for", responses=problems.responses("unauthorized"))
async def me(request: PersonRequest) -> Me:
    """Return the person, their roles and their company."""
    person = request.user
    async with house_of(request).db.tenant(person.tenant_id) as c:
        tenant = await tenants.get(c, person.tenant_id)
    return Me(
        user_id=person.id,
        tenant_id=person.tenant_id,
        name=person.name,
        roles=sorted(person.roles),
        company=tenant.name,
        slug=tenant.slug,
        locale=tenant.locale,
    )


@get(
    "/fleet",
    summary="Instances, lanes and what waits",
    responses=problems.responses("unauthorized", "forbidden"),
)
async def fleet(request: PersonRequest) -> Fleet:
    """Return every instance's places, and the lanes and outbox of the operator's own company."""
    house = house_of(request)
    async with house.db.tenant(request.user.tenant_id) as c:
        lanes = await cvs.lanes(c)
        waiting = await outbox.waiting(c)
    instances = [
        InstanceOut(
            id=one.id,
            url=one.url,
            sessions=one.taken,
            admit=one.admit,
            cap=one.cap,
            target=one.target,
            draining=one.draining,
            alive=one.alive,
            waiting=one.waiting,
        )
        for one in await house.gate.instances()
    ]
    return Fleet(instances, lanes, waiting)


@get(
    "/fleet/sessions",
    summary="Live sessions of the company",
    responses=problems.responses("unauthorized", "forbidden"),
)
async def fleet_sessions(request: PersonRequest) -> list[ActiveSession]:
    """Return the sessions that are going on, the latest change first."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        return await interviews.active_sessions(c, limit=limits.PAGE_ROWS_MAX)


@post(
    "/fleet/instances/{instance_id:str}/drain",
    summary="Empty an instance",
    status_code=202,
    responses=problems.responses("unauthorized", "forbidden", "not_found", "conflict"),
)
async def drain_instance(
    request: PersonRequest, instance_id: FromPath[str], *, force: FromQuery[bool] = False
) -> DrainOut:
    """Ask an instance to move its sessions away, as on SIGTERM, and to stay, empty and not ready.

    It looks at its next renewal; nobody new is sent there from now on. 409 when no other instance
    would admit anybody, unless `force`. There is no way back: stop it, and start another.
    """
    return await ask_drain(house_of(request), request.user, instance_id, force=force)


async def ask_drain(house: House, person: Person, instance_id: str, *, force: bool) -> DrainOut:
    """Leave the mark and note who did; raises Fault `not_found` or `conflict`."""
    outcome = await house.gate.ask_drain(instance_id, force=force)
    if outcome == "gone":
        raise Fault("not_found", "no such instance lives")
    if outcome == "last":
        raise Fault("conflict", "it is the last instance that admits; force=true does it anyway")
    async with house.db.tenant(person.tenant_id) as c:
        await audit.note(
            c,
            person.tenant_id,
            f"user:{person.id}",
            "instance.drain",
            "instance",
            instance_id,
            {"force": force, "outcome": outcome},
        )
    return DrainOut(
        instance_id=instance_id,
        sessions=sum(i.taken for i in await house.gate.instances() if i.id == instance_id),
        already=outcome == "draining",
        begins_seconds=limits.RENEW_SECONDS,
        empty_seconds=limits.DRAIN_SECONDS,
    )


def own_door(instance_id: str, look: Callable[[], Awaitable[None]]) -> HTTPRouteHandler:
    """Return the same door on the instance's own port; `look` finds the mark at once."""

    @post(
        "/drain",
        guards=[guards.operator],
        summary="Empty this instance",
        status_code=202,
        responses=problems.responses("unauthorized", "forbidden", "not_found", "conflict"),
        tags=["operator"],
    )
    async def drain(request: PersonRequest, *, force: FromQuery[bool] = False) -> DrainOut:
        """Move this instance's sessions away now; it stays, empty and not ready."""
        answer = await ask_drain(house_of(request), request.user, instance_id, force=force)
        await look()
        return msgspec.structs.replace(answer, begins_seconds=0.0)

    return drain


MEMBER_HANDLERS: Final = [me]
OPERATOR_HANDLERS: Final = [fleet, fleet_sessions, drain_instance]
