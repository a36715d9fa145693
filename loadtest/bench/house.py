"""The services that a measurement stands on: private, real, migrated, and gone afterwards."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from loadtest.bench import cores
from runtime.settings import Settings
from storage import embedded, roles
from storage.migrate import migrate


class House(msgspec.Struct, frozen=True):
    """Running services and the settings of a server on them."""

    settings: Settings
    services: embedded.Services

    def cpu_seconds(self) -> float:
        """What both services have spent so far, of every process they have now."""
        return sum(
            cores.cpu_seconds(pid)
            for root in (self.services.postgres_pid, self.services.valkey_pid)
            for pid in (root, *(child.pid for child in psutil.Process(root).children()))
        )


@asynccontextmanager
async def services(state: Path | None = None) -> AsyncIterator[House]:
    """Run PostgreSQL and Valkey on the crowd's core, in a folder of their own, and end them."""
    folder = state or Path(tempfile.mkdtemp(prefix="entrevistador-bench-"))
    folder.chmod(0o755)
    running = await asyncio.to_thread(embedded.start, folder)
    try:
        for pid in (running.postgres_pid, running.valkey_pid):
            cores.pin(pid, cores.CROWD)
        yield House(await _settings(folder, running), running)
    finally:
        await asyncio.to_thread(embedded.stop, folder)
        if state is None:
            shutil.rmtree(folder, ignore_errors=True)


ROLES: Final = {
    "database_app_url": "entrevistador_app",
    "database_relay_url": "entrevistador_relay",
    "database_sweep_url": "entrevistador_sweep",
    "database_fleet_url": "entrevistador_fleet",
}


async def _settings(folder: Path, running: embedded.Services) -> Settings:
    secret = embedded.development_secret(folder)
    await migrate(running.database_url, secret)
    objects = folder / "objects"
    objects.mkdir(exist_ok=True)
    urls: dict[str, Any] = {
        field: roles.url_for(running.database_url, role, secret) for field, role in ROLES.items()
    }
    return Settings(
        database_url=running.database_url,
        redis_url=running.redis_url,
        broker_url=running.redis_url,
        storage_url=objects.as_uri(),
        state_dir=folder,
        secret=secret,
        embedded=True,
        engine="offline",
        log_level="warning",
        instance_id=f"bench-{os.getpid()}",
        **urls,
    )
