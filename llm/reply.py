"""What a reply of the provider says beside its words: limits, its number, and why it failed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

from protocol.faults import Fault

Reason = Literal[
    "unreachable",  # never sent: nothing is billed
    "rate_limited",  # 429; `retry_after` says when
    "overloaded",  # 529, or told in mid-stream with status 200
    "server_error",  # another 5xx, or told in mid-stream
    "rejected",  # another 4xx: an operator has to look
    "disconnected",  # the connection broke before there was a reply
    "broken",  # the connection broke in mid-reply
    "cut",  # the stream ended without message_stop
    "malformed",  # bytes that are no event
    "stalled",  # silence in mid-stream
    "late",  # no first piece, or no end, within its time
    "refused",  # stop_reason refusal
    "max_tokens",  # stop_reason max_tokens, or any other that is no end
]
CODES: Final[dict[Reason, str]] = {
    "refused": "model_refused",
    "broken": "model_truncated",
    "cut": "model_truncated",
    "malformed": "model_truncated",
    "max_tokens": "model_truncated",
}  # all others: model_unavailable
LIMIT_HEADER: Final = "anthropic-ratelimit-"
KINDS: Final = ("requests", "input_tokens", "output_tokens")


class Limit(msgspec.Struct, frozen=True):
    """One limit of the key: how much it is, what is left, and when it is whole again."""

    limit: int
    remaining: int
    reset_at: datetime | None


class RateLimits(msgspec.Struct, frozen=True):
    """What the reply's headers say of the key's limits; None where they are silent."""

    requests: Limit | None = None
    input_tokens: Limit | None = None
    output_tokens: Limit | None = None


class ModelFault(Fault):
    """A call to a model that failed: `reason` is finer than the code, for breakers and ladders.

    `status` is the HTTP status (0 without one; 200 for an error told in mid-stream).
    """

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        *,
        status: int = 0,
        request_id: str = "",
        limits: RateLimits | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Raise with the code that the reason stands for."""
        self.reason: Reason = reason
        self.status = status
        self.request_id = request_id
        self.limits = limits
        code = CODES.get(reason, "model_unavailable")
        super().__init__(code, detail or reason, retry_after=retry_after)


def rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """Return the limits that the headers tell (names in lower case or any, as the mapping has)."""
    found = {kind: _limit(headers, LIMIT_HEADER + kind.replace("_", "-")) for kind in KINDS}
    return RateLimits(**found) if any(found.values()) else None


def _limit(headers: Mapping[str, str], name: str) -> Limit | None:
    try:
        limit, remaining = int(headers[f"{name}-limit"]), int(headers[f"{name}-remaining"])
    except (KeyError, ValueError):
        return None
    try:
        reset = datetime.fromisoformat(headers[f"{name}-reset"])
    except (KeyError, ValueError):
        reset = None
    return Limit(limit, remaining, reset)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `retry-after` (or of its finer `retry-after-ms`), if it is there."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if 0.0 <= seconds < float("inf"):
            return seconds
    return None
