"""`entrevistador relay`: the outbox's way to the broker, and the sweep."""

import argparse
import asyncio
from collections.abc import Coroutine
from typing import Any

from cli import arguments, environment
from pipeline import port, relay, sweep
from pipeline.broker import close_broker, open_broker
from runtime import logs
from runtime.lifecycle import Stack, Tasks, stop_event
from runtime.settings import Settings
from storage.blobs import open_blobs
from storage.connect import open_database, open_redis
from storage.events import Teller
from storage.journal import Journal
from storage.live import Live
from storage.redis_writer import RedisWriter
from storage.transaction import Database


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "relay",
        help="hand jobs from the outbox to the broker",
        description="Hands every job to the broker once its transaction has committed, and "
        "sweeps up what was left behind. Several relays may run at once.",
        epilog="Exit code: 0 after an orderly end, 1 when a service is away, 2 for an option or a "
        "setting that can't be used.",
    )
    parser.add_argument(
        "--sweep",
        choices=("with", "only", "none"),
        default="with",
        help="with: hand over and sweep; only: just sweep; none: just hand over (with)",
    )
    parser.add_argument(
        "--port", type=arguments.port, help="a port for /metrics and /health (none)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Relay until a signal; 0 after an orderly end."""
    settings = environment.settings()
    logs.set_up(settings.log_level)
    asyncio.run(_relay(settings, args.sweep, args.port))
    return 0


async def _relay(settings: Settings, sweeping: str, listen: int | None) -> None:
    stop = stop_event()
    async with Stack() as stack:
        databases = []
        work: list[Coroutine[Any, Any, None]] = []
        if sweeping != "none":
            across = stack.add(
                await open_database(settings.database_sweep_url, size=1), Database.close
            )
            db = stack.add(await open_database(settings.database_app_url, size=1), Database.close)
            blobs = open_blobs(settings.storage_url)
            databases.append(db)
            redis = stack.add(open_redis(settings.redis_url, connections=1), lambda r: r.aclose())
            writer = stack.add(RedisWriter(redis), RedisWriter.close)
            live = sweep.LiveSide(Live(redis, writer), Teller(writer))
            sweeping_up = sweep.Sweep(across, db, blobs, Journal(redis, writer), live)
            work.append(sweep.run(sweeping_up, stop))
        if sweeping != "only":
            outbox = stack.add(
                await open_database(settings.database_relay_url, size=2), Database.close
            )
            broker = open_broker(settings.broker_url)
            stack.callback(close_broker, broker)
            databases.append(outbox)
            work.append(relay.run(outbox, broker, stop))
        if listen is not None:

            async def ready() -> bool:
                return all([await database.alive() for database in databases])

            server = await port.serve(settings.host, listen, ready)
            stack.callback(server.close)
        async with Tasks("relay") as tasks:
            await asyncio.gather(*(tasks.start(one) for one in work))
