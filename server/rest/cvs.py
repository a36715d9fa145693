"""CVs over REST: a ticket for the upload, the file, its confirmation, and what became of it."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from litestar import Request, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody

from protocol import limits, refusals
from protocol.faults import Fault
from runtime import clock
from server import problems
from server.house import House, house_of
from server.rest.guards import PersonRequest
from server.rest.lists import After, Limit, page
from server.rest.shapes import (
    CvDetail,
    CvMatchOut,
    CvOut,
    CvTicket,
    NewCandidate,
    NewCv,
    Page,
    Told,
    UploadTo,
)
from storage import audit, candidates, cvs, events, matches, profiles
from storage.blobs import cv_key
from storage.cvs import Cv
from storage.transaction import Connection

API: Final = "/api/v1"


def cv_out(cv: Cv, locale: str) -> CvOut:
    """Return a CV as it goes out, its fault told in the reader's language."""
    told = (
        refusals.message(cv.fault, problems.language(locale), cv.fault_detail)
        if cv.fault in refusals.MESSAGES
        else problems.message(cv.fault or "server_error", locale)
    )
    fault = Told(cv.fault, told) if cv.fault else None
    values = {name: getattr(cv, name) for name in CvOut.__struct_fields__ if name != "fault"}
    return CvOut(**values, fault=fault)


@post(
    "/cvs",
    summary="Announce a CV and get a place to upload it",
    responses=problems.responses("unauthorized", "not_found", "cv_too_large", "cv_empty"),
)
async def announce(request: PersonRequest, data: JSONBody[NewCv]) -> CvTicket:
    """Keep a CV that waits for its file; `PUT` the file to `upload.url`, then confirm."""
    house, person = house_of(request), request.user
    if data.bytes > limits.CV_BYTES_MAX:
        raise Fault("cv_too_large")
    if data.bytes == 0:
        raise Fault("cv_empty")
    if data.candidate is not None and data.candidate_id is not None:
        raise Fault("invalid_input", "send candidate or candidate_id, not both")
    cv_id = clock.new_id()
    key = cv_key(person.tenant_id, cv_id)
    async with house.db.tenant(person.tenant_id) as c:
        candidate_id = data.candidate_id or await _new_candidate(
            c, person.tenant_id, data.candidate or NewCandidate()
        )
        await cvs.create(
            c,
            person.tenant_id,
            cv_id,
            candidate_id=candidate_id,
            object_key=key,
            filename=data.filename,
            opening_id=data.opening_id,
            lane=data.lane,
        )
        await audit.note(
            c, person.tenant_id, f"user:{person.id}", "cv.announced", "cv", cv_id,
            {"candidate_id": candidate_id, "lane": data.lane},
        )  # fmt: skip
    return CvTicket(cv_id, candidate_id, await _place(house, person.tenant_id, cv_id, key))


async def _new_candidate(c: Connection, tenant_id: UUID, new: NewCandidate) -> UUID:
    candidate = await candidates.create(
        c, tenant_id, clock.new_id(), name=new.name, email=new.email, phone=new.phone
    )
    return candidate.id


async def _place(house: House, tenant_id: UUID, cv_id: UUID, key: str) -> UploadTo:
    presigned = await house.blobs.presign_put(key, seconds=limits.UPLOAD_SECONDS)
    if presigned is not None:
        return UploadTo(presigned.method, presigned.url, {}, presigned.expires_in)
    token = house.tickets.upload(tenant_id, cv_id, key, limits.CV_BYTES_MAX)
    url = f"{house.settings.public_url.rstrip('/')}{API}/uploads/{token}"
    return UploadTo("PUT", url, {}, limits.UPLOAD_SECONDS)


@put(
    "/uploads/{token:str}",
    summary="Send an announced file",
    status_code=204,
    request_max_body_size=None,
    responses=problems.responses("unauthorized", "not_found", "conflict", "cv_too_large"),
)
async def upload(request: Request[Any, Any, State], token: FromPath[str]) -> None:
    """Stream the body into the object store; refused as soon as it is larger than allowed."""
    house = house_of(request)
    allowed = house.tickets.read_upload(token)
    await house.limiter.admit(f"upload:{allowed.tenant_id}")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > allowed.bytes_max:
        raise Fault("cv_too_large")
    async with house.db.tenant(allowed.tenant_id) as c:
        cv = await cvs.get(c, allowed.cv_id)
    if cv.status != "awaiting_upload":
        raise Fault("conflict", "the file has been confirmed already")
    try:
        await house.blobs.put(allowed.key, _pieces(request), bytes_max=allowed.bytes_max)
    except Fault as fault:
        if fault.code == "too_large":
            raise Fault("cv_too_large") from fault
        raise


async def _pieces(request: Request[Any, Any, State]) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        yield piece


@post(
    "/cvs/{cv_id:uuid}/confirm",
    summary="Say that the file has arrived",
    status_code=200,
    responses=problems.responses("unauthorized", "not_found", "cv_not_uploaded", "cv_too_large"),
)
async def confirm(request: PersonRequest, cv_id: FromPath[UUID]) -> CvOut:
    """Look at the file that arrived and hand it over to be read; a second call changes nothing."""
    house, person = house_of(request), request.user
    async with house.db.tenant(person.tenant_id) as c:
        before = await cvs.get(c, cv_id)
        key = await cvs.object_key(c, cv_id)
    locale = problems.accepted_language(request.headers.get("accept-language"))
    if before.status != "awaiting_upload":
        return cv_out(before, locale)
    there = await house.blobs.head(key)
    if there is None:
        raise Fault("cv_not_uploaded")
    if there.bytes > limits.CV_BYTES_MAX:  # a presigned upload is not stopped while it goes
        await house.blobs.delete(key)
        raise Fault("cv_too_large")
    async with house.db.tenant(person.tenant_id) as c:
        cv = await cvs.confirm(
            c,
            person.tenant_id,
            cv_id,
            size=there.bytes,
            request_id=problems.request_id_of(request),
        )
    await events.publish(house.redis, person.tenant_id, "cv.stage", cvs.notice(cv))
    return cv_out(cv, locale)


@post(
    "/cvs/{cv_id:uuid}/again",
    summary="Read a CV again",
    status_code=200,
    responses=problems.responses("unauthorized", "not_found"),
)
async def read_again(request: PersonRequest, cv_id: FromPath[UUID]) -> CvOut:
    """Read a finished or refused CV anew, in the lane for re-processing."""
    house, person = house_of(request), request.user
    async with house.db.tenant(person.tenant_id) as c:
        cv = await cvs.again(c, person.tenant_id, cv_id, request_id=problems.request_id_of(request))
        await audit.note(c, person.tenant_id, f"user:{person.id}", "cv.again", "cv", cv_id)
    await events.publish(house.redis, person.tenant_id, "cv.stage", cvs.notice(cv))
    return cv_out(cv, problems.accepted_language(request.headers.get("accept-language")))


@get("/cvs", summary="The company's CVs", responses=problems.responses("unauthorized"))
async def list_cvs(
    request: PersonRequest,
    after: After = None,
    limit: Limit = limits.PAGE_ROWS_DEFAULT,
    candidate_id: FromQuery[UUID | None] = None,
    opening_id: FromQuery[UUID | None] = None,
) -> Page[CvOut]:
    """Return CVs, newest first; those whose file never came are left out."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        found = await cvs.page(
            c, after=after, limit=limit, candidate_id=candidate_id, opening_id=opening_id
        )
    locale = problems.accepted_language(request.headers.get("accept-language"))
    return page([cv_out(cv, locale) for cv in found], limit)


@get(
    "/cvs/{cv_id:uuid}",
    summary="One CV with its profile",
    responses=problems.responses("unauthorized", "not_found"),
)
async def get_cv(request: PersonRequest, cv_id: FromPath[UUID]) -> CvDetail:
    """Return a CV, how far it is, why it was refused, and what was extracted."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        cv = await cvs.get(c, cv_id)
        stored = await profiles.get(c, cv_id)
    locale = problems.accepted_language(request.headers.get("accept-language"))
    shown = cv_out(cv, locale)
    return CvDetail(
        **{field: getattr(shown, field) for field in CvOut.__struct_fields__},
        profile=stored.profile if stored else None,
    )


@get(
    "/cvs/{cv_id:uuid}/matches",
    summary="Open openings for a CV, best first",
    responses=problems.responses("unauthorized", "not_found"),
)
async def list_cv_matches(
    request: PersonRequest, cv_id: FromPath[UUID], limit: Limit = limits.PAGE_ROWS_DEFAULT
) -> Page[CvMatchOut]:
    """Return what matched, what is missing and why, for every opening that is open now."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        await cvs.get(c, cv_id)
        found = await matches.of_cv(c, cv_id, limit=limit)
    fields = CvMatchOut.__struct_fields__
    return Page([CvMatchOut(*(getattr(row, field) for field in fields)) for row in found], None)


RECRUITER_HANDLERS: Final = [announce, confirm, read_again, list_cvs, get_cv, list_cv_matches]
UPLOAD_HANDLERS: Final = [upload]
