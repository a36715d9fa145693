"""The broker: Redis queues, one a lane, on a Redis database of their own.

Maintenance looks at every key (KEYS), which is why the database is the broker's alone; it runs
often and the heartbeat is short, so that what a killed worker held comes back within seconds.
"""

from typing import Final

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import CurrentMessage

from protocol import jobs

HEARTBEAT_MS: Final = 5_000
MAINTENANCE_CHANCE: Final = 100_000  # of a million commands
SOCKET_SECONDS: Final = 5.0
NAMES: Final[dict[type[jobs.Job], str]] = {
    jobs.CvStage: "cv",
    jobs.OpeningVector: "opening",
    jobs.Evaluate: "evaluate",
    jobs.PlanInterview: "plan",
    jobs.BudgetAlert: "alert",
    jobs.EvaluationRound: "evaluation_round",
}


def open_broker(url: str) -> RedisBroker:
    """Return a broker on the Redis of `url` with every lane declared; nothing connects yet."""
    pool = redis.ConnectionPool.from_url(
        url,
        socket_connect_timeout=SOCKET_SECONDS,
        socket_timeout=SOCKET_SECONDS,
        health_check_interval=30,
    )
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        client=redis.Redis(connection_pool=pool),
        middleware=[CurrentMessage()],
        heartbeat_timeout=HEARTBEAT_MS,
        maintenance_chance=MAINTENANCE_CHANCE,
    )
    for lane in jobs.LANES:
        broker.declare_queue(jobs.queue_name(lane))
    return broker


def send(broker: RedisBroker, lane: jobs.Lane, envelope: str) -> None:
    """Put one envelope into its lane; blocks for a round trip."""
    name = NAMES[type(jobs.decode(envelope).job)]
    broker.enqueue(
        dramatiq.Message(
            queue_name=jobs.queue_name(lane),
            actor_name=name,
            args=(envelope,),
            kwargs={},
            options={},
        )
    )


def give_back(broker: RedisBroker) -> None:
    """Put the message that this thread works on back into its queue, for another worker."""
    message = CurrentMessage.get_current_message()
    if message is not None:
        broker.do_requeue(message.queue_name, message.options["redis_message_id"])


def close_broker(broker: RedisBroker) -> None:
    """Close the connections."""
    broker.close()
    broker.client.close()
