"""The sandbox's inside: a process that forks one limited child for each file to parse.

It is started once, with the parser loaded and nothing else: no settings, no connections, no
secrets in its environment. Each child has bounds on memory, CPU, files and time, and its whole
process group ends with it. Talking is over sockets that the worker makes (see `sandbox`).
"""

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import sys

import msgspec

from pipeline.sandbox_wire import LENGTH, RECORD, STATUS, Answer, Order
from pipeline.stages.limits import ReadLimits
from pipeline.stages.parse import parse
from protocol.faults import Fault

OPEN_FILES_MAX = 64
SPARE_SECONDS = 2.0  # the worker's own clock goes first; this one is for a worker that died


class Nursery:
    """The children alive now, by job, each with the socket its worker listens on."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.jobs: dict[int, tuple[int, socket.socket]] = {}
        self.wake, self.woken = socket.socketpair()
        self.wake.setblocking(False)
        self.woken.setblocking(False)

    def serve(self) -> None:
        """Run until the worker closes the control socket; then nobody is left alive."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.woken.fileno(), warn_on_full_buffer=False)
        try:
            while True:
                ready, _, _ = select.select([self.control, self.wake], [], [])
                if self.wake in ready:
                    with contextlib.suppress(BlockingIOError):
                        self.wake.recv(4096)
                    self.reap()
                if self.control in ready and not self.hear():
                    return
        finally:
            for job in list(self.jobs):
                self.kill(job)

    def hear(self) -> bool:
        """Do what one control record says; False when the worker is gone."""
        data, fds, _, _ = socket.recv_fds(self.control, RECORD.size, 1)
        while data and len(data) < RECORD.size:
            more, more_fds, _, _ = socket.recv_fds(self.control, RECORD.size - len(data), 1)
            if not more:
                return False
            data, fds = data + more, fds + more_fds
        if not data:
            return False
        what, job = RECORD.unpack(data)
        if what == b"R" and fds:
            self.run(job, socket.socket(fileno=fds[0]))
        elif what == b"K":
            self.kill(job)
        return True

    def run(self, job: int, line: socket.socket) -> None:
        """Fork the child of a job."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self.leave()
                status = work(line)
            finally:
                os._exit(status)
        self.jobs[job] = (pid, line)

    def leave(self) -> None:
        """In the child: let go of everything that is not this job's."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for _, line in self.jobs.values():
            line.close()
        for other in (self.control, self.wake, self.woken):
            other.close()

    def kill(self, job: int) -> None:
        """End a child and whatever it started."""
        if job in self.jobs:
            end_group(self.jobs[job][0])

    def reap(self) -> None:
        """Collect the children that ended and tell each one's worker how."""
        for job, (pid, line) in list(self.jobs.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            del self.jobs[job]
            end_group(pid)  # a grandchild may have outlived it
            with line, contextlib.suppress(OSError):
                line.setblocking(False)
                line.send(STATUS.pack(os.waitstatus_to_exitcode(status)))


def end_group(pid: int) -> None:
    """Kill a process group; before it is one, its only process."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def work(line: socket.socket) -> int:
    """In the child: read the order and the file, parse, answer."""
    order = msgspec.msgpack.decode(_take(line, LENGTH.unpack(_take(line, 4))[0]), type=Order)
    confine(order.limits)
    data = _take(line, order.size)
    try:
        answer = Answer(parse(order.kind, data, order.limits))
    except Fault as fault:
        answer = Answer(fault=fault.code, detail=fault.detail)
    except MemoryError:
        answer = Answer(fault="cv_memory")
    except RecursionError:
        answer = Answer(fault="cv_bomb", detail="nesting")
    except Exception as crash:  # noqa: BLE001 - the child's last words: the kind, never the text
        answer = Answer(fault="cv_crashed", detail=type(crash).__name__)
    del data
    payload = msgspec.msgpack.encode(answer)
    line.sendall(LENGTH.pack(len(payload)) + payload)
    return 0


def _take(line: socket.socket, size: int) -> bytes:
    """Read exactly `size` bytes; a worker that hung up ends the child."""
    whole = bytearray()
    while len(whole) < size:
        piece = line.recv(min(1 << 20, size - len(whole)))
        if not piece:
            raise EOFError
        whole += piece
    return bytes(whole)


def confine(limits: ReadLimits) -> None:
    """Set the child's bounds; a system that knows one of them not (macOS, memory) goes without."""
    bounds = (
        (resource.RLIMIT_AS, limits.address_bytes, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds, 2),  # SIGXCPU says why; SIGKILL makes sure
        (resource.RLIMIT_FSIZE, limits.file_bytes + (1 << 20), 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES_MAX, 0),
        (resource.RLIMIT_CORE, 0, 0),
    )
    for what, value, spare in bounds:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (value, value + spare))
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds + SPARE_SECONDS)


def main(control_fd: int) -> None:
    """Serve the worker at the other end of the control socket."""
    sys.setrecursionlimit(1_000)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    Nursery(socket.socket(fileno=control_fd)).serve()
