"""The floor of an answer: one row, one commit, on the same PostgreSQL, one at a time."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg

from loadtest.bench.figures import Figure, figure, spread_ms
from loadtest.bench.house import House
from runtime import clock

BENCH = "commit"


async def latencies(house: House, *, commits: int, pause: float = 0.01) -> dict[str, float]:
    """Return {commit_p50 …} in ms of single-row inserts at a gentle pace."""
    connection = await asyncpg.connect(house.settings.database_url)
    try:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_rows (id bigint PRIMARY KEY, words text NOT NULL)"
        )
        first = await connection.fetchval("SELECT coalesce(max(id), 0) + 1 FROM bench_rows")
        samples = []
        for number in range(first, first + commits):
            begun = clock.monotonic_ns()
            await connection.execute(
                "INSERT INTO bench_rows (id, words) VALUES ($1, $2)", number, "una respuesta " * 20
            )
            samples.append(clock.monotonic_ns() - begun)
            await asyncio.sleep(pause)
    finally:
        await connection.close()
    return spread_ms(samples, "commit")


async def run(house: House, *, commits: int) -> AsyncIterator[Figure]:
    """Yield the commit's percentiles."""
    for name, value in (await latencies(house, commits=commits)).items():
        yield figure(BENCH, "one row", name, value, "ms")
