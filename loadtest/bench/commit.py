"""The floor of an answer: one row, one commit, on the same PostgreSQL, one at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from loadtest.bench.figures import Figure, figure, spread_ms
from loadtest.bench.house import House
from runtime import clock
from runtime.lifecycle import Tasks

BENCH: Final = "commit"
PAUSE_SECONDS: Final = 0.05
WORDS: Final = "una respuesta " * 20


class Commits:
    """Commits one row every now and then; `fresh` begins anew."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Write on a connection of its own."""
        self._connection = connection
        self._samples: list[int] = []

    async def write(self, pause: float) -> None:
        """Write until cancelled."""
        await self._connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_rows (id bigserial PRIMARY KEY, words text NOT NULL)"
        )
        while True:
            begun = clock.monotonic_ns()
            await self._connection.execute("INSERT INTO bench_rows (words) VALUES ($1)", WORDS)
            self._samples.append(clock.monotonic_ns() - begun)
            await asyncio.sleep(pause)

    def fresh(self) -> None:
        """Forget what was measured so far."""
        self._samples = []

    @property
    def count(self) -> int:
        """How many were measured."""
        return len(self._samples)

    def latencies(self) -> dict[str, float]:
        """Return {commit_p50 …} in ms."""
        return spread_ms(self._samples, "commit")


@asynccontextmanager
async def beside(house: House, *, pause: float = PAUSE_SECONDS) -> AsyncIterator[Commits]:
    """Commit rows while the block runs: what the disk does then, it does to the product too."""
    connection = await asyncpg.connect(house.settings.database_url, timeout=10)
    commits = Commits(connection)
    try:
        async with Tasks("commits") as tasks:
            tasks.start(commits.write(pause))
            yield commits
    finally:
        await connection.close()


async def run(house: House, *, commits: int) -> AsyncIterator[Figure]:
    """Yield the commit's percentiles."""
    async with beside(house, pause=0.01) as writing:
        while writing.count < commits:  # noqa: ASYNC110 - it writes on, whoever looks
            await asyncio.sleep(0.05)
        found = writing.latencies()
    for name, value in found.items():
        yield figure(BENCH, "one row", name, value, "ms")
