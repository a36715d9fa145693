"""Breadth first over every reachable state of a small model: the first violation is a shortest."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S", bound=Hashable)


class Found(NamedTuple, Generic[S]):
    """What a search came to; `broken` is empty when no state breaks a property."""

    states: int
    steps: int
    depth: int
    broken: str
    trace: list[str]
    last: S

    def told(self) -> str:
        """The search in words: the counts, and the shortest way to the violation."""
        head = f"{self.states:,} states, {self.steps:,} steps, depth {self.depth}"
        if not self.broken:
            return f"{head}: no violation"
        lines = [f"{number:3}. {label}" for number, label in enumerate(self.trace, 1)]
        return "\n".join([f"{head}: {self.broken}", *lines, f"     {self.last}"])


def explore(
    start: S,
    steps: Callable[[S], Iterable[tuple[str, S]]],
    broken: Callable[[S], str],
) -> Found[S]:
    """Visit every state that `steps` reaches from `start`; stop at the first that is `broken`."""
    came: dict[S, tuple[S, str] | None] = {start: None}
    frontier, depth, taken = deque([start]), 0, 0
    complaint, last = broken(start), start
    while frontier and not complaint:
        depth += 1
        for state in [frontier.popleft() for _ in range(len(frontier))]:
            for label, after in steps(state):
                taken += 1
                if after in came:
                    continue
                came[after] = (state, label)
                complaint = broken(after)
                if complaint:
                    return Found(len(came), taken, depth, complaint, _way(came, after), after)
                frontier.append(after)
                last = after
    return Found(len(came), taken, depth, complaint, [], last)


def _way(came: dict[S, tuple[S, str] | None], state: S) -> list[str]:
    labels: list[str] = []
    while (origin := came[state]) is not None:
        state, label = origin
        labels.append(label)
    return labels[::-1]
