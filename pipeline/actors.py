"""One actor for each kind of job; what they do is `running`'s and the kind's own room's."""

from collections.abc import Callable

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from pipeline.broker import NAMES
from protocol import jobs


def declare(broker: RedisBroker, do: Callable[[str], None]) -> None:
    """Declare the actors; messages name their lane's queue themselves, `do` takes the envelope."""
    queue = jobs.queue_name("active")

    @dramatiq.actor(broker=broker, queue_name=queue, actor_name=NAMES[jobs.CvStage])
    def cv(envelope: str) -> None:
        do(envelope)

    @dramatiq.actor(broker=broker, queue_name=queue, actor_name=NAMES[jobs.OpeningVector])
    def opening(envelope: str) -> None:
        do(envelope)

    @dramatiq.actor(broker=broker, queue_name=queue, actor_name=NAMES[jobs.Evaluate])
    def evaluate(envelope: str) -> None:
        do(envelope)

    @dramatiq.actor(broker=broker, queue_name=queue, actor_name=NAMES[jobs.EvaluationRound])
    def evaluation_round(envelope: str) -> None:
        do(envelope)

    @dramatiq.actor(broker=broker, queue_name=queue, actor_name=NAMES[jobs.PlanInterview])
    def plan(envelope: str) -> None:
        do(envelope)

    @dramatiq.actor(broker=broker, queue_name=queue, actor_name=NAMES[jobs.BudgetAlert])
    def alert(envelope: str) -> None:
        do(envelope)
