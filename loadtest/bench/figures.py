"""Figures: one JSON line each, with the baseline that was measured in the same run beside it."""

import sys
from collections.abc import Sequence

import msgspec

NS_PER_MS = 1e6
PERCENTILES = (50, 95, 99)


class Figure(msgspec.Struct, frozen=True):
    """One measured value; `ratio` is value / baseline_value, None without a baseline."""

    bench: str
    case: str
    metric: str
    value: float
    unit: str
    baseline: str | None = None
    baseline_value: float | None = None
    ratio: float | None = None


def figure(
    bench: str,
    case: str,
    metric: str,
    value: float,
    unit: str,
    *,
    baseline: str | None = None,
    baseline_value: float | None = None,
) -> Figure:
    """Return a figure with its ratio to the baseline, rounded for reading."""
    ratio = None
    if baseline_value:
        ratio = round(value / baseline_value, 3)
    rounded = None if baseline_value is None else round(baseline_value, 4)
    return Figure(bench, case, metric, round(value, 4), unit, baseline, rounded, ratio)


def show(found: Figure) -> None:
    """Print a figure as its line."""
    print(msgspec.json.encode(found).decode(), flush=True)


def say(text: str) -> None:
    """Tell a person what is being done; the figures have standard output for themselves."""
    print(text, file=sys.stderr, flush=True)


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of the samples do not exceed (nearest rank)."""
    if not samples:
        raise ValueError("no samples: nothing was measured")
    ordered = sorted(samples)
    rank = max(1, -(-len(ordered) * percent // 100))
    return float(ordered[int(rank) - 1])


def spread_ms(samples_ns: Sequence[float], name: str) -> dict[str, float]:
    """Return {name_p50, name_p95, name_p99} in milliseconds from samples in nanoseconds."""
    ordered = sorted(samples_ns)
    return {f"{name}_p{p}": percentile(ordered, p) / NS_PER_MS for p in PERCENTILES}
