"""How many candidates, how fast they come, how long they think: one shape for each phase."""

from typing import Final

import msgspec

RAMP_PER_SECOND_MAX: Final = 100.0  # a faster one measures the load tester
USERS_PER_PROCESS_MAX: Final = 1000  # above it a load tester's own times are wrong
TARGETS_MS: Final = {"mvp": (100.0, 500.0), "growth": (80.0, 300.0), "scale": (50.0, 200.0)}


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A load: `users` at once after the ramp, for `steady_seconds`."""

    phase: str
    users: int
    ramp_per_second: float
    think_seconds: float
    steady_seconds: float
    storm_at: float = 0.0  # seconds into the steady time: everybody is cut at once; 0 is never

    def __post_init__(self) -> None:
        """Refuse what would measure something else."""
        if not 0 < self.ramp_per_second <= RAMP_PER_SECOND_MAX:
            raise ValueError(f"a ramp is at most {RAMP_PER_SECOND_MAX:g} users a second")
        if self.users < 1 or self.steady_seconds <= 0 or self.think_seconds < 0:
            raise ValueError("a shape needs users, a steady time and no negative thinking")
        if not 0 <= self.storm_at < self.steady_seconds:
            raise ValueError("a storm comes within the steady time")

    @property
    def ramp_seconds(self) -> float:
        """How long it takes until everybody is there."""
        return self.users / self.ramp_per_second

    def at(self, seconds: float) -> tuple[int, float] | None:
        """Return (users, users a second) wanted at this time of the test, None once it is over."""
        if seconds >= self.ramp_seconds + self.steady_seconds:
            return None
        return self.users, self.ramp_per_second


SHAPES: Final = {
    shape.phase: shape
    for shape in (
        Shape(phase="mvp", users=50, ramp_per_second=5, think_seconds=25, steady_seconds=300),
        Shape(phase="growth", users=200, ramp_per_second=20, think_seconds=25, steady_seconds=300),
        Shape(phase="scale", users=1000, ramp_per_second=50, think_seconds=25, steady_seconds=300),
    )
}
assert SHAPES.keys() == TARGETS_MS.keys()
assert all(shape.users <= USERS_PER_PROCESS_MAX for shape in SHAPES.values())
