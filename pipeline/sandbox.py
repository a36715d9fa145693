"""The sandbox's outside: files are parsed in a child that can be limited and killed.

A `Sandbox` starts one small process with the parser loaded; each file gets a fork of it (about
20 ms), so a file that eats memory, loops or breaks the parser ends that fork and nothing else.
Threads may share a sandbox. The worker's environment, with its secrets, stays outside.
"""

import contextlib
import itertools
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
from typing import Self

import msgspec

from pipeline.sandbox_wire import LENGTH, RECORD, STATUS, Answer, Order
from pipeline.stages.limits import LIMITS, ReadLimits
from pipeline.stages.parsed import Parsed
from pipeline.stages.validate import Kind
from protocol.faults import KINDS, Fault

ROOT = str(pathlib.Path(__file__).resolve().parent.parent)
BOOT = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from pipeline.sandbox_child import main; main(int(sys.argv[2]))"
)
ANSWER_BYTES_MAX = 16 << 20
PIECE_BYTES = 1 << 20
CLOSE_SECONDS = 5.0
TIMEOUTS = (-signal.SIGXCPU, -signal.SIGALRM)


class Sandbox:
    """A place where untrusted files are parsed; use it as a context or close it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = 0  # a worker that forked must not talk to its parent's sandbox

    def __enter__(self) -> Self:
        """Start ahead of the first file."""
        with self._lock:
            self._ready()
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def pid(self) -> int | None:
        """The process whose forks do the work; None before the first file."""
        return None if self._process is None else self._process.pid

    def parse(self, kind: Kind, data: bytes, limits: ReadLimits = LIMITS) -> Parsed:
        """Return what the file says; raises Fault with the reason where it cannot be read."""
        ours, theirs = socket.socketpair()
        expired = threading.Event()
        with ours:
            with theirs:
                job = self._hand_over(theirs)
            timer = threading.Timer(limits.wall_seconds, self._expire, (job, ours, expired))
            timer.daemon = True
            timer.start()
            try:
                reply = _converse(ours, Order(kind, len(data), limits), data)
            finally:
                timer.cancel()
        return _judge(reply, expired=expired.is_set())

    def close(self) -> None:
        """End the process and its children."""
        with self._lock:
            self._drop()

    def _ready(self) -> socket.socket:
        """Return the control socket of a live process, starting one where there is none."""
        alive = self._process is not None and self._process.poll() is None
        if self._control is not None and alive and self._owner == os.getpid():
            return self._control
        self._drop()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-I", "-c", BOOT, ROOT, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # a parser's warnings may quote the file
                start_new_session=True,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            )
        self._control, self._owner = ours, os.getpid()
        return ours

    def _drop(self) -> None:
        control, process, mine = self._control, self._process, self._owner == os.getpid()
        self._control = self._process = None
        if control is not None:
            control.close()
        if process is not None and mine:
            try:
                process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _hand_over(self, line: socket.socket) -> int:
        """Give the child its end of the line; a process that died is started again, once."""
        job = next(self._numbers)
        record = RECORD.pack(b"R", job)
        with self._lock:
            try:
                socket.send_fds(self._ready(), [record], [line.fileno()])
            except OSError:
                self._drop()
                socket.send_fds(self._ready(), [record], [line.fileno()])
        return job

    def _expire(self, job: int, line: socket.socket, expired: threading.Event) -> None:
        """The wall clock has run out: kill the child's group and stop listening."""
        expired.set()
        with self._lock, contextlib.suppress(OSError):
            if self._control is not None:
                self._control.sendall(RECORD.pack(b"K", job))
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _converse(line: socket.socket, order: Order, data: bytes) -> bytes:
    """Send the order and the file; return all that comes back: the answer, then the status."""
    head = msgspec.msgpack.encode(order)
    with contextlib.suppress(OSError):  # a child that died early still has its status to tell
        line.sendall(LENGTH.pack(len(head)) + head)
        line.sendall(data)
    reply = bytearray()
    with contextlib.suppress(OSError):
        while len(reply) <= ANSWER_BYTES_MAX:
            piece = line.recv(PIECE_BYTES)
            if not piece:
                break
            reply += piece
    return bytes(reply)


def _judge(reply: bytes, *, expired: bool) -> Parsed:
    """Return the parsed text, or raise the fault that the child or its end names."""
    size = LENGTH.unpack_from(reply)[0] if len(reply) >= LENGTH.size else -1
    if 0 < size <= len(reply) - LENGTH.size:
        body = reply[LENGTH.size : LENGTH.size + size]
        try:
            answer = msgspec.msgpack.decode(body, type=Answer)
        except msgspec.DecodeError:
            raise Fault("cv_crashed", "answer") from None
        if answer.parsed is not None:
            return answer.parsed
        raise Fault(answer.fault if answer.fault in KINDS else "cv_crashed", answer.detail)
    if expired:
        raise Fault("cv_timeout")
    status = (
        STATUS.unpack_from(reply, len(reply) - STATUS.size)[0] if len(reply) >= STATUS.size else 0
    )
    if status in TIMEOUTS:
        raise Fault("cv_timeout", "cpu")
    if status == -signal.SIGKILL:
        raise Fault("cv_memory")
    raise Fault("cv_crashed", f"status {status}")
