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
from server.rest import build, fleet
from server.rest.front import allowed_origins
from server.sessions import Sessions
from server.tickets import Tickets
from storage.blobs import open_blobs
from storage.connect import Redis, open_redis, wait_for_database
from storage.events import EventHub, Teller
from storage.journal import Journal
from storage.ledger import LedgerStore
from storage.live import Live
from storage.reach import Reach
from storage.redis_writer import RedisWriter
from storage.slots import Slots
from storage.turns import TurnWriter
from storage.waiting import Waiting

Role = Literal["api", "interview", "all"]
START_SECONDS: Final = 30.0


class Server(msgspec.Struct):
    """A composed process: the application, who watches, and the live side where there is one."""

    app: ASGIApp
    events: EventHub
    instance: Instance | None
    sessions: Sessions | None


async def compose(settings: Settings, role: Role, stack: Stack) -> Server:
    """Open everything that `role` needs; `stack` closes it again in reverse order."""
    name = instance_name(settings)
    db = await wait_for_database(
        settings.database_app_url, seconds=START_SECONDS, size=settings.database_pool
    )
    stack.add(db, lambda it: it.close())
    redis = _redis(settings, stack)
    writer = stack.add(RedisWriter(_redis(settings, stack, one=True)), lambda it: it.close())
    slots = Slots(redis, writer)
    tickets = Tickets(settings.secret)
    gate = Gate(slots, Waiting(writer), instance_id="" if role == "api" else name)
    house = House(
        settings=settings,
        db=db,
        redis=redis,
        blobs=open_blobs(settings.storage_url),
        events=stack.add(
            EventHub(redis, reader=_redis(settings, stack, one=True)), lambda it: it.close()
        ),
        tickets=tickets,
        gate=gate,
        auth=open_auth(settings, db),
        limiter=Limiter(redis),
    )
    if role == "api":
        return Server(app=build(house), events=house.events, instance=None, sessions=None)
    instance = Instance(
        id=name,
        url=settings.instance_url or f"ws://{settings.host}:{settings.port}{live_socket.PATH}",
        db=db,
        redis=redis,
        live=Live(redis, writer),
        teller=Teller(writer),
        slots=slots,
        turns=stack.add(TurnWriter(db), lambda it: it.close()),
        journal=Journal(redis, writer),
        reach=stack.add(Reach(db), lambda it: it.close()),
        gate=gate,
        tickets=tickets,
        gateway=stack.add(
            open_gateway(settings, LedgerStore(db), db=db, writer=writer, redis=redis),
            lambda it: it.close(),
        ),
        say=message,
        origins=allowed_origins(settings),
        draining=asyncio.Event(),
    )
    sessions = stack.add(Sessions(instance), lambda it: it.close())
    await _announce(instance, settings)
    sessions.keep_time()
    live = [
        live_socket.route(instance, sessions),
        fleet.own_door(instance.id, sessions.look_for_drain),
    ]
    app = build(house, live=live, with_api=role == "all")
    return Server(app=app, events=house.events, instance=instance, sessions=sessions)


def instance_name(settings: Settings) -> str:
    """Return a name that no earlier process of this machine had: its places are not ours."""
    made_up = f"{platform.node() or 'host'}-{os.getpid()}-{os.urandom(3).hex()}"
    return settings.instance_id or made_up


def _redis(settings: Settings, stack: Stack, *, one: bool = False) -> Redis:
    client = (
        open_redis(settings.redis_url, connections=1) if one else open_redis(settings.redis_url)
    )
    return stack.add(client, lambda it: it.aclose())


async def _announce(instance: Instance, settings: Settings) -> None:
    """Tell the fleet that this instance exists and has room."""
    metrics.slots_cap.set(settings.hard_cap_sessions)
    await instance.slots.register(
        instance.id,
        url=instance.url,
        admit=settings.admit_sessions,
        cap=settings.hard_cap_sessions,
        target=settings.target_sessions,
    )
