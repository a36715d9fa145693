"""Tokens and money in Redis: one script gives both or neither, on the server's own clock.

The scripts say how (reserve.lua). A bucket begins empty, accounts begin with what the ledger says.
"""

from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from storage import keys
from storage.ledger import LedgerEntry
from storage.redis_writer import RedisWriter

RANKS: Final = ("live", "candidate", "recruiter", "background")
ACCOUNTS: Final = ("session", "day", "month")
MICROSECONDS: Final = 1_000_000
KINDS: Final = 3  # requests, input tokens, output tokens


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What one call asks for; `per_minute` and `tokens` are (requests, input, output).

    `bound` is the most it can cost, `line` what the ledger will say if its end is never told.
    `fresh` says that the session can't have spent anything yet, `session_percent` how much of its
    limit this may use (0 = it has no session's account). `fence` 0 checks none.
    """

    attempt: str
    tenant_id: UUID
    session_id: UUID | None
    urgency: str
    tier: str
    tokens: tuple[int, int, int]
    per_minute: tuple[int, int, int]
    bound: int
    line: LedgerEntry
    fence: int = 0
    fresh: bool = False
    session_percent: int = 100
    borrow_seconds: float = limits.BORROW_SECONDS


class Go(msgspec.Struct, frozen=True):
    """Reserved; the call may begin after so many seconds."""

    seconds: float = 0.0


class Wait(msgspec.Struct, frozen=True):
    """Not now, but perhaps after so many seconds; `share` when other tenants come first."""

    seconds: float
    share: bool = False


class Spent(msgspec.Struct, frozen=True):
    """An account's limit is reached; `first` when nobody was told of that yet."""

    account: str
    used: int
    limit: int
    first: bool = False


class Unknown(msgspec.Struct, frozen=True):
    """Redis has lost an account: it has to be made again from the ledger."""


Answer = Go | Wait | Spent | Unknown


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What a call really used; `limits` and `left` are what the headers said (-1 = nothing)."""

    tokens: tuple[int, int, int]
    micro_usd: int
    stay_away_seconds: float = 0.0
    limits: tuple[int, int, int] = (-1, -1, -1)
    left: tuple[int, int, int] = (-1, -1, -1)


class Crossed(msgspec.Struct, frozen=True):
    """A threshold of an account, in percent of its limit, was crossed just now."""

    account: str
    percent: int
    used: int
    limit: int


class Owed(msgspec.Struct, frozen=True):
    """An attempt that is open as far as PostgreSQL knows."""

    attempt: str
    bound: int
    line: LedgerEntry
    of_session: bool
    of_day: bool


class Known(msgspec.Struct, frozen=True):
    """What the ledger says of the three accounts, their limits, and what is open."""

    spent: tuple[int, int, int]
    limits: tuple[int, int, int]
    owed: list[Owed]


class Lost(msgspec.Struct, frozen=True):
    """A reservation whose process is gone; an adopted one was never seen to be sent."""

    attempt: str
    line: LedgerEntry
    adopted: bool
    accounts: tuple[str, str, str]


class _Hold(msgspec.Struct, frozen=True):
    bound: str
    line: str
    session: str
    day: str
    month: str
    tier: str = ""


def accounts(tenant_id: UUID, session_id: UUID | None, day: date | None = None) -> list[str]:
    """Return the keys of the three accounts a call is charged to, on `day` (today)."""
    return [keys.account(tenant_id, name) for name in keys.account_names(session_id, day)]


class Buckets:
    """The scripts, with their arguments in order; every Fault is `unavailable` or `fence_lost`."""

    def __init__(self, writer: RedisWriter, *, now_us: int = 0) -> None:
        """Send through `writer`; `now_us` is another clock than the server's, for tests."""
        self._writer = writer
        self.now_us = now_us

    async def reserve(self, need: Need) -> Answer:
        """Reserve tokens and money at once, or say why not."""
        names = [
            keys.bucket(need.tier), keys.bucket_usage(need.tier), keys.bucket_waiting(need.tier),
            keys.holds(), keys.open_attempts(), *accounts(need.tenant_id, need.session_id),
        ]  # fmt: skip
        arguments = [
            need.attempt, str(need.tenant_id), RANKS.index(need.urgency), self.now_us,
            *need.tokens, *need.per_minute, limits.BUCKET_SECONDS,
            int(need.borrow_seconds * MICROSECONDS), need.bound, need.fence, int(need.fresh),
            need.session_percent, int(limits.HOLD_SECONDS * 1000),
            msgspec.json.encode(need.line), limits.BUCKET_WATERMARKS[need.urgency],
            limits.BUCKET_FLOOR_PERCENT,
        ]  # fmt: skip
        what, *rest = await self._writer.run("reserve", names, arguments)
        match what:
            case b"go":
                return Go(rest[0] / MICROSECONDS)
            case b"wait":
                return Wait(rest[0] / MICROSECONDS, bool(rest[1]))
            case b"spent":
                return Spent(ACCOUNTS[rest[0] - 1], rest[1], rest[2], bool(rest[3]))
            case b"fence":
                raise Fault("fence_lost", "a newer owner has paid for this session")
        return Unknown()

    async def settle(
        self,
        attempt: str,
        tier: str,
        tenant_id: UUID,
        session_id: UUID | None,
        used: Used,
        day: date | None = None,
    ) -> list[Crossed]:
        """Give back what was not used and charge the rest; once for each attempt.

        What holds nothing is charged to the accounts of `day` (today), where they are known.
        """
        names = [
            keys.bucket(tier), keys.holds(), keys.open_attempts(),
            *accounts(tenant_id, session_id, day), keys.settled(clock.new_id()),
        ]  # fmt: skip
        arguments = [
            attempt, self.now_us, *used.tokens, used.micro_usd,
            int(used.stay_away_seconds * MICROSECONDS), *used.limits, *used.left,
        ]  # fmt: skip
        found = await self._writer.run("settle", names, arguments)
        parts = [found[at : at + 4] for at in range(0, len(found), 4)]
        return [
            Crossed(ACCOUNTS[n - 1], percent, used, top)
            for n, percent, used, top in parts
            if n != 1 or session_id is not None  # job-level work is of no session
        ]

    async def rebuild(self, tenant_id: UUID, session_id: UUID | None, known: Known) -> None:
        """Make the accounts that are missing; one that is there stays as it is."""
        arguments: list[Any] = [*known.spent, *known.limits, int(limits.HOLD_SECONDS * 1000)]
        for owed in known.owed:
            line = msgspec.json.encode(owed.line)
            arguments += [owed.attempt, owed.bound, line, int(owed.of_session), int(owed.of_day)]
        names = [keys.holds(), keys.open_attempts(), *accounts(tenant_id, session_id)]
        await self._writer.run("rebuild", names, arguments)

    async def limit(self, tenant_id: UUID, tops: tuple[int, int, int], at: int) -> bool:
        """Tell the accounts that are there of a company's limits as PostgreSQL had them at `at`."""
        names = accounts(tenant_id, None)[1:]
        return bool(await self._writer.run("limits", names, [*tops, at]))

    async def forget(self, names: list[str]) -> None:
        """Drop accounts (by their keys): the next reservation makes them from the ledger."""
        await self._writer.run("forget", names, [])

    async def lost(self, most: int = 100) -> list[Lost]:
        """Take the reservations that are past their time; what they held stays charged."""
        found = await self._writer.run("reap", [keys.holds(), keys.open_attempts()], [most])
        lost = []
        for attempt, raw in zip(found[::2], found[1::2], strict=True):
            hold = msgspec.json.decode(raw, type=_Hold)
            line = msgspec.json.decode(hold.line, type=LedgerEntry)
            names = (hold.session, hold.day, hold.month)
            lost.append(Lost(attempt.decode(), line, not hold.tier, names))
        return lost


class LocalBucket:
    """The share of a tier that this process takes by itself while Redis is away."""

    def __init__(self, per_minute: tuple[int, int, int], processes: int) -> None:
        """Take the limit divided by the most processes there can be; it begins empty."""
        self._rates = [limit / processes / 60 for limit in per_minute]
        self._levels = [0.0] * KINDS
        self._at = clock.monotonic()

    def reserve(self, tokens: tuple[int, int, int], urgency: str) -> Answer:
        """Take tokens, a live turn's from the future as well; by urgency, without shares."""
        now = clock.monotonic()
        tops = [rate * limits.BUCKET_SECONDS for rate in self._rates]
        passed, self._at = now - self._at, now
        self._levels = [
            min(level + rate * passed, top)
            for level, rate, top in zip(self._levels, self._rates, tops, strict=True)
        ]
        mark = limits.BUCKET_WATERMARKS[urgency] / 100
        wait = 0.0
        for wanted, level, rate, top in zip(tokens, self._levels, self._rates, tops, strict=True):
            missing = min(min(wanted, top) + mark * top, top) - level
            wait = max(wait, missing / rate)
        if wait > (limits.BORROW_SECONDS if urgency == "live" else 0.0):
            return Wait(wait)
        self._levels = [level - n for level, n in zip(self._levels, tokens, strict=True)]
        return Go(max(0.0, wait))

    def give_back(self, tokens: tuple[int, int, int], used: tuple[int, int, int]) -> None:
        """Correct a reservation by what was really used."""
        self._levels = [
            level + n - m for level, n, m in zip(self._levels, tokens, used, strict=True)
        ]
