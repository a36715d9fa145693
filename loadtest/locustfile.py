"""Load test: candidates who live through whole interviews on the real wire.

    locust -f loadtest/locustfile.py --headless --phase mvp --invitations invitations.jsonl

writes a verdict file and exits with 1 when SPEC's latencies are missed, anything was lost, or
nobody got anywhere. docs/loadtest.md tells the rest.
"""

import argparse
import logging
import sys
import tempfile
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import gevent
import locust
import msgspec
from gevent import monkey, subprocess
from locust import LoadTestShape, User, task
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from loadtest import shapes, verdict
from loadtest.crowd import Crowd, Visit
from loadtest.invite import invite
from loadtest.shapes import Shape
from loadtest.verdict import Probe, Tally
from loadtest.visitor import JOIN, Habits, Invitation, read_invitations, write_invitations

POLL_SECONDS: Final = 0.1
PROBE_END_SECONDS: Final = 15.0
log = logging.getLogger("loadtest")
events: Any = locust.events  # its hooks are untyped
Environment: TypeAlias = Any  # it carries our stage


def _real_thread(work: Callable[[], None]) -> object:
    start: Any = monkey.get_original("_thread", "start_new_thread") or start_new_thread
    return start(work, ())


class Stage:
    """What one locust process has in hand during a test."""

    def __init__(self, environment: Environment, shape: Shape) -> None:
        """Nothing is under way yet."""
        self.environment = environment
        self.shape = shape
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
                self.tally.lag.append(news.sample.seconds)
                continue
            self.tally.sample(news.who, news.sample.name, news.sample.seconds)
            self.environment.events.request.fire(
                request_type=news.who,
                name=news.sample.name,
                response_time=news.sample.seconds * 1000,
                response_length=0,
                exception=None,
                context={},
            )

    def ended(self, visit: Visit) -> None:
        """Count a visit that is over, or was given up."""
        self.take_news()
        result = visit.result
        if result is None or not result.finished:
            self.tally.unfinished += 1
        else:
            self.tally.finished += 1
        if result is None:
            return
        self.tally.turns += result.turns
        for name in result.counts.__struct_fields__:
            count = getattr(result.counts, name)
            self.tally.counts[name] = self.tally.counts.get(name, 0) + count
        for failure in result.failures:
            self.tally.failed(failure.name)
            self.environment.events.request.fire(
                request_type=visit.who,
                name=failure.name,
                response_time=0,
                response_length=0,
                exception=RuntimeError(f"{failure.name}: {failure.detail}"),
                context={},
            )

    def start_probe(self) -> None:
        """Start the independent probe with the invitations kept back for it."""
        if not self.for_probe or self.probe is not None:
            return
        path = Path(self.folder.name) / "probe.jsonl"
        write_invitations(path, self.for_probe)
        self.probe = subprocess.Popen(
            [
                sys.executable, "-m", "loadtest.probe", "--invitations", str(path),
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


def _asked(environment: Environment) -> argparse.Namespace:
    asked: argparse.Namespace = environment.parsed_options
    return asked


def stage_of(environment: Environment) -> Stage:
    """Return the stage of this locust process."""
    stage: Stage = environment.stage
    return stage


class InterviewUser(User):
    """Lives through one interview after another while invitations last."""

    abstract = True
    who = ""
    slow = False

    def habits(self, think_seconds: float) -> Habits:
        """How this kind of candidate behaves."""
        return Habits(think_seconds=think_seconds)

    @task
    def interview(self) -> None:
        """Take an invitation and live through its interview."""
        stage = stage_of(self.environment)
        if not stage.invitations:
            raise StopUser
        habits = self.habits(stage.shape.think_seconds)
        invitation = stage.invitations.popleft()
        visit = stage.crowd.begin(self.who, invitation, habits, slow=self.slow)
        try:
            while not visit.done:
                gevent.sleep(POLL_SECONDS)
                stage.take_news()
        finally:
            stage.crowd.give_up(visit)
            stage.ended(visit)


class Candidate(InterviewUser):
    """Most people: a steady connection."""

    weight = 70
    who = "candidate"


class PhoneOn3G(InterviewUser):
    """A phone: 300 ms there and back, a narrow line, now and then cut."""

    weight = 15
    who = "phone on 3G"
    slow = True

    def habits(self, think_seconds: float) -> Habits:
        """A phone loses its line once in ten turns."""
        return Habits(think_seconds=think_seconds, cut_share=0.1)


class DuplicateSender(InterviewUser):
    """A page that sends everything twice, and once more as if it were another answer."""

    weight = 10
    who = "duplicate sender"

    def habits(self, think_seconds: float) -> Habits:
        """Everything twice."""
        return Habits(think_seconds=think_seconds, duplicates=True)


class Reconnector(InterviewUser):
    """A train through tunnels: cut in every other turn."""

    weight = 5
    who = "reconnector"

    def habits(self, think_seconds: float) -> Habits:
        """Cut in every other turn."""
        return Habits(think_seconds=think_seconds, cut_share=0.5)


class PhaseShape(LoadTestShape):
    """The users of the phase, then the end."""

    def tick(self) -> tuple[int, float] | None:
        """Return what locust asks for: users and users a second, or None at the end."""
        runner: Any = self.runner
        timer: Any = self
        return stage_of(runner.environment).shape.at(timer.get_run_time())


def options(parser: argparse.ArgumentParser) -> None:
    """Add our options to locust's."""
    parser.add_argument("--phase", choices=sorted(shapes.SHAPES), default="mvp")
    parser.add_argument(
        "--invitations", default="", help="file made by `entrevistador invitations`"
    )
    parser.add_argument(
        "--recruiter-token", default="", env_var="LOADTEST_RECRUITER_TOKEN",
        help="make the invitations through REST at --host instead (small crowds)",
    )  # fmt: skip
    parser.add_argument("--crowd", type=int, default=0, help="candidates at once (the phase's)")
    parser.add_argument("--ramp", type=float, default=0.0, help="candidates a second (the phase's)")
    parser.add_argument("--think-seconds", type=float, default=-1.0, help="before an answer (25)")
    parser.add_argument("--steady-seconds", type=float, default=0.0, help="after the ramp (300)")
    parser.add_argument("--probe", type=int, default=2, help="candidates of the probe (2)")
    parser.add_argument("--verdict", default="verdict.json", help="the file to write")


def _shape(asked: argparse.Namespace) -> Shape:
    shape = shapes.SHAPES[asked.phase]
    return msgspec.structs.replace(
        shape,
        users=asked.crowd or shape.users,
        ramp_per_second=asked.ramp or min(shape.ramp_per_second, asked.crowd or shape.users),
        think_seconds=shape.think_seconds if asked.think_seconds < 0 else asked.think_seconds,
        steady_seconds=asked.steady_seconds or shape.steady_seconds,
    )


def set_up(environment: Environment, **_: object) -> None:
    """Build the stage and keep it."""
    stage = Stage(environment, _shape(_asked(environment)))
    environment.stage = stage
    environment.events.spawning_complete.add_listener(lambda **_: _steady(stage))
    environment.events.report_to_master.add_listener(lambda data, **_: _report(stage, data))
    environment.events.worker_report.add_listener(lambda data, **_: _take_report(stage, data))


def begin(environment: Environment, **_: object) -> None:
    """Get the invitations; the probe has its own."""
    stage, asked, runner = stage_of(environment), _asked(environment), environment.runner
    if runner is None or isinstance(runner, MasterRunner):
        return
    found: list[Invitation] = []
    if asked.invitations:
        found = read_invitations(Path(asked.invitations))
    elif asked.recruiter_token and environment.host:
        found = _invited(stage, environment.host, asked)
    processes = max(1, asked.processes or 1)
    if isinstance(runner, WorkerRunner):
        found = found[runner.worker_index % processes :: processes]
    kept = asked.probe if len(found) > asked.probe else 0
    if kept and getattr(runner, "worker_index", 0) == 0:
        stage.for_probe, found = found[-kept:], found[:-kept]
    stage.invitations.extend(found)
    if not found:
        log.error("no invitations: give --invitations FILE, or --host and --recruiter-token")


def _invited(stage: Stage, host: str, asked: argparse.Namespace) -> list[Invitation]:
    made: list[list[Invitation]] = []
    count = stage.shape.users + asked.probe

    async def make() -> None:
        made.append(await invite(host, asked.recruiter_token, count))

    job = stage.crowd.job(make())
    while not job.done:
        gevent.sleep(POLL_SECONDS)
    return made[0] if made else []


def _steady(stage: Stage) -> None:
    """The ramp is over: measure from now on."""
    stage.take_news()
    stage.tally.forget_ramp(JOIN)
    stage.start_probe()


def _report(stage: Stage, data: dict[str, Any]) -> None:
    stage.take_news()
    data["tally"] = msgspec.msgpack.encode(stage.tally)
    if stage.probed is not None:
        data["probe"] = msgspec.msgpack.encode(stage.probed)
    stage.tally = Tally()


def _take_report(stage: Stage, data: dict[str, Any]) -> None:
    if "tally" in data:
        stage.tally.add(msgspec.msgpack.decode(data["tally"], type=Tally))
    if "probe" in data:
        stage.probed = msgspec.msgpack.decode(data["probe"], type=Probe)


def stop(environment: Environment, **_: object) -> None:
    """Take the probe's figures while the workers still report."""
    stage_of(environment).end_probe()


def judge(environment: Environment, **_: object) -> None:
    """Write the verdict and set the exit code; with several processes only the master has it."""
    stage = stage_of(environment)
    stage.take_news()
    stage.crowd.close()
    stage.folder.cleanup()
    if isinstance(environment.runner, WorkerRunner):
        return
    found = verdict.judge(stage.shape.phase, stage.tally, stage.probed)
    verdict.write(Path(_asked(environment).verdict), found)
    print(verdict.told(found), flush=True)
    environment.process_exit_code = verdict.exit_code(found)


events.init_command_line_parser.add_listener(options)
events.init.add_listener(set_up)
events.test_start.add_listener(begin)
events.test_stop.add_listener(stop)
events.quitting.add_listener(judge)
