"""Reports and the decisions on them: a person with a name decides, and says why."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from protocol.faults import Fault
from protocol.report import Evaluation
from runtime import clock
from server import problems, report_page
from server.house import house_of
from server.pages import SITE_KEY
from server.rest.guards import PersonRequest
from server.rest.interviews import find
from server.rest.shapes import ReportOut
from storage import interviews, reports, tenants
from storage.reports import Decision, NewDecision


@get(
    "/interviews/{interview_id:uuid}/report",
    summary="The report of an interview",
    responses=problems.responses("unauthorized", "not_found"),
)
async def get_report(request: PersonRequest, interview_id: FromPath[UUID]) -> ReportOut:
    """Return the evaluation in force and the decisions on it; 404 while it is not written."""
    async with house_of(request).db.tenant(request.user.tenant_id) as c:
        await find(c, interview_id)
        report = await reports.get(c, interview_id)
    fields = {name: getattr(report.evaluation, name) for name in Evaluation.__struct_fields__}
    return ReportOut(**fields, decisions=report.decisions, created_at=report.created_at)


@get(
    "/interviews/{interview_id:uuid}/report.html",
    summary="The report as a page to read and print",
    media_type="text/html",
    responses=problems.responses("unauthorized", "not_found"),
)
async def get_report_page(request: PersonRequest, interview_id: FromPath[UUID]) -> Response[str]:
    """Return the report and its transcript in the interview's language (or Accept-Language's)."""
    house = house_of(request)
    async with house.db.tenant(request.user.tenant_id) as c:
        interview = await find(c, interview_id)
        report = await reports.get(c, interview_id)
        turns = await interviews.turns(c, interview_id)
        tenant = await tenants.get(c, request.user.tenant_id)
    header = request.headers.get("accept-language")
    locale = problems.accepted_language(header) if header else report.evaluation.locale
    base = request.app.state[SITE_KEY].base
    page = report_page.render(
        report, interview, turns, company=tenant.name, locale=locale, base=base
    )
    return Response(
        page,
        media_type="text/html",
        headers={
            "content-security-policy": report_page.CSP,
            "content-language": problems.language(locale),
        },
    )


@post(
    "/interviews/{interview_id:uuid}/decision",
    summary="Decide on a candidate",
    responses=problems.responses("unauthorized", "not_found", "conflict"),
)
async def decide(
    request: PersonRequest, interview_id: FromPath[UUID], data: JSONBody[NewDecision]
) -> Decision:
    """Keep a decision with the name of whoever the token speaks for, and their reason."""
    person = request.user
    async with house_of(request).db.tenant(person.tenant_id) as c:
        interview = await find(c, interview_id)
        if not interview.plan:
            raise Fault("not_found", "the candidate was erased")
        return await reports.decide(
            c,
            person.tenant_id,
            interview_id,
            decision_id=clock.new_id(),
            new=msgspec.structs.replace(data, reason=data.reason.strip()),
            user_id=person.id,
            user_name=person.name,
        )


HANDLERS: Final = [get_report, get_report_page, decide]
