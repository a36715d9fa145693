"""What operators look at: instances and their places, lanes, live sessions; and who one is."""

from typing import Final

from litestar import get

from protocol import limits
from server import problems
from server.house import house_of
from server.rest.guards import PersonRequest
from server.rest.shapes import Fleet, InstanceOut, Me
from storage import cvs, interviews, outbox, tenants
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


MEMBER_HANDLERS: Final = [me]
OPERATOR_HANDLERS: Final = [fleet, fleet_sessions]
