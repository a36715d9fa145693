"""A gateway on real stores, with a stand-in for the model behind it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from llm.budget import Alert, Money
from llm.gateway import Gateway, open_gateway
from loadtest.model import Standin
from loadtest.model_serve import serving
from loadtest.model_stream import Options
from protocol import limits
from runtime import clock
from runtime.settings import Settings
from storage import buckets
from storage.budgets import Policy, set_policy
from storage.connect import open_redis
from storage.ledger import LedgerEntry, LedgerStore
from storage.redis_writer import RedisWriter
from storage.transaction import Database
from tests.conftest import Tenant

NOWHERE = "redis://127.0.0.1:9/0"


class House(NamedTuple):
    """A gateway on real stores, with a stand-in for the model behind it."""

    gateway: Gateway
    money: Money
    standin: Standin
    db: Database
    redis: Any
    tenant: UUID
    alerts: list[Alert]
    settings: Settings

    async def lines(self) -> list[LedgerEntry]:
        """The ledger, once everything on its way is in it."""
        async with asyncio.timeout(30):
            while self.money._due or self.money._ends or self.money._ledger._waiting:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
        async with self.db.tenant(self.tenant) as c:
            rows = await c.fetch("SELECT * FROM model_ledger ORDER BY id")
        return [msgspec.convert(dict(row), LedgerEntry) for row in rows]

    async def used(self, which: str = "day", session: UUID | None = None) -> int:
        """What an account in Redis says."""
        names = dict(zip(buckets.ACCOUNTS, buckets.accounts(self.tenant, session), strict=True))
        return int(await self.redis.hget(names[which], "used") or 0)

    async def allow(self, *, session: int = 0, day: int = 0, month: int = 0) -> None:
        """Give the company limits of its own."""
        async with self.db.tenant(self.tenant) as c:
            await set_policy(c, self.tenant, Policy(session, day, month))
        await self.redis.flushdb()

    @contextlib.contextmanager
    def redis_away(self) -> Any:
        """Send what goes to Redis to a port where nobody listens."""
        shared = self.money._shared
        assert shared is not None
        real, shared._writer = shared._writer, RedisWriter(open_redis(NOWHERE, connections=1))
        yield
        shared._writer = real
        self.money._away_until = 0.0


@pytest_asyncio.fixture
async def house(
    settings: Settings,
    db: Database,
    redis: Any,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[House]:
    """One process of an installation with a key, on one day, where stores may be slow."""
    day = clock.today()
    monkeypatch.setattr(clock, "today", lambda: day)
    monkeypatch.setattr(limits, "RESERVE_SECONDS", 30.0)
    app = Standin(Options(piece_seconds=0.0, slow_seconds=20.0))
    one = open_redis(settings.redis_url, connections=1)
    writer = RedisWriter(one)
    async with serving(app) as url:
        settings = msgspec.structs.replace(
            settings, engine="claude", anthropic_api_key="sk-test", anthropic_base_url=url
        )
        gateway = open_gateway(settings, LedgerStore(db), db=db, writer=writer, redis=redis)
        alerts: list[Alert] = []
        gateway._money._on_alert = alerts.append
        yield House(gateway, gateway._money, app, db, redis, tenant.id, alerts, settings)
        await gateway.close()
    await writer.close()
    await one.aclose()
