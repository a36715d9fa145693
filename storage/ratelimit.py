"""One token bucket a user, decided by one atomic script on Redis' own clock (GCRA)."""

from importlib import resources
from typing import Final

from redis.asyncio import Redis

from storage import keys

_SCRIPT: Final = resources.files("storage").joinpath("scripts/gcra.lua").read_text("utf-8")
_MICROSECONDS: Final = 1_000_000


class RateLimit:
    """Admits `per_minute` requests of each key, `burst` of them at once."""

    def __init__(self, redis: Redis, *, per_minute: float, burst: int) -> None:
        """Keep the script at hand; it is loaded into Redis when first used."""
        if per_minute <= 0 or burst < 1:
            raise ValueError("a rate limit admits something")
        self._script = redis.register_script(_SCRIPT)
        self._arguments = (round(60 * _MICROSECONDS / per_minute), burst)

    async def take(self, who: str) -> float:
        """Return 0 when the request is admitted, else the seconds until one would be.

        Raises redis' errors when Redis is away: the caller decides what that means.
        """
        wait = await self._script(keys=[keys.rate(who)], args=self._arguments)
        return int(wait) / _MICROSECONDS
