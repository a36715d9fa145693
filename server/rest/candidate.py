"""A candidate's own doors: the invitation, consent, requests, and the ticket for the live wire."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from server import consents as notices
from server import problems
from server.auth import Person
from server.consents import ConsentText
from server.house import House, house_of
from server.rest.guards import Guest, GuestRequest, WatcherRequest
from server.rest.shapes import (
    AdmissionOut,
    AskedFor,
    ConsentGiven,
    ConsentState,
    InvitationOut,
    OwnTranscript,
    OwnTurn,
    RequestAsked,
    TicketAsked,
    TicketOut,
    WaitingOut,
)
from server.rest.telling import tell
from storage import accommodations, audit, consents, interviews, tenants
from storage.accommodations import Accommodation
from storage.interviews import Interview
from storage.tenants import Tenant
from storage.transaction import Connection

_OVER: Final = ("finished", "expired")


async def _invited(c: Connection, guest: Guest) -> Interview:
    """Return the interview that the link is for; Fault `withdrawn` for one that was replaced."""
    interview = await interviews.get(c, guest.interview_id)
    if interview is None or interview.invitation != guest.number:
        raise Fault("withdrawn", "this link was replaced or withdrawn")
    return interview


def _need_open(interview: Interview) -> None:
    if interview.status == "withdrawn":
        raise Fault("withdrawn")
    if interview.status in _OVER:
        raise Fault("interview_over")


def _notice(house: House, tenant: Tenant, locale: str) -> ConsentText:
    return notices.text(
        company=tenant.name,
        retention_days=tenant.retention_days,
        locale=locale,
        with_model=house.settings.asks_with_model,
    )


def _asked(row: Accommodation) -> AskedFor:
    return AskedFor(row.kind, row.status, row.extra_minutes, row.answer_reason)


@get(
    "/invitation",
    summary="What the link is for",
    responses=problems.responses("unauthorized", "withdrawn"),
)
async def invitation(request: GuestRequest) -> InvitationOut:
    """Return all that the candidate's page needs; the notice is in the reader's language."""
    house, guest = house_of(request), request.user
    async with house.db.tenant(guest.tenant_id) as c:
        interview = await _invited(c, guest)
        tenant = await tenants.get(c, guest.tenant_id)
        consent = await consents.current(c, interview.id)
        requests = await accommodations.of_interview(c, interview.id)
    header = request.headers.get("accept-language")
    locale = problems.accepted_language(header) if header else interview.locale
    notice = _notice(house, tenant, locale)
    with_ai = house.settings.asks_with_model
    return InvitationOut(
        interview_id=interview.id,
        session_id=interview.session_id,
        status=interview.status,
        company=tenant.name,
        opening_title=interview.opening_title,
        candidate_name=interview.candidate_name,
        locale=interview.locale,
        minutes=interview.minutes,
        finished_reason=interview.finished_reason,
        turns_max=int(interview.plan.get("turns_max", 0)),
        engine="claude" if with_ai else "offline",
        with_ai=with_ai,
        consent=ConsentState(
            version=notice.version,
            locale=notice.locale,
            text=notice.text,
            sha256=notice.sha256,
            given=bool(consent and consent.given),
        ),
        requests=[_asked(row) for row in requests],
    )


@post(
    "/invitation/consent",
    summary="Agree to the notice, or take that back",
    status_code=200,
    responses=problems.responses("unauthorized", "withdrawn", "interview_over", "conflict"),
)
async def give_consent(request: GuestRequest, data: JSONBody[ConsentGiven]) -> ConsentState:
    """Keep the candidate's answer with the version and hash of the text they were shown.

    409 when the text has changed since: it has to be read anew.
    """
    house, guest = house_of(request), request.user
    async with house.db.tenant(guest.tenant_id) as c:
        interview = await _invited(c, guest)
        _need_open(interview)
        tenant = await tenants.get(c, guest.tenant_id)
        notice = notices.shown(
            data.version,
            data.sha256,
            company=tenant.name,
            retention_days=tenant.retention_days,
            with_model=house.settings.asks_with_model,
        )
        if notice is None:
            raise Fault("conflict", "the notice has changed; load it again")
        await consents.record(
            c,
            guest.tenant_id,
            interview_id=interview.id,
            candidate_id=interview.candidate_id,
            text_version=notice.version,
            text_sha256=notice.sha256,
            locale=notice.locale,
            given=data.given,
        )
        detail: dict[str, Any] = {
            "given": data.given,
            "version": notice.version,
            "sha256": notice.sha256,
            "company": tenant.name,
            "retention_days": tenant.retention_days,
        }
        await audit.note(
            c,
            guest.tenant_id,
            f"candidate:{interview.candidate_id}",
            "consent",
            "interview",
            interview.id,
            detail,
        )
    await tell(house, interview)
    return ConsentState(
        version=notice.version,
        locale=notice.locale,
        text=notice.text,
        sha256=notice.sha256,
        given=data.given,
    )


@post(
    "/invitation/requests",
    summary="Ask for more time or for another process",
    responses=problems.responses("unauthorized", "withdrawn", "interview_over", "conflict"),
)
async def ask_for(request: GuestRequest, data: JSONBody[RequestAsked]) -> AskedFor:
    """Keep what the candidate asks for; a person of the company answers it."""
    house, guest = house_of(request), request.user
    async with house.db.tenant(guest.tenant_id) as c:
        interview = await _invited(c, guest)
        _need_open(interview)
        asked = await accommodations.ask(
            c, guest.tenant_id, interview_id=interview.id, kind=data.kind, note=data.note
        )
        await audit.note(
            c,
            guest.tenant_id,
            f"candidate:{interview.candidate_id}",
            "request.asked",
            "interview",
            interview.id,
            {"kind": data.kind, "request_id": asked.id},
        )
    await tell(house, interview)
    return _asked(asked)


@post(
    "/invitation/ticket",
    summary="A seat or a place in line, and the ticket for it",
    status_code=200,
    responses=problems.responses(
        "unauthorized", "consent_missing", "withdrawn", "interview_over", "at_capacity", "draining"
    ),
)
async def take_ticket(
    request: GuestRequest, data: JSONBody[TicketAsked | None] = None
) -> TicketOut:
    """Reserve a seat and return the ticket that admits one socket once.

    Where every place is taken, the ticket is for the waiting room.
    """
    house, guest = house_of(request), request.user
    async with house.db.tenant(guest.tenant_id) as c:
        interview = await _invited(c, guest)
        _need_open(interview)
        consent = await consents.current(c, interview.id)
        if consent is None or not consent.given:
            raise Fault("consent_missing")
        lives_on = await interviews.session_instance(c, interview.session_id)
    session_id, returning = interview.session_id, interview.status == "live"
    token = data.waiting_token if data else ""
    seat = await house.gate.reserve(
        session_id,
        guest.tenant_id,
        returning=returning,
        prefer=lives_on,
        since_ms=house.tickets.arrival(token, session_id) if token else 0,
        unreachable=data.unreachable if data else "",
    )
    standing = seat.standing
    ticket = house.tickets.ticket(
        guest.tenant_id,
        interview.id,
        session_id,
        instance_id=seat.instance_id,
        returning=returning,
        since_ms=standing.since_ms if standing else 0,
    )
    waiting = None
    if standing is not None:
        proof = house.tickets.place(session_id, standing.since_ms)
        waiting = WaitingOut(standing.position, standing.eta_seconds, proof)
    return TicketOut(ticket, seat.url, session_id, limits.TICKET_SECONDS, waiting)


@get(
    "/invitation/transcript",
    summary="A candidate's own answers",
    responses=problems.responses("unauthorized", "withdrawn", "conflict", "not_found"),
)
async def own_transcript(request: GuestRequest) -> OwnTranscript:
    """Return what was asked and answered, for limits.COPY_SECONDS from the interview's end.

    409 before the end; 404 afterwards: then the company is to be asked.
    """
    house, guest = house_of(request), request.user
    async with house.db.tenant(guest.tenant_id) as c:
        interview = await _invited(c, guest)
        if interview.status not in _OVER or interview.finished_at is None:
            raise Fault("conflict", "the interview has not ended")
        until = interview.finished_at + timedelta(seconds=limits.COPY_SECONDS)
        if clock.now() >= until:
            raise Fault("not_found", "the copy is no longer shown; the company can give it")
        said = await interviews.turns(c, interview.id)
    until = min(until, datetime.fromtimestamp(guest.expires, UTC))  # the link may end first
    return OwnTranscript([OwnTurn(one.turn, one.question, one.answer) for one in said], until)


@get(
    "/interviews/{interview_id:uuid}/admission",
    summary="What the door would say",
    responses=problems.responses("unauthorized", "not_found", "withdrawn"),
)
async def admission(request: WatcherRequest, interview_id: FromPath[UUID]) -> AdmissionOut:
    """Say what a refused socket could not: a browser sees no status of a failed upgrade."""
    house, who = house_of(request), request.user
    if isinstance(who, Guest) and who.interview_id != interview_id:
        raise Fault("not_found")
    async with house.db.tenant(who.tenant_id) as c:
        if isinstance(who, Person):
            interview = await interviews.get(c, interview_id)
        else:
            interview = await _invited(c, who)
    if interview is None:
        raise Fault("not_found")
    said = await house.gate.admission(interview.session_id)
    return AdmissionOut(said.state, said.retry_after, said.position, said.eta_seconds)


GUEST_HANDLERS: Final = [invitation, give_consent, ask_for, take_ticket, own_transcript]
WATCHER_HANDLERS: Final = [admission]
