"""HAProxy, started by the tests with the configuration that is shipped."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from runtime.ports import free_port

CONFIG = Path(__file__).parents[2] / "deploy" / "haproxy" / "haproxy.cfg"


@pytest.fixture(scope="session")
def haproxy() -> str:
    """Debian's HAProxy; skipped with a plain notice on a laptop without it, an error in CI."""
    path = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        message = "no haproxy on this machine: balancer tests need Debian's haproxy package"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


class Balancer(msgspec.Struct):
    """A running HAProxy, and its runtime API."""

    port: int
    socket_path: str
    ports: dict[str, int]  # of the servers behind it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, command: str) -> str:
        """One command of the runtime API, and what it answers."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(30)
            wire.connect(self.socket_path)
            wire.sendall(command.encode() + b"\n")
            answer = b""
            while part := wire.recv(65_536):
                answer += part
        return answer.decode().strip()

    def server(self, name: str) -> dict[str, str]:
        """What it knows of a server: status, current sessions and much more; empty for none."""
        head, *rows = self.say("show stat").lstrip("# ").splitlines()
        for row in rows:
            found = dict(zip(head.split(","), row.split(","), strict=False))
            if found["svname"] == name:
                return found
        return {}


@pytest.fixture
def balancer(haproxy: str, tmp_path: Path) -> Iterator[Balancer]:
    """HAProxy on a free port, before anything that is behind it."""
    ports = {name: free_port() for name in ("a1", "i1", "i2", "i3")}
    made = Balancer(free_port(), str(tmp_path / "h.sock"), ports)
    variables = {
        "BALANCER_BIND": f"127.0.0.1:{made.port}",
        "BALANCER_SOCKET": made.socket_path,
        "API_1": f"127.0.0.1:{ports['a1']}",
        "INSTANCE_1": f"127.0.0.1:{ports['i1']}",
        "INSTANCE_2": f"127.0.0.1:{ports['i2']}",
    }
    process = subprocess.Popen(
        [haproxy, "-db", "-q", "-f", str(CONFIG)],
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not Path(made.socket_path).exists():
        assert process.poll() is None, "HAProxy has ended: is its configuration valid?"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield made
    process.kill()
    process.wait()
