"""The road to the model beside others: CPU of a stream, and what is added to its first piece.

Every way is a process of its own on the measured core, against the same stand-in in another
process, with the same request; they take turns, so that a noisy minute falls on all of them.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from loadtest.bench import cores
from loadtest.bench.figures import PERCENTILES, Figure, figure, percentile, say
from loadtest.bench.llm_client import CASES, Measured, Told
from loadtest.bench.measure import NothingMeasured
from loadtest.bench.process import free_port, running

BENCH: Final = "llm"
RAW: Final = "raw aiohttp"
GATEWAY: Final = "gateway"
MS: Final = 1000.0


async def figures(
    *, streams: int, pieces: int, piece_seconds: float, rounds: int, turns: int
) -> AsyncIterator[Figure]:
    """Yield each case's CPU a stream and first pieces, beside raw aiohttp in the same run.

    The cases are measured `turns` times, forwards and backwards.
    """
    found: dict[str, list[Measured]] = {case: [] for case in CASES}
    port = free_port()
    async with running(standin(port, pieces, piece_seconds), port=port, on=cores.CROWD):
        for turn in range(turns):
            for case in CASES if turn % 2 == 0 else reversed(CASES):
                say(f"{case}: {streams} streams at once, {rounds} each")
                told = Told(
                    case=case,
                    url=f"http://127.0.0.1:{port}",
                    streams=streams,
                    rounds=rounds,
                    round_seconds=pieces * piece_seconds,
                )
                one = await measured(told)
                if one.pieces != streams * rounds * pieces:
                    raise NothingMeasured(f"{case}: {one.pieces} pieces came")
                found[case].append(one)
    for line in _shown(found, f"{streams} streams of {pieces} x {piece_seconds * MS:g} ms"):
        yield line


def standin(port: int, pieces: int, piece_seconds: float) -> list[str]:
    """Return the arguments that start the stand-in."""
    told = ["cli", "model", "--port", str(port), "--pieces", str(pieces)]
    return [*told, "--piece-seconds", str(piece_seconds)]


def _shown(found: dict[str, list[Measured]], what: str) -> list[Figure]:
    shown = []
    cpu = {case: sum(one.cpu_seconds for one in all_) / len(all_) for case, all_ in found.items()}
    for case in CASES:
        base = None if case == RAW else RAW
        name = f"{case}, {what}"
        shown.append(
            figure(
                BENCH, name, "cpu_per_stream", cpu[case] * MS, "ms",
                baseline=base, baseline_value=cpu[RAW] * MS if base else None,
            )
        )  # fmt: skip
        for percent in PERCENTILES:
            value, least = (quietest(found[one], percent) * MS for one in (case, RAW))
            shown.append(
                figure(
                    BENCH, name, f"first_piece_p{percent}", value, "ms",
                    baseline=base, baseline_value=least if base else None,
                )
            )  # fmt: skip
            if base:
                shown.append(
                    figure(BENCH, name, f"first_piece_added_p{percent}", value - least, "ms")
                )
    shown.extend(
        figure(
            BENCH, f"{GATEWAY}, {what}", f"cpu_per_stream_beside_{case.split()[1]}",
            cpu[GATEWAY] * MS, "ms", baseline=case, baseline_value=cpu[case] * MS,
        )
        for case in CASES[3:]
    )  # fmt: skip
    return shown


def quietest(turns: list[Measured], percent: int) -> float:
    """Return a percentile of the quietest turn: neighbours only ever add to it."""
    return min(percentile(one.first, percent) for one in turns)


async def measured(told: Told, *, on: Sequence[int] = cores.SERVER) -> Measured:
    """Run one way in a process of its own on the cores `on` and return what it cost."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loadtest.bench.llm_client",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    cores.pin(process.pid, on)
    try:
        out, _ = await process.communicate(msgspec.json.encode(told))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise NothingMeasured(f"{told.case}: exit code {process.returncode}")
    return msgspec.json.decode(out, type=Measured)
