"""Where the demo takes place: the stack that runs here already, or one of its own."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx2

from cli import local
from server.auth import development_token

NOTE: Final = "stack.json"
FAST_PIECE_SECONDS: Final = 0.015


@asynccontextmanager
async def house(state_dir: Path, say: Callable[[str], None]) -> AsyncIterator[tuple[str, str]]:
    """Yield (base URL, recruiter's token) of a house that is ready."""
    found = await running(state_dir)
    if found is not None:
        base_url, tenant_id = found
        say(f"using the stack that runs at {base_url}")
        yield base_url, token(state_dir, tenant_id, "recruiter")
        return
    async with local.stack(
        state_dir=state_dir,
        say=say,
        port=0,
        live_port=0,
        offline_piece_seconds=FAST_PIECE_SECONDS,
    ) as stack:
        yield stack.base_url, stack.recruiter_token


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
