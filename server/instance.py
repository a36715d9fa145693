"""What one interview server process is made of: the live side's composition, built once."""

import asyncio
from collections.abc import Callable

import msgspec

from llm.gateway import Gateway
from server.gate import Gate
from server.tickets import Tickets
from storage.connect import Redis
from storage.events import Teller
from storage.journal import Journal
from storage.live import Live
from storage.reach import Reach
from storage.slots import Slots
from storage.transaction import Database
from storage.turns import TurnWriter


class Instance(msgspec.Struct):
    """The parts that every session of this process shares."""

    id: str
    url: str
    db: Database
    redis: Redis
    live: Live
    teller: Teller
    slots: Slots
    turns: TurnWriter
    journal: Journal
    reach: Reach
    gate: Gate
    tickets: Tickets
    gateway: Gateway
    say: Callable[[str, str], str]  # (fault code, locale) -> words for people
    origins: frozenset[str]
    draining: asyncio.Event
