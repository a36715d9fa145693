"""Which model does which task, and what it costs: read from the dated settings file beside this.

Prices are integers (micro-dollars per million tokens), and so is every cost: no money is a float.
"""

from collections.abc import Collection
from functools import cache
from importlib import resources
from typing import Final, Literal

import msgspec

from llm.reply import RateLimits

Task = Literal["question", "plan", "extraction", "evaluation", "re_evaluation"]
MILLION: Final = 1_000_000


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one call, counted as the API does: `tokens_in` are those at full price only.

    `final` tells the model's own account from a bound that we put in its place. `tier` is the
    one that was really asked ("" = the task's own), `request_id` the provider's number of the
    call, `limits` what its headers said.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cache_write: int = 0
    cache_read: int = 0
    final: bool = True
    tier: str = ""
    request_id: str = ""
    limits: RateLimits | None = None

    @property
    def prompt_tokens(self) -> int:
        """Everything that was read, whatever its price."""
        return self.tokens_in + self.cache_write + self.cache_read


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Micro-dollars per million tokens."""

    input: int
    output: int
    cache_write: int
    cache_read: int


class LongPrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The prices of every token of a call whose prompt is longer than this."""

    above_tokens: int
    prices: Prices


class PerMinute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the provider grants a key in a minute, until its headers say otherwise."""

    requests: int
    input_tokens: int  # those read from the cache are not counted
    output_tokens: int


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class of model; `thinking_off` is how it is told not to think, where it can be.

    `thinking_tokens` is the room that thinking needs where it can't be turned off, and
    `prefix_tokens_min` the shortest prefix that is cached. `fallback` is the tier that is asked
    while the provider does not list this one's model: never a weaker one for what is scored.
    """

    model: str
    prices: Prices
    long_prompt: LongPrompt | None
    batch_percent: int
    thinking_off: str | None
    thinking_tokens: int = 0
    prefix_tokens_min: int = 0
    limits: PerMinute = PerMinute(4_000, 2_000_000, 400_000)
    fallback: str = ""

    def cost(self, usage: Usage, *, batch: bool = False) -> int:
        """Return the price of a call in micro-dollars, rounded up once."""
        prices = self.prices
        if self.long_prompt and usage.prompt_tokens > self.long_prompt.above_tokens:
            prices = self.long_prompt.prices
        total = (
            usage.tokens_in * prices.input
            + usage.tokens_out * prices.output
            + usage.cache_write * prices.cache_write
            + usage.cache_read * prices.cache_read
        )
        percent = self.batch_percent if batch else 100
        return -(-total * percent // (100 * MILLION))


class TaskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a task is asked for: its tier, the most it may write, and how hard it thinks."""

    tier: str
    max_tokens: int
    effort: str
    think: bool


class Tiers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole settings file."""

    as_of: str
    source: str
    currency: str
    tiers: dict[str, Tier]
    tasks: dict[Task, TaskSettings]

    def __post_init__(self) -> None:
        """Refuse a task or a fallback without a tier."""
        for task, settings in self.tasks.items():
            if settings.tier not in self.tiers:
                raise ValueError(f"{task}: no tier {settings.tier}")
        for name, tier in self.tiers.items():
            if tier.fallback and (tier.fallback not in self.tiers or tier.fallback == name):
                raise ValueError(f"{name}: no tier {tier.fallback} to fall back to")

    def for_task(self, task: Task, tier: str = "") -> tuple[Tier, TaskSettings]:
        """Return what does a task, and how; `tier` names another than the task's own."""
        settings = self.tasks[task]
        if tier and tier != settings.tier:
            settings = msgspec.structs.replace(settings, tier=tier)
        return self.tiers[settings.tier], settings

    def stand_ins(self, missing: Collection[str]) -> dict[str, str]:
        """Return the tier to ask in place of each whose model the provider does not list.

        Where no fallback is left a tier is not in the result: it is asked, and its calls fail.
        """
        found: dict[str, str] = {}
        for name in self.tiers:
            seen, at = {name}, name
            while self.tiers[at].model in missing and self.tiers[at].fallback not in {"", *seen}:
                at = self.tiers[at].fallback
                seen.add(at)
            if at != name and self.tiers[at].model not in missing:
                found[name] = at
        return found


@cache
def load() -> Tiers:
    """Return the settings of `tiers.json`, read once; a wrong file is a bug and raises."""
    text = resources.files(__package__).joinpath("tiers.json").read_bytes()
    return msgspec.json.decode(text, type=Tiers)
