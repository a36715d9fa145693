"""Openings of a company, and how well each CV answers them."""

from typing import Annotated, Final
from uuid import UUID

from litestar import Response, get, patch, post
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from server import problems
from server.house import house_of
from server.rest.guards import PersonRequest
from server.rest.lists import After, Limit, page
from server.rest.shapes import MatchOut, Page, Who
from storage import audit, matches, openings
from storage.matches import MatchRow
from storage.openings import NewOpening, Opening, OpeningChanges, Status

IfMatch = Annotated[
    str, HeaderParameter(name="If-Match", max_length=40, description="The version that is changed")
]


def _version(if_match: str) -> int:
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()) or len(text) > 9:  # noqa: PLR2004 - an int4
        raise Fault("invalid_input", "If-Match must be the opening's version")
    return int(text)


def _with_version(opening: Opening, status: int = 200) -> Response[Opening]:
    return Response(opening, status_code=status, headers={"etag": f'"{opening.version}"'})


@get("/openings", summary="The company's openings", responses=problems.responses("unauthorized"))
async def list_openings(
    request: PersonRequest,
    after: After = None,
    limit: Limit = limits.PAGE_ROWS_DEFAULT,
    status: FromQuery[Status | None] = None,
) -> Page[Opening]:
    """Return openings, newest first."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        return page(await openings.page(c, after=after, limit=limit, status=status), limit)


@post("/openings", summary="Open an opening", responses=problems.responses("unauthorized"))
async def create_opening(request: PersonRequest, data: JSONBody[NewOpening]) -> Response[Opening]:
    """Keep a new opening; every CV is matched against it in the background."""
    person = request.user
    async with house_of(request).db.tenant(person.tenant_id) as c:
        opening = await openings.create(
            c,
            person.tenant_id,
            clock.new_id(),
            data,
            request_id=problems.request_id_of(request),
        )
        await audit.note(
            c, person.tenant_id, f"user:{person.id}", "opening.created", "opening", opening.id
        )
    return _with_version(opening, 201)


@get(
    "/openings/{opening_id:uuid}",
    summary="One opening",
    responses=problems.responses("unauthorized", "not_found"),
)
async def get_opening(request: PersonRequest, opening_id: FromPath[UUID]) -> Response[Opening]:
    """Return an opening; its ETag is what If-Match wants."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        return _with_version(await openings.get(c, opening_id))


@patch(
    "/openings/{opening_id:uuid}",
    summary="Change an opening",
    responses=problems.responses("unauthorized", "not_found", "conflict"),
)
async def change_opening(
    request: PersonRequest,
    opening_id: FromPath[UUID],
    data: JSONBody[OpeningChanges],
    if_match: IfMatch,
) -> Response[Opening]:
    """Change what is sent and leave the rest; refused when somebody else was faster."""
    person = request.user
    async with house_of(request).db.tenant(person.tenant_id) as c:
        opening = await openings.update(
            c,
            person.tenant_id,
            opening_id,
            data,
            version=_version(if_match),
            request_id=problems.request_id_of(request),
        )
        await audit.note(
            c,
            person.tenant_id,
            f"user:{person.id}",
            "opening.changed",
            "opening",
            opening.id,
            {"version": opening.version},
        )
    return _with_version(opening)


def _match(row: MatchRow) -> MatchOut:
    return MatchOut(
        cv_id=row.cv_id,
        candidate=Who(row.candidate_id, row.candidate_name),
        score=row.score,
        gates_passed=row.gates_passed,
        matched=row.matched,
        missing=row.missing,
        gates=row.gates,
    )


@get(
    "/openings/{opening_id:uuid}/matches",
    summary="Candidates for an opening, best first",
    responses=problems.responses("unauthorized", "not_found"),
)
async def list_matches(
    request: PersonRequest,
    opening_id: FromPath[UUID],
    after: After = None,
    limit: Limit = limits.PAGE_ROWS_DEFAULT,
) -> Page[MatchOut]:
    """Return matches with what matched, what is missing and why; `after` is a cv_id."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        await openings.get(c, opening_id)
        found = await matches.of_opening(c, opening_id, after=after, limit=limit)
    return page([_match(row) for row in found], limit, key="cv_id")


HANDLERS: Final = [list_openings, create_opening, get_opening, change_opening, list_matches]
