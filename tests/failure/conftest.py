"""Stores of this folder's own, which its tests may stop, empty, freeze and starve."""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from storage import embedded
from storage.migrate import migrate
from tests.conftest import SECRET, TEMPLATE, Services, _execute, with_database

_numbers = itertools.count(1)


class Stores:
    """The two servers, and what can happen to them."""

    def __init__(self, state: Path) -> None:
        self._postgres = embedded.Postgres(state)
        self._valkey = embedded.Valkey(state, fsync="always")
        self._frozen: list[psutil.Process] = []

    async def postgres_down(self) -> None:
        """As after `systemctl stop`: nobody answers, nothing listens."""
        await asyncio.to_thread(self._postgres.stop)

    async def postgres_up(self) -> None:
        await asyncio.to_thread(self._postgres.start)

    async def valkey_down(self) -> None:
        """As after a power cut of its machine."""
        os.kill(self._valkey.alive(), signal.SIGKILL)
        while self._valkey.alive():
            await asyncio.sleep(0.01)

    async def valkey_up(self) -> None:
        await asyncio.to_thread(self._valkey.start)

    def freeze_postgres(self) -> None:
        """Connections stay open and nothing answers: what a lost network looks like."""
        server = psutil.Process(self._postgres.alive())
        self._frozen = [server, *server.children(recursive=True)]
        for process in self._frozen:
            process.suspend()

    def thaw_postgres(self) -> None:
        for process in self._frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []

    def mend(self) -> None:
        """Whatever a test did: the next one finds both."""
        self.thaw_postgres()
        self._postgres.start()
        self._valkey.start()


@pytest.fixture(scope="session")
def broken_state() -> Iterator[Path]:
    """The folder of this folder's own services."""
    state = Path(tempfile.mkdtemp(prefix="entrevistador-failure-"))
    state.chmod(0o755)
    yield state
    embedded.destroy(state)
    shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def services(broken_state: Path) -> Services:
    """In place of the services that all other tests share."""
    running = embedded.start(broken_state, fsync="always")
    return Services(running.database_url, running.redis_url)


@pytest.fixture(scope="session")
def template(services: Services) -> str:
    """A migrated database of this folder's own server, which goes with it."""
    asyncio.run(_execute(services.database_url, f'CREATE DATABASE "{TEMPLATE}"'))
    asyncio.run(migrate(with_database(services.database_url, TEMPLATE), SECRET))
    return TEMPLATE


@pytest.fixture
def stores(broken_state: Path, services: Services) -> Iterator[Stores]:
    """What breaks the services, and mends them after the test."""
    stores = Stores(broken_state)
    yield stores
    stores.mend()


@pytest.fixture
def database_url(services: Services, template: str, stores: Stores) -> str:
    """A migrated database, made while the server certainly runs."""
    name = f"failure_{os.getpid()}_{next(_numbers)}"
    asyncio.run(_execute(services.database_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    return with_database(services.database_url, name)
