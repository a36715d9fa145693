"""A pipeline without its processes: real stores, the real sandbox, and a hand that pumps."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio
from reportlab.pdfgen.canvas import Canvas

from llm.embeddings import Embedder, open_embedder
from loadtest.model import Standin
from loadtest.model_serve import serving
from loadtest.model_stream import Options
from pipeline.running import Runner
from pipeline.sandbox import Sandbox
from pipeline.toolbox import Toolbox
from pipeline.worker import KINDS
from protocol import jobs
from runtime import clock
from runtime.settings import Settings
from storage import candidates, cvs, openings
from storage.blobs import cv_key, open_blobs
from storage.connect import open_database
from storage.transaction import Database
from tests.conftest import Tenant

ANA = """Ana Lucía Torres Quispe
Analista contable
Lima, Perú
ana.torres@example.com | +51 987 654 321

Resumen
Contadora con experiencia en cierre contable, conciliaciones bancarias y SUNAT.

Experiencia laboral
Analista contable, Comercial Andina S.A.C.
enero 2020 - diciembre 2023
Conciliaciones bancarias, cierre contable mensual y reportes en Excel y SAP.
Asistente contable, Servicios del Sur S.R.L.
marzo 2017 - diciembre 2019
Registro de facturas y declaraciones SUNAT.

Educación
Bachiller en Contabilidad, Universidad Nacional de Prueba
2012 - 2016

Idiomas
Inglés intermedio

Habilidades
Excel, SAP, SUNAT, Power BI
"""
ACCOUNTANT = openings.NewOpening(
    title="Analista contable",
    category="finance",
    description="Cierre contable mensual, conciliaciones bancarias y reportes en Power BI.",
    must_have=["SAP", "3 años de experiencia en contabilidad", "Bachiller en Contabilidad"],
    nice_to_have=["Inglés intermedio", "Power BI"],
    seniority="mid",
    language="es",
)


def pdf(text: str) -> bytes:
    """Return a PDF of the lines."""
    out = io.BytesIO()
    canvas = Canvas(out)
    y = 800
    for line in text.split("\n"):
        canvas.drawString(50, y, line)
        y -= 15
        if y < 50:
            canvas.showPage()
            y = 800
    canvas.save()
    return out.getvalue()


class House:
    """A tenant's side of the pipeline, and a pump in place of relay, broker and worker."""

    def __init__(self, tools: Toolbox, relay: Database, tenant: UUID) -> None:
        self.tools, self.relay, self.tenant = tools, relay, tenant
        self.runner = Runner(tools, KINDS)

    async def upload(
        self, data: bytes, *, filename: str = "cv.pdf", lane: jobs.Lane = "active", **person: str
    ) -> UUID:
        """Keep a candidate, a CV and its file, and confirm it."""
        cv_id, candidate_id = clock.new_id(), clock.new_id()
        key = cv_key(self.tenant, cv_id)
        await self.tools.blobs.put(key, data, bytes_max=100_000_000)
        async with self.tools.db.tenant(self.tenant) as c:
            await candidates.create(c, self.tenant, candidate_id, **person)
            await cvs.create(
                c,
                self.tenant,
                cv_id,
                candidate_id=candidate_id,
                object_key=key,
                filename=filename,
                lane=lane,
            )
            await cvs.confirm(c, self.tenant, cv_id, size=len(data))
        return cv_id

    async def opening(self, new: openings.NewOpening = ACCOUNTANT) -> UUID:
        """Keep an opening."""
        opening_id = clock.new_id()
        async with self.tools.db.tenant(self.tenant) as c:
            await openings.create(c, self.tenant, opening_id, new)
        return opening_id

    async def take(self, *, early: bool = True) -> list[str]:
        """Take every envelope out of the outbox, those for later as well."""
        async with self.relay.across() as c:
            rows = await c.fetch(
                "DELETE FROM outbox WHERE $1 OR not_before <= now() RETURNING id, envelope", early
            )
        return [row["envelope"] for row in sorted(rows, key=lambda row: row["id"])]

    async def pump(self, rounds: int = 40) -> list[str]:
        """Run jobs until the outbox is empty and return their outcomes, in order."""
        outcomes: list[str] = []
        for _ in range(rounds):
            waiting = await self.take()
            if not waiting:
                return outcomes
            outcomes += [await self.runner.run(envelope) for envelope in waiting]
        raise AssertionError(f"the jobs do not end: {outcomes}")

    async def cv(self, cv_id: UUID) -> cvs.Cv:
        """Return the CV."""
        async with self.tools.db.tenant(self.tenant) as c:
            return await cvs.get(c, cv_id)

    async def fetch(self, sql: str, *args: Any) -> list[Any]:
        """Query as the tenant."""
        async with self.tools.db.tenant(self.tenant) as c:
            return list(await c.fetch(sql, *args))

    async def execute(self, sql: str, *args: Any) -> None:
        """Change something as the tenant."""
        async with self.tools.db.tenant(self.tenant) as c:
            await c.execute(sql, *args)


@pytest.fixture(scope="session")
def embedder() -> Callable[[], Embedder]:
    """The real model, loaded once."""
    loaded = open_embedder()
    return lambda: loaded


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests, as a worker has one for all files."""
    with Sandbox() as running:
        yield running


@pytest_asyncio.fixture
async def house(
    settings: Settings,
    db: Database,
    redis: Any,
    tenant: Tenant,
    sandbox: Sandbox,
    embedder: Callable[[], Embedder],
) -> AsyncIterator[House]:
    """The pipeline's parts on fresh stores."""
    tools = Toolbox(
        settings,
        db=db,
        redis=redis,
        blobs=open_blobs(settings.storage_url),
        sandbox=sandbox,
        embedder=embedder,
    )
    relay = await open_database(settings.database_relay_url, size=2)
    yield House(tools, relay, tenant.id)
    await relay.close()


async def until(
    check: Callable[[], Awaitable[bool]], *, seconds: float = 60.0, what: str = "it"
) -> None:
    """Wait until `check` says so; a test that waits in vain names what for."""
    for _ in range(int(seconds / 0.1)):
        if await check():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what} did not happen in {seconds} s")


async def somebody_waits(house: House) -> None:
    """Wait until somebody in this database waits for somebody else's lock."""

    async def waits() -> bool:
        async with house.relay.across() as c:
            return bool(
                await c.fetchval(
                    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
                    "WHERE NOT granted AND datname = current_database()"
                )
            )

    await until(waits, what="waiting for a lock")


@contextlib.asynccontextmanager
async def with_model(house: House) -> AsyncIterator[tuple[House, Standin]]:
    """The house with a key, and the stand-in that answers it."""
    standin, before = Standin(Options(piece_seconds=0.0)), house.tools
    async with serving(standin) as url:
        settings = msgspec.structs.replace(
            before.settings, engine="claude", anthropic_api_key="sk-test", anthropic_base_url=url
        )
        tools = Toolbox(
            settings, db=before.db, redis=before.redis, blobs=before.blobs,
            sandbox=before.sandbox, embedder=before.embedder,
        )  # fmt: skip
        yield House(tools, house.relay, house.tenant), standin
        await tools.close()
