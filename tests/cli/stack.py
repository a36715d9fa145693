"""`entrevistador up` as a child process, for tests that use the product as a person would."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil

from storage import embedded

SERVICE_VARIABLES = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "ANTHROPIC_API_KEY")
START_SECONDS = 90


class Up(msgspec.Struct):
    """A running stack: its links and the processes below it."""

    process: subprocess.Popen
    state: Path
    links: dict[str, str]

    @property
    def base_url(self) -> str:
        return self.links["api"].partition("/schema")[0]

    def token(self, who: str) -> str:
        """The recruiter's, operator's or candidate's token, as the link carries it."""
        return self.links[who].rpartition("#")[2].removeprefix("token=")

    def child(self, name: str) -> psutil.Process:
        """The child whose command line has `name`, for killing it."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):  # it has ended meanwhile
                if name in " ".join(process.cmdline()):
                    return process
        raise AssertionError(f"no child {name}")

    def service(self, name: str) -> psutil.Process:
        """The embedded postgres or valkey of this stack's state folder."""
        kind = embedded.Postgres if name == "postgres" else embedded.Valkey
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:  # it may be coming back from the last blow
            pid = kind(self.state).alive()
            if pid:
                return psutil.Process(pid)
            time.sleep(0.1)
        raise AssertionError(f"{name} does not run")

    def stop(self, seconds: float = 60) -> int:
        """Ctrl-C, and the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=seconds)


def environ(**more: str) -> dict[str, str]:
    """The environment of this process without services of its own."""
    base = {
        name: value
        for name, value in os.environ.items()
        if name not in SERVICE_VARIABLES and not name.startswith("ENTREVISTADOR_")
    }
    return {**base, "ENTREVISTADOR_OFFLINE_PIECE_SECONDS": "0.01", **more}


def command(*arguments: str) -> list[str]:
    """The console script's command line."""
    return [sys.executable, "-P", "-m", "cli", *arguments]


@contextmanager
def up(*arguments: str, **variables: str) -> Iterator[Up]:
    """Run `entrevistador up` in a folder of its own, and end it and what it started."""
    with tempfile.TemporaryDirectory(prefix="entrevistador-up-") as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        errors = Path(folder) / "errors"
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                command(
                    "up",
                    "--json",
                    "--port",
                    "0",
                    "--state-dir",
                    str(state),
                    *(
                        arguments
                        if "--live-port" in arguments
                        else ("--live-port", "0", *arguments)
                    ),
                ),
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environ(**variables),
            )
        try:
            line = process.stdout.readline()
            assert line, errors.read_text()
            yield Up(process, state, json.loads(line))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(timeout=60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            process.stdout.close()
            embedded.destroy(state)
