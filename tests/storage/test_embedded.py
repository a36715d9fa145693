"""The private servers are real here: started, killed, joined, moved out of a closed folder."""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest
import redis

from storage import embedded
from storage.embedded import home, process
from storage.embedded.postgres import SOCKET

ROOT = os.geteuid() == 0 if sys.platform != "win32" else False
REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the private servers need a POSIX system"),
    pytest.mark.timeout(300),
]

# Runs in a child: becomes another user first if one is named, then starts and prints what it got.
STARTER = """
import importlib.metadata, json, os, sys
from pathlib import Path
import msgspec
from storage import embedded
importlib.metadata.version("redis")  # redis asks later, when this interpreter may be out of reach
state, uid, gid = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if uid:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
try:
    services = embedded.start(state)
    print(json.dumps([services.postgres_pid, services.valkey_pid, services.started]))
    assert embedded.status(state) == msgspec.structs.replace(services, started=False)
    assert not embedded.start(state).started
finally:
    if uid:
        embedded.stop(state)
        assert embedded.status(state) is None
"""

BUSY = """
import asyncio, asyncpg, sys
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    print("in", flush=True)
    await connection.execute("do $$begin loop end loop; end$$")
asyncio.run(main())
"""


@pytest.fixture
def state() -> Iterator[Path]:
    """Give a state folder that the servers' user can reach, and delete it with its servers."""
    folder = Path(tempfile.mkdtemp(prefix="ev-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder / ".state"
    embedded.destroy(folder / ".state")
    shutil.rmtree(folder)


def sql(url: str, *statements: str) -> list[object]:
    """Run statements on one connection, each in its own transaction."""

    async def ask() -> list[object]:
        connection = await asyncpg.connect(url, timeout=60)
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(ask())


@contextlib.contextmanager
def valkey(services: embedded.Services) -> Iterator["redis.Redis"]:
    client = redis.Redis.from_url(services.redis_url, decode_responses=True)
    try:
        yield client
    finally:
        client.close()


def starter(state: Path, uid: int = 0, gid: int = 0) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        (sys.executable, "-c", STARTER, str(state), str(uid), str(gid)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def test_from_nothing_to_answers_while_others_hold_the_usual_ports(state: Path) -> None:
    with contextlib.ExitStack() as stack:
        for port in (5432, 6379):
            listener = stack.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):  # somebody else holds it: just as good
                listener.bind(("127.0.0.1", port))
                listener.listen()
        services = embedded.start(state)
    assert services.started
    assert sql(
        services.database_url,
        "select 1",
        "select current_database()",
        "select pg_get_userbyid(datdba) from pg_database where datname = 'entrevistador'",
        "select datlocale from pg_database where datname = current_database()",
        "show server_encoding",
        "select lower('ÁÑÜ')",
        "create extension vector",
        "select ('[1,2]'::halfvec <-> '[1,4]')",
        "create extension pg_stat_statements",
        "show listen_addresses",
        "show timezone",
    ) == [1, "entrevistador", "postgres", "C.UTF-8", "UTF8", "áñü", None, 2.0, None, "", "UTC"]
    with valkey(services) as client:
        assert client.ping()
        config = client.config_get("*")
    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "always"
    assert config["port"] == "0"
    assert config["maxmemory-policy"] == "noeviction"


def test_a_wrong_password_is_refused_by_both(state: Path) -> None:
    services = embedded.start(state)
    postgres, server = embedded.superuser_password(state), home.secret(state, "valkey_password")
    with pytest.raises(asyncpg.InvalidPasswordError):
        sql(services.database_url.replace(postgres, "wrong"), "select 1")
    wrong = msgspec.structs.replace(services, redis_url=services.redis_url.replace(server, "wrong"))
    with valkey(wrong) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_a_second_start_joins_and_stop_can_be_repeated(state: Path) -> None:
    embedded.stop(state)
    assert embedded.status(state) is None
    assert not state.exists()
    first = embedded.start(state)
    second = embedded.start(state)
    assert second == msgspec.structs.replace(first, started=False) == embedded.status(state)
    embedded.stop(state)
    embedded.stop(state)
    assert embedded.status(state) is None
    assert not any(map(process.command_line, (first.postgres_pid, first.valkey_pid)))


def test_rows_and_keys_outlive_a_stop(state: Path) -> None:
    services = embedded.start(state)
    sql(services.database_url, "create table kept (n int)", "insert into kept values (7)")
    with valkey(services) as client:
        client.set("kept", "7")
    embedded.stop(state)
    services = embedded.start(state)
    assert services.started
    assert sql(services.database_url, "select n from kept") == [7]
    with valkey(services) as client:
        assert client.get("kept") == "7"


def test_a_killed_postmaster_loses_no_committed_row(state: Path) -> None:
    services = embedded.start(state)
    rows = "insert into kept select generate_series(1, 5000)"
    sql(services.database_url, "create table kept (n int)", rows)
    # A backend in the middle of a long statement survives its postmaster and holds its memory.
    program = (sys.executable, "-c", BUSY, services.database_url)
    busy = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert busy.stdout is not None
    with busy, busy.stdout, contextlib.ExitStack() as stack:
        stack.callback(busy.kill)
        assert busy.stdout.readline() == b"in\n"
        sql(services.database_url, "select pg_sleep(0.2)")
        os.kill(services.postgres_pid, signal.SIGKILL)
        again = embedded.start(state)
        assert busy.wait(60) != 0
    assert again.started
    assert again.valkey_pid == services.valkey_pid
    assert sql(again.database_url, "select count(*) from kept") == [5000]


def test_a_killed_valkey_keeps_every_acknowledged_key(state: Path) -> None:
    services = embedded.start(state, fsync="always")
    with valkey(services) as client:
        for number in range(300):
            client.set(f"key{number}", number)
    os.kill(services.valkey_pid, signal.SIGKILL)
    again = embedded.start(state, fsync="always")
    assert again.started
    assert again.postgres_pid == services.postgres_pid
    with valkey(again) as client:
        assert client.dbsize() == 300


def test_a_stranger_with_the_recorded_process_id_is_left_alone(state: Path) -> None:
    embedded.start(state)
    embedded.stop(state)
    who, place = home.account(), home.locate(state)
    assert place is not None
    user = who.uid if ROOT else None
    with subprocess.Popen(("sleep", "100"), user=user) as stranger:
        try:
            # PostgreSQL alone would believe this file: same user, living process.
            lines = (
                f"{stranger.pid}\n{place.data('postgres')}\n0\n5432\n{place.sockets}\n\n\nready\n"
            )
            for path in (
                place.data("postgres") / "postmaster.pid",
                place.data("valkey") / "valkey.pid",
                place.sockets / f"{SOCKET}.lock",
            ):
                path.write_text(lines if path.name != "valkey.pid" else f"{stranger.pid}\n")
            embedded.stop(state)
            assert embedded.status(state) is None
            services = embedded.start(state)
            assert services.started
            assert stranger.pid not in {services.postgres_pid, services.valkey_pid}
            embedded.stop(state)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_long_state_path_gets_a_short_socket_folder_of_its_own(state: Path) -> None:
    deep = state.parent / ("a" * 60) / ("b" * 60) / "state with 'quotes' and spaces"
    services = embedded.start(deep)
    try:
        assert sql(services.database_url, "select 1") == [1]
        with valkey(services) as client:
            assert client.ping()
        place = home.locate(deep)
        assert place is not None
        assert place.sockets.parent == Path("/tmp")
        info = place.sockets.stat()
        assert (info.st_uid, stat.S_IMODE(info.st_mode)) == (home.account().uid, 0o711)
        embedded.stop(deep)
        assert not place.sockets.exists()
    finally:
        embedded.destroy(deep)
    assert not deep.exists()


@pytest.mark.skipif(not ROOT, reason="only root can make a folder in another user's name")
@pytest.mark.parametrize("trick", ["owner", "link", "mode"])
def test_a_planted_socket_folder_is_refused(state: Path, trick: str) -> None:
    deep = state.parent / ("a" * 60) / ("b" * 60)
    home.make(deep)
    place = home.locate(deep)
    assert place is not None
    place.sockets.rmdir()
    try:
        if trick == "link":
            place.sockets.symlink_to(state.parent)
        else:
            place.sockets.mkdir()
            os.chown(place.sockets, *((1, 1) if trick == "owner" else (home.account().uid, 0)))
            place.sockets.chmod(0o777 if trick == "mode" else 0o700)
        with pytest.raises(embedded.EmbeddedRefused, match=str(place.sockets)):
            embedded.start(deep)
    finally:
        place.sockets.unlink() if trick == "link" else place.sockets.rmdir()
        embedded.destroy(deep)


@pytest.mark.skipif(not ROOT, reason="an ordinary user's folder is reachable to its own servers")
def test_roots_closed_folder_puts_data_elsewhere_and_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    state, said = tmp_path / ".state", list[str]()
    services = embedded.start(state, say=said.append)
    try:
        place = home.locate(state)
        assert place is not None
        assert not place.place.is_relative_to(tmp_path)
        assert any(str(place.place) in line for line in said)
        assert str(place.place) in (state / home.POINTER).read_text()
        assert sql(services.database_url, "select 1") == [1]
        for name in (SOCKET, "valkey.sock"):
            assert (place.sockets / name).stat().st_uid == home.account().uid
    finally:
        embedded.destroy(state)
    assert not place.place.exists()
    assert not state.exists()


@pytest.mark.skipif(not ROOT, reason="only root runs the servers as somebody else")
def test_unreachable_programs_are_copied_out(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.embedded.binaries.reachable", lambda *_: False)
    services = embedded.start(state)
    assert sql(services.database_url, "create extension vector", "select 1") == [None, 1]
    program = process.command_line(services.postgres_pid)[0]
    assert Path(program).is_relative_to(state)


@pytest.mark.skipif(not ROOT, reason="needs root to become somebody else")
def test_an_ordinary_user_has_everything_in_the_state_folder(state: Path) -> None:
    user = pwd.getpwnam("daemon")
    folder = state.parent / "mine"
    folder.mkdir()
    os.chown(folder, user.pw_uid, user.pw_gid)
    with starter(folder / ".state", user.pw_uid, user.pw_gid) as child:
        out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    assert json.loads(out)[2] is True
    names = {path.name for path in (folder / ".state").iterdir()}
    assert {"postgres", "valkey", "run", "logs", "secrets"} <= names
    assert home.POINTER not in names
    with pytest.raises(embedded.EmbeddedRefused, match="belongs to user"):
        embedded.start(folder / ".state")


def test_two_starters_at_once_make_one_pair(state: Path) -> None:
    with starter(state) as one, starter(state) as two:
        answers = [json.loads(child.communicate(timeout=120)[0]) for child in (one, two)]
    assert answers[0][:2] == answers[1][:2]
    assert sorted(answer[2] for answer in answers) == [False, True]


def test_a_supervisor_owns_them_as_children_and_its_successor_joins(state: Path) -> None:
    postgres, server = embedded.Postgres(state), embedded.Valkey(state)
    assert postgres.alive() is None
    commands = (embedded.postgres_command(state), embedded.valkey_command(state))
    children = [embedded.spawn(command) for command in commands]
    first, second = (child.pid for child in children)
    try:
        assert process.await_true(lambda: embedded.postgres_ready(state, first), 60)
        assert process.await_true(lambda: embedded.valkey_ready(state, second), 60)
        assert not embedded.postgres_ready(state, second)
        assert not embedded.valkey_ready(state, first)
        assert (postgres.alive(), server.alive()) == (first, second)
        for command in (embedded.postgres_command, embedded.valkey_command):
            with pytest.raises(embedded.EmbeddedFailed, match="already runs"):
                command(state)
        joined = embedded.start(state)
        assert not joined.started
        assert (joined.postgres_pid, joined.valkey_pid) == (first, second)
    finally:
        embedded.stop(state)
        codes = [child.wait(60) for child in children]
    assert codes == [0, 0]


def test_secrets_are_private_and_made_once(state: Path) -> None:
    first, again = embedded.development_secret(state), embedded.development_secret(state)
    assert len(bytes.fromhex(first)) == 32
    assert first == again
    assert embedded.superuser_password(state) != first
    for path in (state / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_server_that_cannot_start_says_why(state: Path) -> None:
    embedded.start(state)
    embedded.stop(state)
    place = home.locate(state)
    assert place is not None
    (place.data("postgres") / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(embedded.EmbeddedFailed, match="incompatible"):
        embedded.start(state)


def test_missing_packages_name_the_way_out(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(embedded.EmbeddedUnavailable, match="DATABASE_URL and REDIS_URL"):
        embedded.start(state)


def test_a_full_log_is_turned_over_at_the_next_start(state: Path) -> None:
    embedded.start(state)
    embedded.stop(state)
    log = state / "logs" / "postgres.log"
    with log.open("r+") as file:
        file.truncate(process.LOG_BYTES_MAX + 1)
    embedded.start(state)
    assert log.stat().st_size < 10_000
    assert (state / "logs" / "postgres.old.log").stat().st_size > process.LOG_BYTES_MAX


def test_no_statement_or_value_reaches_the_log(state: Path) -> None:
    services = embedded.start(state)
    sql(services.database_url, "create table t (word text unique)")
    sql(services.database_url, "insert into t values ('confidential')")
    with pytest.raises(asyncpg.UniqueViolationError):
        sql(services.database_url, "insert into t values ('confidential')")
    text = (state / "logs" / "postgres.log").read_text()
    assert "duplicate key" in text
    assert "confidential" not in text
