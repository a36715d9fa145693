"""Interviews over REST: invite, look, give a new link, withdraw, answer what was asked for."""

import contextlib
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from interview import plan as planning
from interview.plan import CvBrief
from protocol import jobs, limits
from protocol.faults import Fault
from protocol.profile import Profile
from server import problems
from server.house import House, house_of
from server.rest.guards import PersonRequest
from server.rest.lists import After, Limit, page
from server.rest.shapes import (
    InterviewDetail,
    InterviewListed,
    InterviewOut,
    Invited,
    Link,
    NewInterview,
    Page,
    RequestAnswer,
)
from server.rest.telling import tell
from storage import (
    accommodations,
    audit,
    candidates,
    consents,
    cvs,
    interviews,
    live,
    openings,
    outbox,
    profiles,
    tenants,
)
from storage.accommodations import Accommodation
from storage.interviews import Interview, Listed, Status
from storage.transaction import Connection

_LOCALES: Final = {"es": "es-PE", "en": "en", "pt": "pt"}


def interview_out(interview: Interview) -> InterviewOut:
    """Return an interview as a list shows it."""
    return InterviewOut(**_shared(interview))


def _listed(interview: Listed) -> InterviewListed:
    fields = InterviewListed.__struct_fields__
    return msgspec.convert({name: getattr(interview, name) for name in fields}, InterviewListed)


def _shared(interview: Interview) -> dict[str, Any]:
    return {name: getattr(interview, name) for name in InterviewOut.__struct_fields__}


def _link(house: House, interview: Interview, number: int) -> str:
    token = house.tickets.invitation(interview.tenant_id, interview.id, number)
    return f"{house.settings.public_url.rstrip('/')}/i/#{token}"


async def find(c: Connection, interview_id: UUID) -> Interview:
    """Return the tenant's interview; Fault `not_found`."""
    interview = await interviews.get(c, interview_id)
    if interview is None:
        raise Fault("not_found")
    return interview


def cv_brief(profile: Profile) -> CvBrief:
    """Return what of a CV the plan is made from."""
    jobs = (
        " · ".join(part for part in (job.position, job.name, job.summary, *job.highlights) if part)
        for job in profile.work
    )
    return CvBrief(
        name=profile.basics.name or "",
        label=profile.basics.label or "",
        summary=profile.basics.summary or "",
        skills=[word for skill in profile.skills for word in (skill.name, *skill.keywords)],
        work=[line for line in jobs if line],
        years=profile.meta.years_of_experience,
    )


async def _whom(c: Connection, data: NewInterview) -> tuple[UUID, CvBrief | None]:
    """Return the candidate and what their CV says; a CV that is not read yet is a conflict."""
    if (data.cv_id is None) == (data.candidate_id is None):
        raise Fault("invalid_input", "send either cv_id or candidate_id")
    if data.cv_id is None:
        assert data.candidate_id is not None
        return data.candidate_id, None
    cv = await cvs.get(c, data.cv_id)
    stored = await profiles.get(c, data.cv_id)
    if stored is None:
        raise Fault("conflict", "the CV has not been read; invite by candidate_id without it")
    return cv.candidate_id, cv_brief(stored.profile)


@post(
    "/interviews",
    summary="Invite a candidate",
    responses=problems.responses("unauthorized", "not_found", "conflict"),
)
async def invite(request: PersonRequest, data: JSONBody[NewInterview]) -> Invited:
    """Plan an interview from the opening and the CV and return the candidate's link."""
    house, person = house_of(request), request.user
    async with house.db.tenant(person.tenant_id) as c:
        opening = await openings.get(c, data.opening_id)
        candidate_id, brief = await _whom(c, data)
        candidate = await candidates.get(c, candidate_id)
        if candidate.erased_at is not None:
            raise Fault("not_found")
        tenant = await tenants.get(c, person.tenant_id)
        locale = _LOCALES[problems.language(data.locale or opening.language)]
        plan = planning.build(
            opening.brief(),
            brief,
            company=tenant.name,
            candidate_name=candidate.name,
            minutes=data.minutes,
            locale=locale,
        )
        interview = await interviews.create(
            c,
            tenant_id=person.tenant_id,
            opening_id=opening.id,
            candidate_id=candidate.id,
            cv_id=data.cv_id,
            locale=locale,
            minutes=data.minutes,
            plan=plan,
            invited_by=person.id,
        )
        if house.settings.asks_with_model:
            # There is a plan; a model may weigh it before the candidate comes, and nobody waits.
            job = jobs.PlanInterview(tenant_id=person.tenant_id, interview_id=interview.id)
            request_id = problems.request_id_of(request)
            await outbox.put(c, person.tenant_id, job, "active", request_id=request_id)
        await audit.note(
            c, person.tenant_id, f"user:{person.id}", "interview.invited", "interview",
            interview.id, {"opening_id": opening.id, "candidate_id": candidate.id},
        )  # fmt: skip
    await tell(house, interview, "invited")
    return Invited(**_shared(interview), link=_link(house, interview, interview.invitation))


@get(
    "/interviews", summary="The company's interviews", responses=problems.responses("unauthorized")
)
async def list_interviews(
    request: PersonRequest,
    after: After = None,
    limit: Limit = limits.PAGE_ROWS_DEFAULT,
    opening_id: FromQuery[UUID | None] = None,
    status: FromQuery[Status | None] = None,
    *,
    waiting: FromQuery[bool] = False,
) -> Page[InterviewListed]:
    """Return interviews, newest first; `waiting`: those with a request to be answered."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        found = await interviews.page(
            c, after=after, limit=limit, opening_id=opening_id, status=status, waiting=waiting
        )
    return page([_listed(one) for one in found], limit)


@get(
    "/interviews/{interview_id:uuid}",
    summary="One interview",
    responses=problems.responses("unauthorized", "not_found"),
)
async def get_interview(request: PersonRequest, interview_id: FromPath[UUID]) -> InterviewDetail:
    """Return an interview with its plan, what was said so far, consent and requests."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        interview = await interviews.listed(c, interview_id)
        if interview is None:
            raise Fault("not_found")
        return InterviewDetail(
            **msgspec.structs.asdict(_listed(interview)),
            plan=interview.plan,
            turns=await interviews.turns(c, interview_id),
            consent=await consents.current(c, interview_id),
            requests=await accommodations.of_interview(c, interview_id),
        )


@post(
    "/interviews/{interview_id:uuid}/link",
    summary="A fresh link for the candidate",
    responses=problems.responses("unauthorized", "not_found", "withdrawn", "interview_over"),
)
async def new_link(request: PersonRequest, interview_id: FromPath[UUID]) -> Link:
    """Void every link given out so far and return a new one."""
    house, person = house_of(request), request.user
    async with house.db.tenant(person.tenant_id) as c:
        interview = await find(c, interview_id)
        if interview.status not in ("invited", "live"):
            raise Fault("withdrawn" if interview.status == "withdrawn" else "interview_over")
        number = await interviews.raise_invitation(c, interview_id)
        await audit.note(
            c, person.tenant_id, f"user:{person.id}", "interview.link", "interview", interview_id,
            {"number": number},
        )  # fmt: skip
    return Link(_link(house, interview, number))


@post(
    "/interviews/{interview_id:uuid}/withdraw",
    summary="Withdraw an invitation",
    status_code=200,
    responses=problems.responses("unauthorized", "not_found", "interview_over"),
)
async def withdraw(request: PersonRequest, interview_id: FromPath[UUID]) -> InterviewOut:
    """Withdraw an interview that has not ended; doing it twice changes nothing."""
    house, person = house_of(request), request.user
    async with house.db.tenant(person.tenant_id) as c:
        await find(c, interview_id)
        changed = await interviews.withdraw(c, interview_id)
        interview = await find(c, interview_id)
        if not changed and interview.status != "withdrawn":
            raise Fault("interview_over")
        if changed:
            await audit.note(
                c, person.tenant_id, f"user:{person.id}", "interview.withdrawn", "interview",
                interview_id,
            )  # fmt: skip
    if changed:
        # The instance that holds the session asks PostgreSQL when Redis has forgotten it.
        await live.forget(house.redis, [interview.session_id])
        await tell(house, interview, "withdrawn")
    return interview_out(interview)


@post(
    "/interviews/{interview_id:uuid}/requests/{request_id:uuid}",
    summary="Answer what a candidate asked for",
    status_code=200,
    responses=problems.responses("unauthorized", "not_found", "conflict"),
)
async def answer_request(
    request: PersonRequest,
    interview_id: FromPath[UUID],
    request_id: FromPath[UUID],
    data: JSONBody[RequestAnswer],
) -> Accommodation:
    """Grant or decline once; granted minutes reach a running interview within seconds."""
    house, person, seconds = house_of(request), request.user, 0.0
    if data.status == "declined" and data.extra_minutes:
        raise Fault("invalid_input", "a declined request gives no minutes")
    async with house.db.tenant(person.tenant_id) as c:
        interview = await find(c, interview_id)
        answered = await accommodations.answer(
            c,
            interview_id=interview_id,
            request_id=request_id,
            status=data.status,
            extra_minutes=data.extra_minutes,
            user_id=person.id,
            reason=data.reason,
        )
        if answered.kind == "extra_time" and answered.status == "granted":
            if answered.extra_minutes == 0:
                raise Fault("invalid_input", "say how many extra_minutes are granted")
            seconds = await interviews.record_extra_minutes(c, interview_id, answered.extra_minutes)
        elif answered.extra_minutes:
            raise Fault("invalid_input", "only a request for time is granted minutes")
        await audit.note(
            c, person.tenant_id, f"user:{person.id}", f"request.{answered.status}", "interview",
            interview_id, {"request_id": request_id, "extra_minutes": answered.extra_minutes},
        )  # fmt: skip
    if seconds and interview.status in ("invited", "live"):
        # After the commit. Without Redis the owner finds it at a join, or when time runs out.
        with contextlib.suppress(Fault):
            await live.mark_granted(house.redis, interview.session_id, seconds)
    return answered


HANDLERS: Final = [
    invite, list_interviews, get_interview, new_link, withdraw, answer_request,
]  # fmt: skip
