"""A stand-in for the live door: one interview over a real socket, with faults on demand."""

import contextlib
import itertools
import json
import socket as sockets
import threading
import time
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

Frame = dict[str, Any]


class FakeInterview:
    """Asks the questions in order, keeps the record by offset, and replays it."""

    def __init__(self, questions: list[str], piece_seconds: float = 0.0) -> None:
        self.questions = questions
        self.piece_seconds = piece_seconds
        self.lock = threading.RLock()
        self.server: Server | None = None
        self.connection: ServerConnection | None = None
        self.server_connections: list[ServerConnection] = []  # those that wait in line
        self.epoch = 0
        self.frames: list[Frame] = []
        self.turns: list[Frame] = []
        self.current: Frame | None = None
        self.paused = False
        self.paused_reason = ""
        self.finished = ""
        self.seconds_left = 1200.0
        self.heartbeat_seconds = 25.0
        self.tickets: set[str] = set()
        self.resume = ""
        self.joins: list[Frame] = []
        self.received: list[Frame] = []
        self.accepted_ids: list[str] = []
        self.answer_faults: list[Frame] = []  # told instead of the next acceptances
        self.close_next: list[tuple[int, str]] = []  # the next joins are closed like this
        self.queued: list[Frame] = []  # sent to the next join before it is let in
        self.refuse_upgrades = False
        self.drop_offsets: set[int] = set()  # sent to nobody: a gap
        self.mute_acceptance = False  # the answer is kept, but its acceptance gets lost
        self.more_sockets: list[str] = []  # that the page's policy allows too
        self.mute_pongs = False
        self.overlap = 0  # frames that a replay repeats
        self.queue_gate = threading.Event()  # cleared: who is queued stays there
        self.queue_gate.set()
        self.hold = threading.Event()  # cleared: the question stops in the middle
        self.hold.set()
        self.door = (
            threading.Event()
        )  # cleared: whoever comes waits outside, neither in nor refused
        self.door.set()
        self._numbers = itertools.count(1)

    # The socket ------------------------------------------------------------------------------

    def start(self) -> str:
        """Listen on a free port; returns the socket's URL."""
        self.server = serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._door,
            select_subprotocol=lambda _connection, _offered: Subprotocol("entrevistador.v1"),
        )
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        port = self.server.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/ws"
        return self.url

    def stop(self) -> None:
        """Stop listening, let go whoever is held, and cut what is open."""
        for held in (self.door, self.queue_gate, self.hold):
            held.set()
        self.cut()
        if self.server is not None:
            self.server.shutdown()

    def ticket(self) -> str:
        """Return a new single-use ticket."""
        ticket = f"t{next(self._numbers)}"
        self.tickets.add(ticket)
        return ticket

    def _door(self, connection: ServerConnection, request: Any) -> Any:
        offered = request.headers.get("Sec-WebSocket-Protocol", "").replace(" ", "").split(",")
        secret = offered[1] if len(offered) > 1 else ""
        kind, _, value = secret.partition(".")
        self.door.wait(60)
        if self.refuse_upgrades:
            return connection.respond(503, "at capacity\n")
        if kind == "ticket" and value in self.tickets:
            self.tickets.discard(value)
            return None
        if kind == "resume" and value == self.resume:
            return None
        return connection.respond(401, "no\n")

    def _serve(self, connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            join = json.loads(connection.recv(15))
            self.joins.append(join)
            frames, self.queued = self.queued, []
            self.server_connections.append(connection)
            for frame in frames:
                self._say(connection, frame)
                self.queue_gate.wait(60)
            self.server_connections.remove(connection)
            if connection.protocol.state is not State.OPEN:
                return
            if self.close_next:
                connection.close(*self.close_next.pop(0))
                return
            self._enter(connection, join)
            for message in connection:
                self._heard(connection, json.loads(message))

    @staticmethod
    def _say(connection: ServerConnection, frame: Frame) -> None:
        with contextlib.suppress(ConnectionClosed):
            connection.send(json.dumps(frame))

    def _enter(self, connection: ServerConnection, join: Frame) -> None:
        with self.lock:
            older, self.connection = self.connection, connection
            if older is not None:
                threading.Thread(
                    target=older.close, args=(4505, "opened_elsewhere"), daemon=True
                ).start()
            top = len(self.frames)
            recovered = join.get("epoch") == self.epoch and 0 <= join.get("offset", -1) <= top
            if not recovered:
                self.epoch += 1
                self.frames = []
            self.resume = f"r{next(self._numbers)}"
            joined = {
                "type": "session.joined",
                "session_id": "00000000-0000-0000-0000-000000000001",
                "epoch": self.epoch,
                "recovered": recovered,
                "resume_token": self.resume,
                "resume_url": self.url,
                "heartbeat_seconds": self.heartbeat_seconds,
                "engine": "offline",
            }
            self._say(connection, joined)
            if recovered:
                for frame in self.frames[max(0, join["offset"] - self.overlap) :]:
                    self._say(connection, frame)
            else:
                self._say(connection, self.state())
        if self.current is None and not self.finished:
            self._ask()

    def state(self) -> Frame:
        """Return session.state as the record has it."""
        return {
            "type": "session.state",
            "turns": self.turns,
            "current": self.current,
            "turns_max": len(self.questions),
            "seconds_left": self.seconds_left,
            "paused": self.paused,
            "paused_reason": self.paused_reason if self.paused else "",
            "offset": len(self.frames),
        }

    def emit(self, frame: Frame) -> None:
        """Append to the record and send to whoever is there."""
        with self.lock:
            frame = {**frame, "offset": len(self.frames) + 1}
            self.frames.append(frame)
            lost = frame["offset"] in self.drop_offsets
            self.drop_offsets.discard(frame["offset"])
            if self.connection is not None and not lost:
                self._say(self.connection, frame)

    def control(self, frame: Frame) -> None:
        """Send a frame without offset."""
        if self.connection is not None:
            self._say(self.connection, frame)

    def close(self, code: int, reason: str) -> None:
        """Close the connection with a code."""
        with self.lock:
            connection, self.connection = self.connection, None
        if connection is not None:
            connection.close(code, reason)

    def cut(self) -> None:
        """Break the connection without a word."""
        with self.lock:
            connection, self.connection = self.connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(sockets.SHUT_RDWR)

    # The interview ---------------------------------------------------------------------------

    def _ask(self) -> None:
        turn = len(self.turns) + 1
        if turn > len(self.questions):
            self.finish("completed")
            return
        with self.lock:
            self.current = {"turn": turn, "ask": 1, "text": "", "completed": False}
            self.emit({"type": "question.started", "turn": turn, "ask": 1})
        threading.Thread(target=self._stream, args=(turn,), daemon=True).start()

    def _stream(self, turn: int) -> None:
        text = self.questions[turn - 1]
        pieces = [word + " " for word in text.split(" ")]
        for number, piece in enumerate(pieces):
            if number == len(pieces) // 2:
                self.hold.wait(60)
            time.sleep(self.piece_seconds)
            with self.lock:
                if self.current is None or self.current["turn"] != turn:
                    return
                self.current["text"] += piece
                self.emit({"type": "question.delta", "turn": turn, "ask": 1, "text": piece})
        with self.lock:
            self.current = {"turn": turn, "ask": 1, "text": text, "completed": True}
            self.emit(
                {
                    "type": "question.completed",
                    "turn": turn,
                    "ask": 1,
                    "text": text,
                    "competency": "teamwork",
                    "seconds_left": self.seconds_left,
                }
            )

    def pause(self, reason: str) -> None:
        """Stop the clock for a reason."""
        self.paused, self.paused_reason = True, reason
        self.emit({"type": "session.paused", "reason": reason})

    def grant(self, minutes: int, total: int) -> None:
        """Give more time."""
        self.seconds_left += 60.0 * minutes
        self.emit(
            {
                "type": "time.granted",
                "seconds_left": self.seconds_left,
                "minutes": minutes,
                "minutes_total": total,
            }
        )

    def finish(self, reason: str) -> None:
        """End the interview."""
        self.finished = reason
        self.emit({"type": "session.finished", "reason": reason})

    def _heard(self, connection: ServerConnection, frame: Frame) -> None:
        self.received.append(frame)
        kind = frame["type"]
        if kind == "ping" and not self.mute_pongs:
            self._say(connection, {"type": "pong"})
        elif kind == "answer.submit":
            self._answer(connection, frame)
        elif kind == "session.pause":
            self.pause("requested")
        elif kind == "session.resume":
            self.paused = False
            self.emit({"type": "session.resumed", "seconds_left": self.seconds_left})
        elif kind == "session.leave":
            self.finish("left")

    def _answer(self, connection: ServerConnection, frame: Frame) -> None:
        if self.answer_faults:
            fault = {**self.answer_faults.pop(0), "client_msg_id": frame["client_msg_id"]}
            self._say(connection, {"type": "fault", "message": "told", **fault})
            return
        duplicate = frame["client_msg_id"] in self.accepted_ids
        accepted = {
            "type": "answer.accepted",
            "client_msg_id": frame["client_msg_id"],
            "turn": frame["turn"],
            "duplicate": duplicate,
        }
        if duplicate:
            self.emit(accepted)
            return
        with self.lock:
            assert self.current is not None
            assert self.current["completed"], "answered before the question was complete"
            assert frame["turn"] == self.current["turn"], "answered another turn"
            self.accepted_ids.append(frame["client_msg_id"])
            self.turns.append(
                {
                    "turn": frame["turn"],
                    "competency": "teamwork",
                    "question": self.current["text"],
                    "answer": frame["text"],
                }
            )
            self.current = None
            if self.mute_acceptance:
                self.mute_acceptance = False
                self.frames = []
                self.epoch += 1
                self.cut()
                return
            self.emit(accepted)
        self._ask()
