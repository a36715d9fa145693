"""Opening PostgreSQL and Redis: pools, codecs and limits in one place."""

import asyncio
from typing import Any

import asyncpg
import msgspec
from pgvector.asyncpg import register_vector
from redis.asyncio import BlockingConnectionPool, Redis

from protocol.faults import Fault
from runtime import clock
from storage.transaction import Database

__all__ = ["Redis", "open_database", "open_redis", "wait_for_database"]

ACQUIRE_SECONDS = 5.0
COMMAND_SECONDS = 30.0
REDIS_CONNECTIONS = 32
REDIS_WAIT_SECONDS = 5.0

_encode = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder().decode


def _to_json(value: Any) -> str:
    return _encode(value).decode()


async def _set_up(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=_to_json, decoder=_decode, schema="pg_catalog", format="text"
    )


async def _set_up_with_vectors(connection: Any) -> None:
    await _set_up(connection)
    await register_vector(connection)


async def _nothing_to_reset(_: Any) -> None:
    """Spare a round trip a transaction: SET LOCAL is all the state that there is."""


async def open_database(
    url: str, *, size: int = 8, vectors: bool = False, prepared: bool = True
) -> Database:
    """Open a pool of at most `size` connections; `prepared=False` for old transaction poolers.

    Raises Fault `unavailable` when the server cannot be reached.
    """
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            init=_set_up_with_vectors if vectors else _set_up,
            reset=_nothing_to_reset,
            timeout=ACQUIRE_SECONDS,
            command_timeout=COMMAND_SECONDS,
            max_inactive_connection_lifetime=300,
            statement_cache_size=256 if prepared else 0,
        )
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise Fault("unavailable", f"PostgreSQL: {type(error).__name__}") from error
    return Database(pool, acquire_seconds=ACQUIRE_SECONDS)


async def wait_for_database(url: str, *, seconds: float, size: int = 8) -> Database:
    """Open the database, trying again for `seconds`: a stack's parts start side by side."""
    deadline = clock.monotonic() + seconds
    while True:
        try:
            return await open_database(url, size=size)
        except Fault:
            if clock.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


def open_redis(url: str, *, connections: int = REDIS_CONNECTIONS) -> Redis:
    """Return a client on its own bounded pool; answers are bytes."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=REDIS_WAIT_SECONDS,
        socket_connect_timeout=REDIS_WAIT_SECONDS,
        socket_timeout=REDIS_WAIT_SECONDS,
        health_check_interval=30,
    )
    return Redis.from_pool(pool)
