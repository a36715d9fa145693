"""Tokens and money in one script: exact under races, fair between tenants, never read as zero."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from runtime.settings import Settings
from storage import buckets, keys
from storage.buckets import Buckets, Go, Known, LocalBucket, Need, Owed, Spent, Unknown, Used, Wait
from storage.connect import Redis, open_redis
from storage.redis_writer import RedisWriter
from tests.storage.test_ledger import entry

TENANT, OTHER, SESSION = UUID(int=1), UUID(int=2), UUID(int=7)
PER_MINUTE = (6_000, 600_000, 60_000)  # 100, 10,000 and 1,000 a second
START = 1_780_000_000_000_000
NOTHING = Used(tokens=(0, 0, 0), micro_usd=0)


def need(attempt: str, **changes: Any) -> Need:
    given = {
        "tenant_id": TENANT,
        "session_id": SESSION,
        "urgency": "live",
        "tier": "fast",
        "tokens": (1, 100, 10),
        "per_minute": PER_MINUTE,
        "bound": 100,
        **changes,
    }
    line = entry(given["tenant_id"], session_id=str(given["session_id"]), attempt=attempt)
    return Need(attempt=attempt, line=line, **given)


def known(*limit: int, spent: tuple[int, int, int] = (0, 0, 0), owed: Any = ()) -> Known:
    return Known(spent, (*limit, 0, 0, 0)[:3], list(owed))  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def writer(settings: Settings) -> AsyncIterator[RedisWriter]:
    """The writing connection to a fresh Redis."""
    client = open_redis(settings.redis_url, connections=1)
    made = RedisWriter(client)
    yield made
    await made.close()
    await client.aclose()


class Timed(Buckets):
    """Buckets whose clock is moved by the test."""

    def pass_by(self, seconds: float) -> None:
        self.now_us += int(seconds * 1e6)

    async def fill(self, seconds: float) -> None:
        """Let the bucket begin, which is when it is first asked, and fill."""
        await self.reserve(need("first", urgency="recruiter"))
        self.pass_by(seconds)

    async def some(self, many: int, **changes: Any) -> int:
        """Ask for so many at once, which leave in one write; return how many were granted."""
        asked = (self.reserve(need(str(clock.new_id()), **changes)) for _ in range(many))
        return sum(isinstance(found, Go) for found in await asyncio.gather(*asked))

    async def all_there_is(self, **changes: Any) -> int:
        """Keep asking while there is some; return how many were granted."""
        granted = 0
        while (more := await self.some(6, **changes)) == 6:
            granted += more
        return granted + more

    async def take(self, seconds: float, step: float, **changes: Any) -> int:
        """Ask at a steady pace for all there is; return how many were granted."""
        granted = 0
        for _ in range(round(seconds / step)):
            self.pass_by(step)
            granted += await self.all_there_is(**changes)
        return granted


@pytest_asyncio.fixture
async def timed(writer: RedisWriter) -> Timed:
    """Buckets at a fixed moment, with accounts that have no limits."""
    made = Timed(writer, now_us=START)
    for tenant in (TENANT, OTHER):
        await made.rebuild(tenant, SESSION, known())
    return made


async def account(redis: Any, which: int = 0) -> int:
    return int(await redis.hget(buckets.accounts(TENANT, SESSION)[which], "used"))


# Tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("urgency", ["live", "background"])
async def test_from_empty_a_bucket_grants_the_limit_of_a_minute(timed: Timed, urgency: str) -> None:
    """Within 1 %, whoever asks: nothing is lost to floors and watermarks that nobody needs."""
    granted = await timed.take(60, 0.05, urgency=urgency, borrow_seconds=0.0)
    assert granted == pytest.approx(6_000, rel=0.01)


@pytest.mark.parametrize("kind", [0, 1, 2])
async def test_each_kind_of_token_is_a_limit(timed: Timed, kind: int) -> None:
    """All of them or nothing: the scarcest decides."""
    tokens = [1, 1, 1]
    tokens[kind] = PER_MINUTE[kind] // 600  # a tenth of a second's
    granted = await timed.take(10, 0.1, tokens=tuple(tokens), borrow_seconds=0.0)
    assert 98 <= granted <= 101


async def test_only_a_live_turn_borrows(timed: Timed) -> None:
    """It is told when to begin, as far ahead as it may; all others are told to come again."""
    found = [await timed.reserve(need(f"b{n}", urgency="background")) for n in range(3)]
    assert all(isinstance(one, Wait) for one in found)
    waits = []
    while isinstance(go := await timed.reserve(need(f"l{len(waits)}")), Go):
        waits.append(go.seconds)
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(limits.BORROW_SECONDS, abs=0.05)
    # at 95 % of 100 a second, since background has asked as well
    assert len(waits) == pytest.approx(limits.BORROW_SECONDS * 95, abs=2)


async def test_a_live_turn_does_not_wait_behind_background(timed: Timed) -> None:
    """Below its watermark background waits, and keeps its floor nevertheless."""
    await timed.reserve(need("first"))
    live, background = 0, 0
    for _ in range(600):  # a minute in which both ask for more than there is
        timed.pass_by(0.1)
        background += await timed.all_there_is(urgency="background")
        live += await timed.some(12)
    floor = 6_000 * limits.BUCKET_FLOOR_PERCENT / 100
    assert background == pytest.approx(floor, rel=0.05)
    assert live + background == pytest.approx(6_000 + 300, rel=0.02)  # and what was borrowed


async def test_a_saturated_bucket_lets_a_live_turn_in_at_once(timed: Timed) -> None:
    """Five hundred in the background leave room above their mark as soon as turns are live."""
    await timed.take(10, 0.1, urgency="background")
    waits = []
    for number in range(100):  # one live turn every 0.3 s, background asking all the time
        timed.pass_by(0.3)
        await timed.all_there_is(urgency="background")
        go = await timed.reserve(need(f"live{number}"))
        assert isinstance(go, Go)
        waits.append(go.seconds)
    assert max(waits) <= 0.1


async def test_tenants_share_what_is_scarce(timed: Timed) -> None:
    """Five times as many requests do not get five times as much: the script knows both."""
    granted = {TENANT: 0, OTHER: 0}
    for _ in range(800):  # 100 a second for forty seconds
        timed.pass_by(0.05)
        for tenant, many in ((TENANT, 25), (OTHER, 5)):
            granted[tenant] += await timed.some(many, tenant_id=tenant, urgency="recruiter")
    assert sum(granted.values()) == pytest.approx(4_000, rel=0.03)
    assert granted[OTHER] == pytest.approx(2_000, rel=0.1)


async def test_what_was_not_used_goes_back(timed: Timed, redis: Any) -> None:
    """Tokens by the real usage; a call that was never sent leaves no trace."""
    await timed.fill(5)
    before = await timed.reserve(need("a", tokens=(1, 5_000, 900)))
    assert isinstance(before, Go)
    await timed.settle("a", "fast", TENANT, SESSION, Used(tokens=(1, 50, 9), micro_usd=3))
    left = await redis.hmget(keys.bucket("fast"), "m1", "m2", "m3")
    assert [round(float(value)) for value in left] == [499, 49_950, 4_991]
    assert await account(redis) == 3


@pytest.mark.parametrize("held", [True, False], ids=["held", "its hold is lost"])
async def test_a_settlement_that_is_sent_again_is_charged_once(
    timed: Timed, writer: RedisWriter, redis: Any, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    """Writes whose answer was lost go out a second time."""
    if held:
        await timed.reserve(need("a"))
    send = writer.run

    async def twice(*what: Any) -> Any:
        await send(*what)
        return await send(*what)

    monkeypatch.setattr(writer, "run", twice)
    await timed.settle("a", "fast", TENANT, SESSION, Used(tokens=(1, 50, 9), micro_usd=30))
    assert await account(redis) == 30


async def test_the_providers_headers_correct_the_bucket(timed: Timed) -> None:
    """Less is left than we thought, and the limit is lower: both are believed."""
    await timed.fill(10)
    await timed.reserve(need("a"))
    told = Used(tokens=(1, 100, 10), micro_usd=1, limits=(600, -1, -1), left=(3, -1, -1))
    await timed.settle("a", "fast", TENANT, SESSION, told)
    assert await timed.take(10, 0.1, borrow_seconds=0.0) == pytest.approx(103, abs=1)


async def test_a_provider_that_wants_quiet_gets_it(timed: Timed) -> None:
    """retry-after holds for everybody; a live turn waits if that is soon enough."""
    await timed.fill(10)
    await timed.reserve(need("a"))
    told = msgspec.structs.replace(NOTHING, stay_away_seconds=2.0)
    await timed.settle("a", "fast", TENANT, SESSION, told)
    assert isinstance(await timed.reserve(need("b", urgency="recruiter")), Wait)
    assert await timed.reserve(need("c")) == Go(2.0)
    timed.pass_by(2.0)
    assert await timed.reserve(need("d", urgency="recruiter")) == Go(0.0)


# Money -----------------------------------------------------------------------------------------


async def test_an_account_that_redis_does_not_know_is_not_empty(writer: RedisWriter) -> None:
    """Unknown is an answer; only a session's very first call knows that nothing was spent."""
    mine = Buckets(writer)
    assert await mine.reserve(need("a")) == Unknown()
    assert await mine.reserve(need("a", fresh=True)) == Unknown()  # the tenant's day is missing
    await mine.rebuild(TENANT, UUID(int=8), known(1_000))
    assert await mine.reserve(need("a")) == Unknown()
    assert isinstance(await mine.reserve(need("a", fresh=True)), Go)


async def test_a_rebuilt_account_says_what_the_ledger_says(writer: RedisWriter, redis: Any) -> None:
    """Spent and open; an open attempt that comes to reserve is counted once."""
    mine = Buckets(writer)
    open_ones = [Owed(f"o{n}", 100, entry(TENANT), of_session=True, of_day=True) for n in range(3)]
    await mine.rebuild(TENANT, SESSION, known(1_000, spent=(450, 450, 450), owed=open_ones))
    assert await account(redis) == 750
    assert isinstance(await mine.reserve(need("o1", bound=120)), Go)
    assert await account(redis) == 770
    await mine.settle("o2", "fast", TENANT, SESSION, Used(tokens=(1, 1, 1), micro_usd=5))
    assert await account(redis) == 675
    await mine.rebuild(TENANT, SESSION, known(1, spent=(9, 9, 9)))  # a slower one comes too late
    assert await account(redis) == 675
    assert await mine.reserve(need("x", bound=400)) == Spent("session", 675, 1_000, first=True)


async def test_what_is_held_is_charged_to_an_account_that_is_made_again(
    writer: RedisWriter, redis: Any
) -> None:
    """Only the account was lost, not its reservations: nothing is charged twice or never."""
    mine = Buckets(writer)
    await mine.rebuild(TENANT, SESSION, known(1_000))
    assert isinstance(await mine.reserve(need("a", bound=300)), Go)
    await mine.forget(buckets.accounts(TENANT, SESSION))
    assert await mine.reserve(need("b")) == Unknown()
    open_ones = [Owed("a", 999, entry(TENANT), of_session=True, of_day=True)]
    await mine.rebuild(TENANT, SESSION, known(1_000, spent=(50, 50, 50), owed=open_ones))
    for which in range(3):
        assert await account(redis, which) == 350
    await mine.settle("a", "fast", TENANT, SESSION, Used(tokens=(1, 1, 1), micro_usd=20))
    for which in range(3):
        assert await account(redis, which) == 70


async def test_open_attempts_that_are_refused_leave_the_account(
    writer: RedisWriter, redis: Any
) -> None:
    """Rebuilt in the middle of a storm: exactly what fits is admitted."""
    mine = Buckets(writer)
    storm = [Owed(f"o{n}", 100, entry(TENANT), of_session=True, of_day=True) for n in range(40)]
    await mine.rebuild(TENANT, SESSION, known(1_000, owed=storm))
    found = [await mine.reserve(need(f"o{n}")) for n in range(40)]
    assert sum(isinstance(one, Go) for one in found) == 10
    assert await account(redis) == 1_000


async def test_the_limits_are_those_of_session_day_and_month(
    writer: RedisWriter, redis: Redis
) -> None:
    """The first that is reached is named, and told once."""
    for which, top in enumerate(("session", "day", "month")):
        await redis.flushdb()
        mine = Buckets(writer)
        tops = [0, 0, 0]
        tops[which] = 250
        await mine.rebuild(TENANT, SESSION, known(*tops))
        assert isinstance(await mine.reserve(need(f"a{which}")), Go)
        assert isinstance(await mine.reserve(need(f"b{which}")), Go)
        assert await mine.reserve(need("c")) == Spent(top, 200, 250, first=True)
        assert await mine.reserve(need("d")) == Spent(top, 200, 250, first=False)


async def test_questions_leave_money_for_the_report(writer: RedisWriter) -> None:
    """They may use a part of the session's limit only."""
    mine = Buckets(writer)
    await mine.rebuild(TENANT, SESSION, known(1_000))
    asked = [await mine.reserve(need(f"q{n}", session_percent=60)) for n in range(7)]
    assert sum(isinstance(one, Go) for one in asked) == 6
    assert isinstance(await mine.reserve(need("e", bound=400)), Go)


async def test_thresholds_are_crossed_once(writer: RedisWriter) -> None:
    """At 50, 80 and 100 percent, by what was really spent."""
    mine = Buckets(writer)
    await mine.rebuild(TENANT, SESSION, known(0, 1_000))
    told = []
    for number in range(10):
        await mine.reserve(need(f"a{number}", bound=100))
        used = Used(tokens=(1, 1, 1), micro_usd=100)
        for crossed in await mine.settle(f"a{number}", "fast", TENANT, SESSION, used):
            told.append((number, crossed.account, crossed.percent))  # noqa: PERF401
    assert told == [(4, "day", 50), (7, "day", 80), (9, "day", 100)]


async def test_an_older_owner_of_a_session_cannot_pay(writer: RedisWriter) -> None:
    """The fence is checked in the same script."""
    mine = Buckets(writer)
    await mine.rebuild(TENANT, SESSION, known())
    assert isinstance(await mine.reserve(need("a", fence=4)), Go)
    with pytest.raises(Fault) as raised:
        await mine.reserve(need("b", fence=3))
    assert raised.value.code == "fence_lost"


async def test_a_reservation_of_a_dead_process_stays_charged_and_is_named(
    writer: RedisWriter, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that the ledger needs, and only once."""
    monkeypatch.setattr(limits, "HOLD_SECONDS", 0.0)
    mine = Buckets(writer)
    await mine.rebuild(TENANT, SESSION, known())
    await mine.reserve(need("a"))
    await asyncio.sleep(0.01)  # its last millisecond is over
    [lost] = await mine.lost()
    assert (lost.attempt, lost.line.attempt, lost.adopted) == ("a", "a", False)
    assert await mine.lost() == []
    assert await account(redis) == 100


def storm(url: str, number: int, start: Any, into: Any) -> None:
    """A process in which a hundred calls reserve at the same time."""

    async def all_at_once() -> int:
        client = open_redis(url, connections=1)
        writer = RedisWriter(client)
        mine = Buckets(writer)
        start.wait()
        asked = [mine.reserve(need(f"{number}:{call}", tokens=(1, 1, 1))) for call in range(100)]
        found = await asyncio.gather(*asked)
        await writer.close()
        await client.aclose()
        return sum(isinstance(one, Go) for one in found)

    into.put(asyncio.run(all_at_once()))


async def test_a_budget_for_ten_admits_ten_of_two_hundred(
    writer: RedisWriter, settings: Settings, redis: Any
) -> None:
    """Two processes, all calls at once: exactly ten."""
    await Buckets(writer).rebuild(TENANT, SESSION, known(1_000))
    spawn = multiprocessing.get_context("spawn")
    start, into = spawn.Barrier(2), spawn.Queue()
    started = [
        spawn.Process(target=storm, args=(settings.redis_url, n, start, into)) for n in range(2)
    ]
    for process in started:
        process.start()
    admitted = [await asyncio.to_thread(into.get, timeout=60) for _ in started]
    for process in started:
        process.join()
    assert sum(admitted) == 10
    assert await account(redis) == 1_000


# Without Redis ---------------------------------------------------------------------------------


def test_a_process_alone_takes_its_share_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit divided by the most processes there can be, from empty."""
    time = clock.ManualClock()
    monkeypatch.setattr(clock, "monotonic", time.monotonic)
    mine = LocalBucket(PER_MINUTE, processes=20)
    granted = 0
    for _ in range(600):
        time.advance(0.1)
        while isinstance(mine.reserve((1, 1, 1), "recruiter"), Go):
            granted += 1
    full = 6_000 / 20
    kept_for_others = full / 60 * limits.BUCKET_SECONDS * 0.25
    assert granted == pytest.approx(full - kept_for_others, rel=0.02)
    assert isinstance(mine.reserve((1, 1, 1), "live"), Go)
    mine.give_back((1, 1, 1), (0, 0, 0))
