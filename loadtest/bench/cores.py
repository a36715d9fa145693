"""Who runs on which core, and what a process has spent: the server has one core for itself."""

import contextlib
import os
from collections.abc import Sequence
from typing import Final

import psutil

KIB: Final = 1024
OWN: Final = os.getpid()


def _available() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return []


_CORES: Final = _available()
SERVER: Final = _CORES[:1]  # the measured process
CROWD: Final = _CORES[1:] or _CORES[:1]  # the crowd and the databases


def pin(pid: int, cores: Sequence[int]) -> None:
    """Keep a process (0 = this one) on `cores`; nothing where the system can't."""
    if cores and hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, cores)


def go_first() -> bool:
    """Let this process and its children to come run before ordinary ones; False if not allowed.

    Round robin at the lowest real-time priority: neighbours on a shared machine wait, and what
    they do no longer counts as latency.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return False
    return True


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far; 0 once it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def family_cpu_seconds(pid: int) -> float:
    """User and system time of a process and all that it started; 0 for no process (0)."""
    if not pid:
        return 0.0
    try:
        family = [pid, *(one.pid for one in psutil.Process(pid).children(recursive=True))]
    except psutil.Error:
        return 0.0
    return sum(map(cpu_seconds, family))


def rss_kib(pid: int) -> float:
    """Memory that a process holds, in KiB."""
    return float(psutil.Process(pid).memory_info().rss) / KIB


def busy_seconds() -> float:
    """What all cores together have worked since the machine started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))
