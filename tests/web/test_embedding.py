"""The one module that other pages embed: joined, typed, and alive in a page of another origin."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from server import embedding
from tests.web.driving import until
from tests.web.fake_interview import FakeInterview

CLIENT = Path(__file__).parents[2] / "web" / "client"
MODULE = embedding.module(CLIENT)
TYPES = (CLIENT / embedding.TYPES_NAME).read_text()
PAGE = """<!doctype html><title>Empleos</title><p id="question"></p>
<script type="module" src="embed.js"></script>"""
SCRIPT = """
import { InterviewSession } from "./entrevistador.js";

const session = new InterviewSession({ fetchTicket: (place) => window.ticket(place) });
window.session = session;
window.heard = [];
for (const type of ["status", "state", "question", "accepted", "fault", "clock", "granted",
  "engine"]) {
  session.addEventListener(type, ({ detail }) => window.heard.push([type, detail]));
}
session.start();
"""


def declared(name: str) -> str:
    """The body of an interface or class of the declarations."""
    found = re.search(rf"export (?:interface|class) {name}\b[^{{]*\{{(.*?)\n\}}", TYPES, re.DOTALL)
    assert found, name
    return found[1]


def members(name: str) -> set[str]:
    """What an interface or class declares."""
    named = re.findall(r"^  (?:readonly )?(\w+)\??[:(<]", declared(name), re.MULTILINE)
    return set(named) - {"constructor"}


class Elsewhere(BaseHTTPRequestHandler):
    """Somebody's own site: a page, its script, and the module copied beside them."""

    def do_GET(self) -> None:
        """Send one of the three."""
        script = {"/embed.js": SCRIPT, f"/{embedding.NAME}": MODULE}.get(self.path)
        kind, body = ("text/html", PAGE) if script is None else ("text/javascript", script)
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """A site of another origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def embedded(page: Page, interview: FakeInterview, elsewhere: str) -> Page:
    """A page of another origin, with the module beside its own script."""

    def ticket(_place: str) -> dict[str, str]:
        return {"ticket": interview.ticket(), "url": interview.url, "session_id": "s"}

    page.expose_function("ticket", ticket)
    page.goto(f"{elsewhere}/")
    return page


def heard(page: Page, kind: str) -> list[dict[str, Any]]:
    """The details of every event of a type so far."""
    told: list[tuple[str, dict[str, Any]]] = page.evaluate("() => window.heard")
    return [detail for type_, detail in told if type_ == kind]


def test_a_page_of_another_origin_lives_through_an_interview(
    embedded: Page, interview: FakeInterview
) -> None:
    """One import: asked, answered, cut in between, finished; each detail is as declared."""
    for turn in range(1, len(interview.questions) + 1):
        until(embedded, lambda: embedded.evaluate("() => session.snapshot.current?.completed"))
        if turn == 2:
            interview.cut()
            until(embedded, lambda: len(interview.joins) == 2)
            until(embedded, lambda: heard(embedded, "status")[-1]["status"] == "live")
        assert embedded.evaluate("(text) => session.submit(text)", f"respuesta {turn}")
        until(embedded, lambda turn=turn: len(heard(embedded, "accepted")) == turn)
    until(embedded, lambda: embedded.evaluate("() => session.status") == "finished")
    assert [turn["answer"] for turn in interview.turns] == [
        f"respuesta {turn}" for turn in range(1, len(interview.questions) + 1)
    ]
    details = {
        "status": "StatusDetail",
        "state": "Snapshot",
        "question": "QuestionDetail",
        "accepted": "AcceptedDetail",
        "clock": "ClockDetail",
    }
    for kind, name in details.items():
        seen = heard(embedded, kind)
        assert seen, kind
        assert {key for detail in seen for key in detail} <= members(name), kind


def test_whoever_waits_can_give_the_place_up(embedded: Page, interview: FakeInterview) -> None:
    """The server is told, the proof is forgotten, and start() stands in line anew."""
    embedded.evaluate("() => session.stop()")
    interview.queue_gate.clear()
    queued = {"type": "session.queued", "position": 2, "eta_seconds": None, "waiting_token": "p"}
    interview.queued = [queued]
    embedded.evaluate("() => session.start()")
    until(embedded, lambda: embedded.evaluate("() => session.status") == "waiting")
    assert "p" in embedded.evaluate("() => localStorage.getItem('entrevistador.session.s')")
    assert embedded.evaluate("() => session.leave()")
    last = heard(embedded, "status")[-1]
    assert (last["status"], last["reason"]) == ("idle", "gave_up")
    assert embedded.evaluate("() => localStorage.getItem('entrevistador.session.s')") is None
    interview.queue_gate.set()


def test_the_declarations_say_what_the_module_has(page: Page, elsewhere: str) -> None:
    """Every export, every member, every event and every status; nothing that is not there."""
    declared_names = set(re.findall(r"^export (?:const|class|function) (\w+)", TYPES, re.MULTILINE))
    assert declared_names == set(embedding.PUBLIC)
    page.goto(f"{elsewhere}/{embedding.NAME}")
    found = page.evaluate(
        """async () => {
          const m = await import(location.href);
          const own = (c) => Object.getOwnPropertyNames(c.prototype);
          return [Object.keys(m), own(m.InterviewSession), own(m.Api)];
        }"""
    )
    assert set(found[0]) == set(embedding.PUBLIC)
    events = {"addEventListener", "removeEventListener"}
    assert set(found[1]) - {"constructor"} == members("InterviewSession") - events
    assert set(found[2]) - {"constructor"} == members("Api")
    emitted = set(re.findall(r'emit\("(\w+)"', MODULE))
    assert emitted == members("InterviewEvents")
    statuses = set(re.findall(r'"(\w+)"', TYPES.split("export type Status")[1].split(";")[0]))
    told = set(re.findall(r'(?:tell|stop)\("(\w+)"', MODULE)) | {"paused", "idle"}
    assert told == statuses


@pytest.mark.parametrize(
    "text", ['export * from "./kept.js";', 'import x from "./kept.js";', "const RECORD = 1;"]
)
def test_what_cannot_be_joined_is_refused(tmp_path: Path, text: str) -> None:
    """A link of another kind, or a name twice: said when it is joined, not by a browser."""
    for name in embedding.PARTS:
        (tmp_path / f"{name}.js").write_text((CLIENT / f"{name}.js").read_text())
    with (tmp_path / "session.js").open("a") as file:
        file.write(f"{text}\n")
    with pytest.raises(embedding.Unjoinable):
        embedding.module(tmp_path)
