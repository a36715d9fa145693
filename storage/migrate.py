"""Numbered SQL migrations under an advisory lock: safe to run from many processes at once."""

import re
from importlib import resources
from typing import Any, Final

import asyncpg

from protocol.faults import Fault
from storage import roles

_LOCK: Final = 7_341_001
_NAME: Final = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


def available() -> list[tuple[int, str, str]]:
    """Return (number, file name, SQL) of every migration, in order without gaps."""
    found = []
    for entry in resources.files("storage.migrations").iterdir():
        match = _NAME.match(entry.name)
        if match:
            found.append((int(match[1]), entry.name, entry.read_text(encoding="utf-8")))
    found.sort()
    numbers = [number for number, _, _ in found]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError(f"migrations are not numbered 1, 2, 3 ...: {numbers}")
    return found


async def migrate(owner_url: str, secret: str) -> list[str]:
    """Bring the database up to date and return the names of what was applied now.

    `owner_url` must be able to create roles and tables. Each migration is one transaction, the
    advisory lock makes other migrators wait. Raises Fault `unavailable` without a server.
    """
    try:
        connection = await asyncpg.connect(owner_url, timeout=30)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise Fault("unavailable", f"PostgreSQL: {type(error).__name__}") from error
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        return await _apply(connection, secret)
    finally:
        await connection.close()


async def _apply(connection: Any, secret: str) -> list[str]:
    await _make_roles(connection, secret)
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, name text NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now())"
    )
    done = {row["number"] for row in await connection.fetch("SELECT number FROM migrations")}
    files = available()
    unknown = done - {number for number, _, _ in files}
    if unknown:
        raise Fault("conflict", f"the database is newer than this program: {sorted(unknown)}")
    applied = []
    for number, name, sql in files:
        if number in done:
            continue
        await connection.execute(
            "BEGIN;\n" + sql + f"\n;INSERT INTO migrations (number, name) "
            f"VALUES ({number}, '{name}');\nCOMMIT;"
        )
        applied.append(name)
    return applied


async def _make_roles(connection: Any, secret: str) -> None:
    """Create the roles where they are missing and set the passwords of those that log in."""
    # Roles belong to the whole server: migrators of other databases take this lock as well.
    await connection.execute("SELECT pg_advisory_lock(hashtext('entrevistador roles'))")
    for role in (*roles.OTHER_ROLES, *roles.LOGIN_ROLES):
        exists = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role)
        if not exists:
            try:
                await connection.execute(
                    f"CREATE ROLE {role} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOLOGIN"
                )
            except asyncpg.UniqueViolationError:
                continue  # another database's migrator was faster
    for role in roles.LOGIN_ROLES:
        password = roles.password(secret, role)
        await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{password}'")
    for role in roles.OTHER_ROLES:
        member = await connection.fetchval("SELECT pg_has_role(current_user, $1, 'USAGE')", role)
        if not member:  # whoever made the role may grant it, and has it only after that
            await connection.execute(f"GRANT {role} TO CURRENT_USER")
    await connection.execute("SELECT pg_advisory_unlock(hashtext('entrevistador roles'))")


async def applied(owner_or_app_url: str) -> int:
    """Return the number of the newest migration, 0 for an empty database."""
    connection = await asyncpg.connect(owner_or_app_url, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('public.migrations')") is None:
            return 0
        return int(await connection.fetchval("SELECT coalesce(max(number), 0) FROM migrations"))
    finally:
        await connection.close()
