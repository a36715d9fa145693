"""The line: by urgency, fair between companies, with an end for everybody, and no polling."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from llm.line import Line
from protocol import limits
from protocol.faults import Fault
from runtime.settings import Settings
from storage.buckets import Buckets, Go, Known, Need, Wait
from storage.connect import open_redis
from storage.redis_writer import RedisWriter
from tests.storage.test_buckets import PER_MINUTE, SESSION, TENANT, need


class Desk:
    """Gives places when told to, and counts how often it is asked."""

    def __init__(self) -> None:
        self.free = 0
        self.asked = 0
        self.granted: list[str] = []
        self.back: list[str] = []
        self.pause = 0.01
        self.had_its_share: set[UUID] = set()
        self.fault: Fault | None = None
        self.slow = 0.0

    async def reserve(self, wanted: Need) -> Go | Wait:
        self.asked += 1
        await asyncio.sleep(self.slow)
        if self.fault is not None:
            raise self.fault
        if wanted.tenant_id in self.had_its_share:
            return Wait(self.pause, share=True)
        if self.free <= 0:
            return Wait(self.pause)
        self.free -= 1
        self.granted.append(wanted.attempt)
        return Go()

    def give_back(self, wanted: Need) -> None:
        self.back.append(wanted.attempt)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def line(desk: Desk) -> Line:
    return Line(desk.reserve, desk.give_back)


def from_tenant(number: int) -> dict[str, Any]:
    return {"tenant_id": UUID(int=number), "urgency": "recruiter"}


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not happened():
            await asyncio.sleep(0.005)


async def test_nobody_waits_when_there_is_a_place(line: Line, desk: Desk) -> None:
    """One question to the stores, and in."""
    desk.free = 1
    assert await line.enter(need("a"), 1.0) == Go()
    assert desk.asked == 1


async def test_companies_take_turns(line: Line, desk: Desk) -> None:
    """Whoever has a hundred in line does not go a hundred times before the next."""
    waiting = [
        asyncio.ensure_future(line.enter(need(f"{tenant}-{number}", **from_tenant(tenant)), 10.0))
        for tenant, many in ((1, 6), (2, 2), (3, 2))
        for number in range(many)
    ]
    await until(lambda: line.waiting("recruiter") == 10)
    desk.granted.clear()
    desk.free = 10
    await asyncio.gather(*waiting)
    order = [name.partition("-")[0] for name in desk.granted]
    assert sorted(order[:3]) == sorted(order[3:6]) == ["1", "2", "3"]
    for tenant in "123":  # and each company's own in the order in which they came
        own = [name for name in desk.granted if name.startswith(tenant)]
        assert own == sorted(own)


async def test_one_waiter_asks_for_all(line: Line, desk: Desk) -> None:
    """Two hundred in line ask the stores once for each pause, not two hundred times."""
    desk.pause = 0.1
    waiting = [
        asyncio.ensure_future(line.enter(need(f"w{number}", **from_tenant(1)), 0.55))
        for number in range(200)
    ]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, Fault) and one.code == "model_busy" for one in found)
    assert desk.asked <= 200 + 7  # each once when it came, then one for all


async def test_a_company_that_had_its_share_lets_others_pass(line: Line, desk: Desk) -> None:
    """They need not wait behind it."""
    desk.had_its_share.add(UUID(int=1))
    first = asyncio.ensure_future(line.enter(need("rich", **from_tenant(1)), 5.0))
    await until(lambda: line.waiting("recruiter") == 1)
    second = asyncio.ensure_future(line.enter(need("poor", **from_tenant(2)), 5.0))
    await until(lambda: line.waiting("recruiter") == 2)
    desk.free = 2
    await second
    assert not first.done()
    desk.had_its_share.clear()
    await first


async def test_an_expired_one_is_refused_at_once_with_what_to_do(line: Line, desk: Desk) -> None:
    """By its own end, not by that of the one before it; what can't be in time does not wait."""
    patient = asyncio.ensure_future(line.enter(need("a"), 5.0))
    await until(lambda: line.waiting("live") == 1)
    with pytest.raises(Fault) as raised:
        await line.enter(need("b"), 0.02)
    assert (raised.value.code, bool(raised.value.detail)) == ("model_busy", True)
    assert line.waiting("live") == 1
    desk.free = 1
    await patient
    desk.pause = 60.0
    with pytest.raises(Fault):
        async with asyncio.timeout(4):
            await line.enter(need("c"), 5.0)


async def test_whoever_leaves_takes_no_place(line: Line, desk: Desk) -> None:
    """A place that was made in the same moment goes back."""
    desk.slow = 0.05
    waiting = [asyncio.ensure_future(line.enter(need(n), 5.0)) for n in ("a", "b", "c")]
    await until(lambda: line.waiting("live") == 3)
    asked = desk.asked
    await until(lambda: desk.asked > asked)
    desk.free = 3
    waiting[0].cancel()  # while it is asked for
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [Go(), Go()]
    assert desk.back == [name for name in desk.granted if name == "a"]
    assert line.waiting("live") == 0


async def test_a_line_is_bounded(line: Line, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than it holds is refused."""
    monkeypatch.setattr(limits, "LINE_WAITERS_MAX", 2)
    waiting = [asyncio.ensure_future(line.enter(need(n), 5.0)) for n in ("a", "b")]
    await until(lambda: line.waiting("live") == 2)
    with pytest.raises(Fault) as raised:
        await line.enter(need("c"), 5.0)
    assert raised.value.code == "model_busy"
    desk.free = 2
    await asyncio.gather(*waiting)


async def test_a_fault_of_one_is_not_everybodys(line: Line, desk: Desk) -> None:
    """Each hears its own; the lane goes on."""
    waiting = [asyncio.ensure_future(line.enter(need(n), 5.0)) for n in ("a", "b")]
    await until(lambda: line.waiting("live") == 2)
    desk.fault = Fault("model_budget")
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [one.code for one in found if isinstance(one, Fault)] == ["model_budget"] * 2
    desk.fault, desk.free = None, 1
    assert await line.enter(need("c"), 1.0) == Go()


async def test_closing_lets_everybody_go(line: Line) -> None:
    """Nobody hangs."""
    waiting = [asyncio.ensure_future(line.enter(need(n), 60.0)) for n in ("a", "b")]
    await until(lambda: line.waiting("live") == 2)
    await line.close()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, Fault) for one in found)


async def test_a_live_turn_overtakes_five_hundred_in_the_background(settings: Settings) -> None:
    """On real buckets: its wait is bounded while background keeps its floor."""
    client = open_redis(settings.redis_url, connections=1)
    writer = RedisWriter(client)
    shared = Buckets(writer)
    await shared.rebuild(TENANT, SESSION, Known((0, 0, 0), (0, 0, 0), []))

    async def reserve(wanted: Need) -> Go | Wait:
        answer = await shared.reserve(wanted)
        assert isinstance(answer, Go | Wait)
        return answer

    line, waits, done = Line(reserve, lambda _: None), [], 0

    async def background(number: int) -> None:
        nonlocal done
        for again in range(100):
            await line.enter(need(f"b{number}-{again}", urgency="background"), 60.0)
            done += 1

    crowd = [asyncio.ensure_future(background(number)) for number in range(500)]
    await until(lambda: line.waiting("background") > 490)
    loop = asyncio.get_running_loop()
    for number in range(30):
        begun = loop.time()
        go = await line.enter(need(f"l{number}", tokens=(1, 500, 10)), 4.0)
        waits.append(loop.time() - begun + go.seconds)
        await asyncio.sleep(0.05)
    before = done
    floor = PER_MINUTE[0] / 60 * limits.BUCKET_FLOOR_PERCENT / 100
    await until(lambda: done >= before + floor)
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    await line.close()
    await writer.close()
    await client.aclose()
    assert len(waits) == 30
    assert max(waits) < limits.BORROW_SECONDS
