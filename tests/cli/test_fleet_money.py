"""Commands of operators about money: a company's limits, and what the provider says of us."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cli import budget, check
from cli.__main__ import main
from loadtest.model import Standin
from loadtest.model_serve import serving
from loadtest.model_stream import Options
from runtime.settings import Settings, to_environ
from storage import keys
from tests.conftest import Tenant

BALANCED = "claude-sonnet-5-5"


@pytest.fixture
def house(settings: Settings, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An operator's shell."""
    for name, value in to_environ(settings).items():
        monkeypatch.setenv(name, value)
    return settings


async def type_(*words: str) -> int:
    """Type a command, outside this loop as a shell does."""
    return await asyncio.to_thread(main, ["fleet", *words])


async def test_a_company_s_limits_are_seen_set_and_given_back(
    house: Settings, tenant: Tenant, redis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not named stays; an account that is there hears of it at once."""
    assert await type_("budget", tenant.slug) == 0
    assert "the installation's limits" in capsys.readouterr().out
    month = keys.account(tenant.id, keys.account_names(None)[2])
    await redis.hset(month, "used", 5)
    assert await type_("budget", tenant.slug, "--day", "2.50", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["own"], found["day_limit_micro_usd"]) == (True, 2_500_000)
    assert found["session_limit_micro_usd"] == house.model_session_micro_usd
    assert await redis.hget(month, "day_limit") == b"2500000"
    assert await type_("budget", tenant.slug, "--default") == 0
    assert "the installation's limits" in capsys.readouterr().out
    usual = str(house.model_day_micro_usd).encode()
    assert await redis.hget(month, "day_limit") == usual


async def test_a_company_or_limit_that_cannot_be_is_said_in_a_line(
    house: Settings, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nothing has changed."""
    assert await type_("budget", "nobody-of-that-name") == 2
    assert await type_("budget", tenant.slug, "--default", "--day", "1") == 2
    assert "takes no limit" in capsys.readouterr().err
    for wrong in ("-1", "1e3", "1.0000001", "x"):
        with pytest.raises(SystemExit) as raised:
            await type_("budget", tenant.slug, f"--day={wrong}")
        assert raised.value.code == 2


def test_dollars_are_whole_micro_dollars() -> None:
    """No money is a float."""
    assert [budget.usd(text) for text in ("0", "25", "0.5", ".25", "1.000001")] == [
        0, 25_000_000, 500_000, 250_000, 1_000_001,
    ]  # fmt: skip


# The provider ------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def standin(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Standin]:
    """A provider, and a key for it in the shell."""
    app = Standin(Options(piece_seconds=0.0))
    async with serving(app) as url:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        yield app


async def test_all_models_are_listed_and_no_prompt_is_above_its_bound(
    standin: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is billed for it, and no estimate of the money is below what is counted."""
    assert await type_("check", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert all(model["listed"] for model in found["models"])
    assert {one["task"] for one in found["prompts"]} == {
        "question", "plan", "extraction", "evaluation",
    }  # fmt: skip
    for one in found["prompts"]:
        assert 0 < one["counted_tokens"] <= one["bytes"]
        assert abs(one["estimated_tokens"] - one["counted_tokens"]) <= one["counted_tokens"] * 0.1
    assert not standin.account.calls
    assert await type_("check") == 0
    assert "NOT LISTED" not in capsys.readouterr().out


async def test_a_model_that_is_gone_is_named_with_its_stand_in(
    standin: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anybody is interviewed; its prompts are counted where they would go."""
    standin.change({"models_gone": [BALANCED]})
    assert await type_("check") == 1
    told = capsys.readouterr().out
    assert "NOT LISTED, powerful stands in" in told


async def test_a_provider_that_cannot_be_asked_is_said(
    standin: Standin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Away, or without a key: another exit code each."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    assert await type_("check", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"reason": "unreachable", "status": 0}
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert await type_("check") == 2
    assert check.sample_brief().must_have
