"""The one composition root: every part of a server process is built here, from top to bottom."""

import asyncio
import os
import platform
from typing import Final, Literal

import msgspec
from litestar.types import ASGIApp
from llm.gateway import open_gateway

from runtime import metrics
from runtime.lifecycle import Stack
from runtime.settings import Settings
from server import socket as live_socket
from server.auth import open_auth
from server.gate import Gate
from server.house import House
from server.instance import Instance
from server.problems import message
from server.ratelimit import Limiter
from server.rest import build
from server.rest.front import allowed_origins
from server.sessions import Sessions
from server.tickets import Tickets
from storage.blobs import open_blobs
from storage.connect import open_redis, wait_for_database
from storage.events import EventHub
from storage.ledger import LedgerStore
from storage.live import Live
from storage.redis_writer import RedisWriter
from storage.sessions import TurnWriter
from storage.slots import Slots

Role = Literal["api", "interview", "all"]
START_SECONDS: Final = 30.0


class Server(msgspec.Struct):
    """A composed process: the application, and the live side where the role has one."""

    app: ASGIApp
    instance: Instance | None
    sessions: Sessions | None


def instance_name(settings: Settings) -> str:
    """A name that no earlier process of this machine had: its places are not ours."""
    return (
        settings.instance_id or f"{platform.node() or 'host'}-{os.getpid()}-{os.urandom(3).hex()}"
    )


async def compose(settings: Settings, role: Role, stack: Stack) -> Server:
    """Open everything that `role` needs; `stack` closes it again in reverse order."""
    db = stack.add(
        await wait_for_database(
            settings.database_app_url, seconds=START_SECONDS, size=settings.database_pool
        ),
        lambda it: it.close(),
    )
    redis = stack.add(open_redis(settings.redis_url), lambda it: it.aclose())
    writing = stack.add(open_redis(settings.redis_url, connections=1), lambda it: it.aclose())
    reading = stack.add(open_redis(settings.redis_url, connections=1), lambda it: it.aclose())
    writer = stack.add(RedisWriter(writing), lambda it: it.close())
    slots = Slots(redis, writer)
    tickets = Tickets(settings.secret)
    name = instance_name(settings)
    gate = Gate(slots, instance_id="" if role == "api" else name)
    instance = sessions = None
    if role != "api":
        instance = Instance(
            id=name,
            url=settings.instance_url or f"ws://{settings.host}:{settings.port}/ws",
            db=db,
            redis=redis,
            live=Live(redis, writer),
            slots=slots,
            turns=stack.add(TurnWriter(db), lambda it: it.close()),
            gate=gate,
            tickets=tickets,
            gateway=stack.add(open_gateway(settings, LedgerStore(db)), lambda it: it.close()),
            say=message,
            origins=allowed_origins(settings),
            draining=asyncio.Event(),
        )
        sessions = stack.add(Sessions(instance), lambda it: it.close())
        await _register(instance, settings)
        sessions.keep_time()
    house = House(
        settings=settings,
        db=db,
        redis=redis,
        blobs=open_blobs(settings.storage_url),
        events=stack.add(EventHub(reading), lambda it: it.close()),
        tickets=tickets,
        gate=gate,
        auth=open_auth(settings, db),
        limiter=Limiter(redis),
    )
    live = [live_socket.route(instance, sessions)] if instance and sessions else []
    app = build(house, live=live, with_api=role != "interview")
    return Server(app=app, instance=instance, sessions=sessions)


async def _register(instance: Instance, settings: Settings) -> None:
    metrics.slots_cap.set(settings.hard_cap_sessions)
    await instance.slots.register(
        instance.id,
        url=instance.url,
        admit=settings.admit_sessions,
        cap=settings.hard_cap_sessions,
        target=settings.target_sessions,
    )
    await instance.slots.renew(instance.id, [])
