"""Public pages of companies and their openings: cached at the edge, without any token."""

import re
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath

from protocol import limits
from protocol.faults import Fault
from server import problems
from server.caching import etag_of, matches
from server.house import house_of
from server.rest.lists import After, Limit, page
from server.rest.shapes import Page
from storage import tenants
from storage.tenants import Company, PublicOpening

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
_MAX_AGE_SECONDS: Final = 60
_COMPANY_SECONDS, _OPENINGS_SECONDS = 600, 300  # SPEC cache-1; stale for twice as long
_encode = msgspec.json.Encoder().encode


def _cached(request: Request[Any, Any, State], content: Any, edge_seconds: int) -> Response[Any]:
    body = _encode(content)
    etag = etag_of(body)
    headers = {
        "etag": etag,
        "cache-control": f"public, max-age={_MAX_AGE_SECONDS}, s-maxage={edge_seconds}, "
        f"stale-while-revalidate={2 * edge_seconds}",
    }
    if matches(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, headers=headers, media_type="application/json")
    return Response(body, headers=headers, media_type="application/json")


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise Fault("not_found")
    return text


@get("/companies/{slug:str}", summary="A company's page", responses=problems.responses("not_found"))
async def company(request: Request[Any, Any, State], slug: FromPath[str]) -> Response[Company]:
    """Return what a company says of itself."""
    async with house_of(request).db.across() as c:
        found = await tenants.public_company(c, _slug(slug))
    if found is None:
        raise Fault("not_found")
    return _cached(request, found, _COMPANY_SECONDS)


@get(
    "/companies/{slug:str}/openings",
    summary="A company's open openings",
    responses=problems.responses("not_found"),
)
async def openings(
    request: Request[Any, Any, State],
    slug: FromPath[str],
    after: After = None,
    limit: Limit = limits.PAGE_ROWS_DEFAULT,
) -> Response[Page[PublicOpening]]:
    """Return the openings that are open, newest first."""
    async with house_of(request).db.across() as c:
        if await tenants.public_company(c, _slug(slug)) is None:
            raise Fault("not_found")
        found = await tenants.public_openings(c, slug, after=after, limit=limit)
    return _cached(request, page(found, limit), _OPENINGS_SECONDS)


HANDLERS: Final = [company, openings]
