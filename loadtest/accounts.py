"""Two accounts of the same calls: a house's ledger and what the stand-in counted by itself."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from loadtest.model_count import Billed

SHOWN_MAX: Final = 5


class Line(msgspec.Struct, frozen=True):
    """What of a ledger's line is looked at; `upper_bound` marks a cost that nobody knows."""

    id: UUID
    interview_id: UUID | None
    task: str
    engine: str
    model: str
    request_id: str
    micro_usd: int
    upper_bound: bool
    batch: bool
    outcome: str
    turn: int | None
    ask: int | None


class Bill(msgspec.Struct, frozen=True):
    """What the comparison came to; money in micro-dollars."""

    ledger_micro_usd: int
    stand_in_micro_usd: int
    completed_calls: int
    completed_ledger_micro_usd: int  # of completed calls whose line is no bound
    completed_stand_in_micro_usd: int  # of the same calls
    completed_differ: int  # of them, one by one
    cut_calls: int
    upper_bounds: int  # lines that are flagged as bounds
    below: int  # calls whose line is less than the stand-in's count
    unbooked: int  # calls that no line explains
    examples: list[str]

    @property
    def agrees(self) -> bool:
        """Completed calls to the micro-dollar, cut ones never below, nothing left out."""
        wrong = self.completed_differ or self.below or self.unbooked
        return not wrong and self.ledger_micro_usd >= self.stand_in_micro_usd


def compare(lines: Iterable[Line], calls: Iterable[Billed]) -> Bill:
    """Hold a ledger's lines against the stand-in's calls, one by one and in sum.

    A call whose number nobody saw (it was cut before its head) needs a bound of its own that no
    other call needs, dear enough. Batches carry no number: their sums are compared.
    """
    lines, calls = [line for line in lines if line.engine != "offline"], list(calls)
    batched = [call for call in calls if call.outcome == "batch"]
    single = [call for call in calls if call.outcome != "batch"]
    known = {line.request_id: line for line in lines if line.request_id and not line.batch}
    nameless = [
        line for line in lines if not line.request_id and line.upper_bound and not line.batch
    ]
    exact, differ, below, strangers, examples = [], 0, 0, [], list[str]()
    for call in single:
        line = known.get(call.request_id)
        if line is None:
            strangers.append(call)
            continue
        if call.outcome == "completed" and not line.upper_bound:
            exact.append((line, call))
        wrong = (line.micro_usd != call.micro_usd) and call.outcome == "completed"
        differ += wrong and not line.upper_bound
        below += line.micro_usd < call.micro_usd
        if (wrong and not line.upper_bound) or line.micro_usd < call.micro_usd:
            examples.append(f"{line.outcome} {line.micro_usd}, {call.fault} {call.micro_usd}")
    unbooked = _unexplained(nameless, strangers)
    examples += [f"no line: {call.outcome} {call.fault} {call.micro_usd}" for call in unbooked]
    batch_lines = sum(line.micro_usd for line in lines if line.batch and not line.upper_bound)
    batch_calls = sum(call.micro_usd for call in batched)
    if batch_lines < batch_calls:
        examples.append(f"batches: {batch_lines}, {batch_calls}")
    return Bill(
        ledger_micro_usd=sum(line.micro_usd for line in lines),
        stand_in_micro_usd=sum(call.micro_usd for call in calls),
        completed_calls=sum(call.outcome != "cut" for call in calls),
        completed_ledger_micro_usd=sum(line.micro_usd for line, _ in exact) + batch_lines,
        completed_stand_in_micro_usd=sum(call.micro_usd for _, call in exact) + batch_calls,
        completed_differ=differ + (batch_lines != batch_calls),
        cut_calls=sum(call.outcome == "cut" for call in calls),
        upper_bounds=sum(line.upper_bound for line in lines),
        below=below,
        unbooked=len(unbooked),
        examples=examples[:SHOWN_MAX],
    )


def _unexplained(lines: Iterable[Line], calls: Iterable[Billed]) -> list[Billed]:
    """Return the calls that find no bound of their model and price among these lines."""
    left = sorted(lines, key=lambda line: line.micro_usd)
    missing = []
    for call in sorted(calls, key=lambda call: -call.micro_usd):
        at = next(
            (
                number
                for number in range(len(left) - 1, -1, -1)
                if left[number].model == call.model and left[number].micro_usd >= call.micro_usd
            ),
            None,
        )
        if at is None:
            missing.append(call)
        else:
            del left[at]
    return missing
