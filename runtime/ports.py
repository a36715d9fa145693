"""Ports for processes of this machine that are about to start."""

import socket
from random import SystemRandom
from typing import Final

from runtime.settings import WrongSetting

FREE: Final = range(20_000, 30_000)  # below what systems give to outgoing connections
TRIED: Final = 50


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if nothing listens there, else a free port. 0 asks for any.

    Whoever asks binds it a moment later: so it is none that a connection could be given meanwhile.
    """
    others = SystemRandom().sample(FREE, TRIED)
    for port in (*([wanted] if wanted else []), *others, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise WrongSetting("no free port on 127.0.0.1")
