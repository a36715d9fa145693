"""Which request fails, and how: by a list, by a header, at a pace, or by chance with a seed."""

import hashlib
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from loadtest.model_stream import FAULTS, Options

WAITING_MAX: Final = 10_000
HEADER: Final = "x-standin-fault"


class Chooser:
    """Takes, in this order: the posted list, the request's header, the pace, the dice."""

    def __init__(self) -> None:
        self._next: deque[str] = deque(maxlen=WAITING_MAX)

    def order(self, *faults: str) -> int:
        """Make the next requests fail in these ways ("" = this one does not); how many wait."""
        check(faults)
        self._next.extend(faults)
        return len(self._next)

    def clear(self) -> None:
        """Forget what was ordered."""
        self._next.clear()

    def choose(self, options: Options, number: int, headers: Mapping[str, str]) -> str:
        """Return the fault of the request with this number, "" for none; ValueError if unknown."""
        if self._next:
            return self._next.popleft()
        if HEADER in headers:
            check([headers[HEADER]])
            return headers[HEADER]
        if options.fault and number % max(1, options.fault_every) == 0:
            return options.fault
        return _thrown(options, number)


def _thrown(options: Options, number: int) -> str:
    """Return what the dice say: the same for the same seed and number."""
    if not options.faults:
        return ""
    digest = hashlib.blake2b(f"{options.seed}:{number}".encode(), digest_size=8).digest()
    at = int.from_bytes(digest, "big") / 2**64
    for name, share in sorted(options.faults.items()):
        if at < share:
            return name
        at -= share
    return ""


def check(faults: Any) -> None:
    """ValueError naming the first that is no fault."""
    for name in faults:
        if name and name not in FAULTS:
            raise ValueError(f"not a fault: {name}")


def shares(text: str) -> dict[str, float]:
    """Return the chances that "429=0.02,cut=0.01" stands for; ValueError says what is wrong."""
    found: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, share = part.partition("=")
        check([name])
        found[name] = float(share)
    check_shares(found)
    return found


def check_shares(found: Mapping[str, float]) -> None:
    """ValueError when chances are none: below 0, or above 1 together."""
    check(found)
    if any(share < 0 for share in found.values()) or sum(found.values()) > 1:
        raise ValueError("chances are between 0 and 1, and at most 1 together")
