"""What the stand-in would send a bill for: every call, to compare somebody's ledger with.

It counts by itself, with a price list of its own: a ledger that agrees with it agrees with a
stranger. A call that was cut is counted with its input and what had been written by then.
"""

from collections import Counter, deque
from typing import Any, Final, Literal, NamedTuple

PRICES_AS_OF: Final = "2026-11-24"
MILLION: Final = 1_000_000
CALLS_MAX: Final = 50_000
LONG_TOKENS: Final = 100_000
LONG_FACTOR: Final = {"claude-haiku-5-5": 5}
KINDS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)
PRICES: Final = {  # micro-dollars per million: input, output, cache write, cache read
    "claude-haiku-5-5": (100_000, 500_000, 125_000, 10_000),
    "claude-sonnet-5-5": (2_000_000, 10_000_000, 2_500_000, 100_000),
    "claude-opus-5-5": (4_000_000, 20_000_000, 5_000_000, 200_000),
}
Outcome = Literal["completed", "cut", "batch"]


class Billed(NamedTuple):
    """One call that costs something; `digest` is of its text where that was sent whole."""

    request_id: str
    key: str
    model: str
    outcome: Outcome
    fault: str
    usage: dict[str, int]
    micro_usd: int
    digest: str = ""


class Account:
    """Sums for each model and way of ending, and the latest calls one by one."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, Counter[str]]] = {}
        self.calls: deque[Billed] = deque(maxlen=CALLS_MAX)

    def book(
        self,
        request_id: str,
        key: str,
        body: dict[str, Any],
        usage: dict[str, int],
        *,
        outcome: Outcome = "completed",
        fault: str = "",
        digest: str = "",
    ) -> None:
        """Count one call."""
        model = body["model"]
        cost = price(model, usage, batch=outcome == "batch")
        self.calls.append(Billed(request_id, key[-4:], model, outcome, fault, usage, cost, digest))
        sums = self._sums.setdefault(model, {}).setdefault(outcome, Counter())
        sums.update({"calls": 1, "micro_usd": cost, **usage})
        sums["streamed"] += bool(body.get("stream"))

    def counts(self) -> dict[str, Any]:
        """Return what GET /counts says."""
        total: Counter[str] = Counter()
        for outcomes in self._sums.values():
            for sums in outcomes.values():
                total.update(sums)
        names = ("calls", "micro_usd", *KINDS)
        return {
            "prices_as_of": PRICES_AS_OF,
            "models": {model: dict(outcomes) for model, outcomes in self._sums.items()},
            "total": {name: total[name] for name in names},
        }

    def latest(self, last: int) -> list[dict[str, Any]]:
        """Return what GET /calls says: the latest calls, oldest first."""
        found = list(self.calls)[-last:]
        return [dict(zip(Billed._fields, call, strict=True)) for call in found]


def price(model: str, usage: dict[str, int], *, batch: bool = False) -> int:
    """Return the price of one call in micro-dollars, rounded up once; batches cost half."""
    prompt = sum(usage[kind] for kind in KINDS) - usage["output_tokens"]
    factor = LONG_FACTOR.get(model, 1) if prompt > LONG_TOKENS else 1
    total = factor * sum(
        usage[kind] * each for kind, each in zip(KINDS, PRICES[model], strict=True)
    )
    return -(-total // ((2 if batch else 1) * MILLION))
