"""The relay: rows of the outbox become messages of the broker, in order, at least once.

A row is deleted in the transaction that locked it, after its message was sent. A relay that dies
between the two sends it again; several relays share the work without waiting for one another.
"""

import asyncio

import msgspec
from dramatiq.brokers.redis import RedisBroker
from redis.exceptions import RedisError

from pipeline.broker import send
from protocol import limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.lifecycle import sleep_or_stop
from runtime.logs import Log
from storage import outbox_relay
from storage.transaction import Database

AWAY_SECONDS_MAX = 2.0
AGE_SECONDS = 5.0  # between two looks at the oldest row
log = Log("pipeline.relay")


class BrokerAway(Exception):  # noqa: N818 - reads as a sentence
    """The broker did not take a message; what was not sent stays in the outbox."""


async def pass_on(db: Database, broker: RedisBroker) -> int:
    """Send one batch and return how many rows it had."""
    async with outbox_relay.batch(db, limit=limits.RELAY_ROWS_MAX) as taken:
        if taken.rows:
            await asyncio.to_thread(_send_all, broker, taken)
    sent = len(taken.rows) - len(taken.unreadable)
    metrics.relayed.inc(sent)
    return sent


def _send_all(broker: RedisBroker, taken: outbox_relay.Batch) -> None:
    """Send every row; one that this version cannot read waits for another, and holds up nobody."""
    for row in taken.rows:
        try:
            send(broker, row.lane, row.envelope)
        except msgspec.DecodeError:
            log.warning("outbox_row_unreadable", lane=row.lane, count=row.id)
            taken.unreadable.append(row.id)
        except (RedisError, OSError) as error:
            raise BrokerAway(type(error).__name__) from error


async def run(db: Database, broker: RedisBroker, stop: asyncio.Event) -> None:
    """Pass on what is due until `stop` is set; an empty outbox is looked at ever more calmly."""
    pause = limits.RELAY_PAUSE_SECONDS
    away = 0.0
    looked = 0.0
    while not stop.is_set():
        try:
            count = await pass_on(db, broker)
            if clock.monotonic() - looked > AGE_SECONDS:
                looked = clock.monotonic()
                async with db.across() as c:
                    metrics.outbox_age.set(await outbox_relay.oldest_seconds(c))
        except (Fault, BrokerAway) as error:
            away = min(max(away * 2, 0.1), AWAY_SECONDS_MAX)
            log.warning("relay_waits", reason=str(error), seconds=away)
            await sleep_or_stop(away, stop)
            continue
        away = 0.0
        if count:
            pause = limits.RELAY_PAUSE_SECONDS
        else:
            await sleep_or_stop(pause, stop)
            pause = min(pause * 1.5, limits.RELAY_PAUSE_SECONDS_MAX)
