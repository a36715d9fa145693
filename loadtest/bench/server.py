"""The measured server: the product's own composition with stamps in the pieces, nothing less.

It is told what to do as JSON on standard input. The bank's pieces are stamped with the moment that
they are due, a model's when the engine gives them, and all once more when the coalescer lets them
go: between the two lies the wait that is wanted.
"""

import argparse
import cProfile
import sys
from collections.abc import AsyncGenerator, Sequence
from itertools import cycle, islice
from typing import Final

import msgspec
import uvloop

import server.serve as serving
from interview import events as ev
from llm import engines, offline, tiers
from llm.request import Engine, EvaluationRequest, QuestionRequest
from llm.tiers import Usage
from loadtest.bench import stamps
from runtime import clock, logs
from runtime.settings import Settings, read
from server.conductor import Conductor
from server.inbox import Item

PIECES: Final = 40
NS: Final = 1_000_000_000
ROOMY: Final = (1_000_000, 900_000_000, 900_000_000)  # requests and tokens a minute


class Told(msgspec.Struct, frozen=True):
    """What the bench says to its server."""

    environ: dict[str, str]  # the settings, as a process is told them
    pieces: int = PIECES
    piece_seconds: float = 0.02


class PacedEngine(offline.OfflineEngine):
    """The written bank at a fixed pace: every question has the same number of pieces."""

    def __init__(self, told: Told) -> None:
        super().__init__(piece_seconds=told.piece_seconds)
        self._told = told

    async def question(self, request: QuestionRequest) -> AsyncGenerator[str | Usage, None]:
        """Yield the question's words again and again until there are pieces enough."""
        seconds = self._told.piece_seconds
        text = offline.render(request.plan, request.directive, request.locale)
        due, step = clock.monotonic_ns(), int(seconds * NS)
        pieces = [
            f"{stamps.mark(stamps.PIECE, due + number * step)}{piece}"
            for number, piece in enumerate(islice(cycle(offline.pieces(text)), self._told.pieces))
        ]
        pieces[0] = f"{stamps.mark(stamps.ASKED, due)}{pieces[0]}"
        pace = offline.Pace(pieces, seconds, self.wheel)
        while part := await pace.next():
            yield part
        yield Usage()


class StampedEngine:
    """Another engine whose pieces carry the moment at which it gave them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def name(self) -> str:
        """The engine's own."""
        return self._engine.name

    @property
    def keeps_time(self) -> bool:
        """The engine's own."""
        return bool(getattr(self._engine, "keeps_time", False))

    @property
    def prompt_versions(self) -> dict[str, str]:
        """The engine's own."""
        return self._engine.prompt_versions

    async def question(self, request: QuestionRequest) -> AsyncGenerator[str | Usage, None]:
        """Yield the engine's pieces, each behind its stamp."""
        asked = stamps.stamp(stamps.ASKED)
        async for part in self._engine.question(request):
            if isinstance(part, str):
                yield f"{asked}{stamps.stamp(stamps.PIECE)}{part}"
                asked = ""
            else:
                yield part

    def claims(self, request: EvaluationRequest) -> AsyncGenerator[list[object] | Usage, None]:
        """The engine's own."""
        return self._engine.claims(request)  # type: ignore[return-value]

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.close()


class StampedConductor:
    """Puts a stamp on what the coalescer lets go, on its way into the inbox."""

    def __init__(self) -> None:
        self._post = Conductor.post
        self._post_soon = Conductor.post_soon

    def install(self) -> None:
        """Stamp in this process from now on."""
        post, post_soon = self._post, self._post_soon

        async def posted(conductor: Conductor, item: Item) -> None:
            await post(conductor, _let_go(item))

        def posted_soon(conductor: Conductor, item: Item) -> None:
            post_soon(conductor, _let_go(item))

        Conductor.post = posted  # type: ignore[assignment]
        Conductor.post_soon = posted_soon  # type: ignore[assignment]


def _let_go(item: Item) -> Item:
    if isinstance(item, ev.PieceArrived):
        text = item.text + stamps.stamp(stamps.LEFT)
        return ev.PieceArrived(item.turn, item.ask, text)
    return item


def _engines_of(told: Told) -> None:
    """Let the product's composition find the measured engines, and a provider who never refuses.

    What is reserved, settled and booked stays: that is part of what a turn costs.
    """
    open_model = engines.open_model

    def stamped(settings: Settings) -> Engine | None:
        model = open_model(settings)
        return StampedEngine(model) if model else None  # type: ignore[return-value]

    engines.open_bank = lambda settings: PacedEngine(told)  # noqa: ARG005
    engines.open_model = stamped
    known = tiers.load()
    roomy = {
        name: msgspec.structs.replace(tier, limits=tiers.PerMinute(*ROOMY))
        for name, tier in known.tiers.items()
    }
    settings = msgspec.structs.replace(known, tiers=roomy)
    tiers.load = lambda: settings  # type: ignore[assignment]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the live wire until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.server", description=__doc__)
    parser.add_argument("--profile", default="", help="write cProfile's statistics to this file")
    args = parser.parse_args(argv)
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Told)
    settings = read(told.environ)
    logs.set_up(settings.log_level)
    StampedConductor().install()
    _engines_of(told)
    work = serving.serve(settings, "interview")
    if args.profile:
        with cProfile.Profile() as profile:
            uvloop.run(work)
        profile.dump_stats(args.profile)
    else:
        uvloop.run(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
