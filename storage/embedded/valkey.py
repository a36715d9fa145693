"""A private Valkey (Redis): durable by its append-only file, reached by a socket and a password."""

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import redis

from storage.embedded import binaries, home, process
from storage.embedded.faults import EmbeddedFailed
from storage.embedded.home import Home
from storage.embedded.postgres import quiet
from storage.embedded.process import Command

Fsync = Literal["everysec", "always"]
PASSWORD = "valkey_password"  # noqa: S105 (the name of a file)
READY_SECONDS_MAX = 60.0  # loading a large append-only file
STOP = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))
SETTINGS = """\
# Written anew at every start.
port 0
unixsocket "{socket}"
unixsocketperm 770
requirepass {password}
databases 16
dir "{data}"
pidfile "{data}/valkey.pid"
appendonly yes
appendfsync {fsync}
save ""
maxmemory 1gb
maxmemory-policy noeviction
daemonize no
logfile ""
loglevel notice
always-show-logo no
hide-user-data-from-log yes
set-proc-title no
"""


class Valkey:
    """One state folder's Valkey. Public methods take the lock; `launch` and `halt` do not.

    `fsync` counts when the server is started, not when a running one is joined.
    """

    def __init__(
        self, state: Path, *, fsync: Fsync = "always", say: Callable[[str], None] = quiet
    ) -> None:
        """Remember the folder; nothing is created before a server is asked for."""
        self.state = state
        self._fsync = fsync
        self._say = say

    def start(self) -> bool:
        """Start the server, or join it; False when it already ran."""
        with home.locked(self.state):
            return self.launch(home.make(self.state))

    def stop(self) -> None:
        """Stop the server cleanly (its file is flushed first); nothing if it is down."""
        if home.locate(self.state) is not None:
            with home.locked(self.state):
                self.halt()

    def alive(self) -> int | None:
        """Give the server's process id while it runs, and only if it is really ours."""
        place = home.locate(self.state)
        if place is None:
            return None
        pid = _recorded(place)
        return pid if _is_ours(place, pid) else None

    def command(self) -> Command:
        """Prepare the folder and give the foreground command; ask `alive` first, and join.

        Nothing but that question keeps two servers from writing one file, so it is asked here too.
        """
        with home.locked(self.state):
            pid = self.alive()
            if pid is not None:
                message = f"Valkey already runs for {self.state} as process {pid}: join it"
                raise EmbeddedFailed(message)
            return self._prepare(home.make(self.state))

    def ready(self, pid: int) -> bool:
        """Say whether that very process has loaded its data and lets a client in."""
        place = home.locate(self.state)
        if place is None or _recorded(place) != pid:
            return False
        with contextlib.suppress(redis.RedisError, OSError):
            client = redis.Redis.from_url(self.url(place), socket_timeout=5)
            try:
                return bool(client.ping())
            finally:
                client.close()
        return False

    def url(self, place: Home) -> str:
        """Give the URL as redis-py reads it; another database is another `db`."""
        password = home.secret(self.state, PASSWORD)
        return f"unix://:{password}@{quote(str(_socket(place)), safe='/')}?db=0"

    def launch(self, place: Home) -> bool:
        """Start or join, for a caller who holds the lock."""
        log, begin = place.logs / "valkey.log", 0
        pid = self.alive()
        started = pid is None
        if pid is None:
            command = self._prepare(place)
            begin = process.size(log)
            pid = process.detach(command)
            self._say("starting a private Valkey")
        process.await_true(lambda: self.ready(pid) or process.ended(pid), READY_SECONDS_MAX)
        if not self.ready(pid):
            message = f"Valkey is not ready. The end of its log:\n{process.tail(log, begin)}"
            if started:  # it may not have recorded itself, and then nobody would find it again
                process.end(pid, lambda number: _is_ours(place, number), STOP)
            raise EmbeddedFailed(message)
        return started

    def halt(self) -> None:
        """Stop, for a caller who holds the lock; SIGTERM is Valkey's SHUTDOWN, also when busy."""
        place, pid = home.locate(self.state), self.alive()
        if place is not None and pid is not None:
            process.end(pid, lambda number: _is_ours(place, number), STOP)

    def _prepare(self, place: Home) -> Command:
        programs = binaries.find(place)
        settings = SETTINGS.format(
            socket=_escaped(_socket(place)),
            password=home.secret(self.state, PASSWORD),
            data=_escaped(place.data("valkey")),
            fsync=self._fsync,
        )
        home.write_for_server(place, _settings_file(place), settings)
        (place.data("valkey") / "valkey.pid").unlink(missing_ok=True)  # nobody's: `alive` said so
        argv = (str(programs.valkey), str(_settings_file(place)))
        return process.command_for(argv, place.account, place.logs / "valkey.log")


def _socket(place: Home) -> Path:
    return place.sockets / "valkey.sock"


def _settings_file(place: Home) -> Path:
    return place.place / "valkey.conf"


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _recorded(place: Home) -> int:
    try:
        text = (place.data("valkey") / "valkey.pid").read_text(errors="replace").strip()
    except FileNotFoundError:
        return 0
    return int(text) if text.isdecimal() else 0


def _is_ours(place: Home, pid: int) -> bool:
    return process.serves(pid, "valkey-server", str(_settings_file(place)), place.data("valkey"))


def valkey_command(state: Path, *, fsync: Fsync = "always") -> Command:
    """Prepare Valkey and give its foreground command, for a supervisor that owns it."""
    return Valkey(state, fsync=fsync).command()


def valkey_ready(state: Path, pid: int) -> bool:
    """Say whether the supervisor's child is ready for clients."""
    return Valkey(state).ready(pid)
