"""Private PostgreSQL and Valkey for one machine: no set-up, no ports, one state folder.

`start` creates or joins both, and they outlive their starter; `stop` ends them cleanly. A
supervisor that wants them as its own children asks each class's `alive`, and if there is none runs
`spawn(postgres_command(state))` until `postgres_ready(state, child.pid)`; after a crash of the
supervisor the next start joins them. Reading as root whom the data belongs to: see `home`.
"""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from storage.embedded import home
from storage.embedded.faults import (
    EmbeddedError,
    EmbeddedFailed,
    EmbeddedRefused,
    EmbeddedUnavailable,
)
from storage.embedded.home import Home
from storage.embedded.postgres import (
    PASSWORD,
    Postgres,
    postgres_command,
    postgres_ready,
    quiet,
)
from storage.embedded.process import Command, spawn
from storage.embedded.valkey import Fsync, Valkey, valkey_command, valkey_ready

__all__ = [
    "Command",
    "EmbeddedError",
    "EmbeddedFailed",
    "EmbeddedRefused",
    "EmbeddedUnavailable",
    "Fsync",
    "Postgres",
    "Services",
    "Valkey",
    "destroy",
    "development_secret",
    "postgres_command",
    "postgres_ready",
    "spawn",
    "start",
    "status",
    "stop",
    "superuser_password",
    "valkey_command",
    "valkey_ready",
]


class Services(msgspec.Struct, frozen=True):
    """Both running servers; `started` is False when they already ran and were joined."""

    database_url: str
    redis_url: str
    state: Path
    postgres_pid: int
    valkey_pid: int
    started: bool


def start(state: Path, *, fsync: Fsync = "always", say: Callable[[str], None] = quiet) -> Services:
    """Start both servers, or join them; one starter at a time works on a state folder."""
    postgres, valkey = Postgres(state, say=say), Valkey(state, fsync=fsync, say=say)
    with home.locked(state):
        place = home.make(state)
        if place.place != place.state:
            say(f"the data of {place.state} is in {place.place}")
        started = (postgres.launch(place), valkey.launch(place))
        found = _services(state, started=any(started))
    if found is None:
        message = "a server ended right after it was ready: see the folder logs"
        raise EmbeddedFailed(message)
    return found


def stop(state: Path) -> None:
    """Stop both servers cleanly; nothing happens where none runs."""
    place = home.locate(state)
    if place is None:
        return
    with home.locked(state):
        _halt(state, place)


def status(state: Path) -> Services | None:
    """Describe the two servers if both run; creates nothing."""
    return _services(state, started=False)


def destroy(state: Path) -> None:
    """Stop both servers and delete their data, wherever it is; other files of the folder stay."""
    place = home.locate(state)
    if place is None:
        return
    with home.locked(state):
        _halt(state, place)
        if place.place != place.state:
            shutil.rmtree(place.place)
        for folder in (*place.state.glob("binaries-*"), *map(place.state.joinpath, FOLDERS)):
            shutil.rmtree(folder, ignore_errors=True)
        for name in FILES:
            (place.state / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty: somebody else's files
        place.state.rmdir()


def superuser_password(state: Path) -> str:
    """Give the password of the PostgreSQL role that owns everything."""
    return home.secret(state, PASSWORD)


def development_secret(state: Path) -> str:
    """Give a secret for signing on this machine, so that no well-known default exists."""
    return home.secret(state, "development_secret")


FOLDERS = ("postgres", "postgres.new", "valkey", "run", "logs", "secrets")
FILES = ("postgresql.conf", "pg_hba.conf", "valkey.conf", home.POINTER, home.INSTANCE, "lock")


def _services(state: Path, *, started: bool) -> Services | None:
    postgres, valkey = Postgres(state), Valkey(state)
    place, postgres_pid, valkey_pid = home.locate(state), postgres.alive(), valkey.alive()
    if place is None or postgres_pid is None or valkey_pid is None:
        return None
    return Services(
        database_url=postgres.url(place),
        redis_url=valkey.url(place),
        state=place.state,
        postgres_pid=postgres_pid,
        valkey_pid=valkey_pid,
        started=started,
    )


def _halt(state: Path, place: Home) -> None:
    Valkey(state).halt()
    Postgres(state).halt()
    if place.sockets.parent == home.SHORT_ROOT:
        with contextlib.suppress(OSError):  # a socket is left after a hard end: next time
            place.sockets.rmdir()
