"""The interview's own time: runs only while a whole question waits and the candidate is there."""


class Stopwatch:
    """Counts seconds between start and stop on a clock that the owner hands in."""

    def __init__(self, used_seconds: float) -> None:
        """Begin with what was used before this owner."""
        self.used_seconds = used_seconds
        self._since: float | None = None
        self._lap: float | None = None

    def used(self, now: float) -> float:
        """Return the seconds used up to `now`."""
        running = 0.0 if self._since is None else max(0.0, now - self._since)
        return self.used_seconds + running

    def start(self, now: float) -> None:
        """Let time run; the first start since `turn_over` begins a lap."""
        if self._since is None:
            self._since = now
        if self._lap is None:
            self._lap = self.used(now)

    def stop(self, now: float) -> None:
        """Book the time until `now` (which may lie in the past: silence is given back)."""
        self.settle(now)
        self._since = None

    def settle(self, now: float) -> None:
        """Book the time until `now` and go on."""
        if self._since is not None:
            self.used_seconds = self.used(now)
            self._since = max(now, self._since)

    def lap(self, now: float) -> float:
        """Return the seconds used since the lap began."""
        return 0.0 if self._lap is None else self.used(now) - self._lap

    def turn_over(self, now: float) -> None:
        """Stop, and let the next start begin a new lap."""
        self.stop(now)
        self._lap = None
