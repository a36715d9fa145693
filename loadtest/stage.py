"""What one locust process has in hand during a test: the crowd, the tally, the probe."""

import logging
import sys
import tempfile
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import gevent
import msgspec
from gevent import monkey, subprocess

from loadtest import usage
from loadtest.books import (
    ACCEPTED,
    ACCEPTED_PLANNED,
    JOIN,
    STORM_ACCEPTED,
    STORM_ACCEPTED_PLANNED,
    WAITED,
    Result,
    Sample,
)
from loadtest.crowd import LAG, Crowd, Visit
from loadtest.shapes import Shape
from loadtest.usage import Moment
from loadtest.verdict import STORM_BACK_P95_SECONDS, Probe, Tally
from loadtest.visitor import Invitation, write_invitations
from runtime import clock

PROBE_END_SECONDS: Final = 15.0
STORM_SECONDS: Final = 2 * STORM_BACK_P95_SECONDS  # what belongs to the storm: judged as such
IN_STORM: Final = {ACCEPTED: STORM_ACCEPTED, ACCEPTED_PLANNED: STORM_ACCEPTED_PLANNED}
log = logging.getLogger("loadtest")
Environment: TypeAlias = Any  # it carries our stage


def _real_thread(work: Callable[[], None]) -> object:
    start: Any = monkey.get_original("_thread", "start_new_thread") or start_new_thread
    return start(work, ())


class Stage:
    """What one locust process has in hand during a test."""

    def __init__(
        self, environment: Environment, shape: Shape, *, at_once: int = 0, house: str = ""
    ) -> None:
        """Nothing is under way yet; the probe has `at_once` seats."""
        self.environment = environment
        self.shape = shape
        self._at_once = at_once
        self._house = house
        self._before: Moment | None = None
        self._inside_max = 0
        self._storm_until = 0.0
        self.cores: dict[str, float] = {}
        self.tally = Tally()
        self.crowd = Crowd(_real_thread)
        self.invitations: deque[Invitation] = deque()
        self.for_probe: list[Invitation] = []
        self.probe: Any = None
        self.probed: Probe | None = None
        self.folder = tempfile.TemporaryDirectory(prefix="entrevistador-loadtest-")

    def take_news(self) -> None:
        """Carry what the visitors saw into locust's statistics and our own."""
        while self.crowd.news:
            news = self.crowd.news.popleft()
            if not news.who:
                self._of_the_crowd(news.sample)
                continue
            name = self._named(news.sample.name)
            self.tally.sample(news.who, name, news.sample.seconds)
            self.environment.events.request.fire(
                request_type=news.who,
                name=name,
                response_time=news.sample.seconds * 1000,
                response_length=0,
                exception=None,
                context={},
            )

    def _named(self, name: str) -> str:
        """An answer accepted while everybody comes back from the storm is told apart."""
        return IN_STORM.get(name, name) if clock.monotonic() < self._storm_until else name

    def storm(self) -> None:
        """Cut everybody at once; what was measured until now was no storm."""
        self.take_news()
        self._storm_until = clock.monotonic() + STORM_SECONDS
        self.crowd.storm()

    def _of_the_crowd(self, sample: Sample) -> None:
        if sample.name == LAG:
            self.tally.lag.append(sample.seconds)
        else:
            more = max(0, round(sample.seconds) - self._inside_max)  # reports of it add up
            self._inside_max += more
            self.tally.inside_max += more

    def ended(self, visit: Visit) -> None:
        """Count a visit that is over, or is given up."""
        self.take_news()
        result = visit.visitor.give_up() if visit.visitor is not None else Result()
        self.tally.visited(visit.who, result)
        for failure in result.failures:
            self.environment.events.request.fire(
                request_type=visit.who,
                name=failure.name,
                response_time=0,
                response_length=0,
                exception=RuntimeError(f"{failure.name}: {failure.detail}"),
                context={},
            )

    def steady(self) -> None:
        """The ramp is over: measure from now on."""
        if self._before is not None:
            return
        self.take_news()
        self.tally.forget_ramp(JOIN, WAITED)
        self._before = usage.look(self._house)
        self.start_probe()
        if self.shape.storm_at:
            gevent.spawn_later(self.shape.storm_at, self.storm)

    def end_usage(self) -> None:
        """Take what this machine was busy with."""
        if self._before is not None and not self.cores:
            self.cores = usage.cores(self._before, usage.look(self._house))

    def start_probe(self) -> None:
        """Start the independent probe with the invitations kept back for it."""
        if not self.for_probe or self.probe is not None:
            return
        path = Path(self.folder.name) / "probe.jsonl"
        write_invitations(path, self.for_probe)
        self.probe = subprocess.Popen(
            [
                sys.executable, "-m", "loadtest.probe", "--invitations", str(path),
                "--at-once", str(self._at_once),
                "--seconds", str(self.shape.steady_seconds),
                "--think-seconds", str(min(5.0, self.shape.think_seconds)),
            ],
            stdout=subprocess.PIPE,
        )  # fmt: skip

    def end_probe(self) -> None:
        """Take the probe's figures; one that has not ended is told to."""
        if self.probe is None or self.probed is not None:
            return
        if self.probe.poll() is None:
            self.probe.terminate()
        try:
            out, _ = self.probe.communicate(timeout=PROBE_END_SECONDS)
            self.probed = msgspec.json.decode(out, type=Probe)
        except (subprocess.TimeoutExpired, msgspec.DecodeError):
            self.probe.kill()
            log.exception("the probe gave no figures")
            self.probed = Probe(0, {"no_figures": 1}, {})
