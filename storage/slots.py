"""Instances, their places and who holds them: claim, renew and release, each atomic."""

import asyncio
from typing import Any, Final
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from protocol import limits
from protocol.faults import Fault
from storage import keys
from storage.redis_writer import RedisWriter, text


class Instance(msgspec.Struct, frozen=True):
    """One instance as the fleet sees it; `taken` counts sessions and seats together.

    `late` when it has missed a renewal: it may be dead, and its lease has not ended yet.
    """

    id: str
    url: str
    admit: int
    cap: int
    target: int
    draining: bool
    taken: int
    alive: bool
    late: bool
    waiting: int = 0  # sockets in its waiting room
    holds: bool = False  # a place of the session that was asked about


class Claim(msgspec.Struct, frozen=True):
    """What a claim came to: claimed, renewed, full, behind, draining or gone.

    `behind` when somebody waits for a place; `queued` when the session itself is in the room.
    """

    outcome: str
    taken: int
    queued: bool = False

    @property
    def held(self) -> bool:
        """Whether the session has a place now."""
        return self.outcome in ("claimed", "renewed")


LATE_MS: Final = int((limits.INSTANCE_LEASE_SECONDS - limits.RENEW_LATE_SECONDS) * 1000)
KEEP_MS: Final = int(limits.WAITING_KEEP_SECONDS * 1000)
DRAIN: Final = "drain"  # the mark of whoever wants an instance empty
FIRST: Final = "*"  # the lane of returning sessions, before every tenant's
_LEASE_MS_MAX: Final = limits.LEASE_SECONDS_MAX * 1000
RETURNING: Final = "cap"
NEW: Final = "admit"


class Slots:
    """The places of the whole fleet, kept in Redis under Redis' own time."""

    def __init__(self, redis: Redis, writer: RedisWriter) -> None:
        """Read through `redis`, write through `writer`."""
        self._redis = redis
        self._writer = writer
        self._announced: dict[str, tuple[str, int, int, int]] = {}
        self.freed = asyncio.Event()  # set when this process has given a place back

    async def register(
        self, instance_id: str, *, url: str, admit: int, cap: int, target: int
    ) -> None:
        """Announce an instance: from now on each renewal says who it is, even to an empty Redis.

        What an earlier process of its name was asked is forgotten.
        """
        self._announced[instance_id] = (url, admit, cap, target)
        try:
            await self._redis.hdel(keys.instance(instance_id), DRAIN)
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
        await self.renew(instance_id, [])

    async def claim(
        self, instance_id: str, session_id: UUID, *, returning: bool, seconds: float
    ) -> Claim:
        """Claim a place for `seconds`; new sessions fit under `admit`, returning ones under cap."""
        answer = await self._writer.run(
            "claim",
            [
                keys.slots(instance_id),
                keys.instance(instance_id),
                keys.waiting(),
                keys.waiting_line(FIRST),
                keys.freed(),
            ],
            [str(session_id), RETURNING if returning else NEW, seconds, KEEP_MS],
        )
        return Claim(outcome=text(answer[0]), taken=int(answer[1]), queued=bool(answer[2]))

    async def renew(
        self,
        instance_id: str,
        session_ids: list[UUID],
        *,
        draining: bool = False,
        whole: bool = True,
    ) -> int:
        """Keep the instance and its sessions alive; returns how many places are taken.

        A part of the sessions (not `whole`) is refused with -1 where the instance is not known:
        an emptied Redis has to hear of all of them at once.
        """
        answer = await self._writer.run(
            "renew",
            [
                keys.instances(),
                keys.instance(instance_id),
                keys.slots(instance_id),
                keys.freed(),
            ],
            [
                instance_id,
                limits.INSTANCE_LEASE_SECONDS,
                limits.SLOT_LEASE_SECONDS,
                "1" if draining else "0",
                *self._announced[instance_id],
                "1" if whole else "0",
                limits.WAITING_RATE_MINUTES,
                *map(str, session_ids),
            ],
        )
        return int(answer)

    async def release(self, instance_id: str, session_id: UUID) -> None:
        """Give a place back."""
        await self._writer.run(
            "release",
            [keys.slots(instance_id), keys.instance(instance_id), keys.freed()],
            [str(session_id)],
        )
        self.freed.set()

    async def ask_drain(self, instance_id: str, *, force: bool) -> str:
        """Ask an instance to drain: asked, draining (it does already), gone or last.

        The last one that admits is asked only by `force`.
        """
        others = [one.id for one in await self.instances() if one.id != instance_id]
        answer = await self._writer.run(
            "drain",
            [keys.instance(id_) for id_ in (instance_id, *others)],
            ["1" if force else "0"],
        )
        return text(answer)

    async def asked_to_drain(self, instance_id: str) -> bool:
        """Tell whether somebody has asked this instance to drain."""
        try:
            return await self._redis.hget(keys.instance(instance_id), DRAIN) == b"1"
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error

    async def remove(self, instance_id: str) -> None:
        """Forget an instance that has ended."""
        try:
            await self._redis.zrem(keys.instances(), instance_id)
            await self._redis.delete(keys.instance(instance_id), keys.slots(instance_id))
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error

    async def places(self, instance_id: str) -> list[UUID]:
        """Return every session with a place at an instance, seats of tickets included."""
        try:
            raw: Any = await self._redis.zrange(keys.slots(instance_id), 0, -1)
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
        return [UUID(text(one)) for one in raw]

    async def instances(self, *, of: UUID | None = None) -> list[Instance]:
        """Every instance with a lease, the fullest first; whether it `holds` a place of `of`."""
        try:
            return await self._instances(str(of or ""))
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error

    async def _instances(self, session: str) -> list[Instance]:
        seconds, micros = await self._redis.time()
        now_ms = seconds * 1000 + micros // 1000
        ids = [text(raw) for raw in await self._redis.zrange(keys.instances(), 0, -1)]
        if not ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for id_ in ids:
            pipe.hgetall(keys.instance(id_))
            pipe.zcount(keys.slots(id_), now_ms, "+inf")
            pipe.zscore(keys.slots(id_), session)
        answers: list[Any] = await pipe.execute()
        found = []
        thirds = zip(ids, answers[::3], answers[1::3], answers[2::3], strict=True)
        for id_, raw, taken, ends in thirds:
            fields = {text(key): text(value) for key, value in raw.items()}
            if "cap" not in fields:
                continue
            found.append(
                Instance(
                    id=id_,
                    url=fields["url"],
                    admit=int(fields["admit"]),
                    cap=int(fields["cap"]),
                    target=int(fields["target"]),
                    draining=fields.get("draining") == "1",
                    taken=taken,
                    # A lease longer than any is of a clock that was set back since.
                    alive=now_ms <= int(fields.get("until_ms", "0")) <= now_ms + _LEASE_MS_MAX,
                    late=int(fields.get("until_ms", "0")) - now_ms < LATE_MS,
                    waiting=int(fields.get("waiting", "0")),
                    holds=ends is not None and ends >= now_ms,
                )
            )
        return sorted(found, key=lambda instance: (-instance.taken, instance.id))
