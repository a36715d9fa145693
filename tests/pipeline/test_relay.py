"""The relay: nothing before its commit, nothing lost, duplicates at worst."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from dramatiq.brokers.redis import RedisBroker

from pipeline import broker as brokers
from pipeline import relay
from protocol import jobs, limits
from runtime import clock, metrics
from runtime.settings import Settings
from storage import outbox, outbox_relay
from tests.pipeline.conftest import ANA, House, pdf, until


@pytest.fixture
def broker(settings: Settings) -> Iterator[RedisBroker]:
    """The broker on the test's Redis database."""
    opened = brokers.open_broker(settings.broker_url)
    yield opened
    brokers.close_broker(opened)


def waiting(broker: RedisBroker, lane: str) -> list[dict[str, Any]]:
    """What a lane's queue holds, in order."""
    ids = broker.client.lrange(f"dramatiq:lane.{lane}", 0, -1)
    return [json.loads(broker.client.hget(f"dramatiq:lane.{lane}.msgs", one)) for one in ids]


async def put(house: House, count: int, lane: jobs.Lane = "bulk", **more: Any) -> list[UUID]:
    ids = [clock.new_id() for _ in range(count)]
    async with house.tools.db.tenant(house.tenant) as c:
        for opening_id in ids:
            job = jobs.OpeningVector(tenant_id=house.tenant, opening_id=opening_id)
            await outbox.put(c, house.tenant, job, lane, request_id="r-7", **more)
    return ids


async def test_rows_become_messages_in_order_and_go(house: House, broker: RedisBroker) -> None:
    """Each lane's queue holds its envelopes in the order of their commits."""
    ids = await put(house, 3)
    await put(house, 1, "premium")
    assert await relay.pass_on(house.relay, broker) == 4
    assert await relay.pass_on(house.relay, broker) == 0
    messages = waiting(broker, "bulk")
    assert [message["actor_name"] for message in messages] == ["opening"] * 3
    sent = [jobs.decode(message["args"][0]).job.opening_id for message in messages]
    assert sent == ids
    assert jobs.decode(messages[0]["args"][0]).request_id == "r-7"
    assert len(waiting(broker, "premium")) == 1


async def test_what_has_not_committed_is_not_sent(house: House, broker: RedisBroker) -> None:
    """A transaction that is open, and one that fails, send nothing."""
    async with house.tools.db.tenant(house.tenant) as c:
        job = jobs.OpeningVector(tenant_id=house.tenant, opening_id=clock.new_id())
        await outbox.put(c, house.tenant, job, "bulk")
        assert await relay.pass_on(house.relay, broker) == 0
    assert await relay.pass_on(house.relay, broker) == 1
    with suppress(ZeroDivisionError):
        async with house.tools.db.tenant(house.tenant) as c:
            await outbox.put(c, house.tenant, job, "bulk")
            raise ZeroDivisionError
    assert await relay.pass_on(house.relay, broker) == 0


async def test_what_is_for_later_waits(house: House, broker: RedisBroker) -> None:
    """not_before holds a retry back."""
    await put(house, 1, delay_seconds=3600)
    assert await relay.pass_on(house.relay, broker) == 0


async def test_a_relay_that_dies_before_deleting_sends_twice_and_loses_nothing(
    house: House, broker: RedisBroker
) -> None:
    """Sent, then killed: the row is still there, and the duplicate does no harm."""
    cv_id = await house.upload(pdf(ANA))
    with suppress(ZeroDivisionError):
        async with outbox_relay.batch(house.relay, limit=10) as taken:
            for row in taken.rows:
                brokers.send(broker, row.lane, row.envelope)
            raise ZeroDivisionError  # kill -9, as the transaction sees it
    assert await relay.pass_on(house.relay, broker) == 1
    messages = waiting(broker, "active")
    assert len(messages) == 2
    outcomes = [await house.runner.run(message["args"][0]) for message in messages]
    assert outcomes == ["done", "repeated"]
    await house.pump()
    assert (await house.cv(cv_id)).status == "ready"


async def test_a_row_that_cannot_be_read_holds_nobody_up(house: House, broker: RedisBroker) -> None:
    """A job of a newer version (or garbage) stays where it is; the rows behind it leave."""
    for envelope in ('{"job":{"type":"newer"},"lane":"bulk"}', "garbage"):
        await house.execute(
            "INSERT INTO outbox (tenant_id, lane, envelope) VALUES ($1, 'bulk', $2)",
            house.tenant,
            envelope,
        )
    await put(house, 2)
    assert await relay.pass_on(house.relay, broker) == 2
    assert await relay.pass_on(house.relay, broker) == 0
    async with house.relay.across() as c:
        assert await outbox_relay.waiting(c) == {"bulk": 2}


async def test_two_relays_share_the_rows(house: House, broker: RedisBroker) -> None:
    """SKIP LOCKED: no row is sent twice while nobody dies, and none waits for the other relay."""
    await put(house, 2 * limits.RELAY_ROWS_MAX)
    counts = await asyncio.gather(*(relay.pass_on(house.relay, broker) for _ in range(2)))
    assert sum(counts) == 2 * limits.RELAY_ROWS_MAX
    sent = [jobs.decode(m["args"][0]).job.opening_id for m in waiting(broker, "bulk")]
    assert len(sent) == len(set(sent)) == 2 * limits.RELAY_ROWS_MAX


async def test_a_broker_that_is_away_leaves_the_rows(house: House) -> None:
    """Nothing is deleted that was not sent."""
    nowhere = brokers.open_broker("redis://127.0.0.1:1/0")
    await put(house, 2)
    with pytest.raises(relay.BrokerAway):
        await relay.pass_on(house.relay, nowhere)
    brokers.close_broker(nowhere)
    async with house.relay.across() as c:
        assert await outbox_relay.waiting(c) == {"bulk": 2}
        assert await outbox_relay.oldest_seconds(c) > 0


async def test_the_loop_passes_on_until_it_is_stopped(house: House, broker: RedisBroker) -> None:
    """What is committed while the relay runs leaves soon; stop ends the loop."""
    before = metrics.relayed._value.get()
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(house.relay, broker, stop))
    await put(house, 5)

    async def sent() -> bool:
        return len(waiting(broker, "bulk")) == 5

    await until(sent, what="the relay's sending")
    stop.set()
    await asyncio.wait_for(task, 30)
    assert metrics.relayed._value.get() - before == 5
