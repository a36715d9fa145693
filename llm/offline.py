"""The written bank as an engine: asks without a model, at a human pace, and says so."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Final

from interview import bank
from interview.families import FILLER
from interview.interviewer import Directive
from interview.plan import Plan
from interview.scoring import Claim
from llm.request import EvaluationRequest, QuestionRequest
from llm.tiers import Usage
from protocol import limits
from protocol.faults import Fault
from protocol.profile import fold
from runtime import clock
from runtime.wheel import Wheel

NAME: Final = "offline"
EARLY: Final = 0.01  # of a piece's time: a clock's last digits hold nothing up
PIECE_WORDS: Final = (2, 1, 3, 2, 3, 1)  # uneven, as people read
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_NAMELESS: Final = re.compile(r",?\s*\{candidate\}")


class OfflineEngine:
    """Asks the bank's questions; `piece_seconds` 0 says everything at once."""

    name = NAME
    keeps_time = True  # a pace of its own, and nothing to wait for

    def __init__(self, *, piece_seconds: float) -> None:
        """Wait `piece_seconds` between the pieces of a question."""
        self._piece_seconds = piece_seconds
        self.wheel = Wheel()

    @property
    def prompt_versions(self) -> dict[str, str]:
        """No prompts: the questions are written."""
        return {}

    async def question(self, request: QuestionRequest) -> AsyncGenerator[str | Usage, None]:
        """Yield the bank's question in pieces of one to three words, as they are due."""
        text = render(request.plan, request.directive, request.locale)
        pace = Pace(list(pieces(text)), self._piece_seconds, self.wheel)
        while part := await pace.next():
            yield part
        yield Usage()

    async def claims(
        self,
        request: EvaluationRequest,  # noqa: ARG002 - the engines' common signature
    ) -> AsyncGenerator[list[Claim] | Usage, None]:
        """Refuse: without a model there is coverage, which the scoring room computes by itself."""
        yield Usage()
        raise Fault("model_unavailable", "the bank makes no claims")

    async def close(self) -> None:
        """Nothing is open."""


class Pace:
    """Pieces that come one every so many seconds; those that are shown together come together."""

    __slots__ = ("_at", "_begun", "_handed", "_pieces", "_seconds", "_wheel")

    def __init__(self, pieces: Sequence[str], seconds: float, wheel: Wheel) -> None:
        """The first piece is due now; `wheel` is everybody's."""
        self._wheel = wheel
        self._pieces = pieces
        self._seconds = seconds
        self._at = 0
        self._begun = self._handed = clock.monotonic()

    async def next(self) -> str:
        """Return what is due: a first piece at once, then all of COALESCE_SECONDS; "" at the end.

        Without a pace each comes by itself. One that its reader takes late puts off none behind it.
        """
        at, count = self._at, len(self._pieces)
        if at in (0, count):
            self._at = min(1, count)
        elif self._seconds <= 0:
            await asyncio.sleep(0)
            self._at = at + 1
        else:
            last = self._begun + (count - 1) * self._seconds
            due = self._begun + at * self._seconds
            due = min(max(due, self._handed + limits.COALESCE_SECONDS), last)
            await self._wheel.until(due)
            self._handed = due
            passed = max(due, clock.monotonic()) - self._begun
            self._at = min(count, int(passed / self._seconds + EARLY) + 1)
        return "".join(self._pieces[at : self._at])


def render(plan: Plan, directive: Directive, locale: str) -> str:
    """Return the question that a directive stands for, in the words of the bank."""
    pages = bank.load(locale)
    item = pages.item(directive.competency, directive.level)
    if directive.probe is not None:
        bridges = pages.gentle_bridges if directive.gentle else pages.follow_up_bridges
        bridge = bridges[directive.bridge % len(bridges)]
        question = item.probes[directive.probe % len(item.probes)].text
    else:
        bridge = pages.bridges[directive.bridge % len(pages.bridges)]
        question = item.opening
    if directive.first:
        bridge = pages.greeting if plan.candidate_name else _NAMELESS.sub("", pages.greeting)
    values = {
        "candidate": plan.candidate_name,
        "company": plan.company,
        "opening_title": plan.opening_title,
        "minutes": str(plan.minutes),
        "skill": _in_a_sentence(directive.skill),
    }
    return _PLACE.sub(lambda place: values[place[1]], f"{bridge} {question}")


def _in_a_sentence(skill: str) -> str:
    """Return a requirement as it stands inside a sentence: "Manejo de SAP" -> "manejo de SAP".

    Only a word that says nothing by itself loses its capital: names keep theirs.
    """
    first = skill.partition(" ")[0]
    if first[1:].islower() and fold(first) in FILLER:
        return skill[0].lower() + skill[1:]
    return skill


def pieces(text: str) -> Iterator[str]:
    """Split a text into pieces of one to three words that, joined, are the text."""
    words = re.findall(r"\S+\s*", text)
    at, turn = 0, 0
    while at < len(words):
        size = PIECE_WORDS[turn % len(PIECE_WORDS)]
        yield "".join(words[at : at + size])
        at, turn = at + size, turn + 1
