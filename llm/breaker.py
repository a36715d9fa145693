"""A tier that fails again and again is left alone for a while, then tried by one call at a time."""

from protocol import limits
from runtime import clock, metrics
from runtime.logs import Log

log = Log("llm.breaker")
CLOSED, HALF_OPEN, OPEN = 0, 1, 2
HEALTHY = frozenset({"refused", "max_tokens", "rate_limited"})  # the provider is there and answers


class Breaker:
    """The state of one tier in this process."""

    def __init__(self, tier: str) -> None:
        """Begin closed: calls pass."""
        self._tier = tier
        self._failures = 0
        self._seconds = limits.BREAKER_SECONDS
        self._open_until = 0.0
        self._probing = False
        self.state = CLOSED

    def allow(self) -> bool:
        """Say whether a call may pass; the one that does while it is half open is the probe."""
        if self.state == CLOSED:
            return True
        if self._probing or clock.monotonic() < self._open_until:
            return False
        self._set(HALF_OPEN)
        self._probing = True
        return True

    def succeeded(self) -> None:
        """A call was answered: all may pass again."""
        self._failures = 0
        self._probing = False
        self._seconds = limits.BREAKER_SECONDS
        self._set(CLOSED)

    def failed(self, reason: str) -> None:
        """Count what says something about the provider; a failed probe opens it for longer."""
        if reason in HEALTHY:
            if reason != "rate_limited":
                self.succeeded()
            else:
                self.abandoned()
            return
        self._failures += 1
        if self.state == HALF_OPEN:
            self._seconds = min(2 * self._seconds, limits.BREAKER_SECONDS_MAX)
        elif self.state == OPEN or self._failures < limits.BREAKER_FAILURES:
            return
        self._probing = False
        self._open_until = clock.monotonic() + self._seconds
        self._set(OPEN)

    def abandoned(self) -> None:
        """A call ended without an answer either way: if it was the probe, the next one is."""
        self._probing = False

    def _set(self, state: int) -> None:
        if state != self.state:
            log.warning("breaker", tier=self._tier, status=("closed", "half_open", "open")[state])
            metrics.model_breaker.labels(self._tier).set(state)
        self.state = state


class Breakers:
    """One for each tier."""

    def __init__(self) -> None:
        """Begin with none."""
        self._all: dict[str, Breaker] = {}

    def of(self, tier: str) -> Breaker:
        """Return the tier's."""
        found = self._all.get(tier)
        if found is None:
            found = self._all[tier] = Breaker(tier)
        return found
