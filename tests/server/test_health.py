"""Health and metrics: what restarts a process, what keeps traffic away, what is counted."""

from prometheus_client.parser import text_string_to_metric_families

from storage import connect
from tests.server.conftest import Door


async def test_a_living_process_says_so_whatever_else_is_away(door: Door) -> None:
    """Liveness looks at nothing: a database outage must not restart every instance."""
    assert (await door.anyone.get("/health/live")).json() == {"status": "live"}


async def test_readiness_is_what_traffic_needs(door: Door) -> None:
    """Both stores answer and nothing drains; each missing part is named."""
    ready = await door.anyone.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {"ready": True, "database": True, "redis": True, "draining": False}
    door.house.gate.closed = True
    draining = await door.anyone.get("/health/ready")
    assert draining.status_code == 503
    assert draining.json()["draining"] is True
    assert (await door.anyone.get("/health/live")).status_code == 200
    door.house.gate.closed = False


async def test_a_store_that_is_away_is_named(door: Door) -> None:
    """Redis away: not ready, and said which; PostgreSQL still answers."""
    away = connect.open_redis("redis://127.0.0.1:1/0")
    kept = door.house.redis
    object.__setattr__(door.house, "redis", away)
    answer = await door.anyone.get("/health/ready")
    object.__setattr__(door.house, "redis", kept)
    await away.aclose()
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": True, "redis": False, "draining": False}


async def test_metrics_are_what_prometheus_reads(door: Door) -> None:
    """The text parses, and its content type names the format once."""
    await door.opening()
    answer = await door.anyone.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"http_requests", "http_request_seconds", "faults", "watchers"} <= names
