"""The one place where a clock is read and randomness is drawn; tests hand in their own."""

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from protocol import ids

# A clock set back by less is waited out, by more it is followed: rows lie where their time says.
SET_BACK_MS: Final = 10_000
_COUNTER_BITS: Final = 12
_SEED_MASK: Final = (1 << _COUNTER_BITS - 1) - 1  # the upper half is left for what follows
_COUNTER_SHIFT: Final = ids.ENTROPY_BYTES * 8 - _COUNTER_BITS  # the first of an id's other bits
_RANDOM_BITS: Final = 62
_RANDOM_MASK: Final = (1 << _RANDOM_BITS) - 1


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


class _Order:
    """The counter of RFC 9562, 6.2, method 1: the bits beside the time, which go on from the last.

    Rows that one process makes in the same millisecond stand in the order in which they were made.
    """

    def __init__(self) -> None:
        """Begin with the first id."""
        self._lock = threading.Lock()
        self._last = 0

    def after(self, unix_ms: int, seed: int) -> tuple[int, int]:
        """Return the milliseconds and the counter of the next id, beginning a new one at `seed`."""
        place = unix_ms << _COUNTER_BITS | seed & _SEED_MASK
        with self._lock:
            if 0 <= self._last - place < SET_BACK_MS << _COUNTER_BITS:
                place = self._last + 1
            self._last = place
        return place >> _COUNTER_BITS, place & (1 << _COUNTER_BITS) - 1


_order: Final = _Order()


def new_id() -> UUID:
    """Return a fresh id: ordered by time, and within this process by the order of the calls."""
    random = int.from_bytes(os.urandom(ids.ENTROPY_BYTES), "big")
    unix_ms, counter = _order.after(wall_ms(), random >> _RANDOM_BITS)
    entropy = counter << _COUNTER_SHIFT | random & _RANDOM_MASK
    return ids.make(unix_ms, entropy.to_bytes(ids.ENTROPY_BYTES, "big"))


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
