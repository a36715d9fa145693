"""Which model does which task, and what it costs: read from the dated settings file beside this.

Prices are integers (micro-dollars per million tokens), and so is every cost: no money is a float.
"""

from functools import cache
from importlib import resources
from typing import Final, Literal

import msgspec

Task = Literal["question", "evaluation"]
MILLION: Final = 1_000_000


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one call, counted as the API does: `tokens_in` are those at full price only.

    `final` tells the model's own account from a bound that we put in its place.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cache_write: int = 0
    cache_read: int = 0
    final: bool = True

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


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class of model; `thinking_off` is how it is told not to think, where it can be."""

    model: str
    prices: Prices
    long_prompt: LongPrompt | None
    batch_percent: int
    thinking_off: str | None

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
        """Refuse a task without a tier."""
        for task, settings in self.tasks.items():
            if settings.tier not in self.tiers:
                raise ValueError(f"{task}: no tier {settings.tier}")

    def for_task(self, task: Task) -> tuple[Tier, TaskSettings]:
        """Return what does a task, and how."""
        settings = self.tasks[task]
        return self.tiers[settings.tier], settings


@cache
def load() -> Tiers:
    """Return the settings of `tiers.json`, read once; a wrong file is a bug and raises."""
    text = resources.files(__package__).joinpath("tiers.json").read_bytes()
    return msgspec.json.decode(text, type=Tiers)
