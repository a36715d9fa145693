"""What is tried when a call fails: the same tier again, a cheaper one, and in the end the bank.

A question steps down from its tier to the fastest, and then the bank asks it. What scores people
never steps at all: everybody is scored by the tier of the settings file, or waits for a review.
"""

import random
from typing import Final, Literal

import msgspec

from llm.reply import ModelFault
from llm.tiers import Task, Tiers
from protocol import limits
from protocol.faults import Fault

DOWN: Final = ("powerful", "balanced", "fast")  # the bank is below the last
SCORES: Final = frozenset({"evaluation", "re_evaluation"})
AGAIN: Final = frozenset(
    {"rate_limited", "overloaded", "server_error", "unreachable", "broken", "cut", "malformed"}
)
STAYS: Final = frozenset({"refused", "rejected"})  # a cheaper tier would say the same


class Next(msgspec.Struct, frozen=True):
    """What follows a failed call: `again` after some seconds, one rung `down`, or the `end`."""

    what: Literal["again", "down", "end"]
    seconds: float = 0.0


def rungs(task: Task, tiers: Tiers, wanted: str = "") -> list[str]:
    """Return the tiers to try, in order."""
    first = wanted or tiers.tasks[task].tier
    if task in SCORES or first not in DOWN:
        return [first]
    return [tier for tier in DOWN[DOWN.index(first) :] if tier in tiers.tiers]


def after(fault: Fault, calls: int, seconds_left: float) -> Next:
    """Return what follows the `calls`-th call of a tier, with so much of the time left.

    The provider's `retry-after` is honoured, or the rung is left: it is never cut short.
    """
    reason = reason_of(fault)
    if reason in STAYS or fault.code == "fence_lost":
        return Next("end")
    if reason not in AGAIN or calls >= limits.MODEL_ATTEMPTS_MAX:
        return Next("down")
    wait = limits.MODEL_BACKOFF_SECONDS * 2 ** (calls - 1)
    wait = min(wait, limits.MODEL_BACKOFF_SECONDS_MAX) * random.uniform(0.5, 1.0)  # noqa: S311
    wait = max(wait, fault.retry_after or 0.0)
    # A call needs time as well: with less than a second to hear from it, it is not begun.
    return Next("again", wait) if wait + 1.0 < seconds_left else Next("down")


def reason_of(fault: Fault) -> str:
    """Return the finer reason of a model's fault, else its code."""
    return fault.reason if isinstance(fault, ModelFault) else fault.code
