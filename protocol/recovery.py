"""The pure rule that decides whether a reconnect gets the missing frames or the whole state."""


def replay_from(
    *, client_epoch: int | None, client_offset: int | None, epoch: int, first: int, top: int
) -> int | None:
    """Return the first offset to send again, or None when only the whole state will do.

    `first..top` is the unbroken range of frames still held of `epoch` (first = top + 1 when none
    is held). The client names what it has seen; an offset above the top is of another history.
    """
    if client_epoch != epoch or client_offset is None:
        return None
    if not 0 <= client_offset <= top:
        return None
    return client_offset + 1 if client_offset + 1 >= first else None
