"""A conformance suite for servers of the wire: every case against a live server, from outside.

Each case is an async function of a Desk, which hands out connections to one session; it raises
Failed when the server does something else. The order matters only for the last one, which ends
the interview.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from client.errors import Refused
from client.rest import Api
from loadtest import conformance_door, conformance_places, conformance_record
from loadtest.conformance_desk import Check, Desk, Skipped
from loadtest.visitor import Invitation
from loadtest.wirecheck import Failed

CASES: Final = (
    *conformance_door.CASES,
    *conformance_record.CASES[:-1],
    *conformance_places.CASES,
    conformance_record.leaving_ends,
)
SLOW: Final = conformance_door.SLOW


class Outcome(msgspec.Struct, frozen=True):
    """One case's result: pass, fail or skip, and why."""

    name: str
    about: str
    result: str
    detail: str = ""


async def run(
    invitation: Invitation,
    *,
    slow: bool = False,
    only: str = "",
    others: Sequence[Invitation] = (),
    operator_token: str = "",
    tell: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Run every case on one invitation's interview, which is over afterwards.

    `others` take the places that somebody is to wait for; two of their interviews may be over, too.
    """
    outcomes = []
    async with AsyncExitStack() as stack:

        async def api(url: str, token: str) -> Api:
            return await stack.enter_async_context(Api(url, token))

        desk = Desk(
            await api(invitation.url, invitation.token),
            [await api(other.url, other.token) for other in others],
            operator=await api(invitation.url, operator_token) if operator_token else None,
        )
        for case in CASES:
            if only and case.__name__ != only:
                continue
            outcome = await _one(case, desk, slow=slow)
            outcomes.append(outcome)
            tell(outcome)
    return outcomes


async def _one(case: Check, desk: Desk, *, slow: bool) -> Outcome:
    about = (case.__doc__ or "").strip()
    if case in SLOW and not slow:
        return Outcome(case.__name__, about, "skip", "slow: asked for with --slow")
    try:
        await case(desk)
    except Skipped as skipped:
        return Outcome(case.__name__, about, "skip", str(skipped))
    except (Failed, Refused) as failed:
        return Outcome(case.__name__, about, "fail", str(failed))
    except (OSError, TimeoutError) as error:
        return Outcome(case.__name__, about, "fail", f"{type(error).__name__}: {error}")
    return Outcome(case.__name__, about, "pass")
