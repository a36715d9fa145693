"""The one place where a clock is read and randomness is drawn; tests hand in their own."""

import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

from protocol import ids


def wall_ms() -> int:
    """Return milliseconds since 1970; may jump when the machine's clock is set."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Return seconds that never go back; comparable within one process only."""
    return time.monotonic()


def monotonic_ns() -> int:
    """Return nanoseconds that never go back; on Linux one clock for all processes of a machine."""
    return time.monotonic_ns()


def now() -> datetime:
    """Return the UTC time with its zone."""
    return datetime.now(UTC)


def today() -> date:
    """Return the UTC date."""
    return now().date()


def new_id() -> UUID:
    """Return a fresh time-ordered id."""
    return ids.make(wall_ms(), os.urandom(ids.ENTROPY_BYTES))


class Clock:
    """What a component that needs time is given; `ManualClock` in tests replaces it."""

    wall_ms: Callable[[], int] = staticmethod(wall_ms)
    monotonic: Callable[[], float] = staticmethod(monotonic)


class ManualClock(Clock):
    """Time that moves only when told to; starts at a fixed moment of 2026."""

    def __init__(self, start_ms: int = 1_780_000_000_000) -> None:
        """Start at `start_ms` since 1970 with the monotonic clock at zero."""
        self._start_ms = start_ms
        self._passed = 0.0
        self.wall_ms = lambda: self._start_ms + int(self._passed * 1000)
        self.monotonic = lambda: self._passed

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._passed += seconds
