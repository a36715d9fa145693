"""A live instance in the test's own process, on a real socket, over real stores."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
from litestar import Litestar

from client.session import Admitted, Interview
from interview.plan import OpeningBrief, build
from llm.gateway import open_gateway
from runtime import clock
from runtime.lifecycle import Stack
from runtime.settings import Settings
from server import socket as live_socket
from server.gate import Gate
from server.instance import Instance
from server.listen import listen
from server.problems import message
from server.serve import _config, _Uvicorn
from server.sessions import Sessions
from server.tickets import Tickets
from storage import interviews
from storage.connect import open_database, open_redis
from storage.events import Teller
from storage.journal import Journal
from storage.ledger import LedgerStore
from storage.live import Live
from storage.reach import Reach
from storage.redis_writer import RedisWriter
from storage.slots import Slots
from storage.turns import TurnWriter
from storage.waiting import Waiting

ORIGIN = "http://pages.test"


class LiveHouse(msgspec.Struct):
    """An instance that serves, and what a test needs beside it."""

    settings: Settings
    instance: Instance
    sessions: Sessions
    http: _Uvicorn
    serving: "asyncio.Task[None]"

    @property
    def url(self) -> str:
        return self.instance.url

    def ticket(self, made: interviews.Interview) -> str:
        return self.instance.tickets.ticket(made.tenant_id, made.id, made.session_id)

    def interview(self, made: interviews.Interview, **options) -> Interview:
        """A client whose tickets come straight from the signer."""

        async def fetch() -> Admitted:
            return Admitted(self.ticket(made), self.url)

        return Interview(fetch, **options)


class Bare(msgspec.Struct):
    app: Litestar


@contextlib.asynccontextmanager
async def live_house(settings: Settings, name: str = "one", **changes) -> AsyncIterator[LiveHouse]:
    """Serve an instance until the block ends."""
    bound = listen("127.0.0.1", 0)
    settings = msgspec.structs.replace(
        settings,
        instance_id=name,
        instance_url=f"ws://127.0.0.1:{bound.getsockname()[1]}/ws",
        **changes,
    )
    async with Stack() as stack:
        db = stack.add(await open_database(settings.database_app_url, size=4), lambda d: d.close())
        redis = stack.add(open_redis(settings.redis_url), lambda r: r.aclose())
        one = stack.add(open_redis(settings.redis_url, connections=1), lambda r: r.aclose())
        writer = stack.add(RedisWriter(one), lambda w: w.close())
        slots = Slots(redis, writer)
        instance = Instance(
            id=name,
            url=settings.instance_url,
            db=db,
            redis=redis,
            live=Live(redis, writer),
            teller=Teller(writer),
            slots=slots,
            turns=stack.add(TurnWriter(db), lambda t: t.close()),
            journal=Journal(redis, writer),
            reach=stack.add(Reach(db), lambda r: r.close()),
            gate=Gate(slots, Waiting(writer), instance_id=name),
            tickets=Tickets(settings.secret),
            gateway=stack.add(
                open_gateway(settings, LedgerStore(db), db=db, writer=writer, redis=redis),
                lambda g: g.close(),
            ),
            say=message,
            origins=frozenset({ORIGIN}),
            draining=asyncio.Event(),
        )
        sessions = stack.add(Sessions(instance), lambda s: s.close())
        await slots.register(
            name,
            url=instance.url,
            admit=settings.admit_sessions,
            cap=settings.hard_cap_sessions,
            target=settings.target_sessions,
        )
        sessions.keep_time()
        app = Litestar([live_socket.route(instance, sessions)], openapi_config=None)
        http = _Uvicorn(_config(Bare(app)))
        serving = asyncio.ensure_future(http.serve(sockets=[bound]))
        house = LiveHouse(settings, instance, sessions, http, serving)
        while not http.started:
            await asyncio.sleep(0.01)
        try:
            yield house
        finally:
            http.should_exit = True
            await serving


OPENING = OpeningBrief(
    title="Analista de datos",
    category="data",
    description="",
    must_have=["SQL"],
    nice_to_have=[],
    seniority="mid",
    language="es",
)


async def make_interview(
    db, tenant, *, consent: bool = True, minutes: int = 20, locale: str = "es-PE"
) -> interviews.Interview:
    """An invited candidate, with consent unless told otherwise."""
    opening_id, candidate_id = clock.new_id(), clock.new_id()
    plan = build(
        OPENING, None, company="Acme", candidate_name="Ana", minutes=minutes, locale=locale
    )
    async with db.tenant(tenant.id) as c:
        await c.execute(
            "INSERT INTO openings (id, tenant_id, title) VALUES ($1, $2, 'Analista de datos')",
            opening_id,
            tenant.id,
        )
        await c.execute(
            "INSERT INTO candidates (id, tenant_id, name) VALUES ($1, $2, 'Ana')",
            candidate_id,
            tenant.id,
        )
        made = await interviews.create(
            c,
            tenant_id=tenant.id,
            opening_id=opening_id,
            candidate_id=candidate_id,
            cv_id=None,
            locale=locale,
            minutes=minutes,
            plan=plan,
            invited_by=tenant.recruiter,
        )
        if consent:
            await give_consent(c, tenant.id, made)
    return made


async def give_consent(c, tenant_id: UUID, made: interviews.Interview, given: bool = True) -> None:
    """Record the candidate's consent."""
    await c.execute(
        "INSERT INTO consents (id, tenant_id, interview_id, candidate_id, text_version, "
        "text_sha256, locale, given) VALUES ($1, $2, $3, $4, '1', $5, 'es-PE', $6)",
        clock.new_id(),
        tenant_id,
        made.id,
        made.candidate_id,
        "0" * 64,
        given,
    )
