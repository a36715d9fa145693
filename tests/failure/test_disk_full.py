"""The disk of PostgreSQL is full: answers go to the journal, and into the record afterwards."""

import asyncio
import contextlib
import errno
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
import pytest_asyncio

from storage import embedded, keys, roles
from storage.connect import open_database
from storage.embedded import home
from storage.migrate import migrate
from tests.conftest import SECRET, make_tenant
from tests.failure.waiting import asked, begun, kept, say, until
from tests.server.live_house import live_house, make_interview
from tests.server.test_live import turns_of

DISK_BYTES = 220 * 1024 * 1024


class SmallDisk:
    """A disk of its own that can be filled to the last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Somebody's log, or a backup that was forgotten."""
        block = bytes(1024 * 1024)
        with self._ballast.open("ab", buffering=0) as file:
            while block:
                try:
                    file.write(block)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    block = block[: len(block) // 2]

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    @property
    def left(self) -> int:
        return psutil.disk_usage(str(self.folder)).free


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    """A tiny tmpfs; only root can have one, and the checks of every commit run as root."""
    if os.geteuid() != 0:
        message = "not root: a disk that is full cannot be made here"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="entrevistador-disk-"))
    options = ("-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "tmpfs")
    subprocess.run(("mount", *options, str(folder)), check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)
        folder.rmdir()


@pytest_asyncio.fixture
async def small(settings, disk: SmallDisk) -> AsyncIterator:
    """Settings whose PostgreSQL lives on that disk; Valkey is on another."""
    state = disk.folder / "state"
    postgres = embedded.Postgres(state)
    await asyncio.to_thread(postgres.start)
    url = postgres.url(home.locate(state))
    await migrate(url, SECRET)
    yield msgspec.structs.replace(
        settings, database_url=url, database_app_url=roles.url_for(url, "entrevistador_app", SECRET)
    )
    disk.free()
    await asyncio.to_thread(postgres.start)  # it may have given up
    await asyncio.to_thread(embedded.destroy, state)


async def test_a_full_disk_stops_no_interview(small, disk, redis):
    """Accepted, asked on, and once there is room again everything is in PostgreSQL, in order."""
    db = await open_database(small.database_app_url, size=2)
    tenant = await make_tenant(small.database_url, "prueba")
    made = await make_interview(db, tenant)
    async with live_house(small) as house:
        async with begun(house, made) as wire:
            disk.fill()
            assert disk.left == 0
            for turn in range(1, 7):  # some fit where there was room in a page; the rest do not
                await say(wire, turn, text=f"respuesta {turn} " + "larga " * 1800)
                await asked(wire, turn + 1)
            assert await redis.llen(keys.journal(made.session_id)) > 0
            disk.free()
            with contextlib.suppress(embedded.EmbeddedError):
                await asyncio.to_thread(embedded.Postgres(disk.folder / "state").start)
            await until(lambda: kept(db, made, 6), "the flush")
            await say(wire, 7)
    rows = await turns_of(db, made)
    await db.close()
    assert [row.client_msg_id for row in rows] == [f"m{turn}" for turn in range(1, 8)]
    assert all(row.answer.startswith(f"respuesta {row.turn} ") for row in rows[:6])
