"""One session's stores as the product opens them, for a test that is not a coroutine itself."""

import asyncio
from typing import Any
from uuid import UUID

from interview.plan import OpeningBrief, build
from protocol.faults import Fault
from runtime import clock
from runtime.settings import Settings
from storage import candidates, consents, interviews, keys, openings
from storage.connect import open_database, open_redis
from storage.journal import Journal
from storage.live import Live
from storage.redis_writer import RedisWriter
from storage.turns import TurnWriter
from tests.conftest import Tenant

BRIEF = OpeningBrief("Analista", "data", "Analizar datos", ["SQL"], [], "mid", "es")
PLAN = build(BRIEF, None, company="Acme", candidate_name="Ana", minutes=20, locale="es")


class House:
    """PostgreSQL and Valkey as the product opens them, in a loop of their own."""

    def __init__(self, settings: Settings, tenant: Tenant) -> None:
        self._runner = asyncio.Runner()
        self.tenant = tenant.id
        self.run(self._open(settings))

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def attempt(self, *work: Any) -> list[Any]:
        """Do things at the same time; a fault is an outcome, by its code."""

        async def together() -> list[Any]:
            return await asyncio.gather(*work, return_exceptions=True)

        outcomes = self.run(together())
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, Fault):
                raise outcome
        return [one.code if isinstance(one, Fault) else one for one in outcomes]

    async def _open(self, settings: Settings) -> None:
        self.db = await open_database(settings.database_app_url, size=4)
        self.redis = open_redis(settings.redis_url)
        self.one = open_redis(settings.redis_url, connections=1)
        self.fsync = (await self.redis.config_get("appendfsync"))["appendfsync"]
        await self.redis.config_set("appendfsync", "always")
        self.writer = RedisWriter(self.one)
        self.turns = TurnWriter(self.db)
        self.live = Live(self.redis, self.writer)
        self.journal = Journal(self.redis, self.writer)

    async def interview(self) -> interviews.Interview:
        """A new interview whose candidate has agreed."""
        opening, candidate = clock.new_id(), clock.new_id()
        async with self.db.tenant(self.tenant) as c:
            await openings.create(c, self.tenant, opening, openings.NewOpening(title="Analista"))
            await candidates.create(c, self.tenant, candidate, name="Ana")
            made = await interviews.create(
                c,
                tenant_id=self.tenant,
                opening_id=opening,
                candidate_id=candidate,
                cv_id=None,
                locale="es",
                minutes=20,
                plan=PLAN,
                invited_by=None,
            )
            await consents.record(
                c,
                self.tenant,
                interview_id=made.id,
                candidate_id=candidate,
                text_version="1",
                text_sha256="0" * 64,
                locale="es",
                given=True,
            )
        return made

    async def see(self, session_id: UUID) -> tuple[Any, ...]:
        """What both stores have of a session, read past the product's functions."""
        async with self.db.tenant(self.tenant) as c:
            held = await c.fetchrow(
                "SELECT fence, turns_done, status FROM interview_sessions WHERE id = $1", session_id
            )
            rows = await c.fetch(
                "SELECT turn, client_msg_id, answer FROM turns WHERE session_id = $1 ORDER BY turn",
                session_id,
            )
        copy = await self.redis.hget(keys.live(session_id), "fence")
        entries = await self.journal.read(session_id)
        assert held is not None
        assert [row["turn"] for row in rows] == list(range(1, held["turns_done"] + 1))
        assert all(row["answer"] == f"respuesta {row['client_msg_id']}" for row in rows)
        turns = tuple(row["client_msg_id"] for row in rows)
        journal = tuple(entry.row["client_msg_id"] for entry in entries)
        return held["fence"], turns, int(copy or 0), journal, held["status"] == "finished"

    def close(self) -> None:
        self.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        await self.redis.config_set("appendfsync", self.fsync)
        await self.turns.close()
        await self.writer.close()
        for client in (self.one, self.redis):
            await client.aclose()
        await self.db.close()
