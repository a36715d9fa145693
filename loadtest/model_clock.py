"""The stand-in's own time: it can run faster than the wall's, or jump, so that tests need no wait.

Everything that takes time there goes by it: pieces, the prompt cache's five minutes, limits a
minute, batches.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from runtime import clock

SPEED_MAX: Final = 100_000.0


class StandinClock:
    """Seconds since the stand-in's start, times `speed`, plus what it was moved on."""

    def __init__(self, speed: float = 1.0) -> None:
        """Run `speed` times as fast as the wall's clock; 0 or less is a ValueError."""
        self._began = clock.monotonic()
        self._day = clock.now()
        self._at = 0.0
        self.speed = 1.0
        self.set_speed(speed)

    def now(self) -> float:
        """Return the stand-in's seconds."""
        return self._at + (clock.monotonic() - self._began) * self.speed

    def date(self) -> datetime:
        """Return the stand-in's date and time."""
        return self.date_of(self.now())

    def date_of(self, seconds: float) -> datetime:
        """Return the date and time at a moment of this clock."""
        return self._day + timedelta(seconds=seconds)

    def set_speed(self, speed: float) -> None:
        """Run at another speed from now on; sleeps that have begun keep theirs."""
        if not 0 < speed <= SPEED_MAX:
            raise ValueError(f"a speed is above 0 and at most {SPEED_MAX:g}")
        self._at, self._began = self.now(), clock.monotonic()
        self.speed = speed

    def advance(self, seconds: float) -> None:
        """Move on at once; back is a ValueError."""
        if seconds < 0:
            raise ValueError("time goes on only")
        self._at += seconds

    async def sleep(self, seconds: float) -> None:
        """Wait so long on this clock; a jump does not wake who sleeps."""
        await asyncio.sleep(seconds / self.speed)

    async def ended(self, task: asyncio.Task[Any], seconds: float) -> bool:
        """Wait so long on this clock, or until the task has ended; tell whether it has."""
        done, _ = await asyncio.wait({task}, timeout=seconds / self.speed)
        return bool(done)


def stamp(date: datetime) -> str:
    """Return a date as the API writes it."""
    return date.replace(microsecond=0).isoformat().replace("+00:00", "Z")
