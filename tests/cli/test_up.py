"""`entrevistador up`: everything runs, everything that dies comes back, Ctrl-C ends all of it."""

import asyncio
import os
import signal

import httpx2
import psutil
import pytest

from client.backoff import Backoff
from client.rest import Api
from client.session import Interview
from protocol import messages
from storage import embedded
from tests.cli.stack import Up, up

ANSWER = "En mi empresa anterior implementé un tablero, redujimos el tiempo a la mitad y aprendí."
VICTIMS = {
    2: lambda stack: stack.child("--role interview"),
    3: lambda stack: stack.child("premium"),
    4: lambda stack: stack.service("valkey"),
    5: lambda stack: stack.service("postgres"),
}


async def consent(api: Api) -> None:
    """Agree to the notice that the invitation shows."""
    notice = (await api.get("/invitation"))["consent"]
    await api.post(
        "/invitation/consent",
        {
            "version": notice["version"],
            "sha256": notice["sha256"],
            "given": True,
            "locale": notice["locale"],
        },
    )


async def live_through(stack: Up, kill) -> tuple[set[int], Interview]:
    """Answer every question of the sample invitation; `kill(turn)` runs before each answer."""
    async with Api(stack.base_url, stack.token("candidate")) as api:
        await consent(api)
        interview = Interview(api.ticket, backoff=QuickBackoff())
        accepted: set[int] = set()
        answered: set[int] = set()
        async for frame in interview.frames():
            turn = None
            match frame:
                case messages.QuestionCompleted():
                    turn = frame.turn
                case messages.SessionState() if frame.current and frame.current.completed:
                    turn = frame.current.turn
                case messages.AnswerAccepted():
                    accepted.add(frame.turn)
            if turn is not None and turn not in answered:
                answered.add(turn)
                kill(turn)
                await interview.answer(turn, ANSWER)
    return accepted | answered, interview


class QuickBackoff(Backoff):
    """Comes back fast, so that the test is not about waiting."""

    def next(self) -> float:
        return min(0.5, super().next())


async def report_of(stack: Up) -> tuple[dict, dict]:
    """The interview's record and its report, once that is written."""
    async with Api(stack.base_url, stack.token("recruiter")) as api:
        interview = (await api.get("/interviews"))["items"][0]
        async with asyncio.timeout(120):
            while True:
                record = await api.get(f"/interviews/{interview['id']}")
                if record["report"] is not None:
                    return record, await api.get(f"/interviews/{interview['id']}/report")
                await asyncio.sleep(0.2)


@pytest.mark.timeout(240)
def test_whatever_dies_in_mid_interview_comes_back_and_nothing_is_lost():
    """A kill -9 of server, worker, Valkey and PostgreSQL in one interview: a whole transcript."""
    with up() as stack:
        killed = []

        def kill(turn: int) -> None:
            if turn in VICTIMS:
                victim = VICTIMS[turn](stack)
                killed.append((victim.pid, victim.create_time()))
                os.kill(victim.pid, signal.SIGKILL)

        turns, interview = asyncio.run(live_through(stack, kill))
        assert len(killed) == len(VICTIMS)
        record, report = asyncio.run(report_of(stack))
        rows = record["turns"]
        assert [row["turn"] for row in rows] == list(range(1, len(rows) + 1))
        assert {row["turn"] for row in rows} == turns
        assert all(row["answer"] == ANSWER for row in rows)
        assert record["status"] == "finished"
        assert report["status"] == "ready"
        assert interview.counts.connects >= 2
        below = psutil.Process(stack.process.pid).children(recursive=True)
        found = [stack.service("postgres"), stack.service("valkey")]
        assert stack.stop() == 0
        _, alive = psutil.wait_procs([*below, *found], timeout=60)
        assert alive == []


@pytest.mark.timeout(240)
def test_a_second_up_says_where_the_first_is():
    """The same state folder twice: no rival stack, and the links once more."""
    import subprocess

    from tests.cli.stack import command, environ

    with up() as stack:
        second = subprocess.run(
            command("up", "--state-dir", str(stack.state)),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env=environ(),
        )
        assert second.returncode == 0
        assert stack.base_url in second.stderr
        assert f"{stack.base_url}/recruiter/#token=" in second.stdout
        assert stack.process.poll() is None


@pytest.mark.timeout(240)
def test_a_killed_up_leaves_no_orphans_and_the_next_one_joins_its_services():
    """Children end with their supervisor; the data is there again."""
    with up() as stack:
        below = psutil.Process(stack.process.pid).children(recursive=True)
        stack.process.kill()
        stack.process.wait()
        _, alive = psutil.wait_procs(below, timeout=60)
        assert alive == []
        assert embedded.status(stack.state) is not None


@pytest.mark.timeout(240)
def test_ctrl_c_ends_quietly_while_somebody_watches():
    """A stream of events that is open gets its end, and no process has anything to complain of."""

    async def watch(stack: Up) -> list[str]:
        headers = {"Authorization": f"Bearer {stack.token('recruiter')}"}
        address = f"{stack.base_url}/api/v1/events"
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30, trust_env=False) as http,
            http.stream("GET", address) as answer,
        ):
            lines = answer.aiter_lines()
            first = await anext(lines)
            stack.process.send_signal(signal.SIGINT)
            return [first, *[line async for line in lines]]

    with up() as stack:
        assert asyncio.run(watch(stack))[0] == "retry: 2000"
        assert stack.process.wait(timeout=60) == 0
        for log in (stack.state / "logs").glob("*.log"):
            told = log.read_text("utf-8")
            assert '"level":"error"' not in told, told
            assert "crash" not in told, told
            assert "Fatal Python error" not in told, told
