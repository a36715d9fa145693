"""The whole house on one machine: services, servers, workers and relay under one supervisor."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx2
import msgspec

from cli import environment
from cli.children import Child, Supervisor, child_environ
from protocol import jobs
from runtime import clock, ports
from runtime.lifecycle import Tasks
from runtime.settings import Settings, WrongSetting, read, to_environ
from server.auth import development_token
from storage import embedded, tenants
from storage.connect import open_database
from storage.migrate import migrate

READY_SECONDS: Final = 60.0
WATCH_SECONDS: Final = 0.5
STOP_SECONDS: Final = 3.5
REST_LANES: Final = tuple(lane for lane in jobs.LANES if lane not in jobs.URGENT_LANES)
SAMPLE_SLUG: Final = "empresa-demo"
free_port = ports.free_port
NAMES: Final = {"recruiter": "Reclutadora de prueba", "operator": "Operador de prueba"}


class Stack(msgspec.Struct):
    """A running house and how to enter it."""

    settings: Settings
    tenant_id: UUID
    slug: str
    recruiter_token: str
    operator_token: str
    supervisor: Supervisor

    @property
    def base_url(self) -> str:
        """Scheme, host and port of the REST doors and pages."""
        return self.settings.public_url

    def link(self, page: str, token: str) -> str:
        """The address of a page, with its token in the fragment."""
        return f"{self.base_url}/{page}/#token={token}"


@asynccontextmanager
async def stack(
    *,
    state_dir: Path,
    say: Callable[[str], None],
    port: int = 8000,
    live_port: int = 8001,
    keep_services: bool = False,
    instances: int = 1,
    **overrides: Any,
) -> AsyncIterator[Stack]:
    """Run the whole house while the block runs; everything ends with it.

    With DATABASE_URL and REDIS_URL set those are used, otherwise embedded ones are started (or
    joined) under `state_dir` and stopped at the end unless `keep_services`.
    """
    found = read(os.environ, state_dir=state_dir, **overrides)
    await asyncio.to_thread(state_dir.mkdir, parents=True, exist_ok=True)
    own_services = not (found.database_url and found.redis_url)
    if own_services and (found.database_url or found.redis_url):
        raise WrongSetting("DATABASE_URL and REDIS_URL come together: set both, or neither")
    if own_services:
        say("starting PostgreSQL and Valkey")
        services = await asyncio.to_thread(embedded.start, state_dir, say=say)
        found = environment.on_services(found, services)
    try:
        async with _house(found, say, port, live_port, instances, watch=own_services) as running:
            yield running
    finally:
        if own_services and not keep_services:
            await asyncio.to_thread(embedded.stop, state_dir)


@asynccontextmanager
async def _house(
    found: Settings,
    say: Callable[[str], None],
    port: int,
    live_port: int,
    instances: int,
    *,
    watch: bool,
) -> AsyncIterator[Stack]:
    port, live = free_port(port), free_port(live_port)
    settings = _addressed(environment.complete(found), port, live)
    applied = await migrate(settings.database_url, settings.secret)
    if applied:
        say(f"database: {len(applied)} migration(s) applied")
    tenant_id = await _sample_tenant(settings)
    supervisor = Supervisor(settings.state_dir / "logs", say)
    async with Tasks("local stack") as tasks:
        if watch:
            tasks.start(_watch_services(settings.state_dir, say))
        for child in _children(settings, live, instances):
            supervisor.start(child)
        try:
            await _until_ready(settings, live, say)
            yield Stack(
                settings=settings,
                tenant_id=tenant_id,
                slug=SAMPLE_SLUG,
                recruiter_token=_token(settings, tenant_id, "recruiter"),
                operator_token=_token(settings, tenant_id, "operator"),
                supervisor=supervisor,
            )
        finally:
            await supervisor.stop(STOP_SECONDS)


def _addressed(settings: Settings, port: int, live: int) -> Settings:
    """Fill in what browsers are told; an instance URL that was set (a tunnel's) stays."""
    return msgspec.structs.replace(
        settings,
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        instance_url=settings.instance_url or f"ws://127.0.0.1:{live}/ws",
        origins=(*settings.origins, f"http://localhost:{port}"),
    )


def _children(settings: Settings, live: int, instances: int) -> list[Child]:
    """The api role, interview instances, two pipeline processes and the relay."""
    told = msgspec.structs.replace(settings, database_url="")
    plain = child_environ(to_environ(told))
    children = [
        Child("api", ("serve", "--role", "api", "--port", str(settings.port)), plain),
        Child("worker-urgent", ("work", "--lanes", ",".join(jobs.URGENT_LANES)), plain),
        Child("worker-rest", ("work", "--lanes", ",".join(REST_LANES)), plain),
        Child("relay", ("relay",), plain),
        Child("interview", ("serve", "--role", "interview", "--port", str(live)), plain),
    ]
    for number in range(2, instances + 1):
        own = free_port(live + number - 1)
        more = msgspec.structs.replace(told, instance_url=f"ws://127.0.0.1:{own}/ws")
        arguments = ("serve", "--role", "interview", "--port", str(own))
        environ = child_environ(to_environ(more))
        children.append(Child(f"interview-{number}", arguments, environ))
    return children


async def _watch_services(state_dir: Path, say: Callable[[str], None]) -> None:
    """Start PostgreSQL or Valkey again when one has died."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        if await asyncio.to_thread(embedded.status, state_dir) is None:
            say("PostgreSQL or Valkey has ended; starting it again")
            try:
                await asyncio.to_thread(embedded.start, state_dir)
            except embedded.EmbeddedError as error:
                say(f"that failed: {error}")
                await asyncio.sleep(2)


async def _until_ready(settings: Settings, live: int, say: Callable[[str], None]) -> None:
    waiting = {
        f"{settings.public_url}/health/ready": "api",
        f"http://127.0.0.1:{live}/health/ready": "interview",
    }
    deadline = clock.monotonic() + READY_SECONDS
    async with httpx2.AsyncClient(timeout=2.0, trust_env=False) as http:
        while waiting:
            for url in list(waiting):
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get(url)).status_code == 200:  # noqa: PLR2004 - HTTP
                        del waiting[url]
            if waiting and clock.monotonic() > deadline:
                names = ", ".join(waiting.values())
                raise WrongSetting(
                    f"{names} did not become ready within {READY_SECONDS:g} s; "
                    f"see {settings.state_dir / 'logs'}"
                )
            await asyncio.sleep(0.05)
    say("the house is ready")


async def _sample_tenant(settings: Settings) -> UUID:
    """The company of the local stack, made once."""
    db = await open_database(settings.database_url, size=1)
    try:
        async with db.across() as connection:
            return await tenants.ensure(
                connection,
                slug=SAMPLE_SLUG,
                name="Empresa Demo",
                about="Una empresa ficticia para probar entrevistador.",
            )
    finally:
        await db.close()


def _token(settings: Settings, tenant_id: UUID, role: str) -> str:
    return development_token(settings.state_dir, tenant_id, role, NAMES[role], [role])
