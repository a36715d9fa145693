"""The stand-in's prompt cache: the same prefix within five minutes is read, not written again."""

import hashlib
from collections import OrderedDict
from typing import Any, Final, NamedTuple

from loadtest.model_rules import blocks
from loadtest.model_text import tokens

SECONDS: Final = 300.0
LOOK_BACK_BLOCKS: Final = 20
ENTRIES_MAX: Final = 20_000


class Counted(NamedTuple):
    """A prompt's tokens: at full price, written to the cache, and read from it."""

    fresh: int
    written: int
    read: int

    def usage(self, output: int) -> dict[str, int]:
        """Return the API's usage object."""
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": self.written,
            "cache_read_input_tokens": self.read,
            "output_tokens": output,
        }


class PromptCache:
    """Which prefixes were marked lately; the least recently used fall out.

    A prefix of fewer than `tokens_min` is not cached, silently, as with the real thing.
    """

    def __init__(self, tokens_min: int = 512) -> None:
        self.tokens_min = tokens_min
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def count(self, body: dict[str, Any], now: float, *, owner: str = "") -> Counted:
        """Split the prompt's tokens as the API would, and remember its marked prefixes.

        Each `owner` has a cache of its own.
        """
        prefix = hashlib.blake2b(f"{owner}\0{body['model']}".encode(), digest_size=16)
        boundaries: list[tuple[bytes, int]] = []
        marks: list[int] = []
        total = 0
        for index, block in enumerate(blocks(body)):
            text = block.get("text", "")
            prefix.update(f"{block.get('role', 'system')}\0{text}\0".encode())
            total += tokens(text)
            boundaries.append((prefix.digest(), total))
            if "cache_control" in block:
                marks.append(index)
        read = max((self._hit(boundaries, mark, now) for mark in marks), default=0)
        marked = max((boundaries[mark][1] for mark in marks), default=0)
        for mark in marks:
            key, size = boundaries[mark]
            if size >= self.tokens_min:
                self._keep(key, now)
        written = marked - read if marked >= self.tokens_min else 0
        return Counted(total - read - written, written, read)

    def _hit(self, boundaries: list[tuple[bytes, int]], mark: int, now: float) -> int:
        for index in range(mark, max(-1, mark - LOOK_BACK_BLOCKS), -1):
            key, size = boundaries[index]
            if self._until.get(key, 0.0) > now:
                self._keep(key, now)
                return size
        return 0

    def _keep(self, key: bytes, now: float) -> None:
        self._until[key] = now + SECONDS
        self._until.move_to_end(key)
        while len(self._until) > ENTRIES_MAX:
            self._until.popitem(last=False)
