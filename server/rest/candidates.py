"""Candidates over REST, and their erasure across every store."""

import asyncio
from typing import Final
from uuid import UUID

from litestar import delete, get
from litestar.params import FromPath

from protocol import limits
from server import problems
from server.house import House, house_of
from server.rest.cvs import cv_out
from server.rest.guards import PersonRequest
from server.rest.lists import After, Limit, page
from server.rest.shapes import CandidateDetail, Page
from storage import audit, candidates, cvs, events, journal, live
from storage.blobs import cv_key
from storage.candidates import Candidate, Traces


@get(
    "/candidates", summary="The company's candidates", responses=problems.responses("unauthorized")
)
async def list_candidates(
    request: PersonRequest, after: After = None, limit: Limit = limits.PAGE_ROWS_DEFAULT
) -> Page[Candidate]:
    """Return candidates, newest first; of an erased one only the id and the time are left."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        return page(await candidates.page(c, after=after, limit=limit), limit)


@get(
    "/candidates/{candidate_id:uuid}",
    summary="One candidate",
    responses=problems.responses("unauthorized", "not_found"),
)
async def get_candidate(request: PersonRequest, candidate_id: FromPath[UUID]) -> CandidateDetail:
    """Return a candidate with their CVs."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        found = await candidates.get(c, candidate_id)
        theirs = await cvs.page(c, limit=limits.PAGE_ROWS_DEFAULT, candidate_id=candidate_id)
    locale = problems.accepted_language(request.headers.get("accept-language"))
    return CandidateDetail(
        **{field: getattr(found, field) for field in Candidate.__struct_fields__},
        cvs=[cv_out(cv, locale) for cv in theirs],
    )


@delete(
    "/candidates/{candidate_id:uuid}",
    summary="Erase a candidate",
    responses=problems.responses("unauthorized", "not_found"),
)
async def erase_candidate(request: PersonRequest, candidate_id: FromPath[UUID]) -> None:
    """Erase a person: rows first, in one transaction, then files, live state and notices.

    It may be repeated: what an unreachable store kept (503) goes the next time.
    """
    house, person = house_of(request), request.user
    async with house.db.tenant(person.tenant_id) as c:
        traces = await candidates.traces(c, candidate_id)
        keys = await candidates.erase(c, candidate_id)
        await audit.note(
            c, person.tenant_id, f"user:{person.id}", "candidate.erased", "candidate", candidate_id
        )
    await _erase_elsewhere(house, person.tenant_id, candidate_id, traces, keys)


async def _erase_elsewhere(
    house: House, tenant_id: UUID, candidate_id: UUID, traces: Traces, keys: list[str]
) -> None:
    """Remove what is kept outside PostgreSQL; every store is tried, the first failure raised."""
    # After an interrupted erasure the rows have lost their keys: they can be told from the ids.
    objects = {*keys, *(cv_key(tenant_id, cv_id) for cv_id in traces.cv_ids)}
    about = [candidate_id, *traces.cv_ids, *traces.interview_ids, *traces.session_ids]
    results = await asyncio.gather(
        *(house.blobs.delete(key) for key in objects),
        live.forget(house.redis, traces.session_ids),
        journal.forget(house.redis, traces.session_ids),
        events.forget(house.redis, tenant_id, about),
        return_exceptions=True,
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result


HANDLERS: Final = [list_candidates, get_candidate, erase_candidate]
