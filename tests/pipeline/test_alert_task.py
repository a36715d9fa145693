"""Thresholds told to a real receiver: signed, once, tried again, and never to a stranger."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from llm.alerts import Alert, AlertDesk
from pipeline import webhook
from pipeline.toolbox import Toolbox
from protocol import jobs, limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.settings import Settings, WrongSetting, read
from storage import alerts
from tests.pipeline.conftest import House

SECRET = "a-secret-of-at-least-32-characters"


class Receiver:
    """An HTTP server as an operator would write it: it checks, and keeps what it is told."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.told: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.told.append(({**headers, ":path": self.path}, body))
                status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/budget?from=here"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One on loopback."""
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def with_receiver(house: House, url: str) -> House:
    settings = msgspec.structs.replace(house.tools.settings, alert_url=url, alert_secret=SECRET)
    tools = Toolbox(
        settings, db=house.tools.db, redis=house.tools.redis, blobs=house.tools.blobs,
        sandbox=house.tools.sandbox,
    )  # fmt: skip
    return House(tools, house.relay, house.tenant)


async def crossed(house: House, percent: int = 80) -> None:
    """What a gateway's desk does."""
    desk = AlertDesk(house.tools.db, send=True)
    desk.tell(Alert(house.tenant, None, "day", percent, 8, 10, clock.today()))
    await desk.close()


async def kept(house: House) -> list[alerts.BudgetAlert]:
    async with house.tools.db.tenant(house.tenant) as c:
        return await alerts.latest(c)


def checked(told: tuple[dict[str, str], bytes]) -> dict[str, Any]:
    """As a receiver does it: the signature over the time and the very bytes."""
    headers, body = told
    parts = dict(part.split("=", 1) for part in headers[webhook.SIGNATURE].split(","))
    wanted = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256)
    assert hmac.compare_digest(wanted.hexdigest(), parts["v1"])
    assert abs(clock.now().timestamp() - int(parts["t"])) < 300
    found: dict[str, Any] = json.loads(body)
    assert headers[webhook.DELIVERY] == found["id"]
    return found


async def test_a_threshold_is_told_signed_and_once(house: House, receiver: Receiver) -> None:
    """Its company, account, period and money; a message that comes again tells nothing."""
    told = with_receiver(house, receiver.url)
    await crossed(told)
    [envelope] = await told.take()
    assert await told.runner.run(envelope) == "done"
    assert await told.runner.run(envelope) == "repeated"
    [one] = receiver.told
    assert one[0][":path"] == "/hooks/budget?from=here"
    body = checked(one)
    assert body["kind"] == "budget.threshold"
    assert body["company_id"] == str(house.tenant)
    assert (body["account"], body["period"]) == ("day", clock.today().isoformat())
    assert (body["percent"], body["used_micro_usd"], body["limit_micro_usd"]) == (80, 8, 10)
    [row] = await kept(house)
    assert row.sent_at is not None
    await crossed(told)  # another process sees the same threshold
    assert await told.take() == []


async def test_a_receiver_that_fails_is_told_again_until_it_takes_it(
    house: House, receiver: Receiver
) -> None:
    """A redirect is not followed: what is signed goes to the address of the settings only."""
    receiver.answers = [500, 302, 404]
    told = with_receiver(house, receiver.url)
    await crossed(told)
    assert await told.pump() == ["again", "again", "again", "done"]
    assert {checked(one)["id"] for one in receiver.told} == {checked(receiver.told[0])["id"]}
    assert {one[0][":path"] for one in receiver.told} == {"/hooks/budget?from=here"}


async def test_a_receiver_that_is_away_is_given_up_with_a_word(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The alert stays, unsent, on the operator's page."""
    monkeypatch.setattr(limits, "ALERT_RETRIES", 1)
    told = with_receiver(house, "http://127.0.0.1:9/")
    before = metrics.alerts_sent.labels("given_up")._value.get()
    await crossed(told)
    assert await told.pump() == ["again", "refused"]
    [row] = await kept(house)
    assert row.sent_at is None
    assert metrics.alerts_sent.labels("given_up")._value.get() == before + 1
    assert "alert_not_sent" in [record.getMessage() for record in caplog.records]


async def test_without_a_receiver_a_job_of_earlier_does_nothing(house: House) -> None:
    """The setting was taken away meanwhile."""
    await crossed(house)
    [envelope] = await house.take()
    assert isinstance(jobs.decode(envelope).job, jobs.BudgetAlert)
    assert await house.runner.run(envelope) == "repeated"


def test_a_receiver_that_says_nothing_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's thread is not held for ever."""
    monkeypatch.setattr(limits, "ALERT_SECONDS", 0.1)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:
        url = f"http://127.0.0.1:{silent.server_port}/"  # it accepts, and nobody serves
        with pytest.raises(Fault) as raised:
            webhook.post(url, SECRET, b"{}", delivery="x", at=1)
    assert raised.value.detail == "the receiver: TimeoutError"


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://example.com/hook", SECRET),
        ("ftp://127.0.0.1/", SECRET),
        ("https://", SECRET),
        ("https://example.com:port/hook", SECRET),
        ("example.com", SECRET),
        ("https://example.com/hook", ""),
        ("https://example.com/hook", "short"),
    ],
)
def test_an_address_that_would_tell_it_to_others_is_refused_at_start(url: str, secret: str) -> None:
    """In the clear only to this machine, and never without a signature."""
    with pytest.raises(WrongSetting, match="ALERT"):
        read({"ENTREVISTADOR_ALERT_URL": url, "ENTREVISTADOR_ALERT_SECRET": secret})


def test_https_and_this_machine_are_fine() -> None:
    """And the default is nobody."""
    for url in ("https://example.com/hook", "http://127.0.0.1:9000/", "http://localhost/"):
        assert Settings(alert_url=url, alert_secret=SECRET).alert_url == url
    assert Settings().alert_url == ""
