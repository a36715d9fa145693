"""Who used this machine during a load test: the crowd, the server, the stores, or neighbours.

A late figure is the server's only when nobody else took the cores from it.
"""

import os
import re
from collections.abc import Iterable
from typing import Final

import msgspec
import psutil

from runtime import clock

CROWD: Final = "crowd"
ALL: Final = "the whole machine"
OTHERS: Final = "others"
_PARTS: Final = (
    (CROWD, re.compile(r"loadtest/locustfile")),  # its other processes
    ("postgresql", re.compile(r"^postgres(:|$)|/postgres$")),
    ("valkey", re.compile(r"(valkey|redis)-server")),
    ("probe", re.compile(r"loadtest\.probe")),
    ("pipeline", re.compile(r"\b(cli|entrevistador)( --\S+)* (work|relay)\b")),
    ("server", re.compile(r"\bserve\b")),
)


class Moment(msgspec.Struct, frozen=True):
    """CPU seconds used until now, by process, and by the machine."""

    at: float
    seconds: dict[tuple[int, float], tuple[str, float]]
    busy: float


def part_of(name: str, arguments: Iterable[str], pid: int) -> str:
    """Return which part of a load test a process is."""
    if pid == os.getpid():
        return CROWD
    line = " ".join(arguments) or name
    head = line.split(" ", 1)[0]
    for part, pattern in _PARTS:
        if pattern.search(head if part == "postgresql" else line):
            return part
    return OTHERS


def look(house: str = "") -> Moment:
    """Look at the processes of this machine; of stores and servers only those of `house`.

    `house` is a state folder; a process belongs to it when its arguments name it, or its parent
    belongs.
    """
    found: dict[int, psutil.Process] = {process.pid: process for process in psutil.process_iter()}
    inside: dict[int, bool] = {}
    seconds: dict[tuple[int, float], tuple[str, float]] = {}
    for pid, process in found.items():
        try:
            with process.oneshot():
                arguments, times = process.cmdline(), process.cpu_times()
                part = part_of(process.name(), arguments, pid)
                if part not in (CROWD, OTHERS, "probe") and not _belongs(pid, house, found, inside):
                    part = OTHERS
                seconds[(pid, process.create_time())] = (part, times.user + times.system)
        except psutil.Error:
            continue
    times = psutil.cpu_times()
    return Moment(clock.monotonic(), seconds, sum(times) - times.idle - times.iowait)


def _belongs(
    pid: int, house: str, found: dict[int, psutil.Process], inside: dict[int, bool]
) -> bool:
    if not house or pid not in found:
        return not house
    if pid not in inside:
        process = found[pid]
        named = any(house in argument for argument in process.cmdline())
        inside[pid] = named or _belongs(process.ppid(), house, found, inside)
    return inside[pid]


def cores(before: Moment, after: Moment) -> dict[str, float]:
    """Return how many cores each part kept busy between two moments."""
    took = max(1e-9, after.at - before.at)
    used: dict[str, float] = {}
    for process, (part, seconds) in after.seconds.items():
        known = before.seconds.get(process, (part, 0.0))[1]
        used[part] = used.get(part, 0.0) + seconds - known
    used.pop(OTHERS, None)  # those that have ended meanwhile are in no list: the rest is theirs
    used[OTHERS] = max(0.0, after.busy - before.busy - sum(used.values()))
    used[ALL] = after.busy - before.busy
    return {part: round(seconds / took, 2) for part, seconds in sorted(used.items())}
