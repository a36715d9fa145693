"""The provider's list of models against the settings: a warning, a stand-in, and never a wait."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from llm import engines, tiers
from llm.claude import ClaudeEngine
from llm.reply import ModelFault
from llm.request import EvaluationRequest, QuestionRequest
from loadtest.model import Standin
from protocol import limits
from runtime import metrics
from runtime.settings import Settings

Ask = Callable[..., QuestionRequest]
FAST, BALANCED, POWERFUL = (tiers.load().tiers[n].model for n in ("fast", "balanced", "powerful"))


def opened(url: str) -> ClaudeEngine:
    engine = engines.open_model(Settings(anthropic_api_key="sk", anthropic_base_url=url))
    assert isinstance(engine, ClaudeEngine)
    return engine


async def checked(engine: ClaudeEngine) -> None:
    async with asyncio.timeout(30):
        while len(engine._tasks):
            await asyncio.sleep(0.01)


async def last_usage(engine: ClaudeEngine, request: QuestionRequest) -> Any:
    return [part async for part in engine.question(request)][-1]


async def test_at_the_start_the_list_is_looked_at_and_all_is_well(
    standin: tuple[Standin, str], ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is warned of models that are there."""
    engine = opened(standin[1])
    await checked(engine)
    assert await engine.missing_models() == []
    assert (await last_usage(engine, ask())).tier == "fast"
    await engine.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_model_that_is_gone_is_warned_of_and_its_fallback_asks(
    standin: tuple[Standin, str], ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    """The account names the tier that was really asked, so that it is priced right."""
    standin[0].change({"models_gone": [FAST]})
    engine = opened(standin[1])
    await checked(engine)
    usage = await last_usage(engine, ask())
    await engine.close()
    assert usage.tier == "balanced"
    assert standin[0].last_request["model"] == BALANCED
    [billed] = standin[0].account.calls
    assert tiers.load().tiers[usage.tier].cost(usage) == billed.micro_usd
    assert "model_gone" in [record.getMessage() for record in caplog.records]
    missing = {
        name: metrics.model_missing.labels(name)._value.get() for name in ("fast", "balanced")
    }
    assert missing == {"fast": 1, "balanced": 0}


async def test_what_is_scored_falls_back_to_a_stronger_model(
    standin: tuple[Standin, str], finished: Callable[..., EvaluationRequest]
) -> None:
    """It costs more and is told in the log; a weaker one would change the scores."""
    standin[0].change({"models_gone": [BALANCED]})
    engine = opened(standin[1])
    await checked(engine)
    [_ async for _ in engine.claims(finished(["Me encargué de migrar el cierre a SAP."]))]
    await engine.close()
    assert standin[0].last_request["model"] == POWERFUL


async def test_a_tier_that_is_asked_for_by_name_is_the_one_that_answers(
    standin: tuple[Standin, str], ask: Ask
) -> None:
    """A step of the ladder; where thinking cannot be turned off there is room for it."""
    engine = opened(standin[1])
    for name in ("fast", "balanced", "powerful"):
        usage = await last_usage(engine, ask(tier=name))
        assert usage.tier == name
        assert standin[0].last_request["model"] == tiers.load().tiers[name].model
    assert standin[0].last_request["max_tokens"] == 600 + 2048
    await engine.close()


async def test_a_provider_that_is_away_at_the_start_stops_nobody(
    standin: tuple[Standin, str], ask: Ask, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """The settings hold; it is asked again, and the warning comes then."""
    monkeypatch.setattr(limits, "MODEL_CHECK_PAUSE_SECONDS", 0.05)
    standin[0].change({"models_gone": [FAST]})
    real, failing = ClaudeEngine.missing_models, 2

    async def away(self: ClaudeEngine) -> list[str]:
        nonlocal failing
        failing -= 1
        if failing >= 0:
            raise ModelFault("unreachable")
        return await real(self)

    monkeypatch.setattr(ClaudeEngine, "missing_models", away)
    engine = opened(standin[1])
    assert engine.prompt_versions  # open, at once
    await checked(engine)
    assert (await last_usage(engine, ask())).tier == "balanced"
    await engine.close()
    told = [record.getMessage() for record in caplog.records]
    assert told.count("models_unchecked") == 2
    assert "model_gone" in told


async def test_a_model_that_is_retired_meanwhile_is_noticed_by_the_call_that_fails(
    standin: tuple[Standin, str], ask: Ask
) -> None:
    """That call fails with its name; after the next look the fallback asks."""
    engine = opened(standin[1])
    await checked(engine)
    standin[0].change({"models_gone": [FAST]})
    with pytest.raises(ModelFault) as raised:
        await last_usage(engine, ask())
    assert (raised.value.reason, raised.value.status) == ("rejected", 404)
    engine.check_soon()  # as the next call does
    await checked(engine)
    assert (await last_usage(engine, ask())).tier == "balanced"
    await engine.close()


def test_an_engine_opened_outside_a_loop_looks_with_its_first_call() -> None:
    """As workers open it, in a thread."""
    engine = opened("http://127.0.0.1:9")
    assert not engine._checked
