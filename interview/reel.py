"""The frames of the record that can still be sent again: bounded, in one unbroken range."""

from collections import deque

from protocol import limits, messages


class Reel:
    """Gives each frame its offset, keeps it encoded, and forgets the oldest over the bounds."""

    def __init__(self) -> None:
        """Start an epoch: the first frame gets offset 1."""
        self.top = 0
        self._kept: deque[tuple[int, bytes]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        """How many frames are kept."""
        return len(self._kept)

    @property
    def first(self) -> int:
        """The oldest offset kept; top + 1 when none is."""
        return self._kept[0][0] if self._kept else self.top + 1

    @property
    def next(self) -> int:
        """The offset that the next frame must carry."""
        return self.top + 1

    def add(self, frame: messages.RecordFrame) -> bytes:
        """Keep a frame that carries `next` as its offset; returns it encoded."""
        self.top = frame.offset
        data = messages.encode(frame)
        self._kept.append((frame.offset, data))
        self._bytes += len(data)
        while len(self._kept) > limits.REPLAY_FRAMES_MAX or self._bytes > limits.REPLAY_BYTES_MAX:
            self._drop()
        return data

    def since(self, offset: int) -> list[bytes]:
        """Return the frames from `offset` on."""
        return [data for number, data in self._kept if number >= offset]

    def forget(self, offset: int) -> None:
        """Drop what the client has: everything up to `offset`."""
        while self._kept and self._kept[0][0] <= offset:
            self._drop()

    def _drop(self) -> None:
        _, data = self._kept.popleft()
        self._bytes -= len(data)
