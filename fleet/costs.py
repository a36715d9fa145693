"""What an interview costs: by a fixed scenario with today's prices, and by the ledger.

The scenario is the one that the tiers were chosen by: twelve turns, an evaluation at the end. Each
set-up is priced three ways: every prompt at full price, with the provider's prompt cache, and with
the evaluation in a batch as well.
"""

import random
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from llm.tiers import Tier, Tiers, Usage, load

MILLION: Final = 1_000_000
TARGETS_USD: Final = {"mvp": 0.50, "growth": 0.15, "scale": 0.05}  # for an interview
SETUPS: Final[dict[str, tuple[str, str]]] = {  # questions, evaluation; "" = the settings file's
    "default": ("", ""),
    "all_balanced": ("balanced", "balanced"),
    "all_powerful": ("powerful", "powerful"),
}


class Scenario(msgspec.Struct, frozen=True):
    """One interview in tokens.

    A turn's prompt is the session's prefix, what was said so far, and an instruction; what was
    said grows by a question and an answer. The evaluation reads rubric and answers anew.
    """

    turns: int = 12
    prefix: int = 3_200
    grows: int = 400
    instruction: int = 150
    question: int = 60
    evaluation_in: int = 7_500
    evaluation_out: int = 2_400

    def naive(self) -> Iterator[Usage]:
        """Every turn's prompt at full price."""
        for turn in range(self.turns):
            prompt = self.prefix + self.grows * turn + self.instruction
            yield Usage(tokens_in=prompt, tokens_out=self.question)

    def cached(self, shortest: int) -> Iterator[Usage]:
        """Prefix and transcript written once and read after that; too short ones are not kept."""
        before = 0
        for turn in range(self.turns):
            whole = self.prefix + self.grows * turn
            kept = whole if whole >= shortest else 0
            yield Usage(
                tokens_in=whole - kept + self.instruction,
                tokens_out=self.question,
                cache_write=kept - before,
                cache_read=before,
            )
            before = kept

    def evaluation(self) -> Usage:
        """The call after the interview."""
        return Usage(tokens_in=self.evaluation_in, tokens_out=self.evaluation_out)


class Cost(msgspec.Struct, frozen=True):
    """Micro-dollars of one interview, three ways."""

    naive: int
    cached: int
    batched: int


def price(scenario: Scenario, questions: Tier, evaluation: Tier) -> Cost:
    """Return what an interview costs with two tiers."""
    score = evaluation.cost(scenario.evaluation())
    asked = sum(questions.cost(usage) for usage in scenario.cached(questions.prefix_tokens_min))
    return Cost(
        naive=sum(questions.cost(usage) for usage in scenario.naive()) + score,
        cached=asked + score,
        batched=asked + evaluation.cost(scenario.evaluation(), batch=True),
    )


def varied(count: int, seed: int = 1) -> Iterator[Scenario]:
    """Yield interviews as they happen: shorter and longer ones, terse and talkative candidates."""
    chance = random.Random(seed)  # noqa: S311 - a simulation, the same every time
    fixed = Scenario()
    for _ in range(count):
        turns = chance.choice((8, 10, 11, 12, 12, 12, 13, 14, 16))
        grows = int(fixed.grows * chance.lognormvariate(-0.08, 0.4))
        said = turns * grows / (fixed.turns * fixed.grows)
        yield Scenario(
            turns=turns,
            prefix=int(fixed.prefix * chance.uniform(0.8, 1.2)),
            grows=grows,
            instruction=fixed.instruction,
            question=int(fixed.question * chance.uniform(0.7, 1.3)),
            evaluation_in=int(fixed.evaluation_in * (0.3 + 0.7 * said)),
            evaluation_out=int(fixed.evaluation_out * chance.uniform(0.7, 1.3)),
        )


def simulate(count: int, tiers: Tiers | None = None) -> dict[str, Any]:
    """Return the costs of each set-up: of the fixed scenario, and of `count` varied interviews."""
    tiers = tiers or load()
    fixed, many = Scenario(), list(varied(count))
    found: dict[str, Any] = {
        "prices_as_of": tiers.as_of,
        "interviews": count,
        "targets_usd_per_interview": TARGETS_USD,
    }
    for name, (asks, scores) in SETUPS.items():
        questions, question = tiers.for_task("question", asks)
        evaluation, score = tiers.for_task("evaluation", scores)
        cost = price(fixed, questions, evaluation)
        batched = sorted(price(one, questions, evaluation).batched for one in many)
        found[name] = {
            "tiers": {"question": question.tier, "evaluation": score.tier},
            "usd_per_interview": usd(cost.cached),
            "usd_per_interview_naive": usd(cost.naive),
            "usd_per_interview_batched": usd(cost.batched),
            "tokens": _tokens(fixed, questions),
            "simulated_usd_batched": _spread(batched),
        }
    return found


def _tokens(scenario: Scenario, questions: Tier) -> dict[str, int]:
    calls = [*scenario.cached(questions.prefix_tokens_min), scenario.evaluation()]
    return {
        "input": sum(usage.tokens_in for usage in calls),
        "output": sum(usage.tokens_out for usage in calls),
        "cache_write": sum(usage.cache_write for usage in calls),
        "cache_read": sum(usage.cache_read for usage in calls),
        "input_naive": sum(usage.tokens_in for usage in scenario.naive()) + scenario.evaluation_in,
    }


def _spread(costs: list[int]) -> dict[str, float]:
    if not costs:
        return {}
    at = {"p50": 0.5, "p95": 0.95}
    found = {name: usd(costs[int(part * (len(costs) - 1))]) for name, part in at.items()}
    return {"mean": usd(sum(costs) // len(costs)), **found, "max": usd(costs[-1])}


def usd(micro: int) -> float:
    """Return micro-dollars as dollars, for people."""
    return micro / MILLION
