"""How an interview's report is made: in a batch at half the price, or now, with the price first."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from llm import evaluating
from llm.evaluating import Price
from protocol.faults import Fault
from server import problems
from server.house import House, house_of
from server.rest.guards import PersonRequest
from server.rest.interviews import find
from storage import audit, evaluations, events, reports
from storage.interviews import Interview
from storage.transaction import Connection

State = Literal["none", "queued", "handed_in", "now", "ready", "pending_review"]
OPEN: Final = ("queued", "handed_in", "pending_review")  # where "now" is a choice
MicroUsd = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class EvaluationOut(msgspec.Struct, frozen=True, kw_only=True):
    """Where an evaluation is, and what it costs at once and in a batch, where that is a choice.

    queued: it waits for others to be handed in with; handed_in: its batch is at the provider, and
    may have to be paid as well; now: it is being made; none: no model evaluates this interview.
    """

    state: State
    queued_at: datetime | None = None
    expected_at: datetime | None = None
    now: Price | None = None
    batch: Price | None = None


class EvaluateNow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The wish to have it now, with the most that whoever wishes has seen it may cost."""

    micro_usd_max: MicroUsd
    when: Literal["now"] = "now"


async def _state(c: Connection, house: House, interview: Interview) -> EvaluationOut:
    waiting = await evaluations.get(c, interview.id)
    report = await reports.status(c, interview.id)
    if report == "ready":
        return EvaluationOut(state="ready")
    over = interview.status == "finished" and interview.plan
    if not over or not house.settings.asks_with_model:
        return EvaluationOut(state="pending_review" if report else "none")
    # A direct one's row goes with its end, unless its batch is still to be booked.
    if waiting is not None and waiting.direct and (report is None or waiting.batch_id is None):
        return EvaluationOut(state="now")
    transcript = await reports.transcript(c, interview.id)
    if not transcript.said:
        return EvaluationOut(state="pending_review" if report else "none")
    request = evaluating.request_of(interview, transcript)
    prices = [evaluating.price(request, batch=batch) for batch in (False, True)]
    if waiting is None or waiting.direct:
        state: State = "pending_review" if report else "now"
        return EvaluationOut(state=state, now=prices[0] if report else None)
    return EvaluationOut(
        state="queued" if waiting.batch_id is None else "handed_in",
        queued_at=waiting.queued_at,
        expected_at=waiting.expected_at,
        now=prices[0],
        batch=prices[1],
    )


@get(
    "/interviews/{interview_id:uuid}/evaluation",
    summary="How the report is made, and what it costs",
    responses=problems.responses("unauthorized", "not_found"),
)
async def get_evaluation(request: PersonRequest, interview_id: FromPath[UUID]) -> EvaluationOut:
    """Return where the evaluation is; with prices while it can still be had now."""
    house = house_of(request)
    async with house.db.tenant(request.user.tenant_id) as c:
        return await _state(c, house, await find(c, interview_id))


@post(
    "/interviews/{interview_id:uuid}/evaluation",
    summary="Have the report now",
    status_code=202,
    responses=problems.responses("unauthorized", "not_found", "conflict"),
)
async def evaluate_now(
    request: PersonRequest, interview_id: FromPath[UUID], data: JSONBody[EvaluateNow]
) -> EvaluationOut:
    """Evaluate at once, at full price; asking twice is one evaluation.

    409 when there is nothing to choose, and when it may cost more than the person has seen.
    """
    house, person = house_of(request), request.user
    async with house.db.tenant(person.tenant_id) as c:
        interview = await find(c, interview_id)
        found = await _state(c, house, interview)
        if found.state == "now":
            return found
        if found.state not in OPEN or found.now is None:
            raise Fault("conflict", f"there is nothing to evaluate now: {found.state}")
        if found.now.micro_usd_max > data.micro_usd_max:
            raise Fault("conflict", f"it may cost {found.now.micro_usd_max} micro-dollars")
        await evaluations.make_direct(
            c, person.tenant_id, interview_id, "asked", request_id=problems.request_id_of(request)
        )
        await audit.note(
            c, person.tenant_id, f"user:{person.id}", "evaluation.now", "interview", interview_id,
            {"micro_usd_max": found.now.micro_usd_max},
        )  # fmt: skip
    notice = {"interview_id": interview_id}
    await events.publish(house.redis, person.tenant_id, "report.queued", notice)
    return EvaluationOut(state="now")


HANDLERS: Final = [get_evaluation, evaluate_now]
