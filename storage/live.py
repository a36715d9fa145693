"""Live session state in Redis: a fenced copy that survives an instance for 24 hours.

PostgreSQL issues the fence; the copy here lets a new owner find the question that waits.
"""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from interview.record import Snapshot
from protocol.faults import Fault
from storage import keys
from storage.journal import Entry, parse
from storage.redis_writer import RedisWriter, text

_encode = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder(Snapshot).decode
_LIFETIME_MS = keys.LIFETIMES["live"] * 1000


class Owner(msgspec.Struct, frozen=True):
    """Who holds a session, as far as Redis knows."""

    fence: int
    instance: str
    url: str
    status: str
    turns_done: int


class Mark(msgspec.Struct, frozen=True):
    """What a session's owner looks at now and then: whose it is, and a grant of time."""

    fence: int = 0  # 0 where Redis knows nothing
    seconds: float = 0.0  # of the plan, as the latest grant made it; PostgreSQL is the truth
    instance: str = ""


class Taken(msgspec.Struct, frozen=True):
    """What the last owner left: its state, if that is the newest, and its sealed journal."""

    snapshot: Snapshot | None
    journal: list[Entry]


class Live:
    """The live state of all sessions."""

    def __init__(self, redis: Redis, writer: RedisWriter) -> None:
        """Read through `redis`, write through `writer`."""
        self._redis = redis
        self._writer = writer

    async def take(
        self,
        session_id: UUID,
        fence: int,
        *,
        instance: str,
        url: str,
        tenant_id: UUID,
        interview_id: UUID,
    ) -> Taken:
        """Raise the copy of the fence, seal the journal and return what the last owner left.

        Raises Fault `fence_lost` when somebody newer is there already, `unavailable` without Redis.
        """
        answer = await self._writer.run(
            "take",
            [keys.live(session_id), keys.journal(session_id)],
            [fence, instance, url, _LIFETIME_MS, str(tenant_id), str(interview_id)],
        )
        taken, had, state, journal = answer
        if not taken:
            raise Fault("fence_lost", f"fence {had} is newer than {fence}")
        return Taken(_left(had, fence, state), parse(journal))

    def keep(
        self, session_id: UUID, fence: int, snapshot: Snapshot, *, turns_done: int, status: str
    ) -> "asyncio.Future[Any]":
        """Queue the state for writing; the future gives 1, or 0 when the fence is stale."""
        return self._writer.call(
            "keep",
            [keys.live(session_id)],
            [fence, _encode(snapshot), turns_done, status, _LIFETIME_MS],
        )

    async def owner(self, session_id: UUID) -> Owner | None:
        """Return who holds the session, or None when Redis knows nothing of it."""
        try:
            raw = await self._redis.hgetall(keys.live(session_id))
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
        fields = {text(key): text(value) for key, value in raw.items()}
        if "fence" not in fields:
            return None
        return Owner(
            fence=int(fields["fence"]),
            instance=fields.get("instance", ""),
            url=fields.get("url", ""),
            status=fields.get("status", ""),
            turns_done=int(fields.get("turns_done", "0")),
        )

    async def marks(self, session_ids: list[UUID]) -> dict[UUID, Mark]:
        """Return what Redis has of each session, in one round trip."""
        pipe = self._redis.pipeline(transaction=False)
        for session_id in session_ids:
            pipe.hmget(keys.live(session_id), ["fence", "plan_seconds", "instance"])
        try:
            answers = await pipe.execute()
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
        return {
            session_id: Mark(int(fence or 0), float(seconds or 0), text(instance or b""))
            for session_id, (fence, seconds, instance) in zip(session_ids, answers, strict=True)
        }

    async def use_once(self, nonce: str) -> bool:
        """Mark a ticket as used; False when it had been."""
        try:
            return bool(
                await self._redis.set(
                    keys.ticket(nonce), b"1", nx=True, ex=keys.LIFETIMES["ticket"]
                )
            )
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error


def _left(had: int, fence: int, state: bytes) -> Snapshot | None:
    if had != fence - 1 or not state:
        return None  # of an owner in between that never wrote here: PostgreSQL knows better
    try:
        return _decode(state)
    except msgspec.DecodeError:
        return None  # written by another version of this program


async def mark_granted(redis: Redis, session_id: UUID, seconds: float) -> None:
    """Leave word of granted time for the session's owner; Fault `unavailable`.

    Where no live state is, the mark alone says nothing to anybody and goes by itself.
    """
    key = keys.live(session_id)
    pipe = redis.pipeline(transaction=True)
    pipe.hset(key, "plan_seconds", str(seconds))
    pipe.pexpire(key, _LIFETIME_MS)
    try:
        await pipe.execute()
    except (RedisError, OSError) as error:
        raise Fault("unavailable", f"Redis: {type(error).__name__}") from error


async def forget(redis: Redis, session_ids: list[UUID]) -> None:
    """Remove the live state of sessions whose candidate was erased; Fault `unavailable`."""
    if not session_ids:
        return
    try:
        for session_id in session_ids:  # one key a call: they live in different cluster slots
            await redis.delete(keys.live(session_id))
    except (RedisError, OSError) as error:
        raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
