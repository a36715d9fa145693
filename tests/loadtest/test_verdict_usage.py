"""Who was busy during a load test: parts by their command lines, cores by their CPU time."""

import subprocess
import sys
import time

import psutil
import pytest

from loadtest import usage
from loadtest.usage import Moment, cores, look, part_of


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("/opt/pg/bin/postgres", "-D", "/state/postgres"), "postgresql"),
        (("postgres: entrevistador app 127.0.0.1(4) idle",), "postgresql"),
        (("/opt/valkey-server /state/valkey.conf",), "valkey"),
        (("python", "-m", "cli", "serve", "--role", "live"), "server"),
        (("python", "-m", "cli", "--with-parent", "work", "--lanes", "premium"), "pipeline"),
        (("python", "-m", "loadtest.probe", "--seconds", "5"), "probe"),
        (("python", "-m", "locust", "-f", "loadtest/locustfile.py"), "crowd"),
        (("/usr/bin/vim", "postgres.md"), "others"),
    ],
)
def test_a_process_is_known_by_its_command_line(arguments: tuple[str, ...], part: str):
    """Stores rename themselves, servers are Python."""
    assert part_of(arguments[0].rpartition("/")[2], arguments, -1) == part


def test_cores_are_cpu_time_over_time_and_a_process_that_came_later_counts_from_its_birth():
    """Two seconds of CPU in four of time are half a core."""
    before = Moment(10.0, {(1, 0.0): ("server", 5.0)}, 100.0)
    after = Moment(14.0, {(1, 0.0): ("server", 7.0), (2, 11.0): ("valkey", 1.0)}, 104.0)
    assert cores(before, after) == {
        "server": 0.5, "valkey": 0.25, usage.OTHERS: 0.25, usage.ALL: 1.0,
    }  # fmt: skip


def test_a_process_of_another_house_is_a_neighbour(tmp_path):
    """Only what names the state folder, and its children, is the house under test."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()', 'serve'])"
    mine, other = str(tmp_path / "mine"), str(tmp_path / "other")
    processes = [
        subprocess.Popen([sys.executable, "-c", code, "serve", folder], stdin=subprocess.PIPE)
        for folder in (mine, other)
    ]
    try:
        pids = []
        for process in processes:
            while not (children := psutil.Process(process.pid).children()):
                time.sleep(0.02)
            pids.append({process.pid, children[0].pid})
        parts: dict[int, str] = {pid: part for (pid, _), (part, _) in look(mine).seconds.items()}
        assert {parts[pid] for pid in pids[0]} == {"server"}
        assert {parts[pid] for pid in pids[1]} == {"others"}
    finally:
        for process in processes:
            process.communicate(b"\n", timeout=30)
