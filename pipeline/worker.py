"""One worker process: dramatiq's threads for some lanes, and this process's own event loop.

The threads wait while the loop works: a job is a coroutine on the loop that owns the pools, and
what computes runs aside. That keeps one composition root and one set of connections, where
dramatiq's own asyncio middleware would start a second loop before anything is open.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Sequence
from typing import Final

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from pipeline import actors, port
from pipeline.alert_task import AlertTask
from pipeline.batching import RoundTask
from pipeline.broker import close_broker, give_back, open_broker
from pipeline.cv_task import CvTask
from pipeline.evaluation import EvaluateTask
from pipeline.opening_task import OpeningTask
from pipeline.plan_task import PlanTask
from pipeline.running import MakeTask, Runner
from pipeline.stages.extract import extract
from pipeline.toolbox import Toolbox, aside, open_toolbox
from protocol import jobs, limits
from runtime import clock
from runtime.lifecycle import Stack, Tasks
from runtime.logs import Log
from runtime.settings import Settings

WAKE_MS: Final = 100  # the longest that an idle queue is not looked at
SHARE_TO_FINISH: Final = 0.6  # of the time to stop, before jobs are cut and handed back
log = Log("pipeline.worker")

KINDS: Final[dict[type[jobs.Job], MakeTask]] = {
    jobs.CvStage: CvTask,
    jobs.OpeningVector: OpeningTask,
    jobs.Evaluate: EvaluateTask,
    jobs.EvaluationRound: RoundTask,
    jobs.PlanInterview: PlanTask,
    jobs.BudgetAlert: AlertTask,
}


class Worker:
    """Consumes the lanes given; `start` and `stop` belong to the loop it was made in."""

    def __init__(
        self, broker: RedisBroker, runner: Runner, lanes: Sequence[jobs.Lane], threads: int
    ) -> None:
        """Declare the actors on `broker`; nothing is consumed yet."""
        self._loop = asyncio.get_running_loop()
        self._runner = runner
        self._broker = broker
        self._lock = threading.Lock()
        self._running: set[concurrent.futures.Future[str]] = set()
        self._stopping = False
        actors.declare(broker, self._do)
        self._worker = dramatiq.Worker(
            broker,
            queues={jobs.queue_name(lane) for lane in lanes},
            worker_timeout=WAKE_MS,
            worker_threads=threads,
        )

    def start(self) -> None:
        """Begin to consume."""
        self._worker.start()

    async def stop(self) -> None:
        """End within the time to stop: what is not finished goes back to its queue, uncounted."""
        grace = limits.WORKER_STOP_SECONDS * SHARE_TO_FINISH
        async with Tasks("worker stop") as tasks:
            stopping = tasks.start(
                aside(lambda: self._worker.stop(timeout=int(limits.WORKER_STOP_SECONDS * 1000)))
            )
            done, _ = await asyncio.wait({stopping}, timeout=grace)
            if not done:
                self._cut()
            await stopping

    def _cut(self) -> None:
        with self._lock:
            self._stopping = True
            running = list(self._running)
        for future in running:
            future.cancel()

    def _do(self, envelope: str) -> None:
        """In a dramatiq thread: run the job on the loop and wait for it."""
        with self._lock:
            if self._stopping:
                give_back(self._broker)
                return
            future = asyncio.run_coroutine_threadsafe(self._runner.run(envelope), self._loop)
            self._running.add(future)
        try:
            future.result()
        except (concurrent.futures.CancelledError, asyncio.CancelledError):
            give_back(self._broker)
        finally:
            with self._lock:
                self._running.discard(future)


async def run(
    settings: Settings,
    lanes: Sequence[jobs.Lane],
    *,
    threads: int,
    stop: asyncio.Event,
    listen: int | None = None,
) -> None:
    """Work on `lanes` until `stop` is set; metrics and health on port `listen`, if given."""
    began = clock.monotonic()
    async with Stack() as stack:
        tools = await open_toolbox(settings, stack)
        broker = open_broker(settings.broker_url)
        stack.callback(close_broker, broker)
        if listen is not None:
            server = await port.serve(settings.host, listen, lambda: _ready(tools))
            stack.callback(server.close)
        worker = Worker(broker, Runner(tools, KINDS), lanes, threads)
        worker.start()
        tasks = await stack.enter_async_context(Tasks("worker"))
        if "premium" in lanes:
            tasks.start(aside(lambda: _warm(tools)), name="warm")
        log.info(
            "worker_started", lane=" ".join(lanes), count=threads,
            seconds=round(clock.monotonic() - began, 3),
        )  # fmt: skip
        await stop.wait()
        await worker.stop()
        log.info("worker_stopped")


def _warm(tools: Toolbox) -> None:
    """Load what the first CV would wait for, where seconds were promised."""
    tools.embedder().embed(["hola"])
    extract("hola", today=clock.today())


async def _ready(tools: Toolbox) -> bool:
    return await tools.db.alive() and await tools.blobs.alive()
