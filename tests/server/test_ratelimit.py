"""The rate limit: exactly as many as allowed, and nobody is blocked for ever."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from protocol.faults import Fault
from server.ratelimit import Limiter
from storage import connect, keys
from storage.ratelimit import RateLimit
from tests.server.conftest import Door


async def test_a_burst_passes_and_no_more(redis: Redis) -> None:
    """Of 60 at once with a burst of 10, ten pass, whatever the order (one key, one script)."""
    limit = RateLimit(redis, per_minute=1, burst=10)
    waits = await asyncio.gather(*(limit.take("ana") for _ in range(60)))
    assert sum(wait == 0 for wait in waits) == 10
    assert all(wait > 0 for wait in waits[10:] if wait)


async def test_each_key_has_its_own_rate(redis: Redis) -> None:
    """One user's requests are not another's."""
    limit = RateLimit(redis, per_minute=1, burst=1)
    assert await limit.take("ana") == 0
    assert await limit.take("ana") > 0
    assert await limit.take("luz") == 0


async def test_a_refusal_does_not_push_the_moment_away(redis: Redis) -> None:
    """Hammering changes nothing: the time to wait only goes down."""
    limit = RateLimit(redis, per_minute=6, burst=1)
    await limit.take("ana")
    first = await limit.take("ana")
    for _ in range(50):
        last = await limit.take("ana")
    assert 0 < last <= first <= 10


async def test_time_lets_requests_through_again(redis: Redis) -> None:
    """After the wait that was told, the next one passes."""
    limit = RateLimit(redis, per_minute=1200, burst=2)
    while (wait := await limit.take("ana")) == 0:
        pass
    await asyncio.sleep(wait + 0.02)
    assert await limit.take("ana") == 0


async def test_every_key_has_a_lifetime(redis: Redis) -> None:
    """No key stays for ever: INCR without its EXPIRE would block a user until somebody notices."""
    limit = RateLimit(redis, per_minute=60, burst=5)
    for _ in range(9):
        await limit.take("ana")
    assert 0 < await redis.pttl(keys.rate("ana")) <= 5_001


async def test_a_lost_script_is_loaded_again(redis: Redis) -> None:
    """A restarted Redis knows no scripts; nobody notices."""
    limit = RateLimit(redis, per_minute=60, burst=5)
    await limit.take("ana")
    await redis.script_flush()
    assert await limit.take("ana") == 0


async def test_the_limiter_raises_a_fault_with_the_moment(redis: Redis) -> None:
    """What the edge needs: the code and how long to wait."""
    limiter = Limiter(redis, per_minute=6, burst=1)
    await limiter.admit("ana")
    with pytest.raises(Fault) as caught:
        await limiter.admit("ana")
    assert caught.value.code == "rate_limited"
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 10


async def test_without_redis_everyone_passes(caplog: pytest.LogCaptureFixture) -> None:
    """The limit protects the service; it does not end it. The log says so."""
    away = connect.open_redis("redis://127.0.0.1:1/0")
    await Limiter(away).admit("ana")
    assert "rate_limit_skipped" in caplog.text
    await away.aclose()


def test_a_limit_that_admits_nothing_is_a_mistake(redis: Any) -> None:
    """Zero a minute is no limit but a closed door."""
    with pytest.raises(ValueError, match="admits"):
        RateLimit(redis, per_minute=0, burst=1)


async def test_a_user_over_the_rate_gets_429_and_others_do_not(door: Door) -> None:
    """One user's 429 carries Retry-After and a problem document; another user goes on."""
    object.__setattr__(door.house, "limiter", Limiter(door.house.redis, per_minute=1, burst=3))
    recruiter, operator = door.recruiter, door.operator
    answers = [await recruiter.get("/api/v1/me") for _ in range(5)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert answers[3].json()["code"] == "rate_limited"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert (await operator.get("/api/v1/me")).status_code == 200
