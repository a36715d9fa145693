"""Visitors on an event loop in a thread of its own, beside a load tester that owns the process.

The load tester replaces Python's sockets and threads with its own; this loop (libuv's) and its
thread are real ones. The two sides share a deque and flags, nothing that waits.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Final

import msgspec
import uvloop

from loadtest.books import Sample
from loadtest.network import slow_line
from loadtest.visitor import Habits, Invitation, Visitor
from runtime.lifecycle import Tasks

LAG_EVERY_SECONDS: Final = 0.1
LAG: Final = "lag"
INSIDE: Final = "inside"  # how many are in their interview; no latency


class News(msgspec.Struct, frozen=True):
    """Something that happened to a visitor, or to the crowd itself (who is empty then)."""

    who: str
    sample: Sample


class Visit:
    """One visitor under way; read from the other side."""

    def __init__(self, who: str) -> None:
        """Nothing has happened yet."""
        self.who = who
        self.visitor: Visitor | None = None
        self.task: asyncio.Task[None] | None = None
        self.done = False


class Crowd:
    """Begin visits from any thread; take the news from any one thread."""

    def __init__(self, start_thread: Callable[[Callable[[], None]], object]) -> None:
        """Run the loop in a thread that `start_thread` makes; it has to be a real one."""
        self.news: deque[News] = deque()
        self._loop = uvloop.new_event_loop()
        self._visits: set[Visit] = set()
        self._tasks = Tasks("crowd")
        self._stop = asyncio.Event()
        self.closed = False
        start_thread(self._run)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()
            self.closed = True

    async def _main(self) -> None:
        async with self._tasks:
            self._tasks.start(self._watch())
            await self._stop.wait()

    async def _watch(self) -> None:
        """Note how late this loop wakes up: a late one measures itself."""
        due = self._loop.time()
        while True:
            due += LAG_EVERY_SECONDS
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            late = self._loop.time() - due
            self.news.append(News("", Sample(LAG, late)))
            inside = sum(v.visitor is not None and v.visitor.inside for v in self._visits)
            self.news.append(News("", Sample(INSIDE, inside)))
            if late > LAG_EVERY_SECONDS:
                due = self._loop.time()

    def begin(self, who: str, invitation: Invitation, habits: Habits) -> Visit:
        """Send a visitor in."""
        visit = Visit(who)
        self._loop.call_soon_threadsafe(self._start, visit, invitation, habits)
        return visit

    def _start(self, visit: Visit, invitation: Invitation, habits: Habits) -> None:
        visit.task = self._tasks.start(self._visit(visit, invitation, habits))

    async def _visit(self, visit: Visit, invitation: Invitation, habits: Habits) -> None:
        def note(sample: Sample) -> None:
            self.news.append(News(visit.who, sample))

        try:
            async with AsyncExitStack() as stack:
                line = None
                if habits.line is not None:
                    line = await stack.enter_async_context(slow_line(habits.line))
                visit.visitor = Visitor(invitation, habits, note, line=line)
                self._visits.add(visit)
                await visit.visitor.visit()
        finally:
            self._visits.discard(visit)
            visit.done = True

    def storm(self) -> None:
        """Cut everybody's connection at once."""
        if not self.closed:
            self._loop.call_soon_threadsafe(self._storm)

    def _storm(self) -> None:
        for visit in self._visits:
            if visit.visitor is not None:
                visit.visitor.storm()

    def job(self, work: Coroutine[None, None, None]) -> Visit:
        """Do something else on this loop; `done` tells when it is over, whichever way."""
        job = Visit("")

        async def run() -> None:
            try:
                await work
            finally:
                job.done = True

        self._loop.call_soon_threadsafe(lambda: self._tasks.start(run()))
        return job

    def give_up(self, visit: Visit) -> None:
        """End a visit early; it counts as unfinished."""
        if not visit.done and not self.closed:
            self._loop.call_soon_threadsafe(self._cancel, visit)

    def _cancel(self, visit: Visit) -> None:
        if visit.task is not None:
            visit.task.cancel()

    def close(self) -> None:
        """Ask the loop to end; `closed` tells when it has."""
        if not self.closed:
            self._loop.call_soon_threadsafe(self._stop.set)
