"""Behind a real balancer: instances come and go under live interviews, and nobody notices."""

import asyncio
import contextlib
import os
import subprocess
import sys

import httpx2
import msgspec
import pytest

from cli.children import child_environ
from client.rest import Api
from loadtest import chaos
from loadtest.bench import seed
from runtime.lifecycle import Tasks
from runtime.settings import to_environ
from server.auth import development_token
from server.tickets import Tickets
from storage import interviews
from tests.balancer.conftest import CONFIG

PEOPLE, TURNS = 12, 5
LADDER = {
    "scale_in_sessions": 0,
    "target_sessions": PEOPLE // 2,
    "scale_out_sessions": PEOPLE // 2 + 1,
    "admit_sessions": PEOPLE + 1,
    "hard_cap_sessions": PEOPLE + 2,
}
START_SECONDS = 90.0


class House:
    """Server processes behind a balancer."""

    def __init__(self, settings, balancer) -> None:
        self.balancer = balancer
        self.settings = msgspec.structs.replace(
            settings, public_url=balancer.url, offline_piece_seconds=0.005, **LADDER
        )
        self._logs = settings.state_dir
        self._processes: dict[str, subprocess.Popen] = {}

    def start(self, name: str, role: str = "interview") -> None:
        """Start a process at the port that the balancer has for its name."""
        port = self.balancer.ports[name]
        own = msgspec.structs.replace(
            self.settings,
            database_url="",
            instance_id=name if role == "interview" else "",
            instance_url=f"ws://127.0.0.1:{self.balancer.port}/ws?i={name}",
        )
        with (self._logs / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", "cli", "serve", "--role", role, "--port", str(port)],
                env=child_environ(to_environ(own)),
                stdout=log,
                stderr=log,
            )

    async def up(self, *names: str) -> None:
        """Wait until the balancer sends traffic to all of them."""
        async with asyncio.timeout(START_SECONDS):
            while any(self.balancer.server(name).get("status") != "UP" for name in names):
                for name in names:
                    log = (self._logs / f"{name}.log").read_text()
                    assert self._processes[name].poll() is None, log
                await asyncio.sleep(0.1)

    async def ended(self, name: str) -> int:
        """SIGTERM, and the exit code."""
        self._processes[name].terminate()
        return await asyncio.to_thread(self._processes[name].wait, 60)

    def close(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def way(self, seat):
        """The way of a candidate with a link to a ticket, through the balancer."""
        signer = Tickets(self.settings.secret)
        token = signer.invitation(seat.tenant_id, seat.interview_id, seat.invitation)

        async def fetch(waiting_token: str, unreachable: str):
            async with Api(self.balancer.url, token) as api:
                return await api.ticket(waiting_token, unreachable)

        return fetch


@pytest.fixture
def house(settings, balancer):
    """Processes that end with the test."""
    made = House(settings, balancer)
    with contextlib.closing(made):
        yield made


def test_the_shipped_configuration_is_valid(haproxy):
    """As it stands, with nothing set."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("BALANCER")}
    done = subprocess.run(
        [haproxy, "-c", "-f", str(CONFIG)], check=False, capture_output=True, text=True, env=environ
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


@pytest.mark.timeout(300)
async def test_two_three_two_instances_under_live_interviews(house, db, tenant, monkeypatch):
    """One is added, one drained and removed: nobody cut, nobody refused, no gap, all finish."""
    balancer = house.balancer
    house.start("a1", role="api")
    house.start("i1")
    house.start("i2")
    await house.up("a1", "i1", "i2")
    seats = await seed.seed(house.settings, PEOPLE, turns_max=TURNS)
    crowd = chaos.Crowd(think_seconds=1.5, seed=7)
    go_on = asyncio.Event()  # nobody has finished before there is something to notice
    go_on.set()
    answer = chaos._answer

    async def answer_in_time(*args) -> None:
        await go_on.wait()
        await answer(*args)

    monkeypatch.setattr(chaos, "_answer", answer_in_time)
    async with Tasks("people") as tasks:
        living = tasks.start(crowd.live([house.way(seat) for seat in seats], seconds=200))
        house.start("i3")
        await until_in(crowd)
        go_on.clear()
        before = {name: int(balancer.server(name)["scur"]) for name in ("i1", "i2")}
        assert sum(before.values()) == PEOPLE
        assert all(before.values()), before

        balancer.say(
            f"add server live/i3 127.0.0.1:{balancer.ports['i3']} check inter 1s fall 2 rise 1"
        )
        balancer.say("enable health live/i3; enable server live/i3")
        await house.up("i3")

        await drain(house, tenant, "i1")
        go_on.set()
        await emptied(balancer, "i1")
        balancer.say("set server live/i1 state maint")
        assert await house.ended("i1") == 0
        assert "deleted" in balancer.say("del server live/i1")
        assert balancer.server("i1") == {}
        await living

    async def read_turns(number):
        async with db.tenant(seats[number].tenant_id) as c:
            rows = await interviews.turns(c, seats[number].interview_id)
        return [(row.turn, row.answer) for row in rows]

    books = crowd.books
    assert [book.cut for book in books] == [[]] * PEOPLE
    assert [book.bounced for book in books] == [[]] * PEOPLE
    assert [(book.refusals, book.gaps, book.refused) for book in books] == [(0, 0, "")] * PEOPLE
    assert sum(len(book.moves) for book in books) >= before["i1"]
    verdict = await chaos.judge(
        books, read_turns, calls=chaos.Calls(made=0, asks=0, again=0), blows=0, seconds=0
    )
    assert (verdict.lost, verdict.duplicated, verdict.reordered) == (0, 0, 0)
    assert verdict.finished == PEOPLE
    assert verdict.acked == PEOPLE * TURNS
    assert int(balancer.server("i3")["stot"]) > 0


@pytest.mark.timeout(120)
async def test_what_machines_ask_is_not_for_the_public(balancer):
    """Metrics, health and the drain door are answered behind the balancer only."""
    async with httpx2.AsyncClient(base_url=balancer.url, trust_env=False) as http:
        for path in ("/metrics", "/drain", "/health/live", "/health/ready"):
            assert (await http.get(path)).status_code == 404


async def until_in(crowd) -> None:
    """Everybody has been asked something."""
    async with asyncio.timeout(90):
        while len(crowd.books) < PEOPLE or not all(book.given for book in crowd.books):
            await asyncio.sleep(0.05)


async def drain(house, tenant, name: str) -> None:
    """The operator's door, through the balancer."""
    token = development_token(
        house.settings.state_dir, tenant.id, str(tenant.operator), "Ana", ["operator"]
    )
    async with httpx2.AsyncClient(base_url=house.balancer.url, trust_env=False) as http:
        answer = await http.post(
            f"/api/v1/fleet/instances/{name}/drain", headers={"authorization": f"Bearer {token}"}
        )
    assert answer.status_code == 202, answer.text


async def emptied(balancer, name: str) -> None:
    """No connection there any more, and the check has seen that it is not ready."""
    async with asyncio.timeout(60):
        while True:
            found = balancer.server(name)
            if found["scur"] == "0" and found["status"].startswith("DOWN"):
                return
            await asyncio.sleep(0.05)
