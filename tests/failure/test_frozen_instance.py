"""An instance stands still (a hypervisor's pause, a stopped container) and then wakes up."""

import contextlib
import signal
import subprocess

import httpx2
import msgspec
import pytest

from protocol import messages
from runtime.ports import free_port
from runtime.settings import to_environ
from server.tickets import Tickets
from storage import keys
from storage.redis_writer import RedisWriter
from storage.slots import Slots
from tests.cli.stack import command, environ
from tests.failure.waiting import asked, say, until
from tests.server.live_house import make_interview
from tests.server.test_live import ANSWER, Wire, turns_of


class Server:
    """`entrevistador serve --role interview`, as a process of its own."""

    def __init__(self, settings, name):
        self.port = free_port()
        self.name = name
        self.url = f"ws://127.0.0.1:{self.port}/ws"
        mine = msgspec.structs.replace(settings, instance_id=name, instance_url=self.url)
        self.process = subprocess.Popen(
            command("serve", "--role", "interview", "--port", str(self.port)),
            env=environ(**to_environ(mine)),
            stderr=subprocess.DEVNULL,
        )

    async def ready(self):
        with contextlib.suppress(httpx2.TransportError):
            async with httpx2.AsyncClient(trust_env=False) as http:
                answer = await http.get(f"http://127.0.0.1:{self.port}/health/ready")
                return answer.status_code == 200
        return False

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def two_servers(settings):
    """Two instances of one fleet."""
    servers = [Server(settings, "one"), Server(settings, "two")]
    yield servers
    for server in servers:
        server.stop()


async def test_a_frozen_instance_loses_its_session_and_wakes_up_harmless(
    settings, db, tenant, redis, two_servers
):
    """The candidate goes on elsewhere; what the old one still does is refused by the store."""
    one, two = two_servers
    for server in two_servers:
        await until(server.ready, f"the start of {server.name}", seconds=90)
    made = await make_interview(db, tenant)
    tickets = Tickets(settings.secret)

    def ticket():
        return messages.TICKET_PREFIX + tickets.ticket(tenant.id, made.id, made.session_id)

    async with Wire(one.url, ticket()) as old:
        first = await old.join()
        await asked(old, 1)
        await say(old, 1)
        await asked(old, 2)
        await until(lambda: _waiting(redis, made, 2), "the checkpoint")
        one.process.send_signal(signal.SIGSTOP)
        await old.send(messages.AnswerSubmit("m2", 2, ANSWER))  # lies in its kernel's buffer
        async with Wire(two.url, ticket()) as new:
            second = await new.join()
            assert second.epoch > first.epoch
            state = await new.next(messages.SessionState)
            assert (len(state.turns), state.current.turn) == (1, 2)
            await say(new, 2, "m2")  # the page sends what was never accepted again
            await asked(new, 3)
            await until(lambda: _given_up(redis), "the end of its lease")
            one.process.send_signal(signal.SIGCONT)
            assert await old.closed() == 4505
            await say(new, 3)
            await asked(new, 4)
    rows = await turns_of(db, made)
    assert [(row.turn, row.client_msg_id) for row in rows] == [(1, "m1"), (2, "m2"), (3, "m3")]


async def _waiting(redis, made, turn):
    """Whether the live state has the question that waits."""
    state = msgspec.json.decode(await redis.hget(keys.live(made.session_id), "state"))
    current = state["current"]
    return current is not None and current["turn"] == turn and current["completed"]


async def _given_up(redis):
    """Whether the fleet offers nobody the frozen instance any more."""
    found = await Slots(redis, RedisWriter(redis)).instances()
    return not any(instance.alive for instance in found if instance.id == "one")
