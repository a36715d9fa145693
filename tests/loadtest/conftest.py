"""A real server process for what is tested from outside."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from runtime.ports import free_port
from runtime.settings import Settings, to_environ

ROOT = Path(__file__).parents[2]


@pytest.fixture
def served(settings: Settings) -> Iterator[Settings]:
    """The settings of a server process (both roles) that is up and ready."""
    port = free_port()
    settings = msgspec.structs.replace(
        settings,
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        instance_url=f"ws://127.0.0.1:{port}/ws",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "serve", "--role", "all"],
        env={**os.environ, **to_environ(settings)},
        cwd=ROOT,
    )
    try:
        for _ in range(600):
            assert process.poll() is None, "the server ended"
            try:
                if httpx2.get(f"{settings.public_url}/health/ready", timeout=5).status_code == 200:
                    break
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        yield settings
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
