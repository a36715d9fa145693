"""Whether PostgreSQL answers this process: believed away from the first failure to the next word.

While it is away nobody waits for its time-outs: answers go to the journal, and one look every
now and then finds out when it is back.
"""

import asyncio

from protocol import limits
from runtime import metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log
from storage.transaction import Database

log = Log("storage.reach")
LOOK_SECONDS = 2.0
SETTLING_MAX = 2  # sessions at a time: a crowd that flushes leaves connections for new answers


class Reach:
    """One for a process."""

    def __init__(self, db: Database) -> None:
        """Watch `db`; nothing runs while all is well."""
        self._db = db
        self._tasks = Tasks("reach")
        self.away = False
        self.settling = asyncio.Semaphore(SETTLING_MAX)

    def lost(self) -> None:
        """Somebody could not reach PostgreSQL: look for it until it answers."""
        if not self.away:
            self.away = True
            metrics.database_away.set(1)
            log.warning("database_away")
            self._tasks.start(self._look())

    async def _look(self) -> None:
        while True:
            if await self._answers():
                break
            await asyncio.sleep(limits.AWAY_PROBE_SECONDS)
        self.away = False
        metrics.database_away.set(0)
        log.info("database_back")

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._db.alive()
        except TimeoutError:
            return False

    async def close(self) -> None:
        """Stop looking."""
        await self._tasks.close()
