"""When to come back after a lost connection: full jitter over growing windows."""

import random
from typing import Final

FIRST_SECONDS: Final = (1.0, 2.0)  # then 2 s again and again for the first half minute
EARLY_SECONDS: Final = 30.0
WINDOW_SECONDS_MAX: Final = 60.0
ALIVE_SECONDS: Final = 5.0  # a connection that lived this long resets the back-off

COME_BACK: Final = frozenset(
    {1001, 1005, 1006, 1011, 1012, 1013, 4001, 4002, 4003, 4004, 4008, 4010, 4012, 4013, 4029, 4500}
)


class Backoff:
    """Windows of 1, 2, 2 ... s for the first 30 s, then doubling to 60 s."""

    def __init__(self, rng: random.Random | None = None) -> None:
        """Draw from `rng`, so that a test can repeat itself."""
        self._random = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._tries = 0
        self._waited = 0.0

    def reset(self) -> None:
        """Begin anew: the connection lived."""
        self._tries, self._waited = 0, 0.0

    def window(self) -> float:
        """Return the window that the next wait is drawn from, in seconds."""
        if self._waited < EARLY_SECONDS:
            return FIRST_SECONDS[min(self._tries, 1)]
        late = self._tries - int(EARLY_SECONDS / FIRST_SECONDS[1])
        return float(min(WINDOW_SECONDS_MAX, FIRST_SECONDS[1] * 2 ** max(1, min(late, 10))))

    def next(self) -> float:
        """Return how long to wait now, in seconds."""
        window = self.window()
        self._tries += 1
        self._waited += window
        return self._random.uniform(0, window)
