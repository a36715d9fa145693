"""The evaluation of a finished interview as it is asked for, and what that costs, told before."""

import msgspec

from llm import wording
from llm.call import BYTES_PER_TOKEN, TOKENS_OUT
from llm.request import EvaluationRequest
from llm.tiers import Task, Usage, load
from storage.interviews import Interview
from storage.reports import Transcript

EVALUATION: Task = "evaluation"


def request_of(
    interview: Interview, transcript: Transcript, *, urgency: str = "recruiter"
) -> EvaluationRequest:
    """Return the request to evaluate an interview from its record."""
    return EvaluationRequest(
        tenant_id=interview.tenant_id,
        session_id=interview.session_id,
        interview_id=interview.id,
        plan=interview.typed_plan(),
        said=transcript.said,
        locale=interview.locale,
        seed=interview.seed,
        urgency=urgency,
    )


class Price(msgspec.Struct, frozen=True):
    """What an evaluation will cost about, and at most, in micro-dollars."""

    micro_usd: int
    micro_usd_max: int


def price(request: EvaluationRequest, *, batch: bool) -> Price:
    """Return the price of an evaluation at once, or in a batch."""
    tier, settings = load().for_task(EVALUATION, request.tier)
    call = wording.evaluation(request, tier, settings)
    size = wording.prompt_bytes(call)
    likely = Usage(size // BYTES_PER_TOKEN, TOKENS_OUT[EVALUATION])
    most = Usage(tokens_out=call["max_tokens"], cache_write=size)
    return Price(tier.cost(likely, batch=batch), tier.cost(most, batch=batch))
