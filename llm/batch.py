"""Evaluations that can wait: the provider's batches, at half the price, surviving our restarts.

An intent is written down before a batch is made, with the ids that its answers will carry. When
the process dies between the making and the writing of the batch's number, the batch is found
again by those ids; only when it is certain that there is none may it be made again.

The vendor's SDK does the talking here; it is loaded where batches are and nowhere else.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Final, Literal, Protocol
from uuid import UUID

import msgspec

from interview.scoring import Claim
from llm import wording
from llm.claude import claims_of
from llm.events import ERRORS, Block, Counts, Heard, check_stop
from llm.reply import ModelFault, Reason, rate_limits, retry_after
from llm.request import EvaluationRequest
from llm.tiers import Task, Tiers, Usage
from llm.wire_http import URL, reason_of
from protocol import limits
from runtime import clock
from runtime.logs import Log

EVALUATION: Final[Task] = "evaluation"
SKEW: Final = timedelta(minutes=5)  # between the provider's clock and ours
NOT_MADE: Final[dict[str, Reason]] = {"expired": "late", "canceled": "late"}

log = Log("llm.batch")


class Intent(msgspec.Struct, frozen=True):
    """A batch that is to be, or is: `number` is the provider's, "" until it is known.

    `interviews` says which interview each answer's custom_id belongs to.
    """

    id: UUID
    tenant_id: UUID
    tier: str
    prompt_version: str
    begun_at: datetime
    interviews: Mapping[str, UUID]
    number: str = ""


class Intents(Protocol):
    """Where intents are kept; each call is a transaction of its own."""

    async def begin(self, intent: Intent) -> None:
        """Keep an intent, before anything is sent."""
        ...

    async def made(self, intent: Intent, number: str) -> None:
        """Keep the number of an intent's batch."""
        ...

    async def end(self, intent: Intent) -> None:
        """Forget an intent: its answers are safe, or there are none to come."""
        ...


class Answer(msgspec.Struct, frozen=True):
    """What became of one evaluation: claims, or the fault that there are none.

    `custom_id` names it in the ledger as well, so that it is booked once however often it is read.
    """

    custom_id: str
    interview_id: UUID
    usage: Usage
    micro_usd: int
    claims: list[Claim] | None = None
    fault: ModelFault | None = None


class Collected(msgspec.Struct, frozen=True):
    """Where a batch is: still at work, ended with its answers, or never made (hand in anew)."""

    state: Literal["waiting", "ended", "lost"]
    answers: Sequence[Answer] = ()


class BatchDesk:
    """Hands evaluations in and collects the answers."""

    def __init__(
        self,
        sdk: ModuleType,
        wire: ModuleType,
        tiers: Tiers,
        intents: Intents,
        *,
        key: str,
        base_url: str = "",
    ) -> None:
        """Open a client of `sdk` (anthropic), whose transport errors are those of `wire`."""
        self._sdk = sdk
        self._never_sent = (wire.ConnectError, wire.ConnectTimeout, wire.PoolTimeout)
        self._tiers = tiers
        self._intents = intents
        self._client = sdk.AsyncAnthropic(
            api_key=key, base_url=base_url or URL, max_retries=0, timeout=limits.BATCH_CALL_SECONDS
        )
        self._batches = self._client.messages.batches

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def hand_in(
        self, requests: Sequence[EvaluationRequest], names: Sequence[str] = ()
    ) -> Intent:
        """Make one batch of one tenant's evaluations, all of one tier.

        `names` are the ids of the answers, which no other batch may ever have had. A ModelFault
        means: not made, hand in again later; unless its reason is `disconnected` or `late`, when
        the intent stays and `collect` finds out.
        """
        tier, settings = self._tiers.for_task(EVALUATION, requests[0].tier)
        name = clock.new_id()
        names = names or [f"{name.hex}-{number}" for number in range(len(requests))]
        made = dict(zip(names, requests, strict=True))
        intent = Intent(
            id=name,
            tenant_id=requests[0].tenant_id,
            tier=settings.tier,
            prompt_version=wording.EVALUATION_PROMPT.version,
            begun_at=clock.now(),
            interviews={custom: request.interview_id for custom, request in made.items()},
        )
        body = [
            {"custom_id": custom, "params": wording.evaluation(request, tier, settings)}
            for custom, request in made.items()
        ]
        await self._intents.begin(intent)
        try:
            batch = await self._batches.create(requests=body)
        except (self._sdk.APIStatusError, self._sdk.APIConnectionError) as error:
            fault = self._fault(error)
            if fault.reason not in ("disconnected", "late"):
                await self._intents.end(intent)
            raise fault from error
        await self._intents.made(intent, batch.id)
        return msgspec.structs.replace(intent, number=batch.id)

    async def collect(self, intent: Intent) -> Collected:
        """Return where an intent's batch is; a ModelFault when the provider cannot be asked now.

        The answers may be read again until `done`.
        """
        number: str | None = intent.number
        try:
            number = number or await self._find(intent)
            if number is None:
                return Collected("waiting")
            if number == "":
                log.warning("batch_lost", count=len(intent.interviews))
                return Collected("lost")
            batch = await self._batches.retrieve(number)
            if batch.processing_status != "ended":
                return Collected("waiting")
            answers = [
                self._answer(intent, line)
                async for line in await self._batches.results(number)
                if line.custom_id in intent.interviews
            ]
        except (self._sdk.APIStatusError, self._sdk.APIConnectionError) as error:
            if number and isinstance(error, self._sdk.NotFoundError):
                return Collected("lost")
            raise self._fault(error) from error
        return Collected("ended", answers)

    async def cancel(self, intent: Intent) -> bool:
        """Have a batch at work end early, and say whether it will; what has been done is billed.

        Its answers are collected as ever: most of them say that they were never made.
        """
        try:
            await self._batches.cancel(intent.number)
        except (self._sdk.APIStatusError, self._sdk.APIConnectionError) as error:
            log.warning("batch_not_cancelled", error=type(error).__name__)
            return False
        return True

    async def done(self, intent: Intent) -> None:
        """End an intent whose answers are safe, and have the provider delete its copy of them.

        Also for answers that are not wanted any more: a batch at work is cancelled.
        """
        number = intent.number
        if number:
            try:
                batch = await self._batches.retrieve(number)
                if batch.processing_status == "in_progress":
                    await self._batches.cancel(number)
                elif batch.processing_status == "ended":
                    await self._batches.delete(number)
            except (self._sdk.APIStatusError, self._sdk.APIConnectionError) as error:
                log.warning("batch_not_deleted", error=type(error).__name__)
        await self._intents.end(intent)

    def bound(self, request: EvaluationRequest) -> int:
        """Return the most that an evaluation can cost in a batch, in micro-dollars."""
        tier, settings = self._tiers.for_task(EVALUATION, request.tier)
        call = wording.evaluation(request, tier, settings)
        most = Usage(tokens_out=call["max_tokens"], cache_write=wording.prompt_bytes(call))
        return tier.cost(most, batch=True)

    async def _find(self, intent: Intent) -> str | None:
        """Return the number of an intent's batch, "" when there is none, None when it is too early.

        Only batches made about when the intent was can be it. What they are shows in the ids of
        their answers, once they have ended.
        """
        latest = intent.begun_at + timedelta(seconds=limits.BATCH_CALL_SECONDS) + SKEW
        undecided = clock.now() < latest
        async for batch in self._batches.list(limit=limits.BATCH_PAGE):
            if batch.created_at > latest:
                continue
            if batch.created_at < intent.begun_at - SKEW:
                break
            if batch.processing_status != "ended":
                undecided = True
                continue
            if await self._is_of(intent, batch.id):
                log.info("batch_adopted", count=len(intent.interviews))
                await self._intents.made(intent, batch.id)
                return str(batch.id)
        return None if undecided else ""

    async def _is_of(self, intent: Intent, number: str) -> bool:
        """Whether a batch that has ended is an intent's: the ids of one batch are of one intent."""
        try:
            async for line in await self._batches.results(number):
                return line.custom_id in intent.interviews
        except self._sdk.NotFoundError:
            log.info("batch_gone", count=1)  # its answers are safe: it was somebody else's
        return False

    def _answer(self, intent: Intent, line: Any) -> Answer:
        """Return what one line of the results says."""
        result, tier = line.result, self._tiers.tiers[intent.tier]
        heard = Heard(Usage(tier=intent.tier))
        claims: list[Claim] | None = None
        fault: ModelFault | None = None
        try:
            if result.type == "errored":
                kind = result.error.error.type
                raise ModelFault(ERRORS.get(kind, "rejected"), kind)
            if result.type != "succeeded":
                raise ModelFault(NOT_MADE.get(result.type, "rejected"), result.type)
            heard.count(msgspec.convert(result.message.usage, Counts, from_attributes=True))
            check_stop(result.message.stop_reason)
            texts = (block for block in result.message.content if block.type == "text")
            claims = claims_of([Block("text", block.text) for block in texts])
        except ModelFault as found:
            fault = found
        return Answer(
            custom_id=line.custom_id,
            interview_id=intent.interviews[line.custom_id],
            usage=heard.usage,
            micro_usd=tier.cost(heard.usage, batch=True),
            claims=claims,
            fault=fault,
        )

    def _fault(self, error: Any) -> ModelFault:
        """Return why a call of the SDK failed, in the words of the house."""
        if isinstance(error, self._sdk.APIStatusError):
            headers, status = error.response.headers, error.status_code
            return ModelFault(
                reason_of(status),
                f"{status} {error.type or ''}".strip(),
                status=status,
                request_id=headers.get("request-id", ""),
                limits=rate_limits(headers),
                retry_after=retry_after(headers),
            )
        if isinstance(error.__cause__, self._never_sent):
            return ModelFault("unreachable", type(error).__name__)
        late = isinstance(error, self._sdk.APITimeoutError)
        return ModelFault("late" if late else "disconnected", type(error).__name__)
