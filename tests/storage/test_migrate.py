"""Migrations: once each, whoever asks and how many at once, with bounds that no time zone moves."""

import asyncio
import itertools
import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from protocol.faults import Fault
from runtime import clock
from storage import embedded, migrate, roles, tenants
from tests.conftest import SECRET, Services, with_database

MIGRATOR = """
import asyncio, sys
from storage.migrate import migrate
print(len(asyncio.run(migrate(sys.argv[1], sys.argv[2]))))
"""
NAME = "test_migrate"


@pytest_asyncio.fixture
async def empty(services: Services) -> AsyncIterator[str]:
    """The owner's URL of a database without a single table."""
    owner = await asyncpg.connect(services.database_url, timeout=30)
    try:
        await owner.execute(f'DROP DATABASE IF EXISTS "{NAME}" WITH (FORCE)')
        await owner.execute(f'CREATE DATABASE "{NAME}"')
        yield with_database(services.database_url, NAME)
        await owner.execute(f'DROP DATABASE "{NAME}" WITH (FORCE)')
    finally:
        await owner.close()


async def test_eight_migrators_at_once_apply_each_migration_once(empty: str) -> None:
    """One does the work, seven wait and find it done; the log of migrations has no double."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATOR, empty, SECRET,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(8)
    ]  # fmt: skip
    outputs = [await process.communicate() for process in processes]
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors.decode()
    every = len(migrate.available())
    assert sorted(int(out) for out, _ in outputs) == [0] * 7 + [every]
    c = await asyncpg.connect(empty)
    rows = await c.fetch("SELECT number, name FROM migrations ORDER BY number")
    await c.close()
    assert [(r["number"], r["name"]) for r in rows] == [
        (number, name) for number, name, _ in migrate.available()
    ]


async def test_a_second_time_changes_nothing(empty: str) -> None:
    """Nothing is applied, and the schema is the same to the letter."""
    assert await migrate.applied(empty) == 0
    first = await migrate.migrate(empty, SECRET)
    before = await _schema(empty)
    assert await migrate.migrate(empty, SECRET) == []
    assert await _schema(empty) == before
    assert await migrate.applied(empty) == len(first)


async def _schema(url: str) -> list[asyncpg.Record]:
    c = await asyncpg.connect(url)
    try:
        return list(
            await c.fetch(
                "SELECT c.oid, c.relname, c.relacl::text, a.attname, a.attnum, a.attacl::text "
                "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
                "WHERE c.relnamespace = 'public'::regnamespace ORDER BY c.oid, a.attnum"
            )
        )
    finally:
        await c.close()


async def test_a_migration_that_fails_leaves_nothing(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first half is not kept, and the next try starts from the beginning of it."""
    whole = migrate.available()
    broken = [*whole, (len(whole) + 1, "0099_x.sql", "CREATE TABLE half (id int); SELECT 1/0")]
    monkeypatch.setattr(migrate, "available", lambda: broken)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate.migrate(empty, SECRET)
    monkeypatch.undo()
    c = await asyncpg.connect(empty)
    assert await c.fetchval("SELECT to_regclass('public.half')") is None
    await c.close()
    assert await migrate.applied(empty) == len(whole)
    assert await migrate.migrate(empty, SECRET) == []


async def test_a_newer_database_is_left_alone(empty: str) -> None:
    """An older program says so and changes nothing."""
    await migrate.migrate(empty, SECRET)
    c = await asyncpg.connect(empty)
    await c.execute("INSERT INTO migrations (number, name) VALUES (9999, 'later')")
    await c.close()
    with pytest.raises(Fault, match="newer"):
        await migrate.migrate(empty, SECRET)


async def test_a_server_that_is_away_is_a_fault_and_not_a_stack(empty: str) -> None:
    """A person's mistake in an address is told as one."""
    with pytest.raises(Fault, match=r"unavailable|PostgreSQL"):
        await migrate.migrate("postgresql://nobody@127.0.0.1:1/none", SECRET)


def test_migrations_are_numbered_without_a_gap() -> None:
    """0001, 0002 ...: the order is the files' own."""
    assert [number for number, _, _ in migrate.available()] == list(
        range(1, len(migrate.available()) + 1)
    )


@pytest.mark.parametrize("zone", ["America/Lima", "Asia/Kathmandu", "Pacific/Kiritimati", "UTC"])
async def test_months_begin_at_midnight_utc_in_every_time_zone(empty: str, zone: str) -> None:
    """Bounds without an offset would have moved with whoever made them."""
    c = await asyncpg.connect(empty)
    await c.execute(f"ALTER DATABASE \"{NAME}\" SET timezone = '{zone}'")
    await c.close()
    await migrate.migrate(empty, SECRET)
    c = await asyncpg.connect(empty)
    assert await c.fetchval("SELECT current_setting('timezone')") == zone
    await c.execute("SET timezone = 'UTC'")
    bounds = await _bounds(c)
    assert len(bounds) == 4
    this = (await c.fetchval("SELECT now()")).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    for name, (low, high) in sorted(bounds.items()):
        assert low == this, name
        this = (low + timedelta(days=32)).replace(day=1)
        assert high == this, name
        assert name == f"interview_sessions_{low:%Y_%m}"
    await c.close()


async def _bounds(c: asyncpg.Connection) -> dict[str, tuple[datetime, datetime]]:
    rows = await c.fetch(
        "SELECT inhrelid::regclass::text AS name, "
        "pg_get_expr(relpartbound, inhrelid) AS bound FROM pg_inherits "
        "JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = 'interview_sessions'::regclass"
    )
    found = {}
    for row in rows:
        moments = re.findall(r"'([^']+)'", row["bound"])
        if moments:
            low, high = (datetime.fromisoformat(moment).astimezone(UTC) for moment in moments)
            found[row["name"]] = (low, high)
    return found


async def test_the_sweep_makes_the_months_to_come_and_only_once(empty: str) -> None:
    """A year ahead is a year ahead, without a gap, and again is nothing new."""
    await migrate.migrate(empty, SECRET)
    sweep = await asyncpg.connect(roles.url_for(empty, "entrevistador_sweep", SECRET))
    await sweep.execute("SET timezone = 'Asia/Kathmandu'")
    assert await sweep.fetchval("SELECT ensure_months(12)") == 9
    assert await sweep.fetchval("SELECT ensure_months(12)") == 0
    bounds = sorted((await _bounds(sweep)).values())
    assert len(bounds) == 13
    assert all(one[1] == two[0] for one, two in itertools.pairwise(bounds))
    await sweep.close()


async def test_a_role_logs_in_with_the_secret_of_its_deployment_only(empty: str) -> None:
    """Passwords follow from the secret; another secret's are refused."""
    await migrate.migrate(empty, SECRET)
    for role in roles.LOGIN_ROLES:
        c = await asyncpg.connect(roles.url_for(empty, role, SECRET))
        assert await c.fetchval("SELECT current_user") == role
        await c.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(roles.url_for(empty, role, SECRET[::-1]))
    assert roles.password(SECRET, "a") != roles.password(SECRET, "b")


async def test_an_owner_who_is_no_superuser_is_enough(tmp_path: Path) -> None:
    """As on a managed PostgreSQL: migrate, found a company, and foreign keys see through FORCE."""
    state = tmp_path / "state"
    state.mkdir()
    running = await asyncio.to_thread(embedded.start, state)
    try:
        everything = await asyncpg.connect(running.database_url)
        await everything.execute("CREATE ROLE boss LOGIN CREATEROLE PASSWORD 'not-a-superuser'")
        await everything.execute("CREATE DATABASE house OWNER boss")
        await everything.close()
        everything = await asyncpg.connect(with_database(running.database_url, "house"))
        await everything.execute("CREATE EXTENSION vector")
        await everything.execute("CREATE EXTENSION pg_trgm")
        await everything.close()
        parts = urlsplit(with_database(running.database_url, "house"))
        host = parts.netloc.rpartition("@")[2]
        boss = urlunsplit(parts._replace(netloc=f"boss:not-a-superuser@{host}"))
        assert await migrate.migrate(boss, SECRET) == [name for _, name, _ in migrate.available()]
        assert await migrate.migrate(boss, SECRET) == []
        owner = await asyncpg.connect(boss)
        tenant = await tenants.ensure(owner, slug="acme-sa", name="Acme")
        assert await owner.fetch("SELECT * FROM openings") == []
        await owner.close()
        app = await asyncpg.connect(roles.url_for(boss, "entrevistador_app", SECRET))
        async with app.transaction():
            await app.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
            person = clock.new_id()
            await app.execute(
                "INSERT INTO candidates (id, tenant_id) VALUES ($1, $2)", person, tenant
            )
            await app.execute(
                "INSERT INTO cvs (id, tenant_id, candidate_id, object_key, filename) "
                "VALUES ($1, $2, $3, 'k', 'f')",
                clock.new_id(),
                tenant,
                person,
            )
        await app.close()
    finally:
        await asyncio.to_thread(embedded.stop, state)
