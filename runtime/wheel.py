"""One timer for many callers: what is due in the same two milliseconds is done together."""

import asyncio
import heapq
from collections.abc import Callable
from typing import Final

from runtime import clock

STEP_SECONDS: Final = 0.002


class Wheel:
    """Calls back at a moment or a few milliseconds later, never before.

    Thousands of streams each wait forty milliseconds again and again: a timer of the loop for each
    wait costs more than what it is waited for.
    """

    def __init__(self) -> None:
        """Begin with nothing due."""
        self._slots: dict[int, list[Callable[[], None]]] = {}
        self._order: list[int] = []  # a heap of the slots that have something
        self._timer: asyncio.TimerHandle | None = None
        self._set_for = 0

    def at(self, moment: float, call: Callable[[], None]) -> None:
        """Call `call`, which must not fail, once the monotonic clock has passed `moment`."""
        slot = int(moment / STEP_SECONDS) + 1
        calls = self._slots.get(slot)
        if calls is not None:
            calls.append(call)
            return
        self._slots[slot] = [call]
        heapq.heappush(self._order, slot)
        if self._timer is None or slot < self._set_for:
            self._set(slot)

    async def until(self, moment: float) -> None:
        """Return once the monotonic clock has passed `moment`; at once when it has."""
        if moment <= clock.monotonic():
            await asyncio.sleep(0)
            return
        passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at(moment, lambda: None if passed.done() else passed.set_result(None))
        await passed

    def _set(self, slot: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._set_for = slot
        # The loop counts in milliseconds, from a moment that may be past: rather late than early.
        delay = slot * STEP_SECONDS - clock.monotonic() + 0.001
        self._timer = asyncio.get_running_loop().call_later(max(0.0, delay), self._turn)

    def _turn(self) -> None:
        self._timer = None
        now = int(clock.monotonic() / STEP_SECONDS)
        due: list[Callable[[], None]] = []
        while self._order and self._order[0] <= now:
            due += self._slots.pop(heapq.heappop(self._order))
        if self._order:
            self._set(self._order[0])
        for call in due:
            call()
