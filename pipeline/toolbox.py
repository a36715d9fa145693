"""What jobs work with, opened once by the worker and closed in reverse order."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from llm.batch import BatchDesk
from llm.batch_money import BatchMoney
from llm.embeddings import Embedder, open_embedder
from llm.engines import open_batches
from llm.gateway import Gateway, open_gateway
from pipeline.batch_desk import BatchIntents
from pipeline.sandbox import Sandbox
from runtime.lifecycle import Stack
from runtime.settings import Settings
from storage import events
from storage.blobs import Blobs, open_blobs
from storage.connect import Redis, open_database, open_redis
from storage.ledger import LedgerStore
from storage.redis_writer import RedisWriter
from storage.transaction import Database

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """Run blocking work in a thread of its own, which never holds up the end of the process.

    When the waiting is cancelled the thread is left to itself; its result goes nowhere.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except Exception as caught:  # noqa: BLE001 - handed to whoever waits
            error = caught
        try:
            loop.call_soon_threadsafe(tell, result, error)
        except RuntimeError:
            return  # the loop has ended meanwhile

    threading.Thread(target=run, daemon=True, name="aside").start()
    return await done


class Toolbox:
    """The database as the application's role, Redis, objects, the sandbox and the embedder."""

    def __init__(
        self,
        settings: Settings,
        *,
        db: Database,
        redis: Redis,
        blobs: Blobs,
        sandbox: Sandbox,
        embedder: Callable[[], Embedder] = open_embedder,
    ) -> None:
        """Hold what is open; the embedder's model is loaded when the first text comes."""
        self.settings = settings
        self.db = db
        self.redis = redis
        self.blobs = blobs
        self.sandbox = sandbox
        self._open_embedder = embedder
        self._embedder: Embedder | None = None
        self._gateway: Gateway | None = None
        self._one: Redis | None = None
        self._reserving: RedisWriter | None = None
        self._loading = threading.Lock()
        self._intents: BatchIntents | None = None
        self._desk: BatchDesk | None = None
        self._opening_desk = asyncio.Lock()

    def embedder(self) -> Embedder:
        """Return the embedder, loading its model the first time; blocks meanwhile."""
        with self._loading:
            if self._embedder is None:
                self._embedder = self._open_embedder()
            return self._embedder

    def gateway(self) -> Gateway:
        """Return the gateway, loading its engines the first time; blocks meanwhile.

        Most workers of most days never evaluate: they do not pay for the model's library.
        """
        with self._loading:
            if self._gateway is None:
                self._one = open_redis(self.settings.redis_url, connections=1)
                self._reserving = RedisWriter(self._one)
                self._gateway = open_gateway(
                    self.settings,
                    LedgerStore(self.db),
                    db=self.db,
                    writer=self._reserving,
                    redis=self.redis,
                )
            return self._gateway

    async def batches(self) -> BatchDesk | None:
        """Return the desk for evaluations that can wait, None without a key.

        The first time this loads the vendor's SDK, aside: only workers of batches pay for that.
        """
        async with self._opening_desk:
            if self._desk is None and self.settings.asks_with_model:
                gateway = await aside(self.gateway)
                intents = BatchIntents(self.db, BatchMoney(gateway.money))
                self._desk = await aside(lambda: open_batches(self.settings, intents))
                self._intents = intents
            return self._desk

    @property
    def intents(self) -> BatchIntents:
        """The intents of the desk, once there is one."""
        assert self._intents is not None
        return self._intents

    async def close(self) -> None:
        """Close what was loaded on the way."""
        if self._desk is not None:
            await self._desk.close()
        if self._gateway is not None:
            await self._gateway.close()
        if self._reserving is not None and self._one is not None:
            await self._reserving.close()
            await self._one.aclose()

    async def tell(self, tenant_id: UUID, kind: str, data: dict[str, Any]) -> None:
        """Tell the tenant's watchers; call it after the commit."""
        await events.publish(self.redis, tenant_id, kind, data)


async def open_toolbox(settings: Settings, stack: Stack) -> Toolbox:
    """Open everything a worker needs; the stack closes it."""
    db = stack.add(
        await open_database(settings.database_app_url, size=settings.worker_threads + 2),
        Database.close,
    )
    redis = stack.add(open_redis(settings.redis_url), Redis.aclose)
    sandbox = stack.enter_context(Sandbox())
    blobs = open_blobs(settings.storage_url)
    tools = Toolbox(settings, db=db, redis=redis, blobs=blobs, sandbox=sandbox)
    return stack.add(tools, Toolbox.close)
