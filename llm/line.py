"""The line before a model: by urgency, fair between companies, with an end for everybody.

Whoever comes while nobody waits asks for its place at once. Otherwise it stands in the lane of its
tier and urgency, where one waiter at a time asks for the lane's head: however many wait, a process
asks Redis once for each grant and each pause. Between companies of a lane turns are taken; between
processes and urgencies the script decides.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Final

from protocol import limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.lifecycle import Tasks
from storage.buckets import Go, Need, Wait

Reserve = Callable[[Need], Awaitable[Go | Wait]]
GiveBack = Callable[[Need], None]
PAUSE_SECONDS_MIN: Final = 0.005
PAUSE_SECONDS_MAX: Final = 2.0
NEXT: Final = {
    "live": "the written bank asks meanwhile",
    "candidate": "ask again in a minute",
    "recruiter": "ask again in a minute, or leave it to the batch",
    "background": "it is tried again by its job",
}


class _Waiter:
    def __init__(self, need: Need, deadline: float) -> None:
        self.need = need
        self.deadline = deadline
        self.place: asyncio.Future[Go] = asyncio.get_running_loop().create_future()


class _Lane:
    """Those who wait for one tier with one urgency: companies in turn, each in its own order."""

    def __init__(self) -> None:
        self.tenants: OrderedDict[object, deque[_Waiter]] = OrderedDict()
        self.length = 0
        self.running = False

    def add(self, waiter: _Waiter) -> None:
        self.tenants.setdefault(waiter.need.tenant_id, deque()).append(waiter)
        self.length += 1

    def head(self) -> _Waiter | None:
        """Return who is next; those who have left or are refused make room."""
        now = clock.monotonic()
        while self.tenants:
            queue = next(iter(self.tenants.values()))
            waiter = queue[0]
            if not waiter.place.done():
                if waiter.deadline > now:
                    return waiter
                waiter.place.set_exception(too_late(waiter.need))
            self.pop()
        return None

    def pop(self) -> None:
        """Take the head out; its company goes to the end."""
        tenant, queue = next(iter(self.tenants.items()))
        queue.popleft()
        self.length -= 1
        if queue:
            self.tenants.move_to_end(tenant)
        else:
            del self.tenants[tenant]

    def remove(self, waiter: _Waiter) -> None:
        """Take out one who has left, wherever it stands."""
        queue = self.tenants.get(waiter.need.tenant_id)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            self.length -= 1
            if not queue:
                del self.tenants[waiter.need.tenant_id]

    def rotate(self) -> None:
        self.tenants.move_to_end(next(iter(self.tenants)))


class Line:
    """All lanes of a process."""

    def __init__(self, reserve: Reserve, give_back: GiveBack) -> None:
        """Ask for places by `reserve`; one that nobody takes any more goes to `give_back`."""
        self._reserve = reserve
        self._give_back = give_back
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._tasks = Tasks("line")

    async def enter(self, need: Need, seconds: float) -> Go:
        """Return the place, within `seconds`; Fault `model_busy` when there is none until then."""
        begun = clock.monotonic()
        lane = self._lanes.setdefault((need.tier, need.urgency), _Lane())
        if not lane.length:
            answer = await self._reserve(need)
            if isinstance(answer, Go):
                return answer
            if lane.length == 0 and answer.seconds > seconds:
                raise too_late(need)
        if lane.length >= limits.LINE_WAITERS_MAX:
            raise too_late(need)
        waiter = _Waiter(need, begun + seconds)
        lane.add(waiter)
        self._count(need.urgency)
        if not lane.running:
            lane.running = True
            self._tasks.start(self._serve(lane, need.urgency))
        try:
            async with asyncio.timeout(max(0.0, waiter.deadline - clock.monotonic())):
                return await waiter.place
        except TimeoutError:
            self._leave(lane, waiter)
            raise too_late(need) from None
        except asyncio.CancelledError:
            self._leave(lane, waiter)
            raise

    def _leave(self, lane: _Lane, waiter: _Waiter) -> None:
        """Take out whoever waits no longer; a place that came in the same moment goes back."""
        place = waiter.place
        if place.done() and not place.cancelled() and place.exception() is None:
            self._give_back(waiter.need)
        place.cancel()
        lane.remove(waiter)
        self._count(waiter.need.urgency)

    async def _serve(self, lane: _Lane, urgency: str) -> None:
        """Ask for the head until nobody waits."""
        try:
            refused = 0  # companies in a row that have had their share
            while (waiter := lane.head()) is not None:
                try:
                    answer = await self._reserve(waiter.need)
                except Fault as fault:
                    self._answer(lane, waiter, fault)
                    continue
                if isinstance(answer, Go):
                    refused = 0
                    self._answer(lane, waiter, answer)
                    continue
                refused += 1
                if answer.share and waiter is lane.head() and refused < len(lane.tenants):
                    lane.rotate()
                    continue
                refused = 0
                await asyncio.sleep(min(max(answer.seconds, PAUSE_SECONDS_MIN), PAUSE_SECONDS_MAX))
        finally:
            lane.running = False
            self._count(urgency)

    def _answer(self, lane: _Lane, waiter: _Waiter, answer: Go | Fault) -> None:
        if waiter.place.done():  # it left while its place was made
            if isinstance(answer, Go):
                self._give_back(waiter.need)
        elif isinstance(answer, Go):
            waiter.place.set_result(answer)
        else:
            waiter.place.set_exception(answer)
        lane.remove(waiter)
        if waiter.need.tenant_id in lane.tenants:
            lane.tenants.move_to_end(waiter.need.tenant_id)
        self._count(waiter.need.urgency)

    def waiting(self, urgency: str) -> int:
        """Return how many stand in line with an urgency."""
        return sum(lane.length for key, lane in self._lanes.items() if key[1] == urgency)

    def _count(self, urgency: str) -> None:
        metrics.model_waiting.labels(urgency).set(self.waiting(urgency))

    async def close(self) -> None:
        """Let everybody go."""
        for lane in self._lanes.values():
            while (waiter := lane.head()) is not None:
                waiter.place.set_exception(Fault("model_unavailable", "closing"))
                waiter.place.exception()
                lane.pop()
        await self._tasks.close()


def too_late(need: Need) -> Fault:
    """Return the refusal, which says what to do next."""
    metrics.model_refusals.labels("line", need.urgency).inc()
    return Fault("model_busy", NEXT[need.urgency])
