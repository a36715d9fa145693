"""What the doors stand on: one struct, built once by the composition root, handed to every room."""

from dataclasses import dataclass
from typing import Any

from litestar.connection import ASGIConnection

from runtime.settings import Settings
from server.auth import Auth
from server.gate import Gate
from server.ratelimit import Limiter
from server.tickets import Tickets
from storage.blobs import Blobs
from storage.connect import Redis
from storage.events import EventHub
from storage.transaction import Database

STATE_KEY = "house"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The open resources of one server process."""

    settings: Settings
    db: Database
    redis: Redis
    blobs: Blobs
    events: EventHub
    tickets: Tickets
    gate: Gate
    auth: Auth
    limiter: Limiter


def house_of(connection: ASGIConnection[Any, Any, Any, Any]) -> House:
    """Return the house that an application was composed with."""
    house = connection.app.state[STATE_KEY]
    assert isinstance(house, House)
    return house
