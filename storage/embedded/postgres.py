"""A private PostgreSQL: created once, started by our own launcher, joined when it already runs."""

import asyncio
import concurrent.futures
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import asyncpg

from storage.embedded import binaries, home, process
from storage.embedded.faults import EmbeddedFailed
from storage.embedded.home import Home
from storage.embedded.process import Command

DATABASE = "entrevistador"
OWNER = "postgres"
PASSWORD = "postgres_password"  # noqa: S105 (the name of a file)
SOCKET = ".s.PGSQL.5432"
READY_SECONDS_MAX = 120.0  # recovery replays at most max_wal_size, 1 GB
ATTEMPTS_MAX = 60  # a second apart: how long a killed server's memory may stay in use
ORPHAN_SECONDS = 3.0
STOP = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
CONNECT_SECONDS_MAX = 5.0
# The log holds no statement, detail or parameter: a candidate's words may be in them.
SETTINGS = """\
# Written anew at every start; ALTER SYSTEM keeps its own file in the data folder.
listen_addresses = ''
port = 5432
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0770
cluster_name = '{title}'
max_connections = 200
shared_buffers = 128MB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = replica
max_wal_size = 1GB
password_encryption = scram-sha-256
shared_preload_libraries = 'pg_stat_statements'
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] '
log_min_messages = warning
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length_on_error = 0
log_checkpoints = off
"""
ACCESS = "local all all scram-sha-256\nlocal replication all scram-sha-256\n"
INITDB = (
    f"--username={OWNER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


def quiet(_: str) -> None:
    """Say nothing."""


class Postgres:
    """One state folder's PostgreSQL. Public methods take the lock; `launch` and `halt` do not."""

    def __init__(self, state: Path, *, say: Callable[[str], None] = quiet) -> None:
        """Remember the folder; nothing is created before a server is asked for."""
        self.state = state
        self._say = say

    def start(self) -> bool:
        """Start the server, or join it; False when it already ran."""
        with home.locked(self.state):
            return self.launch(home.make(self.state))

    def stop(self) -> None:
        """Stop the server cleanly (open transactions are rolled back); nothing if it is down."""
        if home.locate(self.state) is not None:
            with home.locked(self.state):
                self.halt()

    def alive(self) -> int | None:
        """Give the postmaster's process id while it runs, and only if it is really ours."""
        place = home.locate(self.state)
        if place is None:
            return None
        pid = _recorded(place.data("postgres") / "postmaster.pid")[0]
        return pid if _is_ours(place, pid) else None

    def command(self) -> Command:
        """Prepare the folder and give the foreground command; ask `alive` first, and join."""
        with home.locked(self.state):
            pid = self.alive()
            if pid is not None:
                message = f"PostgreSQL already runs for {self.state} as process {pid}: join it"
                raise EmbeddedFailed(message)
            return self._prepare(home.make(self.state))

    def ready(self, pid: int) -> bool:
        """Say whether that very process finished starting and lets a client in."""
        place = home.locate(self.state)
        if place is None:
            return False
        recorded, status = _recorded(place.data("postgres") / "postmaster.pid")
        return recorded == pid and status == "ready" and _answers(self.url(place))

    def url(self, place: Home) -> str:
        """Give the owner's URL, as asyncpg and libpq read it."""
        password = home.secret(self.state, PASSWORD)
        host = quote(str(place.sockets), safe="/")
        return f"postgresql://{OWNER}:{password}@/{DATABASE}?host={host}&port=5432"

    def launch(self, place: Home) -> bool:
        """Start or join, for a caller who holds the lock."""
        for _ in range(ATTEMPTS_MAX):
            pid = self.alive()
            started = pid is None
            if pid is None:
                command = self._prepare(place)
                begin = process.size(command.log)
                pid = process.detach(command)
            if self._await_ready(pid):
                return started
            if process.command_line(pid):
                end = process.tail(place.logs / "postgres.log")
                message = f"PostgreSQL (process {pid}) is not ready. The end of its log:\n{end}"
                raise EmbeddedFailed(message)
            if started:
                end = process.tail(place.logs / "postgres.log", begin)
                # A killed server's last children may hold its memory for a moment.
                if "is still in use" not in end and "already exists" not in end:
                    message = f"PostgreSQL did not start. The end of its log:\n{end}"
                    raise EmbeddedFailed(message)
                time.sleep(1)
        message = f"PostgreSQL did not start in {ATTEMPTS_MAX} attempts"
        raise EmbeddedFailed(message)

    def halt(self) -> None:
        """Stop, for a caller who holds the lock: fast, and immediate only if that hangs."""
        place, pid = home.locate(self.state), self.alive()
        if place is None:
            return
        if pid is not None:
            process.end(pid, lambda number: _is_ours(place, number), STOP)
        self._end_orphans(place)  # the postmaster may have been killed before we came

    def _await_ready(self, pid: int) -> bool:
        process.await_true(lambda: self.ready(pid) or process.ended(pid), READY_SECONDS_MAX)
        return self.ready(pid)

    def _prepare(self, place: Home) -> Command:
        programs = binaries.find(place)
        data = place.data("postgres")
        if not data.is_dir():
            self._say(f"creating a private PostgreSQL in {data}")
            self._initialise(place, programs, data)
        settings = SETTINGS.format(
            sockets=str(place.sockets).replace("'", "''"), title=_title(place)
        )
        home.write_for_server(place, place.place / "postgresql.conf", settings)
        home.write_for_server(place, place.place / "pg_hba.conf", ACCESS)
        _clear_foreign(place, data / "postmaster.pid")
        _clear_foreign(place, place.sockets / f"{SOCKET}.lock")
        self._end_orphans(place)
        argv = (
            str(programs.postgres),
            "-D",
            str(data),
            f"--config_file={_settings_file(place)}",
            f"--hba_file={place.place / 'pg_hba.conf'}",
        )
        return process.command_for(argv, place.account, place.logs / "postgres.log")

    def _initialise(self, place: Home, programs: binaries.Binaries, data: Path) -> None:
        """Create the cluster and its database beside, and rename it: never half a data folder."""
        draft = data.with_name("postgres.new")
        password = place.place / "postgres.password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if place.account.switch:
            os.chown(draft, place.account.uid, place.account.gid)
        home.write_for_server(place, password, home.secret(self.state, PASSWORD))
        log = place.logs / "postgres.log"
        try:
            argv = (str(programs.initdb), "-D", str(draft), f"--pwfile={password}", *INITDB)
            process.run(process.command_for(argv, place.account, log))
        finally:
            password.unlink()
        single = (str(programs.postgres), "--single", "-D", str(draft), "postgres")
        said = process.run(
            process.command_for(single, place.account, log),
            feed=f"create database {DATABASE} owner {OWNER}\n",
        )
        if "ERROR" in said or "FATAL" in said:
            message = f"the database {DATABASE} could not be created: {said}"
            raise EmbeddedFailed(message)
        draft.rename(data)

    def _end_orphans(self, place: Home) -> None:
        """Wait for what a killed server left behind, then end it: its memory blocks the next."""
        title, uid = f"postgres: {_title(place)}: ", place.account.uid

        def gone() -> bool:
            return not process.titled(title, uid)

        if process.await_true(gone, ORPHAN_SECONDS):
            return
        self._say("ending the remains of a PostgreSQL that was killed")
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in process.titled(title, uid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            if process.await_true(gone, ORPHAN_SECONDS):
                return


def _title(place: Home) -> str:
    return f"entrevistador-{place.tag}"


def _settings_file(place: Home) -> Path:
    return place.place / "postgresql.conf"


def _is_ours(place: Home, pid: int) -> bool:
    data = place.data("postgres")
    return process.serves(pid, "postgres", str(data), data)


def _recorded(path: Path) -> tuple[int, str]:
    """Read the process id and the status line of a lock file of PostgreSQL; (0, "") if none."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return 0, ""
    first = lines[0].strip() if lines else ""
    return (
        int(first) if first.isdecimal() else 0,
        lines[7].strip() if len(lines) > 7 else "",  # noqa: PLR2004 (LOCK_FILE_LINE_PM_STATUS)
    )


def _clear_foreign(place: Home, path: Path) -> None:
    """Remove a lock file whose process id now belongs to another program, or to a zombie.

    PostgreSQL would take either for itself and refuse to start. It still protects the data from a
    second server by its shared memory, whose key is the data folder's inode.
    """
    pid = _recorded(path)[0]
    if process.exists(pid) and not _is_ours(place, pid):
        path.unlink(missing_ok=True)


async def _select_one(url: str) -> bool:
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS_MAX)
    try:
        return bool(await connection.fetchval("select 1") == 1)
    finally:
        await connection.close(timeout=CONNECT_SECONDS_MAX)


def _answers(url: str) -> bool:
    """Ask the server in a thread, so that callers inside an event loop may call us too."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: asyncio.run(_select_one(url)))
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError):
            return asked.result()
    return False


def postgres_command(state: Path) -> Command:
    """Prepare PostgreSQL and give its foreground command, for a supervisor that owns it."""
    return Postgres(state).command()


def postgres_ready(state: Path, pid: int) -> bool:
    """Say whether the supervisor's child is ready for clients."""
    return Postgres(state).ready(pid)
