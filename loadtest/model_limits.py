"""The stand-in's limits: each key has its own, for each model, refilled all the time.

Requests are counted when they come; tokens of the input when they are read (those read from the
cache are not), tokens of the output when the answer ends.
"""

from collections import OrderedDict
from datetime import timedelta
from typing import Final

from loadtest.model_clock import StandinClock, stamp
from loadtest.model_rules import Refused

USUAL: Final = {"requests": 4_000, "input-tokens": 4_000_000, "output-tokens": 800_000}
KEYS_MAX: Final = 10_000
MINUTE: Final = 60.0


class Bucket:
    """What is left of one limit; it may be in debt."""

    def __init__(self, limit: int, now: float) -> None:
        self.limit = limit
        self.left = float(limit)
        self._at = now

    def refill(self, now: float) -> None:
        """Add what has flowed in since the last look."""
        self.left = min(float(self.limit), self.left + (now - self._at) * self.limit / MINUTE)
        self._at = now

    def wait(self, wanted: float) -> float:
        """Return the seconds until so much is there."""
        return max(0.0, (wanted - self.left) * MINUTE / self.limit)


class Limits:
    """The buckets of every key and model; a limit of 0 is told in headers but not enforced."""

    def __init__(self, clock: StandinClock, enforced: dict[str, int]) -> None:
        self._clock = clock
        self._enforced = {name: size for name, size in enforced.items() if size}
        self._buckets: OrderedDict[tuple[str, str], dict[str, Bucket]] = OrderedDict()

    def of(self, key: str, model: str) -> dict[str, Bucket]:
        """Return the buckets of a key, filled up to now."""
        now = self._clock.now()
        found = self._buckets.get((key, model))
        if found is None:
            sizes = {**USUAL, **self._enforced}
            found = {name: Bucket(size, now) for name, size in sizes.items()}
            self._buckets[key, model] = found
            if len(self._buckets) > KEYS_MAX:
                self._buckets.popitem(last=False)
        for bucket in found.values():
            bucket.refill(now)
        return found

    def take(self, key: str, model: str, *, fresh_tokens: int) -> Refused | None:
        """Count a request with its input, or refuse it whole, with the time to wait."""
        buckets = self.of(key, model)
        wanted = {
            "requests": 1.0,
            "input-tokens": min(float(fresh_tokens), float(buckets["input-tokens"].limit)),
            "output-tokens": 1.0,
        }
        for name in self._enforced:
            wait = buckets[name].wait(wanted[name])
            if wait > 0:
                return Refused(429, f"{name} per minute exceeded", wait)
        buckets["requests"].left -= 1
        buckets["input-tokens"].left -= fresh_tokens
        return None

    def write(self, key: str, model: str, tokens: int) -> None:
        """Count what was written."""
        self.of(key, model)["output-tokens"].left -= tokens

    def headers(self, key: str, model: str) -> list[tuple[bytes, bytes]]:
        """Return what is left of each limit, and when it will be whole again."""
        found: list[tuple[bytes, bytes]] = []
        for name, bucket in self.of(key, model).items():
            start = f"anthropic-ratelimit-{name}"
            whole = self._clock.date() + timedelta(seconds=bucket.wait(bucket.limit))
            for part, value in (
                ("limit", str(bucket.limit)),
                ("remaining", str(max(0, int(bucket.left)))),
                ("reset", stamp(whole)),
            ):
                found.append((f"{start}-{part}".encode(), value.encode()))
        return found
