"""The journal: answers accepted into Redis while PostgreSQL is away, one list for each session.

Redis may keep an answer only where that is as good as PostgreSQL: an append-only file synced at
every write, nothing evicted, no replica that a failover could make the truth. The script asks for
the session's own fence as well; a take-over seals the list by raising it (take.lua).
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from interview.events import AskPlan
from protocol import ids, limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.logs import Log
from storage import keys
from storage.redis_writer import RedisWriter, text

log = Log("storage.journal")
KEPT: Final = ("kept", "have")
_SCAN_COUNT: Final = 1000
_encode = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_ASK: Final = {"tenant_id", "session_id", "fence", "turn", "ask", "directive"}
_NEEDED: Final = {  # by kind, without what another version may leave out
    b"turn": _ASK | {"question", "answer", "client_msg_id", "state", "next_ask"},
    b"ask": _ASK,
}


class Entry(msgspec.Struct, frozen=True):
    """One answer with the ask that follows it, or one more attempt at a question.

    `mark` names it: the same answer sent again is the same entry.
    """

    mark: str
    kind: Literal["turn", "ask"]
    turn: int
    body: bytes

    @property
    def row(self) -> dict[str, Any]:
        """What PostgreSQL is to be given."""
        return _decode(self.body)


class Left(msgspec.Struct, frozen=True):
    """What a session's journal held, and the fence that Redis had in the same moment."""

    fence: int  # 0 where Redis knows none
    entries: list[Entry]  # up to the first that cannot be read
    unreadable: bytes | None = None  # that one, as it lies there


def turn_mark(row: dict[str, Any]) -> str:
    """Return the mark of an answer: its turn, its client_msg_id and its words."""
    words = f"{row['client_msg_id']}\0{row['answer']}".encode()
    return f"t{row['turn']}:{hashlib.blake2b(words, digest_size=16).hexdigest()}"


def turn_entry(row: dict[str, Any]) -> Entry:
    """Return the entry of an answer from the row that save_turns would have taken."""
    body = _encode({**row, "answered_at": clock.now()})
    return Entry(turn_mark(row), "turn", row["turn"], body)


def ask_entry(tenant_id: UUID, session_id: UUID, fence: int, plan: AskPlan) -> Entry:
    """Return the entry of an attempt that follows no answer."""
    row = {
        "tenant_id": tenant_id,
        "session_id": session_id,
        "created_at": ids.created_at(session_id),
        "fence": fence,
        "turn": plan.turn,
        "ask": plan.ask,
        "directive": plan.directive,
    }
    return Entry(f"a{plan.turn}:{plan.ask}", "ask", plan.turn, _encode(row))


def parse(raw: Iterable[bytes]) -> list[Entry]:
    """Read a journal's entries; one that can't be read is Fault `unavailable`, never dropped."""
    return [_entry(line) for line in raw]


def _entry(line: bytes) -> Entry:
    try:
        mark, kind, turn, body = line.split(b" ", 3)
        if kind not in _NEEDED:
            raise ValueError(kind)
        _decode(body)
        return Entry(mark.decode(), text(kind), int(turn), body)  # type: ignore[arg-type]
    except (msgspec.DecodeError, ValueError) as error:
        log.crash("journal_unreadable")
        raise Fault("unavailable", "an entry of the journal cannot be read") from error


def _readable(raw: Iterable[bytes]) -> tuple[list[Entry], bytes | None]:
    """Return the entries up to the first that can't be read or inserted, and that one."""
    entries: list[Entry] = []
    for line in raw:
        try:
            entry = _entry(line)
        except Fault:
            return entries, line
        if _NEEDED[entry.kind.encode()] - entry.row.keys():
            return entries, line
        entries.append(entry)
    return entries, None


class Journal:
    """The journals of all sessions in one Redis, and whether it may keep any."""

    def __init__(self, redis: Redis, writer: RedisWriter) -> None:
        """Read through `redis`, write through `writer`."""
        self._redis = redis
        self._writer = writer
        self._run_id = ""
        self._reason = "unchecked"
        self._checked_at = -limits.JOURNAL_CHECK_SECONDS

    async def check(self, *, again: bool = False) -> str:
        """Return why Redis may keep no answers, or nothing when it may; believed for a moment."""
        now = clock.monotonic()
        if again or now - self._checked_at >= limits.JOURNAL_CHECK_SECONDS:
            reason = await self._why_not()
            if reason != self._reason:
                say = log.warning if reason else log.info
                say("journal_mode", status="off" if reason else "on", reason=reason)
            self._reason, self._checked_at = reason, now
            metrics.journal_mode.set(0 if reason else 1)
        return self._reason

    async def _why_not(self) -> str:
        try:
            info: Any = await self._redis.info("server", "persistence", "replication")
            config: Any = await self._redis.config_get(
                "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy"
            )
        except (RedisError, OSError) as error:
            # A managed Redis may forbid CONFIG: then nobody knows how it keeps its file.
            away = isinstance(error, OSError | TimeoutError) or "onnection" in type(error).__name__
            return "unavailable" if away else "unknown"
        settings = {text(name): text(value) for name, value in config.items()}
        self._run_id = text(info.get("run_id", ""))
        if not info.get("aof_enabled"):
            return "aof_off"
        if settings.get("appendfsync") != "always":
            return "fsync"
        if settings.get("no-appendfsync-on-rewrite") != "no":
            return "rewrite"
        if settings.get("maxmemory-policy", "").startswith("allkeys"):
            return "eviction"
        if info.get("role") != "master" or int(info.get("connected_slaves", 0)):
            return "replicas"
        return "" if text(info.get("aof_last_write_status", "")) == "ok" else "aof_error"

    async def append(self, session_id: UUID, fence: int, entry: Entry) -> str:
        """Add an entry under the owner's fence; one of KEPT, or why it was refused.

        Raises Fault `unavailable` when nobody can tell whether it was added.
        """
        for again in (False, True):
            reason = await self.check(again=again)
            if reason:
                return reason
            outcome = text(
                await self._writer.run(
                    "journal",
                    [keys.live(session_id), keys.journal(session_id)],
                    [
                        fence,
                        self._run_id,
                        entry.mark,
                        entry.kind,
                        entry.turn,
                        entry.body,
                        limits.JOURNAL_ENTRIES_MAX,
                        limits.JOURNAL_BYTES_MAX,
                    ],
                )
            )
            if outcome != "unchecked":  # another server answers than the one that was looked at
                return outcome
        return "unchecked"

    async def read(self, session_id: UUID) -> list[Entry]:
        """Return what a session's journal holds."""
        try:
            raw: Any = await self._redis.lrange(keys.journal(session_id), 0, -1)
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
        return parse(raw)

    async def left(self, session_id: UUID) -> Left:
        """Return a journal as far as it can be read, and the copy of the fence, in one moment."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hget(keys.live(session_id), "fence")
        pipe.lrange(keys.journal(session_id), 0, -1)
        try:
            fence, raw = await pipe.execute()
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
        return Left(int(fence or 0), *_readable(raw))

    async def trim(self, session_id: UUID, marks: Sequence[str]) -> int:
        """Forget entries that PostgreSQL has; returns how many are left."""
        return int(await self._writer.run("trim", [keys.journal(session_id)], list(marks)))

    async def set_aside(self, session_id: UUID, unreadable: bytes) -> int:
        """Take an entry that nobody can read, and all behind it, out of everybody's way.

        Nothing is thrown away: a person may know better. Returns how many entries there were.
        """
        names = [keys.journal(session_id), keys.set_aside(session_id)]
        moved = int(await self._writer.run("aside", names, [unreadable]))
        if moved:
            metrics.journal.labels("set_aside").inc(moved)
            log.error("journal_set_aside", session_id=session_id, count=moved)
        return moved

    async def held(self, *, limit: int) -> list[UUID]:
        """Return sessions whose journal holds something, wherever their owners are."""
        found: list[UUID] = []
        try:
            async for key in self._redis.scan_iter(f"{keys.JOURNALS}*", count=_SCAN_COUNT):
                session_id = keys.journal_of(text(key))
                if session_id is not None:
                    found.append(session_id)
                if len(found) >= limit:
                    break
        except (RedisError, OSError) as error:
            raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
        return found


async def forget(redis: Redis, session_ids: list[UUID]) -> None:
    """Remove the journals of a candidate who was erased; Fault `unavailable`."""
    try:
        for session_id in session_ids:  # one key a call: they live in different cluster slots
            await redis.delete(keys.journal(session_id), keys.set_aside(session_id))
    except (RedisError, OSError) as error:
        raise Fault("unavailable", f"Redis: {type(error).__name__}") from error
