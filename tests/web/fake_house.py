"""A stand-in for the HTTP doors: serves web/ as the server will, and answers from a table."""

import contextlib
import json
import queue
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.web.fake_interview import FakeInterview

WEB = Path(__file__).parents[2] / "web"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
HASH = "0123abcd"
Answer = tuple[int, Any]
Route = Callable[[Any], Answer] | Answer


class FakeHouse:
    """One HTTP server; `routes` maps "METHOD /path" to (status, body) or a function of the body."""

    def __init__(self, interview: FakeInterview) -> None:
        self.interview = interview
        self.routes: dict[str, Route] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()  # a request and its headers have one place
        self.events_door = threading.Event()  # cleared: whoever comes to watch waits outside
        self.events_door.set()
        self.watchers: list[queue.Queue[str | None]] = []
        self.text_filter: Callable[[str, str], str] = lambda _path, text: text
        self.extra_csp = ""
        self._event_id = 0

    def start(self) -> str:
        """Listen on a free port; returns the base URL."""
        handler = type("Handler", (_Handler,), {"house": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self.url

    def stop(self) -> None:
        """Stop listening and let the watchers go."""
        for watcher in self.watchers:
            watcher.put(None)
        self.server.shutdown()
        self.server.server_close()

    @property
    def csp(self) -> str:
        """The policy that the pages have to live with."""
        urls = [self.interview.url, *self.interview.more_sockets]
        sockets = " ".join(url.removesuffix("/ws") for url in urls)
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {sockets}; font-src 'self'; base-uri 'none'; "
            f"form-action 'none'; frame-ancestors 'none'{self.extra_csp}"
        )

    def publish(self, kind: str, data: Any) -> None:
        """Send an event to every watcher."""
        self._event_id += 1
        text = f"id: {self._event_id}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
        for watcher in self.watchers:
            watcher.put(text)

    def asked(self, start: str) -> list[Any]:
        """Bodies of the requests whose "METHOD /path" starts like this."""
        return [
            body for method, path, body in self.requests if f"{method} {path}".startswith(start)
        ]


class _Handler(BaseHTTPRequestHandler):
    house: FakeHouse
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _any(self) -> None:
        path = self.path.partition("?")[0]
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if path.startswith("/api/v1/events"):
                self._events()
            elif path.startswith("/api/v1"):
                self._rest(self.path.removeprefix("/api/v1"), raw)
            else:
                self._file(path)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

    def _rest(self, target: str, raw: bytes) -> None:
        house = self.house
        path = target.partition("?")[0]
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        with house.lock:
            house.requests.append((self.command, path, body))
            house.headers.append(dict(self.headers))
        plain = house.routes.get(f"{self.command} {path}", (404, {"code": "not_found"}))
        route = house.routes.get(f"{self.command} {target}", plain)  # a query may have its own
        status, answer = route(body) if callable(route) else route
        problem = status >= 400
        extra = {}
        if problem:
            answer = {"type": "about:blank", "title": "", "status": status, **answer}
            if "retry_after" in answer:
                extra["Retry-After"] = str(answer.pop("retry_after"))
        text = b"" if status == 204 else json.dumps(answer).encode()
        kind = "application/problem+json" if problem else "application/json"
        self._reply(status, kind, text, extra)

    def _file(self, path: str) -> None:
        house = self.house
        if path in ("/i/", "/recruiter/", "/operator/"):
            file = WEB / path.strip("/") / "index.html"
        elif path.startswith(f"/static/{HASH}/"):
            file = WEB / path.removeprefix(f"/static/{HASH}/")
        else:
            self._reply(404, "text/plain", b"", {})
            return
        if not file.is_file():
            self._reply(404, "text/plain", b"", {})
            return
        text = file.read_text().replace("/static/@/", f"/static/{HASH}/")
        text = house.text_filter(path, text)
        self._reply(200, TYPES[file.suffix], text.encode(), {})

    def _reply(self, status: int, kind: str, body: bytes, extra: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.house.csp)
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _events(self) -> None:
        house = self.house
        house.events_door.wait(60)
        house.requests.append(("GET", "/events", self.headers.get("Last-Event-ID")))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        watcher: queue.Queue[str | None] = queue.Queue()
        house.watchers.append(watcher)
        self.wfile.write(b": hello\n\n")
        self.wfile.flush()
        while (text := watcher.get()) is not None:
            self.wfile.write(text.encode())
            self.wfile.flush()
        house.watchers.remove(watcher)
