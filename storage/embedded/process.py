"""Starting, recognising, awaiting and ending server processes without owning them as children."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from storage.embedded.faults import EmbeddedFailed
from storage.embedded.home import Account

LOG_BYTES_MAX = 8 * 1024 * 1024  # measured at every start; one older file is kept beside it
TAIL_BYTES = 2000
STEP_SECONDS = 0.02
# The shell ends at once, so the server is nobody's child: no zombie, and it outlives its starter.
DETACH = '"$@" </dev/null >&2 & echo $!'
PROC = Path("/proc")
LISTING_SECONDS = 10.0  # of ps, where there is no /proc


class Command(msgspec.Struct, frozen=True):
    """How to run one server in the foreground; `user` and `group` are None for ourselves."""

    argv: tuple[str, ...]
    user: int | None
    group: int | None
    env: dict[str, str]
    log: Path


def command_for(argv: tuple[str, ...], who: Account, log: Path) -> Command:
    """Fill in the account and a small environment; nothing of ours is inherited."""
    return Command(
        argv=argv,
        user=who.uid if who.switch else None,
        group=who.gid if who.switch else None,
        env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
        log=log,
    )


def run(command: Command, *, feed: str = "", seconds: float = 120.0) -> str:
    """Run a command to its end and give what it printed; a failure raises with that text."""
    done = subprocess.run(  # noqa: S603 (arguments are ours)
        command.argv,
        input=feed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
        cwd="/",
        env=command.env,
        user=command.user,
        group=command.group,
        extra_groups=None if command.user is None else [],
        umask=0o077,
    )
    if done.returncode != 0:
        message = f"{Path(command.argv[0]).name} failed: {done.stdout[-TAIL_BYTES:]}"
        raise EmbeddedFailed(message)
    return done.stdout


def spawn(command: Command) -> subprocess.Popen[bytes]:
    """Start a server as our child in a session of its own (a terminal's Ctrl-C is not its own)."""
    log = _open_log(command.log)
    try:
        return subprocess.Popen(  # noqa: S603 (arguments are ours)
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=command.env,
            user=command.user,
            group=command.group,
            extra_groups=None if command.user is None else [],
            umask=0o077,
            start_new_session=True,
        )
    finally:
        os.close(log)


def detach(command: Command) -> int:
    """Start a server that outlives us, and give its process id."""
    log = _open_log(command.log)
    try:
        done = subprocess.run(  # noqa: S603 (arguments are ours)
            ("/bin/sh", "-c", DETACH, "sh", *command.argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            timeout=30,
            check=True,
            cwd="/",
            env=command.env,
            user=command.user,
            group=command.group,
            extra_groups=None if command.user is None else [],
            umask=0o077,
            start_new_session=True,
        )
    finally:
        os.close(log)
    return int(done.stdout)


def _open_log(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_suffix(".old.log"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def size(path: Path) -> int:
    """Give a file's size, 0 for one that is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def tail(path: Path, start: int = 0) -> str:
    """Give the end of a log, nothing from before byte `start`."""
    length = size(path)
    if length < start:  # the log was turned over in between
        start = 0
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(max(start, length - TAIL_BYTES))
        return file.read(TAIL_BYTES).decode(errors="replace")
    return ""


def ended(pid: int) -> bool:
    """Tell whether a process is gone; one that is just becoming another program is not."""
    if command_line(pid):
        return False
    time.sleep(STEP_SECONDS)  # while it executes its program, its arguments are empty
    return not command_line(pid)


def command_line(pid: int) -> tuple[str, ...]:
    """Give a process's arguments; empty when it is gone or only waits to be reaped."""
    if pid <= 0:
        return ()
    if (PROC / "self" / "cmdline").exists():
        try:
            raw = (PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            return ()
        return tuple(os.fsdecode(part) for part in raw.rstrip(b"\0 ").split(b"\0") if part)
    listed = subprocess.run(  # noqa: S603 (arguments are ours)
        ("/bin/ps", "-ww", "-o", "stat=,command=", "-p", str(pid)),
        stdout=subprocess.PIPE,
        text=True,
        timeout=LISTING_SECONDS,
        check=False,
    )
    state, _, text = listed.stdout.strip().partition(" ")
    return () if state.startswith("Z") else tuple(text.split())


def exists(pid: int) -> bool:
    """Say whether a process id is taken, be it by a zombie or by another user's process."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def serves(pid: int, program: str, argument: str, folder: Path) -> bool:
    """Say whether a process is that program started for that folder, not one with a reused id.

    The argument is looked up first (readable to all); the working folder recognises a server
    whose state folder was moved while it ran, where the kernel lets us read it.
    """
    line = command_line(pid)
    if not line or Path(line[0]).name != program:
        return False
    if argument in line or f" {argument} " in f" {' '.join(line)} ":
        return True
    try:
        return (PROC / str(pid) / "cwd").samefile(folder)
    except OSError:
        return False


def titled(title: str, uid: int) -> tuple[int, ...]:
    """Find the processes of a user whose title begins so (PostgreSQL's children set theirs)."""
    if (PROC / "self" / "cmdline").exists():
        found = []
        for entry in PROC.iterdir():
            if entry.name.isdecimal():
                line = command_line(int(entry.name))
                with contextlib.suppress(OSError):
                    if line and line[0].startswith(title) and entry.stat().st_uid == uid:
                        found.append(int(entry.name))
        return tuple(found)
    listed = subprocess.run(
        ("/bin/ps", "-axww", "-o", "pid=,uid=,command="),
        stdout=subprocess.PIPE,
        text=True,
        timeout=LISTING_SECONDS,
        check=False,
    )
    rows = (row.split(maxsplit=2) for row in listed.stdout.splitlines())
    return tuple(
        int(row[0])
        for row in rows
        if len(row) == 3 and int(row[1]) == uid and row[2].startswith(title)  # noqa: PLR2004
    )


def await_true(check: Callable[[], bool], seconds: float) -> bool:
    """Repeat a check until it holds; False when it did not within about this many seconds."""
    for _ in range(max(1, int(seconds / STEP_SECONDS))):
        if check():
            return True
        time.sleep(STEP_SECONDS)
    return False


def end(
    pid: int, ours: Callable[[int], bool], steps: tuple[tuple[signal.Signals, float], ...]
) -> None:
    """Send one signal after another until the process is gone, each time only if it is ours."""
    for number, seconds in steps:
        if not ours(pid):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if await_true(lambda: not ours(pid), seconds):
            return
    message = f"process {pid} did not end"
    raise EmbeddedFailed(message)
