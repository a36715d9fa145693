"""A child of the local stack ends with its supervisor, also when that is killed without a word."""

import os
import signal
import threading
from typing import Final

OPTION: Final = "--with-parent"


def follow() -> None:
    """End this process (SIGTERM) once standard input ends: the supervisor holds its other end."""
    threading.Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    # Not through sys.stdin: a thread inside its lock aborts the interpreter's orderly end.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
