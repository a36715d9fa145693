"""What demos put into a house: one opening and one candidate, noted, and put away afterwards.

The opening is the demo's own and is used again by the next one; it is open only while a demo runs.
The candidate of a whole journey stays to be looked at until the next demo; of a journey that was
cut short nothing stays. The note survives a demo that was killed: the next command reads it.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Final

import msgspec

from client.errors import Refused
from client.rest import Api

NOTE: Final = "visit.json"
FOLDER: Final = "demo"
END_SECONDS: Final = 5.0
TRIES_MAX: Final = 3


class _Note(msgspec.Struct):
    opening_id: str = ""
    open: bool = False
    candidates: list[str] = []


class Visit:
    """The demo's things in the house of one state folder."""

    def __init__(self, state_dir: Path, api: Api) -> None:
        """Act as the recruiter of `api`; the note is under the state folder."""
        self.folder = state_dir / FOLDER
        self._api = api
        self._note = _read(self.folder / NOTE)

    async def begin(self, wanted: dict[str, Any]) -> str:
        """Put the last demo's candidate away, open the demo's opening as `wanted`: its id."""
        await self._erase()
        if not (self._note.opening_id and await self._change({**wanted, "status": "open"})):
            self._note.opening_id = str((await self._api.post("/openings", wanted))["id"])
        self._note.open = True
        self._write()
        return self._note.opening_id

    def met(self, candidate_id: str) -> None:
        """Note a candidate, before anything is known of them."""
        self._note.candidates.append(candidate_id)
        self._write()

    async def end(self, *, whole: bool) -> None:
        """Close the opening, and erase the candidate unless the journey came to its end.

        What a house that is away keeps is put away by the next command.
        """
        with contextlib.suppress(Refused, TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self.close()
                if not whole:
                    await self._erase()

    async def close(self) -> None:
        """Close the opening, also one that a killed demo has left open."""
        if self._note.open:
            await self._change({"status": "closed"})
            self._note.open = False
            self._write()

    async def _erase(self) -> None:
        while self._note.candidates:
            try:
                await self._api.call("DELETE", f"/candidates/{self._note.candidates[0]}")
            except Refused as refused:
                if refused.code != "not_found":
                    raise
            del self._note.candidates[0]
            self._write()

    async def _change(self, changes: dict[str, Any]) -> bool:
        """Change the opening; False when this house does not have it."""
        path = f"/openings/{self._note.opening_id}"
        for left in reversed(range(TRIES_MAX)):
            try:
                version = (await self._api.get(path))["version"]
                await self._api.call("PATCH", path, changes, headers={"If-Match": f'"{version}"'})
            except Refused as refused:
                if refused.code == "not_found":
                    return False
                if refused.code != "conflict" or not left:
                    raise
            else:
                return True
        return False

    def _write(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self.folder / f"{NOTE}.new"
        new.write_bytes(msgspec.json.encode(self._note))
        new.replace(self.folder / NOTE)


def _read(place: Path) -> _Note:
    try:
        return msgspec.json.decode(place.read_bytes(), type=_Note)
    except (OSError, msgspec.DecodeError):
        return _Note()
