"""A child of the local stack ends with its supervisor, also when that is killed without a word."""

import os
import signal
import sys
import threading
from typing import Final

OPTION: Final = "--with-parent"


def follow() -> None:
    """End this process (SIGTERM) once standard input ends: the supervisor holds its other end."""
    threading.Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
