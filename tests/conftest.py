"""Real services for the tests: an embedded PostgreSQL and Valkey, or those of the environment."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from runtime import clock
from runtime.settings import Settings
from storage import connect, embedded, roles
from storage.migrate import migrate
from storage.transaction import Database

CLONES_AHEAD = 4
SECRET = "0123456789abcdef" * 4
TEMPLATE = f"entrevistador_template_{os.getpid()}"
CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

LONG = ("cli", "failure", "balancer", "browser", "web", "model", "loadtest", "server")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rooms whose files take longest go first: all processes then end together."""

    def place(item: pytest.Item) -> int:
        room = item.path.parent.name
        return LONG.index(room) if room in LONG else len(LONG)

    items.sort(key=place)


class Services(NamedTuple):
    """Where the owner of the database and Redis are."""

    database_url: str
    redis_url: str


def with_database(url: str, name: str) -> str:
    """Return the URL with another database's name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """The services of DATABASE_URL and REDIS_URL, or embedded ones in a folder of their own."""
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if database_url and redis_url:
        yield Services(database_url, redis_url)
        return
    state = Path(tempfile.mkdtemp(prefix="entrevistador-test-"))
    state.chmod(0o755)
    running = embedded.start(state, fsync="everysec")
    asyncio.run(_haste(running.database_url))
    try:
        yield Services(running.database_url, running.redis_url)
    finally:
        embedded.stop(state)
        shutil.rmtree(state, ignore_errors=True)


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _haste(url: str) -> None:
    """Nothing here has to outlive the machine; a killed process loses nothing all the same."""
    connection = await asyncpg.connect(url)
    try:
        for name in ("fsync", "full_page_writes"):
            await connection.execute(f"ALTER SYSTEM SET {name} = off")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def template(services: Services) -> Iterator[str]:
    """A migrated database that every test's own is cloned from."""
    asyncio.run(_execute(services.database_url, f'CREATE DATABASE "{TEMPLATE}"'))
    asyncio.run(migrate(with_database(services.database_url, TEMPLATE), SECRET))
    yield TEMPLATE
    asyncio.run(_execute(services.database_url, f'DROP DATABASE "{TEMPLATE}" WITH (FORCE)'))


# What a test leaves in a database and can be taken away again: rows, and counted numbers. Triggers
# and foreign keys stand aside meanwhile, which is the owner's right.
EMPTY = """
DO $$ DECLARE name text; found boolean; BEGIN
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r'
        AND relnamespace = 'public'::regnamespace AND relname <> 'migrations'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', name) INTO found;
        IF found THEN EXECUTE format('DELETE FROM ONLY %s', name); END IF;
    END LOOP;
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'S'
        AND relnamespace = 'public'::regnamespace
    LOOP PERFORM setval(name, 1, false); END LOOP;
END $$
"""
# What it can't: anything that changed the schema shows here, and the database is not used again.
SHAPE = """
SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
    SELECT concat('c', oid, relname, reltype, relrowsecurity, relforcerowsecurity, relchecks,
        relowner, relacl) AS line FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat('a', attrelid, attname, atttypid, attnotnull) FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat('p', oid, xmin, proname, proacl) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat('t', oid, tgname, tgenabled) FROM pg_trigger
    UNION ALL SELECT concat('r', oid, xmin, polname) FROM pg_policy
    UNION ALL SELECT concat('k', oid, conname) FROM pg_constraint
    UNION ALL SELECT concat('i', indexrelid, indisvalid) FROM pg_index
    UNION ALL SELECT concat('s', setdatabase, setrole, setconfig) FROM pg_db_role_setting
    UNION ALL SELECT concat('m', name) FROM migrations
) AS everything
"""


class Clones:
    """Fresh databases: the next ones are made, and used ones emptied, while tests run."""

    def __init__(self, services: Services, template: str) -> None:
        """Begin with the first few."""
        self._services, self._template = services, template
        self._numbers = itertools.count(1)
        self._aside = ThreadPoolExecutor(1, "clones")
        self._shapes: dict[str, str] = {}
        self._ready = deque(self._aside.submit(self._make) for _ in range(CLONES_AHEAD))

    def _run(self, sql: str) -> None:
        asyncio.run(_execute(self._services.database_url, sql))

    def _make(self) -> str:
        name = self._name()
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        self._shapes[name] = asyncio.run(self._shape(name, ""))
        return name

    def _name(self) -> str:
        return f"test_{os.getpid()}_{next(self._numbers)}"

    async def _shape(self, name: str, before: str) -> str:
        connection = await asyncpg.connect(with_database(self._services.database_url, name))
        try:
            if before:
                await connection.execute("SET session_replication_role = replica")
                await connection.execute(before)
            return str(await connection.fetchval(SHAPE))
        finally:
            await connection.close()

    def _emptied(self, name: str) -> str:
        """Return the name of a database as good as new: this one, or another in its place."""
        self._run(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
        try:
            if asyncio.run(self._shape(name, EMPTY)) == self._shapes[name]:
                another = self._name()  # whoever still knows the old one finds nothing
                self._run(f'ALTER DATABASE "{name}" RENAME TO "{another}"')
                self._shapes[another] = self._shapes[name]
                return another
        except asyncpg.PostgresError:
            pass  # an owner who may not empty it, or a test that broke it
        self._drop(name)
        return self._make()

    def _drop(self, name: str) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def take(self) -> str:
        """Return the name of a database in which nothing is."""
        if not self._ready:
            self._ready.append(self._aside.submit(self._make))
        return self._ready.popleft().result()

    def give_back(self, name: str) -> None:
        """Empty it, soon."""
        self._ready.append(self._aside.submit(self._emptied, name))

    def close(self) -> None:
        """Drop them all."""
        for made in self._ready:
            if not made.cancel():
                self._aside.submit(self._drop, made.result())
        self._aside.shutdown()


@pytest.fixture(scope="session")
def clones(services: Services, template: str) -> Iterator[Clones]:
    """Where fresh, migrated databases come from."""
    clones = Clones(services, template)
    yield clones
    clones.close()


@pytest.fixture
def database_url(services: Services, clones: Clones) -> Iterator[str]:
    """The owner's URL of a fresh, migrated database."""
    name = clones.take()
    yield with_database(services.database_url, name)
    clones.give_back(name)


async def _flush(*urls: str) -> None:
    for url in urls:
        client = Redis.from_url(url)
        await client.flushdb()
        await client.aclose()


def _redis_number(url: str, number: int) -> str:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        query = "&".join(
            [*[q for q in parts.query.split("&") if q and not q.startswith("db=")], f"db={number}"]
        )
        return urlunsplit(parts._replace(query=query))
    return urlunsplit(parts._replace(path=f"/{number}"))


@pytest.fixture
def settings(services: Services, database_url: str, tmp_path: Path) -> Settings:
    """Settings of a whole house on fresh services: database, Redis, broker, objects."""
    redis_url = _redis_number(services.redis_url, 14)
    broker_url = _redis_number(services.redis_url, 15)
    asyncio.run(_flush(redis_url, broker_url))
    objects = tmp_path / "objects"
    objects.mkdir()
    return Settings(
        database_url=database_url,
        database_app_url=roles.url_for(database_url, "entrevistador_app", SECRET),
        database_relay_url=roles.url_for(database_url, "entrevistador_relay", SECRET),
        database_sweep_url=roles.url_for(database_url, "entrevistador_sweep", SECRET),
        database_fleet_url=roles.url_for(database_url, "entrevistador_fleet", SECRET),
        redis_url=redis_url,
        broker_url=broker_url,
        storage_url=objects.as_uri(),
        state_dir=tmp_path,
        secret=SECRET,
        embedded=True,
        instance_id="test-1",
        engine="offline",
        offline_piece_seconds=0.0,
        database_pool=4,
    )


@pytest_asyncio.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    """The database as the application's role."""
    database = await connect.open_database(settings.database_app_url, size=4, vectors=True)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def redis(settings: Settings) -> AsyncIterator[Any]:
    """A Redis client on a fresh database number."""
    client = connect.open_redis(settings.redis_url)
    yield client
    await client.aclose()


class Tenant(NamedTuple):
    """A company with a recruiter and an operator."""

    id: UUID
    recruiter: UUID
    operator: UUID
    slug: str


async def make_tenant(owner_url: str, slug: str, name: str = "Empresa de Prueba") -> Tenant:
    """Insert a company and two users as the owner (who stands outside row-level security)."""
    tenant = Tenant(clock.new_id(), clock.new_id(), clock.new_id(), slug)
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(
            "INSERT INTO tenants (id, slug, name, about) VALUES ($1, $2, $3, $4)",
            tenant.id,
            slug,
            name,
            "Una empresa para las pruebas",
        )
        for user, role in ((tenant.recruiter, "recruiter"), (tenant.operator, "operator")):
            await connection.execute(
                "INSERT INTO users (id, tenant_id, subject, name, email, roles) "
                "VALUES ($1, $2, $3, $4, $5, $6)",
                user,
                tenant.id,
                str(user),
                f"Persona {role}",
                f"{role}@example.test",
                [role],
            )
    finally:
        await connection.close()
    return tenant


@pytest_asyncio.fixture
async def tenant(settings: Settings) -> Tenant:
    """A company with a recruiter and an operator in the test's database."""
    return await make_tenant(settings.database_url, "prueba")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's Chromium; skipped with a plain notice on a laptop without it, an error in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        message = "no chromium on this machine: browser tests need Debian's chromium package"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
