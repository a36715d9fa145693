"""A whole HTTP side on real services: uvicorn on a free port, two companies, their people."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import msgspec
import pytest
import pytest_asyncio
import uvicorn
from redis.asyncio import Redis

from protocol import limits
from protocol.profile import Basics, Profile, Skill, Work
from protocol.report import CompetencyReport, Evaluation, Quote
from runtime import clock
from runtime.settings import Settings
from server import auth, rest
from server.gate import Gate
from server.house import House
from server.ratelimit import Limiter
from server.tickets import Tickets
from storage import connect, cvs, profiles, reports
from storage.blobs import open_blobs
from storage.events import EventHub
from storage.redis_writer import RedisWriter
from storage.slots import Slots
from storage.transaction import Database
from storage.waiting import Waiting
from tests.conftest import Tenant, make_tenant

INSTANCE = "test-1"


@dataclass
class Door:
    """The server, its house, two companies and a client for each kind of caller."""

    url: str
    house: House
    slots: Slots
    tenant: Tenant
    other: Tenant
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    def token(self, tenant: Tenant, subject: UUID, *roles: str, **more: Any) -> str:
        """Return a development token of a person."""
        return auth.development_token(
            self.house.settings.state_dir, tenant.id, str(subject), "Ana Ríos", list(roles), **more
        )

    def client(self, token: str = "", **headers: str) -> httpx2.AsyncClient:
        """Return a client that speaks with `token`."""
        if token:
            headers["authorization"] = f"Bearer {token}"
        client = httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=20, trust_env=False)
        self.clients.append(client)
        return client

    @property
    def recruiter(self) -> httpx2.AsyncClient:
        """A recruiter of the company."""
        return self.client(self.token(self.tenant, self.tenant.recruiter, "recruiter"))

    @property
    def operator(self) -> httpx2.AsyncClient:
        """An operator of the company."""
        return self.client(self.token(self.tenant, self.tenant.operator, "operator"))

    @property
    def stranger(self) -> httpx2.AsyncClient:
        """Somebody of another company, with every role."""
        return self.client(self.token(self.other, self.other.recruiter, "recruiter", "operator"))

    @property
    def anyone(self) -> httpx2.AsyncClient:
        """Somebody without a token."""
        return self.client()

    def guest(self, link: str) -> httpx2.AsyncClient:
        """A candidate who has a link."""
        return self.client(link.partition("#")[2])

    # What other rooms would have made ------------------------------------------------------

    async def opening(self, **more: Any) -> dict[str, Any]:
        """Open an opening over REST."""
        body = {"title": "Analista de datos", "must_have": ["SQL", "Python"], **more}
        answer = await self.recruiter.post("/api/v1/openings", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def read_cv(self, opening_id: str | None = None) -> dict[str, Any]:
        """Announce, upload and confirm a CV, then write down what the pipeline would find."""
        recruiter = self.recruiter
        body = {"filename": "cv.pdf", "bytes": 9, "candidate": {"name": "Luz Paredes"}}
        if opening_id:
            body["opening_id"] = opening_id
        ticket = (await recruiter.post("/api/v1/cvs", json=body)).json()
        await recruiter.put(ticket["upload"]["url"], content=b"%PDF-1.7\n")
        confirmed = await recruiter.post(f"/api/v1/cvs/{ticket['cv_id']}/confirm")
        assert confirmed.status_code == 200, confirmed.text
        cv_id, candidate_id = UUID(ticket["cv_id"]), UUID(ticket["candidate_id"])
        async with self.house.db.tenant(self.tenant.id) as c:
            await profiles.save(
                c,
                self.tenant.id,
                cv_id=cv_id,
                candidate_id=candidate_id,
                profile=Profile(
                    basics=Basics(name="Luz Paredes", label="Analista"),
                    work=(Work(name="Norte SAC", position="Analista"),),
                    skills=(Skill(name="SQL"),),
                ),
                extractor="1",
            )
            for stage in ("validate", "parse", "extract", "vectorize", "match"):
                await cvs.passed(c, cv_id, stage)
        return dict(ticket)

    async def interview(self, **more: Any) -> dict[str, Any]:
        """Invite a candidate with a CV that was read."""
        opening = await self.opening()
        ticket = await self.read_cv()
        body = {"opening_id": opening["id"], "cv_id": ticket["cv_id"], **more}
        answer = await self.recruiter.post("/api/v1/interviews", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def consent(self, invited: dict[str, Any]) -> httpx2.AsyncClient:
        """Let the candidate agree; return their client."""
        guest = self.guest(invited["link"])
        notice = (await guest.get("/api/v1/invitation")).json()["consent"]
        body = {key: notice[key] for key in ("version", "sha256", "locale")}
        answer = await guest.post("/api/v1/invitation/consent", json={**body, "given": True})
        assert answer.status_code == 200, answer.text
        return guest

    async def report(self, interview_id: str, **more: Any) -> None:
        """Write the report that the pipeline would write."""
        async with self.house.db.tenant(self.tenant.id) as c:
            await reports.save(c, self.tenant.id, evaluation(UUID(interview_id), **more))

    async def instance(self, *, taken: int = 0, cap: int = 75, admit: int = 70) -> None:
        """Announce a live instance."""
        await self.slots.register(
            INSTANCE, url="ws://127.0.0.1:8101/ws", admit=admit, cap=cap, target=50
        )
        await self.slots.renew(INSTANCE, [clock.new_id() for _ in range(taken)])

    async def rows(self, sql: str, *args: Any) -> list[Any]:
        """Read the company's rows as the application sees them."""
        async with self.house.db.tenant(self.tenant.id) as c:
            return list(await c.fetch(sql, *args))


def evaluation(interview_id: UUID, **more: Any) -> Evaluation:
    """A report with one competency and one quote."""
    quote = Quote(1, "Reduje <b>el</b> cierre", 0, 22, "result", "Cuenta un resultado")
    competency = CompetencyReport(
        competency="teamwork",
        name="Trabajo en equipo",
        weight=0.4,
        level=3,
        expected=["Cuenta un resultado", "Dice qué aprendió"],
        found=["Cuenta un resultado"],
        missing=["Dice qué aprendió"],
        quotes=[quote],
        turns=[1],
    )
    plain = Evaluation(
        interview_id=interview_id,
        kind="coverage",
        engine="offline",
        locale="es-PE",
        competencies=[competency],
        coverage=0.5,
        summary="La mitad de lo esperado.\n\nSegundo párrafo.",
        dropped_claims=1,
        turns_total=8,
        turns_by_engine={"offline": 8},
    )
    return msgspec.structs.replace(plain, **more)


def compose(settings: Settings, db: Database, redis: Redis, writer: RedisWriter) -> House:
    """Build the house that a server process would have."""
    slots = Slots(redis, writer)
    return House(
        settings=settings,
        db=db,
        redis=redis,
        blobs=open_blobs(settings.storage_url),
        events=EventHub(redis),
        tickets=Tickets(settings.secret),
        gate=Gate(slots, Waiting(writer), instance_id=INSTANCE),
        auth=auth.open_auth(settings, db),
        limiter=Limiter(redis, per_minute=60_000, burst=5_000),
    )


def listening() -> tuple[socket.socket, str]:
    """Return a socket on a free port and its URL."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(64)
    bound.setblocking(False)
    return bound, f"http://127.0.0.1:{bound.getsockname()[1]}"


async def serve(app: Any, bound: socket.socket) -> tuple[uvicorn.Server, "asyncio.Task[None]"]:
    """Serve `app` on a socket until the server's should_exit."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none",
        timeout_graceful_shutdown=3,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:
        await asyncio.sleep(0.005)
    return server, task


class _no_signals:  # noqa: N801 - stands where a context manager's function stood
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


@pytest_asyncio.fixture
async def writer(settings: Settings) -> AsyncIterator[RedisWriter]:
    """The writer of live state."""
    client = connect.open_redis(settings.redis_url, connections=1)
    writer = RedisWriter(client)
    yield writer
    await writer.close()
    await client.aclose()


@pytest_asyncio.fixture
async def door(
    settings: Settings,
    db: Database,
    redis: Redis,
    writer: RedisWriter,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Door]:
    """A server with an API on a free port, and two companies."""
    monkeypatch.setattr(limits, "INSTANCE_LEASE_SECONDS", 55.0)  # what is announced is not renewed
    bound, url = listening()
    settings = msgspec.structs.replace(
        settings, public_url=url, origins=("https://empleos.example",)
    )
    house = compose(settings, db, redis, writer)
    server, task = await serve(rest.build(house), bound)
    other = await make_tenant(settings.database_url, "ajena", "Empresa Ajena")
    door = Door(url, house, Slots(redis, writer), tenant, other)
    yield door
    for client in door.clients:
        await client.aclose()
    await house.events.close()
    server.should_exit = True
    await task
    bound.close()
