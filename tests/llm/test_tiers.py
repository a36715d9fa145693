"""Money: integers only, rounded up once, and the dated settings agree with themselves."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm import tiers
from llm.tiers import LongPrompt, Prices, Tier, Usage
from loadtest.model_rules import MODELS, THINKING

COUNTS = st.integers(0, 5_000_000)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS)
NAMES = st.sampled_from(sorted(tiers.load().tiers))


def test_the_settings_are_dated_and_name_the_three_tiers() -> None:
    """Whoever reads a price knows of which day it is."""
    loaded = tiers.load()
    assert date.fromisoformat(loaded.as_of) >= date(2026, 11, 24)
    assert set(loaded.tiers) == {"fast", "balanced", "powerful"}
    assert set(loaded.tasks) == {
        "question", "plan", "extraction", "evaluation", "re_evaluation",
    }  # fmt: skip


def test_the_stand_in_serves_the_models_of_the_settings() -> None:
    """And takes the way in which each is told not to think."""
    for tier in tiers.load().tiers.values():
        assert tier.model in MODELS
        assert tier.thinking_off is None or tier.thinking_off in THINKING[tier.model]


@pytest.mark.parametrize(
    ("name", "usage", "micro_usd"),
    [
        ("fast", Usage(tokens_in=1_000_000), 500_000),  # over 100,000 tokens: the long price
        ("fast", Usage(tokens_in=100_000), 10_000),
        ("fast", Usage(tokens_in=100_001), 50_001),
        ("fast", Usage(tokens_in=50_000, cache_read=50_001), 25_000 + 2_501),
        ("fast", Usage(tokens_out=1_000), 500),
        ("fast", Usage(tokens_in=1), 1),
        ("fast", Usage(), 0),
        ("balanced", Usage(1_000, 1_000, 1_000, 1_000), 2_000 + 10_000 + 2_500 + 100),
        ("powerful", Usage(1_000, 1_000, 1_000, 1_000), 4_000 + 20_000 + 5_000 + 200),
    ],
)
def test_a_call_costs_what_the_price_list_says(name: str, usage: Usage, micro_usd: int) -> None:
    """By hand, in millionths of a dollar."""
    assert tiers.load().tiers[name].cost(usage) == micro_usd


@given(NAMES, USAGES, USAGES)
def test_more_tokens_never_cost_less(name: str, one: Usage, more: Usage) -> None:
    """And a cost is a whole number, whatever the counts."""
    tier = tiers.load().tiers[name]
    both = Usage(
        one.tokens_in + more.tokens_in,
        one.tokens_out + more.tokens_out,
        one.cache_write + more.cache_write,
        one.cache_read + more.cache_read,
    )
    assert isinstance(tier.cost(both), int)
    assert tier.cost(both) >= max(tier.cost(one), tier.cost(more))


@given(NAMES, USAGES)
def test_a_batch_costs_half_rounded_up(name: str, usage: Usage) -> None:
    """The one discount there is."""
    tier = tiers.load().tiers[name]
    whole, half = tier.cost(usage), tier.cost(usage, batch=True)
    assert whole <= 2 * half <= whole + 1


def test_a_task_without_a_tier_is_refused() -> None:
    """A settings file that names nothing real does not load."""
    text = msgspec.json.encode(tiers.load()).replace(b'"tier":"fast"', b'"tier":"free"')
    with pytest.raises(ValueError, match="no tier"):
        msgspec.json.decode(text, type=tiers.Tiers)


def test_long_prompts_are_dear_from_the_first_token_beyond() -> None:
    """Every token of the call has the other price, the output's as well."""
    cheap, dear = Prices(1_000_000, 0, 0, 0), Prices(5_000_000, 2_000_000, 0, 0)
    tier = Tier("m", cheap, LongPrompt(10, dear), 50, None)
    assert tier.cost(Usage(tokens_in=10, tokens_out=5)) == 10
    assert tier.cost(Usage(tokens_in=11, tokens_out=5)) == 65


def test_a_fallback_names_another_tier() -> None:
    """One that does not exist, or the tier itself, is refused at loading."""
    text = msgspec.json.encode(tiers.load())
    for wrong in (b'"fallback":"free"', b'"fallback":"fast"'):
        changed = text.replace(b'"fallback":"balanced"', wrong, 1)
        assert changed != text
        with pytest.raises(ValueError, match="fall back"):
            msgspec.json.decode(changed, type=tiers.Tiers)


@pytest.mark.parametrize(
    ("missing", "stand_ins"),
    [
        ((), {}),
        (("claude-haiku-5-5",), {"fast": "balanced"}),
        (("claude-sonnet-5-5",), {"balanced": "powerful"}),
        (("claude-haiku-5-5", "claude-sonnet-5-5"), {"fast": "powerful", "balanced": "powerful"}),
        (("claude-opus-5-5", "claude-sonnet-5-5"), {}),
        (("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"), {}),
    ],
)
def test_a_tier_whose_model_is_gone_is_stood_in_for(
    missing: tuple[str, ...], stand_ins: dict[str, str]
) -> None:
    """By the first of its fallbacks that is left; scores never get a weaker model by that."""
    assert tiers.load().stand_ins(missing) == stand_ins
