"""Where the private servers live: folders, owners, the socket's short path and the lock.

An ordinary user has everything in the state folder. Root may not run PostgreSQL, so root runs both
servers as `nobody`: data, sockets and settings are then in a place that user can reach, which is
the state folder if its parents let others pass, and otherwise a folder of root's that a pointer
file in the state folder names. Secrets, logs and the lock never leave the state folder.
"""

import contextlib
import hashlib
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from storage.embedded.faults import INSTEAD, EmbeddedRefused, EmbeddedUnavailable

with contextlib.suppress(ModuleNotFoundError):  # Windows has neither; `locate` refuses first
    import fcntl
    import pwd

SOCKET_BYTES_MAX = 100  # the kernel's limit is 107 on Linux and 103 on macOS
LOCK_SECONDS_MAX = 180  # a first start copies binaries, runs initdb and recovers
LOCK_STEP_SECONDS = 0.05
SERVER_USERS = ("nobody", "daemon")  # whom root runs the servers as: the first that exists
OUTSIDE_ROOTS = (Path("/var/lib"), Path("/var/db"), Path("/var/tmp"))  # noqa: S108 (checked below)
SHORT_ROOT = Path("/tmp")  # noqa: S108 (`_folder` refuses what another user planted)
POINTER = "DATA_IS_ELSEWHERE.txt"
INSTANCE = "instance"


class Account(msgspec.Struct, frozen=True):
    """The user the servers run as; `switch` says that it is not the user who starts them."""

    uid: int
    gid: int
    switch: bool


class Home(msgspec.Struct, frozen=True):
    """The paths of one pair of servers. `tag` is unique to this folder at this path."""

    state: Path
    place: Path
    sockets: Path
    tag: str
    account: Account

    @property
    def logs(self) -> Path:
        """Hold the servers' logs; opened by the starter, so the servers need no way in."""
        return self.state / "logs"

    def data(self, server: str) -> Path:
        """Give a server's data folder."""
        return self.place / server


def account() -> Account:
    """Say who the servers run as: ourselves, or an unprivileged user when we are root."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), switch=False)
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(uid=entry.pw_uid, gid=entry.pw_gid, switch=True)
    message = f"root may not run PostgreSQL and there is no user {' or '.join(SERVER_USERS)}"
    raise EmbeddedRefused(message)


def reachable(path: Path, who: Account) -> bool:
    """Say whether this account may pass every folder down to `path` and enter or read it."""
    if not who.switch:
        return True
    return all(_allows(step, who, 0o1) for step in path.parents) and _allows(
        path, who, 0o1 if path.is_dir() else 0o4
    )


def _allows(path: Path, who: Account, bit: int) -> bool:
    info = path.stat()
    if info.st_uid == who.uid:
        return bool(info.st_mode & (bit << 6))
    if info.st_gid == who.gid:
        return bool(info.st_mode & (bit << 3))
    return bool(info.st_mode & bit)


def open_state(state: Path) -> Path:
    """Create the state folder if need be, check that it is ours, and give its resolved path."""
    _require_posix()
    state = state.resolve()
    if not state.is_dir():
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o711)
    _own(state, (os.geteuid(),))
    return state


def locate(state: Path) -> Home | None:
    """Find the home that an earlier `make` left in this folder; None when there is none."""
    _require_posix()
    state = state.resolve()
    instance = state / INSTANCE
    if not instance.is_file():
        return None
    _own(state, (os.geteuid(),))
    who = account()
    tag = hashlib.sha256(f"{instance.read_text()} {state}".encode()).hexdigest()[:12]
    place = _place(state, tag, who)
    sockets = place / "run"
    if len(os.fsencode(sockets / ".s.PGSQL.5432")) > SOCKET_BYTES_MAX:
        sockets = SHORT_ROOT / f"entrevistador-{tag}"
    return Home(state=state, place=place, sockets=sockets, tag=tag, account=who)


def make(state: Path) -> Home:
    """Create what is missing in the state folder and around it; hold the lock while it works."""
    state = open_state(state)
    _secret(state / INSTANCE)
    home = locate(state)
    if home is None:
        message = f"{state} lost its file {INSTANCE!r} while starting"
        raise EmbeddedRefused(message)
    if home.place != home.state:
        _folder(home.place, _me(), 0o711)
        _point(home)
    _folder(home.logs, _me(), 0o700)
    _folder(home.data("valkey"), home.account, 0o700)
    _folder(home.sockets, home.account, 0o711)
    return home


def _require_posix() -> None:
    if sys.platform == "win32":
        message = f"the private servers need Linux or macOS: {INSTEAD}"
        raise EmbeddedUnavailable(message)


def _me() -> Account:
    return Account(uid=os.geteuid(), gid=os.getegid(), switch=False)


def _own(path: Path, uids: tuple[int, ...]) -> None:
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode):
        message = f"{path} is not a folder (a link in its place may have been planted): remove it"
        raise EmbeddedRefused(message)
    if info.st_uid not in uids:
        message = (
            f"{path} belongs to user {info.st_uid}, not to {uids[0]}: start as that user, "
            f"choose another state folder, or {INSTEAD}"
        )
        raise EmbeddedRefused(message)
    if info.st_mode & 0o002:
        message = f"{path} can be written by every user: run chmod o-w on it first"
        raise EmbeddedRefused(message)


def _folder(path: Path, owner: Account, mode: int) -> None:
    """Make a folder, or check the one that is there: never follow a link, never adopt another's.

    A folder of our own is accepted where the servers' user should own it: an earlier start ended
    between the two steps, and nobody else can make a folder in our name.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    _own(path, (owner.uid, os.geteuid()))
    if owner.switch:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    path.chmod(mode)


def _place(state: Path, tag: str, who: Account) -> Path:
    pointer = state / POINTER
    if pointer.is_file():
        return Path(pointer.read_text().splitlines()[0])
    if (state / "postgres").is_dir() or reachable(state, who):
        return state
    root = next((path for path in OUTSIDE_ROOTS if path.is_dir()), OUTSIDE_ROOTS[-1])
    return root / f"entrevistador-{tag}"


def _point(home: Home) -> None:
    pointer = home.state / POINTER
    if not pointer.exists():
        pointer.write_text(
            f"{home.place}\n\n"
            "The data of this state folder is in the folder named above: the servers were started\n"
            "by root, run as an unprivileged user, and that user may not enter this folder.\n"
            "Whoever deletes this state folder should delete that folder too.\n"
        )


def secret(state: Path, name: str) -> str:
    """Read a secret of 32 random bytes in hex, made once; racing makers agree on one."""
    folder = open_state(state) / "secrets"
    _folder(folder, _me(), 0o700)
    return _secret(folder / name)


def _secret(path: Path) -> str:
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, this never replaces what another maker wrote
        draft.unlink()
    return path.read_text().strip()


def write_for_server(home: Home, path: Path, text: str) -> None:
    """Write a file that only we can change and only we and the servers' user can read."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        if home.account.switch:
            os.fchown(descriptor, 0, home.account.gid)
            os.fchmod(descriptor, 0o640)
    draft.replace(path)


@contextlib.contextmanager
def locked(state: Path) -> Iterator[None]:
    """Let one starter or stopper at a time work on this folder; not re-entrant."""
    descriptor = os.open(open_state(state) / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(int(LOCK_SECONDS_MAX / LOCK_STEP_SECONDS)):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(LOCK_STEP_SECONDS)
        else:
            message = f"another process has been starting or stopping the servers of {state} for "
            raise EmbeddedRefused(message + f"{LOCK_SECONDS_MAX} seconds")
        yield
    finally:
        os.close(descriptor)
