"""Load test: candidates who live through whole interviews on the real wire.

    locust -f loadtest/locustfile.py --headless --phase mvp --invitations invitations.jsonl

writes a verdict file and exits with 1 when SPEC's latencies are missed, anything was lost, or
nobody got anywhere. docs/loadtest.md tells the rest.
"""

import argparse
import logging
import math
from pathlib import Path
from typing import Any, Final

import gevent
import locust
import msgspec
from locust import LoadTestShape, User, task
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from loadtest import shapes, verdict
from loadtest.invite import invite
from loadtest.network import PHONE_3G, STEADY
from loadtest.shapes import Shape
from loadtest.stage import Environment, Stage
from loadtest.verdict import Probe, Tally
from loadtest.visitor import Habits, Invitation, read_invitations

POLL_SECONDS: Final = 0.1
PROBE_INTERVIEW_SECONDS: Final = 30.0  # a short one: the probe needs as many for each of its seats
PROBE_SHARE_MAX: Final = 0.25  # of the invitations
log = logging.getLogger("loadtest")
logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each ticket says nothing
events: Any = locust.events  # its hooks are untyped


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
        visit = stage.crowd.begin(self.who, invitation, habits)
        try:
            while not visit.done:
                gevent.sleep(POLL_SECONDS)
                stage.take_news()
        finally:
            stage.ended(visit)
            stage.crowd.give_up(visit)


class Candidate(InterviewUser):
    """Most people: a steady connection."""

    weight = 65
    who = verdict.CANDIDATE


class PhoneOn3G(InterviewUser):
    """A phone: 300 ms there and back, a narrow line, now and then dead or cut."""

    weight = 15
    who = verdict.PHONE

    def habits(self, think_seconds: float) -> Habits:
        """A phone loses its line once in ten turns, and as often nothing comes through."""
        return Habits(think_seconds=think_seconds, cut_share=0.1, dead_share=0.1, line=PHONE_3G)


class DuplicateSender(InterviewUser):
    """A page that sends everything twice, and once more as if it were another answer."""

    weight = 10
    who = verdict.DUPLICATES

    def habits(self, think_seconds: float) -> Habits:
        """Everything twice, every other answer over two connections at once as well."""
        return Habits(think_seconds=think_seconds, duplicates=True, second_tab_every=2)


class Reconnector(InterviewUser):
    """A train through tunnels: cut in every other turn."""

    weight = 5
    who = verdict.RECONNECTOR

    def habits(self, think_seconds: float) -> Habits:
        """Cut in every other turn."""
        return Habits(think_seconds=think_seconds, cut_share=0.5)


class SlowReader(InterviewUser):
    """A page that stops reading for a while: a computer asleep, a browser out of breath."""

    weight = 5
    who = verdict.SLOW_READER

    def habits(self, think_seconds: float) -> Habits:
        """Every third question is not read for 5 to 40 s."""
        return Habits(think_seconds=think_seconds, stop_every=3, line=STEADY)


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
    parser.add_argument(
        "--storm-at", type=float, default=0.0,
        help="seconds into the steady time: every connection is cut at once (never)",
    )  # fmt: skip
    parser.add_argument(
        "--house", default="",
        help="the state folder of the server under test, where it runs on this machine: whose "
        "processes count as server and stores (all)",
    )  # fmt: skip
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
        storm_at=asked.storm_at,
    )


def set_up(environment: Environment, **_: object) -> None:
    """Build the stage and keep it."""
    asked = _asked(environment)
    stage = Stage(environment, _shape(asked), at_once=asked.probe, house=asked.house)
    environment.stage = stage
    environment.events.spawning_complete.add_listener(lambda **_: stage.steady())
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
    rounds = math.ceil(stage.shape.steady_seconds / PROBE_INTERVIEW_SECONDS)
    kept = asked.probe if len(found) > asked.probe else 0
    kept = max(kept, min(kept * rounds, int(len(found) * PROBE_SHARE_MAX)))
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
    stage = stage_of(environment)
    stage.end_usage()
    stage.end_probe()


def judge(environment: Environment, **_: object) -> None:
    """Write the verdict and set the exit code; with several processes only the master has it."""
    stage = stage_of(environment)
    stage.take_news()
    stage.crowd.close()
    stage.folder.cleanup()
    if isinstance(environment.runner, WorkerRunner):
        return
    found = verdict.judge(stage.shape, stage.tally, stage.probed, stage.cores)
    verdict.write(Path(_asked(environment).verdict), found)
    print(verdict.told(found), flush=True)
    environment.process_exit_code = verdict.exit_code(found)


events.init_command_line_parser.add_listener(options)
events.init.add_listener(set_up)
events.test_start.add_listener(begin)
events.test_stop.add_listener(stop)
events.quitting.add_listener(judge)
