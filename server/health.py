"""Whether the process lives, whether it should get traffic, and its metrics."""

import asyncio
from typing import Any, Final, Literal

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from redis.exceptions import RedisError

from runtime import metrics
from server.house import House, house_of

CHECK_SECONDS: Final = 2.0


class Live(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(msgspec.Struct, frozen=True):
    """What traffic needs; `ready` is whether all of it is there."""

    ready: bool
    database: bool
    redis: bool
    draining: bool


@get("/health/live", summary="The process answers", tags=["health"])
async def live() -> Live:
    """Answer without looking at anything: a failing store is no reason to be restarted."""
    return Live()


@get("/health/ready", summary="Traffic is welcome", tags=["health"])
async def ready(request: Request[Any, Any, State]) -> Response[Ready]:
    """Answer 200 when PostgreSQL and Redis answer and nothing is draining, 503 otherwise."""
    house = house_of(request)
    database, redis = await asyncio.gather(_soon(house.db.alive()), _soon(_redis(house)))
    draining = house.gate.closed
    state = Ready(database and redis and not draining, database, redis, draining)
    return Response(state, status_code=200 if state.ready else 503)


async def _soon(check: Any) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return bool(await check)
    except (TimeoutError, RedisError, OSError):
        return False


async def _redis(house: House) -> bool:
    return bool(await house.redis.ping())


@get("/metrics", summary="Metrics for Prometheus", tags=["health"], media_type="text/plain")
async def read_metrics() -> Response[bytes]:
    """Return every metric of this process in Prometheus' text format."""
    # The framework adds the charset to text.
    kind = metrics.CONTENT_TYPE.removesuffix("; charset=utf-8")
    return Response(metrics.text(), media_type=kind)


HANDLERS: Final = [live, ready, read_metrics]
