"""What an interview costs: by the scenario that the tiers were chosen by, and by the ledger."""

import json
from typing import Any

import pytest

from cli.__main__ import main
from cli.fleet import ledger as ledger_of
from fleet import costs
from fleet.costs import Scenario
from llm.tiers import load
from loadtest.model_cache import PromptCache
from loadtest.model_text import CHARS_PER_TOKEN
from runtime.settings import Settings
from storage.ledger import LedgerStore
from storage.transaction import Database
from tests.conftest import Tenant
from tests.storage.test_ledger import entry


def test_the_default_is_within_three_cents_with_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    """The command that a person types, and its shape for programs."""
    assert main(["fleet", "costs", "--simulate", "1000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["default"]["usd_per_interview_batched"] <= 0.03
    for name in ("default", "all_balanced", "all_powerful"):
        one = found[name]
        naive, cached = one["usd_per_interview_naive"], one["usd_per_interview"]
        assert one["usd_per_interview_batched"] < cached < naive
        assert one["tokens"]["cache_read"] > one["tokens"]["cache_write"] > 0
        assert one["simulated_usd_batched"]["max"] >= one["simulated_usd_batched"]["p95"]
    assert main(["fleet", "costs", "--simulate", "10"]) == 0
    assert "default" in capsys.readouterr().out
    assert main(["fleet", "costs", "--simulate", "0"]) == 2


def test_the_scenario_is_counted_as_the_stand_in_counts() -> None:
    """Block by block through the stand-in's prompt cache: the same tokens of each kind."""
    scenario, cache = Scenario(), PromptCache(512)

    def block(tokens: int, mark: str, *, kept: bool = False) -> dict[str, Any]:
        text = mark.ljust(tokens * CHARS_PER_TOKEN, ".")
        return {"type": "text", "text": text} | ({"cache_control": {}} if kept else {})

    for turn, wanted in enumerate(scenario.cached(512)):
        said: list[Any] = []
        for number in range(turn):
            last = number == turn - 1
            said += [
                {"role": "assistant", "content": [block(scenario.question, f"q{number}")]},
                {
                    "role": "user",
                    "content": [block(scenario.grows - scenario.question, f"a{number}", kept=last)],
                },
            ]
        now = {"role": "user", "content": [block(scenario.instruction, f"now{turn}")]}
        body = {
            "model": "claude-haiku-5-5",
            "system": [block(scenario.prefix, "prefix", kept=True)],
            "messages": [*said, now],
        }
        counted = cache.count(body, 1.0)
        assert (counted.fresh, counted.written, counted.read) == (
            wanted.tokens_in, wanted.cache_write, wanted.cache_read,
        )  # fmt: skip


def test_a_prefix_that_is_too_short_is_never_spared() -> None:
    """Below the provider's minimum everything is paid in full."""
    tiny = Scenario(turns=3, prefix=100, grows=50)
    assert all(usage.cache_read == usage.cache_write == 0 for usage in tiny.cached(512))
    tier = load().tiers["fast"]
    assert costs.price(tiny, tier, tier).naive == costs.price(tiny, tier, tier).cached


async def test_the_ledger_is_summed_over_all_companies(
    settings: Settings, db: Database, tenant: Tenant
) -> None:
    """By task and tier, with what is booked at its bound, as the fleet's role."""
    ledger = LedgerStore(db)
    for number in range(3):
        line = entry(tenant.id, interview_id=str(tenant.recruiter), upper_bound=number == 0)
        await ledger.record(line)
    await ledger.record(entry(tenant.id, task="evaluation", tier="balanced", micro_usd=9_000))
    found = await ledger_of(settings, 30)
    assert (found["interviews"], found["usd"]) == (1, 0.00942)
    question = next(row for row in found["by"] if row["task"] == "question")
    assert (question["calls"], question["upper_bounds"], question["tier"]) == (3, 1, "fast")
