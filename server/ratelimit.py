"""How often one user or one invitation may ask; without Redis nobody is refused."""

from redis.exceptions import RedisError

from protocol import limits
from protocol.faults import Fault
from runtime.logs import Log
from storage.connect import Redis
from storage.ratelimit import RateLimit

log = Log("server.ratelimit")


class Limiter:
    """Refuses whoever asks too often, with the moment to come back."""

    def __init__(
        self,
        redis: Redis,
        *,
        per_minute: float = limits.REQUESTS_PER_MINUTE,
        burst: int = limits.REQUESTS_BURST,
    ) -> None:
        """Keep the counts in `redis`, so that all instances share them."""
        self._limit = RateLimit(redis, per_minute=per_minute, burst=burst)

    async def admit(self, who: str) -> None:
        """Let one request of `who` through; raises Fault `rate_limited` with retry_after.

        The limit protects the service from its users. It is no reason to refuse them while Redis
        is away: then everyone passes, and the log says so.
        """
        try:
            wait = await self._limit.take(who)
        except (RedisError, OSError) as error:
            log.warning("rate_limit_skipped", error=type(error).__name__)
            return
        if wait > 0:
            raise Fault("rate_limited", retry_after=wait)
