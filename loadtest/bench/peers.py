"""`make bench-peers`: the gateway beside LiteLLM's proxy, under the same load in the same run.

The gateway is a part of the process that asks; the proxy is a process between. What is compared is
what each spends for a stream, and what each adds to the first piece over asking the stand-in
itself. LiteLLM lives in an environment of its own and is only ever started, never imported.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from loadtest.bench import cores, llm
from loadtest.bench.figures import PERCENTILES, Figure, figure, say, show
from loadtest.bench.llm_client import Measured, Told
from loadtest.bench.measure import NothingMeasured
from loadtest.bench.process import NotReady, free_port, running

BENCH: Final = "peers"
LITELLM: Final = "LiteLLM's proxy"
WAYS: Final = (llm.RAW, llm.GATEWAY, LITELLM)
CPU_TIMES: Final = 15.0  # as much CPU a stream is what the proxy may not stay below
ADDED_TIMES: Final = 10.0
LEAST_MS: Final = 0.1  # what is added is told no finer: neighbours alone make as much
START_SECONDS: Final = 180.0
LOG_TAIL: Final = 1500

Found = dict[str, list[Measured]]


def config(url: str, key: str) -> bytes:
    """Return the proxy's configuration in YAML's JSON: one provider at `url`, no database."""
    provider = {"model": "anthropic/*", "api_base": url, "api_key": "k"}
    return msgspec.json.encode(
        {
            "model_list": [{"model_name": "*", "litellm_params": provider}],
            "litellm_settings": {"telemetry": False},
            "general_settings": {"master_key": key},
        }
    )


@asynccontextmanager
async def proxy(program: Path, url: str, key: str, port: int) -> AsyncIterator[int]:
    """Run LiteLLM's proxy before the stand-in at `url` and yield its process id."""
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        folder = Path(name)
        (folder / "config.yaml").write_bytes(config(url, key))
        told = ["--config", str(folder / "config.yaml"), "--host", "127.0.0.1"]
        told += ["--port", str(port), "--num_workers", "1"]
        environ = {  # nothing of the caller's: no keys, no proxies
            "HOME": name,
            "PATH": f"{program.parent}:/usr/bin:/bin",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # prices from the package, none fetched
            "LITELLM_LOG": "ERROR",
            "NO_PROXY": "127.0.0.1",
        }
        with (folder / "log").open("w+b") as log:
            try:
                async with running(
                    told, port=port, environ=environ, program=[str(program)],
                    ready_seconds=START_SECONDS, output=log.fileno(),
                ) as process:  # fmt: skip
                    yield process.pid
            except (NotReady, NothingMeasured):
                say((folder / "log").read_text(errors="replace")[-LOG_TAIL:])
                raise


async def measure(args: argparse.Namespace) -> list[Figure]:
    """Measure every way `turns` times at each size, forwards and backwards."""
    port, key = free_port(), f"sk-{secrets.token_hex(16)}"
    url = f"http://127.0.0.1:{port}"
    shown: list[Figure] = []
    standin = llm.standin(port, args.pieces, args.piece_seconds)
    async with running(standin, port=port, on=cores.CROWD):
        between = free_port()
        say("starting LiteLLM's proxy")
        async with proxy(args.litellm, url, key, between) as pid:
            for streams in args.streams:
                found: Found = {way: [] for way in WAYS}
                direct = Told(
                    case=llm.RAW, url=url, streams=streams, rounds=args.rounds,
                    round_seconds=args.pieces * args.piece_seconds, warm_up=args.warm_up,
                )  # fmt: skip
                through = msgspec.structs.replace(
                    direct, url=f"http://127.0.0.1:{between}", key=key, through=pid
                )
                gateway = msgspec.structs.replace(direct, case=llm.GATEWAY)
                told = dict(zip(WAYS, (direct, gateway, through), strict=True))
                for turn in range(args.turns):
                    for way in WAYS if turn % 2 == 0 else reversed(WAYS):
                        say(f"{way}: {streams} streams at once, {args.rounds} each")
                        on = cores.CROWD if way == LITELLM else cores.SERVER
                        one = await llm.measured(told[way], on=on)
                        if one.pieces != streams * args.rounds * args.pieces:
                            raise NothingMeasured(f"{way}: {one.pieces} pieces came")
                        found[way].append(one)
                what = f"{streams} streams of {args.pieces} x {args.piece_seconds * llm.MS:g} ms"
                shown += figures(found, what)
    return shown


def figures(found: Found, what: str) -> list[Figure]:
    """Return what each way costs and adds, LiteLLM's beside the gateway's, and the two targets."""
    cpu = {way: _cpu_ms(way, all_) for way, all_ in found.items()}
    shown = [figure(BENCH, f"{way}, {what}", "cpu_per_stream", cpu[way], "ms") for way in WAYS[:2]]
    shown.append(_beside(what, "cpu_per_stream", cpu[LITELLM], cpu[llm.GATEWAY]))
    added: dict[int, float] = {}
    for percent in PERCENTILES:
        first = {way: llm.quietest(found[way], percent) * llm.MS for way in WAYS}
        for way in WAYS:
            name = f"first_piece_p{percent}"
            shown.append(figure(BENCH, f"{way}, {what}", name, first[way], "ms"))
        name = f"first_piece_added_p{percent}"
        ours, theirs = (first[way] - first[llm.RAW] for way in WAYS[1:])
        shown.append(figure(BENCH, f"{llm.GATEWAY}, {what}", name, ours, "ms"))
        shown.append(_beside(what, name, theirs, max(ours, LEAST_MS)))
        added[percent] = theirs / max(ours, LEAST_MS)
    shown.append(_target(what, "cpu_times_less", cpu[LITELLM] / cpu[llm.GATEWAY], CPU_TIMES))
    shown += [
        _target(what, f"first_piece_added_p{percent}_times_less", times, ADDED_TIMES)
        for percent, times in added.items()
    ]
    return shown


def missed(shown: Sequence[Figure]) -> list[str]:
    """Return the targets that the gateway missed, in words."""
    return [
        f"{one.case}: {one.metric} {one.value:g}, wanted {one.baseline_value:g}"
        for one in shown
        if one.baseline == "target" and one.value < (one.baseline_value or 0.0)
    ]


def _cpu_ms(way: str, all_: list[Measured]) -> float:
    spent = [one.through_cpu_seconds if way == LITELLM else one.cpu_seconds for one in all_]
    mean = sum(spent) / len(spent) * llm.MS
    if mean <= 0:
        raise NothingMeasured(f"{way}: too few streams for the clock of CPU time")
    return mean


def _beside(what: str, metric: str, theirs: float, ours: float) -> Figure:
    return figure(
        BENCH, f"{LITELLM}, {what}", metric, theirs, "ms",
        baseline=llm.GATEWAY, baseline_value=ours,
    )  # fmt: skip


def _target(what: str, metric: str, times: float, wanted: float) -> Figure:
    return figure(
        BENCH, f"{llm.GATEWAY}, {what}", metric, times, "x",
        baseline="target", baseline_value=wanted,
    )  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """Return what the command understands."""
    told = argparse.ArgumentParser(prog="python -m loadtest.bench.peers", description=__doc__)
    told.add_argument(
        "--litellm", type=Path, default=Path(".venv-peers/bin/litellm"), help="its program"
    )
    told.add_argument("--streams", type=_sizes, default=[100], help="at once, sizes (100)")
    told.add_argument("--rounds", type=_positive, default=6, help="one after the other (6)")
    told.add_argument("--turns", type=_positive, default=2, help="of each way (2)")
    told.add_argument("--warm-up", type=int, default=1, help="rounds that do not count (1)")
    told.add_argument("--pieces", type=_positive, default=40, help="pieces of a stream (40)")
    told.add_argument("--piece-seconds", type=float, default=0.025, help="between them (0.025)")
    told.add_argument("--limit", type=float, default=900.0, help="seconds for everything (900)")
    told.add_argument(
        "--real-time", action="store_true", help="before the machine's other processes"
    )
    return told


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("a positive number")
    return number


def _sizes(text: str) -> list[int]:
    return [_positive(part) for part in text.split(",")]


async def _bounded(args: argparse.Namespace) -> list[Figure]:
    async with asyncio.timeout(args.limit):
        return await measure(args)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; 0 when both targets are met at every size, 1 when not or without figures."""
    args = parser().parse_args(argv)
    args.litellm = args.litellm.absolute()
    if not args.litellm.exists():
        say(f"{args.litellm.name} is not installed: `make bench-peers` does it")
        return 1
    cores.pin(0, cores.CROWD)
    if args.real_time and not cores.go_first():
        say("this user may not ask for real-time scheduling: neighbours will count")
    try:
        shown = uvloop.run(_bounded(args))
    except TimeoutError:
        say(f"not finished within {args.limit:g} s: ask for fewer --streams or a longer --limit")
        return 1
    except (NothingMeasured, NotReady, OSError, ValueError) as error:
        say(f"{BENCH}: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    for one in shown:
        show(one)
    for line in (short := missed(shown)):
        say(f"missed: {line}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
