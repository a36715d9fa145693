"""A file that eats memory, loops or breaks the parser ends its own child and nothing else."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import psutil
import pytest

from pipeline.reading import read
from pipeline.sandbox import Sandbox
from pipeline.sandbox_wire import LENGTH, STATUS
from pipeline.stages.limits import LIMITS, ReadLimits
from protocol.faults import Fault
from tests import cv_broken, cv_files
from tests.cv_people import ANA, BRUNO, PEOPLE

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 24)
# Pages of single words: seconds of honest work for the parser, and much memory.
SLOW = cv_broken.raw_pdf(
    b"BT /F 12 Tf 50 700 Td " + b"(abc) Tj 0 -1 Td " * 400_000 + b"ET",
    cv_broken.FONT,
    cv_broken.HELVETICA,
)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def code_of(box: Sandbox, data: bytes, limits: ReadLimits = LIMITS) -> str:
    with pytest.raises(Fault) as caught:
        box.parse("pdf", data, limits)
    return caught.value.code


def children(box: Sandbox) -> list[int]:
    assert box.pid is not None
    return [child.pid for child in psutil.Process(box.pid).children(recursive=True)]


def still_works(box: Sandbox, pid: int | None) -> None:
    assert ANA.email in box.parse("pdf", cv_files.pdf_one_column(ANA)).text
    assert box.pid == pid


def test_a_good_file_is_read(box: Sandbox) -> None:
    parsed = box.parse("pdf", cv_files.pdf_two_columns(BRUNO))
    assert BRUNO.email in parsed.text
    assert parsed.pages == 1


def test_the_wall_clock_kills_the_child_and_the_sandbox_lives(box: Sandbox) -> None:
    pid = box.pid
    assert code_of(box, SLOW, ReadLimits(wall_seconds=0.2)) == "cv_timeout"
    still_works(box, pid)
    assert children(box) == []


def test_too_much_cpu_is_a_timeout(box: Sandbox) -> None:
    pid = box.pid
    assert code_of(box, SLOW, ReadLimits(cpu_seconds=1)) == "cv_timeout"
    still_works(box, pid)


@pytest.mark.skipif(os.uname().sysname == "Darwin", reason="macOS has no limit on memory")
def test_too_much_memory_is_named(box: Sandbox) -> None:
    pid = box.pid
    assert code_of(box, SLOW, ReadLimits(address_bytes=160 << 20)) == "cv_memory"
    still_works(box, pid)


@pytest.mark.parametrize(
    "data",
    [cv_broken.deflate_bomb(), cv_broken.deflate_bomb(1, 200), cv_broken.nested_arrays(),
     cv_broken.nested_pages(), b"%PDF-1.7\nstartxref\n0\n%%EOF", cv_broken.docx_bomb(40)],
    ids=["deflate twice", "deflate once", "arrays", "pages", "garbage", "zip"],
)  # fmt: skip
def test_bombs_are_refused_and_the_sandbox_lives(box: Sandbox, data: bytes) -> None:
    pid = box.pid
    reading = read(data, "cv.pdf", today=TODAY, sandbox=box)
    assert reading.status == "refused"
    assert reading.fault in ("cv_bomb", "cv_damaged", "cv_empty")
    still_works(box, pid)


def test_a_child_that_is_killed_is_a_refusal(box: Sandbox) -> None:
    pid = box.pid
    outcome: list[str] = []
    waiter = threading.Thread(target=lambda: outcome.append(code_of(box, SLOW)))
    waiter.start()
    while not children(box):
        waiter.join(0.005)
    os.kill(children(box)[0], signal.SIGKILL)
    waiter.join()
    assert outcome == ["cv_memory"]  # what the kernel's own killer looks like
    still_works(box, pid)


def test_a_sandbox_that_died_is_started_again() -> None:
    with Sandbox() as own:
        assert own.pid is not None
        psutil.Process(own.pid).kill()
        psutil.Process(own.pid).wait()
        assert ANA.email in own.parse("pdf", cv_files.pdf_one_column(ANA)).text


def test_threads_share_a_sandbox(box: Sandbox) -> None:
    files = [cv_files.pdf_one_column(person) for person in PEOPLE] * 3
    with ThreadPoolExecutor(6) as pool:
        texts = list(pool.map(lambda data: box.parse("pdf", data).text, files))
    for person, text in zip(PEOPLE * 3, texts, strict=True):
        assert person.email in text


def test_a_slow_file_does_not_hold_up_the_others(box: Sandbox) -> None:
    slow = threading.Thread(target=lambda: code_of(box, SLOW, ReadLimits(wall_seconds=20)))
    slow.start()
    while not children(box):
        slow.join(0.005)
    box.parse("pdf", cv_files.pdf_one_column(ANA))
    assert slow.is_alive()
    os.kill(children(box)[0], signal.SIGKILL)
    slow.join()


def test_the_sandbox_knows_nothing_of_the_workers_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    with Sandbox() as own:
        assert own.pid is not None
        assert set(psutil.Process(own.pid).environ()) <= {"PATH", "LC_ALL"}


def test_closing_leaves_no_process_behind() -> None:
    own = Sandbox()
    with own:
        pid = own.pid
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert own.pid is None


def test_a_worker_that_dies_takes_its_sandbox_along() -> None:
    worker = (
        "import os\n"
        "from pipeline.sandbox import Sandbox\n"
        "own = Sandbox()\n"
        "own.__enter__()\n"
        "print(own.pid, flush=True)\n"
        "os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", worker], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    pid = int(done.stdout)
    for _ in range(600):
        if gone(pid):
            return
        time.sleep(0.1)
    raise AssertionError("the sandbox has outlived its worker")


def gone(pid: int) -> bool:
    """Whether a process has ended; nobody may have asked for its code yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_an_answer_that_is_no_answer_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    for reply in (b"", LENGTH.pack(3) + b"\xc1\xc1\xc1", STATUS.pack(1), STATUS.pack(-11)):
        monkeypatch.setattr("pipeline.sandbox._converse", lambda *_, said=reply: said)
        with Sandbox() as own:
            assert code_of(own, b"") == "cv_crashed"


def test_a_reading_starts_its_own_sandbox_where_it_is_given_none(tmp_path: Path) -> None:
    reading = read(cv_files.docx_flow(ANA), "cv.docx", today=TODAY)
    assert (reading.kind, reading.status) == ("docx", "ok")
    assert reading.profile is not None
    assert reading.text_chars == len(reading.text)


def test_a_scan_is_a_reading_that_needs_ocr(box: Sandbox) -> None:
    reading = read(cv_broken.scanned(), today=TODAY, sandbox=box)
    assert (reading.status, reading.fault, reading.pages) == ("needs_ocr", "cv_needs_ocr", 1)
