"""Owned tasks and orderly endings: what is started is awaited, in reverse order."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar

from runtime.logs import Log

CANCEL_AGAIN_SECONDS = 0.5
log = Log("runtime.lifecycle")
T = TypeVar("T")


class Tasks:
    """The tasks of one owner: a crash is logged once, and closing cancels and awaits them all."""

    def __init__(self, name: str) -> None:
        """Name the owner, for logs."""
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str = "") -> asyncio.Task[Any]:
        """Run `work` now; the owner keeps it alive and hears of its crash."""
        task = asyncio.get_running_loop().create_task(work, name=name or self._name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            try:
                raise error
            except Exception:  # noqa: BLE001 - the stack is what is wanted
                log.crash("task_crashed", name=task.get_name())

    def __len__(self) -> int:
        """How many are running."""
        return len(self._tasks)

    async def close(self) -> None:
        """Cancel every task and wait until it has ended.

        A library may swallow a cancellation (redis-py does while it connects): it is repeated.
        """
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_AGAIN_SECONDS)

    async def __aenter__(self) -> Self:
        """Own tasks for a block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close at the block's end."""
        await self.close()


class Stack(AsyncExitStack):
    """Resources closed in reverse order; `add` returns what it is given to close later."""

    def add(self, thing: T, close: Callable[[T], Awaitable[object]]) -> T:
        """Close `thing` with `close` when the stack ends."""
        self.push_async_callback(close, thing)
        return thing


def calm_gc() -> None:
    """Freeze what is loaded and collect rarely: a full collection stalls thousands of sessions."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)


def stop_event(*, signals: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)) -> asyncio.Event:
    """Return an event that the signals set; call it in the running loop."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in signals:
        loop.add_signal_handler(number, event.set)
    return event


async def sleep_or_stop(seconds: float, stop: asyncio.Event) -> bool:
    """Wait `seconds` or until `stop` is set; return whether it was set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
