"""What is not paid for twice: answers to job-level work, and prefixes that the provider keeps.

An answer is found by everything that made it, exactly, and by its company. What a candidate is
asked and how an interview is scored is never kept: each is made for one person.
"""

import hashlib
from collections import OrderedDict
from typing import Final
from uuid import UUID

import msgspec

from llm.request import JobRequest
from llm.tiers import TaskSettings, Tier, Usage
from runtime import clock, metrics
from runtime.logs import Log

log = Log("llm.cache")
JOBS: Final = frozenset({"plan", "extraction"})  # all others are live turns or scores
PREFIX_SECONDS: Final = 300.0  # as long as the provider keeps a prefix
SESSIONS_MAX: Final = 20_000
_encode = msgspec.json.Encoder(order="deterministic").encode


def digest(request: object, tier: Tier, settings: TaskSettings) -> str:
    """Return the name of an answer by all that decides about it; ValueError where none is kept."""
    if not isinstance(request, JobRequest) or request.task not in JOBS:
        raise ValueError("only job-level work is kept: never a live turn, never a score")
    made_by = (
        request.task, settings.tier, tier.model, settings.effort, settings.think,
        settings.max_tokens, request.prompt_version, request.locale, request.schema,
        request.input, request.program,
    )  # fmt: skip
    return hashlib.sha256(_encode(made_by)).hexdigest()


class Prefixes:
    """What of each session's prompt the provider should have in its cache by now."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seen: OrderedDict[UUID, tuple[float, str, int]] = OrderedDict()

    def expected(self, session_id: UUID, tier: str) -> int:
        """Return the tokens that a call now should be spared."""
        found = self._seen.get(session_id)
        if found is None or found[1] != tier or clock.monotonic() - found[0] > PREFIX_SECONDS:
            return 0
        return found[2]

    def note(self, session_id: UUID, name: str, tier: Tier, usage: Usage) -> None:
        """Remember what a call left there; an expected prefix that was not read is an alarm."""
        wanted = self.expected(session_id, name)
        if wanted and wanted >= tier.prefix_tokens_min and not usage.cache_read:
            metrics.model_cold_prefix.labels(name).inc()
            log.warning("prefix_not_cached", tier=name, model=tier.model, tokens=wanted)
        self._seen.pop(session_id, None)
        self._seen[session_id] = (
            clock.monotonic(), name, usage.cache_write + usage.cache_read
        )  # fmt: skip
        if len(self._seen) > SESSIONS_MAX:
            self._seen.popitem(last=False)
