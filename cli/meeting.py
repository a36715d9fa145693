"""Where the demo takes place: the stack that runs here already, or one of its own."""

import argparse
import fcntl
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx2

from cli import local
from cli.words import Words
from runtime.settings import WrongSetting
from server.auth import development_token

NOTE: Final = "stack.json"
UP_LOCK: Final = "up.lock"
DEMO_LOCK: Final = "demo.lock"
FAST_PIECE_SECONDS: Final = 0.015


class Busy(Exception):  # noqa: N818 - somebody else is at work, which is no bug
    """Another command is starting or ending a stack on this state folder."""


@asynccontextmanager
async def house(
    state_dir: Path, words: Words, say: Callable[[str], None]
) -> AsyncIterator[tuple[str, str]]:
    """Yield (base URL, recruiter's token) of a house that is ready; raises Busy."""
    with alone(state_dir, UP_LOCK) as first:
        if first:
            say(words("house"))
            async with local.stack(
                state_dir=state_dir,
                say=_into(state_dir / "logs" / "demo.log"),
                port=0,
                live_port=0,
                offline_piece_seconds=FAST_PIECE_SECONDS,
            ) as stack:
                yield stack.base_url, stack.recruiter_token
            return
    found = await running(state_dir)
    if found is None:
        raise Busy
    base_url, tenant_id = found
    say(words("house_found", url=base_url))
    yield base_url, token(state_dir, tenant_id, "recruiter")


def _into(log: Path) -> Callable[[str], None]:
    """Write what the stack tells into a file of its own: the terminal is for the journey."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.unlink(missing_ok=True)

    def say(text: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    return say


@contextmanager
def alone(state_dir: Path, name: str) -> Iterator[bool]:
    """Hold a lock of the state folder while the block runs; False when somebody else has it."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = (state_dir / name).open("wb")
    except OSError as error:
        raise WrongSetting(f"{state_dir} can't be the state folder: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the state folder."""
    parser.add_argument(
        "--state",
        "--state-dir",
        dest="state_dir",
        type=Path,
        metavar="FOLDER",
        help="where data and logs live (ENTREVISTADOR_STATE_DIR, or .state)",
    )


async def running(state_dir: Path) -> tuple[str, UUID] | None:
    """Return the base URL and the company of the stack that runs on this state folder."""
    try:
        note = json.loads((state_dir / NOTE).read_text("utf-8"))
        base_url, tenant_id = str(note["base_url"]), UUID(note["tenant_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        async with httpx2.AsyncClient(timeout=2.0, trust_env=False) as http:
            answer = await http.get(f"{base_url}/health/ready")
    except httpx2.TransportError:
        return None
    return (base_url, tenant_id) if answer.status_code == 200 else None  # noqa: PLR2004 - HTTP


def token(state_dir: Path, tenant_id: UUID, role: str) -> str:
    """Return a development token for the stack that runs on this state folder."""
    return development_token(state_dir, tenant_id, role, local.NAMES[role], [role])


def leave_note(state_dir: Path, stack: local.Stack) -> Path:
    """Write where the stack is, for other commands of this machine; returns the note's place."""
    note = state_dir / NOTE
    note.write_text(
        json.dumps({"base_url": stack.base_url, "tenant_id": str(stack.tenant_id)}), "utf-8"
    )
    return note
