"""Child processes under a supervisor: started, watched, restarted with back-off, ended in time."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

import msgspec

from cli import parent
from runtime import clock
from runtime.lifecycle import Tasks

RESTART_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
HEALTHY_SECONDS: Final = 20.0  # a child that lived this long starts again at the first wait
LOG_BYTES_MAX: Final = 8 * 1024 * 1024


class Child(msgspec.Struct, frozen=True):
    """One process of the stack: its name, the console script's arguments, its environment."""

    name: str
    arguments: tuple[str, ...]
    environ: dict[str, str]


class Supervisor:
    """Keeps children running until told to stop; logs go to one bounded file each."""

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        """Write logs into the folder `logs` and tell a person through `say`."""
        self._logs = logs
        self._say = say
        self._tasks = Tasks("supervisor")
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = False
        self._retired: set[str] = set()
        self.waits: tuple[float, ...] = RESTART_SECONDS  # before each further start
        self.restarts: dict[str, int] = {}

    def start(self, child: Child) -> None:
        """Keep `child` running from now on."""
        self._tasks.start(self._keep(child), name=child.name)

    def pid(self, name: str) -> int | None:
        """The process id of a child that runs."""
        process = self._running.get(name)
        return process.pid if process is not None and process.returncode is None else None

    @property
    def names(self) -> list[str]:
        """The children that run now."""
        return sorted(self._running)

    async def _keep(self, child: Child) -> None:
        tries = 0
        while not self._stopping:
            begun = clock.monotonic()
            code = await self._run(child)
            if self._ending(child.name):
                return
            if clock.monotonic() - begun > HEALTHY_SECONDS:
                tries = 0
            wait = self.waits[min(tries, len(self.waits) - 1)]
            tries += 1
            self.restarts[child.name] = self.restarts.get(child.name, 0) + 1
            where = self._logs / f"{child.name}.log"
            self._say(f"{child.name} ended ({_why(code)}); again in {wait:g} s (see {where})")
            await asyncio.sleep(wait)

    def _ending(self, name: str) -> bool:
        return self._stopping or name in self._retired

    async def retire(self, name: str) -> None:
        """Ask one child to end, and return once it has; it is not started again."""
        self._retired.add(name)
        process = self._running.get(name)
        if process is not None:
            _signal(process, signal.SIGTERM)
            await process.wait()

    async def _run(self, child: Child) -> int:
        with _open_log(self._logs / f"{child.name}.log") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "cli",
                parent.OPTION,
                *child.arguments,
                env=child.environ,
                stdin=asyncio.subprocess.PIPE,  # its end tells the child that we are gone
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C goes to the supervisor, which asks in order
            )
        self._running[child.name] = process
        try:
            return await process.wait()
        finally:
            self._running.pop(child.name, None)

    async def stop(self, seconds: float) -> None:
        """Ask every child to end, and end those that have not within `seconds`."""
        self._stopping = True
        processes = list(self._running.values())
        for process in processes:
            _signal(process, signal.SIGTERM)
        waits = [self._tasks.start(process.wait()) for process in processes]
        if waits:
            await asyncio.wait(waits, timeout=seconds)
        for process in processes:
            if process.returncode is None:
                _signal(process, signal.SIGKILL)
        await asyncio.gather(*waits)
        await self._tasks.close()


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _why(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def child_environ(settings_environ: dict[str, str]) -> dict[str, str]:
    """A child's environment: what it is told, and of ours only what programs need to run."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
    inherited = {name: os.environ[name] for name in keep if name in os.environ}
    return {**inherited, "PYTHONUNBUFFERED": "1", **settings_environ}
