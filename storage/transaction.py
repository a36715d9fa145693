"""The only place where a transaction begins: one per turn, request or job, with its tenant set."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from protocol.faults import Fault

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
CLOSE_SECONDS = 5.0
AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a dying connection may raise instead
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,  # a full disk, no memory, too many connections
    asyncpg.PostgresSystemError,  # and what its machine does not let it do
    asyncpg.ReadOnlySQLTransactionError,  # a standby that was just made, or unmade, a primary
    TimeoutError,
)


class Held:
    """One connection of a pool, taken with the first call and kept until it fails or is closed.

    Taking one costs more than a short statement does.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", acquire_seconds: float) -> None:
        """Take it from `pool`, waiting at most `acquire_seconds`."""
        self._pool = pool
        self._acquire_seconds = acquire_seconds
        self._connection: PoolConnectionProxy[asyncpg.Record] | None = None

    async def call(
        self, sql: str, *args: object, seconds: float | None = None
    ) -> list[asyncpg.Record]:
        """Run one statement as a transaction of its own; the same as `Database.call`."""
        try:
            connection = self._connection
            if connection is None or connection.is_closed():
                await self.close()
                connection = await self._pool.acquire(timeout=self._acquire_seconds)
                self._connection = connection
            try:
                return await connection.fetch(sql, *args, timeout=seconds)
            except TimeoutError:
                connection.terminate()  # a server that hangs would not hear of a cancellation
                raise
        except AWAY as error:
            await self.close()
            if isinstance(error, ValueError):  # a wrong argument: a bug, not an absence
                raise
            raise Fault("unavailable", type(error).__name__) from error

    async def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*AWAY):
                await self._pool.release(connection)


class Database:
    """A pool of connections of one role; raises Fault `unavailable` when PostgreSQL is away."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, acquire_seconds: float) -> None:
        """Wrap an open pool; a connection is waited for at most `acquire_seconds`."""
        self._pool = pool
        self._acquire_seconds = acquire_seconds

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncIterator[Connection]:
        """Run one transaction that sees the rows of `tenant_id` and no others."""
        # A UUID's text has no quote in it; one round trip begins and sets the tenant.
        begin = f"BEGIN; SET LOCAL app.tenant = '{UUID(str(tenant_id))}'"
        async with self._transaction(begin) as connection:
            yield connection

    @asynccontextmanager
    async def across(self) -> AsyncIterator[Connection]:
        """Run one transaction without a tenant: only what the role's own policies allow."""
        async with self._transaction("BEGIN") as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=self._acquire_seconds) as connection:
                await connection.execute(begin)
                try:
                    yield connection
                except BaseException:
                    with contextlib.suppress(*AWAY, asyncpg.PostgresError):
                        await connection.execute("ROLLBACK")
                    raise
                done = await connection.execute("COMMIT")
                if done != "COMMIT":  # an error was swallowed inside: nothing was kept
                    raise RuntimeError(f"the transaction ended with {done}")
        except AWAY as error:
            if isinstance(error, ValueError):  # a wrong argument: a bug, not an absence
                raise
            raise Fault("unavailable", type(error).__name__) from error

    async def call(
        self, sql: str, *args: object, seconds: float | None = None
    ) -> list[asyncpg.Record]:
        """Run one statement as a transaction of its own: for the definer's functions.

        It may take `seconds`; None leaves it the connection's own limit.
        """
        held = self.hold()
        try:
            return await held.call(sql, *args, seconds=seconds)
        finally:
            await held.close()

    def hold(self) -> "Held":
        """Return one connection for one caller, who makes many calls and closes it at the end."""
        return Held(self._pool, self._acquire_seconds)

    async def alive(self) -> bool:
        """Tell whether a trivial query is answered."""
        try:
            async with self.across() as connection:
                return bool(await connection.fetchval("SELECT true"))
        except Fault:
            return False

    async def close(self) -> None:
        """Close every connection, waiting briefly for those at work."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()
