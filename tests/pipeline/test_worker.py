"""Worker processes: killed, stopped and bombed in the middle, and nothing is lost or doubled."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from dramatiq.brokers.redis import RedisBroker

from cli.work import _lanes
from pipeline import broker as brokers
from pipeline import relay
from protocol import jobs
from runtime.ports import free_port
from runtime.settings import Settings, to_environ
from storage import cvs
from tests.pipeline.conftest import ANA, House, pdf, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def broker(settings: Settings) -> Iterator[RedisBroker]:
    """The broker on the test's Redis database."""
    opened = brokers.open_broker(settings.broker_url)
    yield opened
    brokers.close_broker(opened)


@asynccontextmanager
async def relaying(house: House, broker: RedisBroker) -> AsyncIterator[None]:
    """A relay in this process for the length of a block."""
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(house.relay, broker, stop))
    try:
        yield
    finally:
        stop.set()
        await task


@contextmanager
def process(settings: Settings, *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the console script; killed at the block's end if it still runs."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            env={**kept, **to_environ(settings)},
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@asynccontextmanager
async def held(house: House, cv_id: UUID) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Keep the candidate's row locked: a worker reads the CV and hangs while it saves the profile.

    Yields a question: does somebody hang there now?
    """
    async with house.tools.db.tenant(house.tenant) as c:
        await c.execute(
            "SELECT 1 FROM candidates WHERE id = (SELECT candidate_id FROM cvs WHERE id = $1) "
            "FOR UPDATE",
            cv_id,
        )

        async def hanging() -> bool:
            waits = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
            here = "WHERE NOT granted AND datname = current_database()"
            return bool(await c.fetchval(waits + here))

        yield hanging


async def key_of(house: House, cv_id: UUID) -> str:
    async with house.tools.db.tenant(house.tenant) as c:
        return await cvs.object_key(c, cv_id)


async def ready(house: House, cv_id: UUID) -> bool:
    return (await house.cv(cv_id)).status == "ready"


async def rows(house: House) -> tuple[Any, ...]:
    found = await house.fetch(
        "SELECT (SELECT count(*) FROM profiles), (SELECT count(*) FROM cv_texts), "
        "(SELECT count(*) FROM matches), (SELECT count(*) FROM embeddings "
        "WHERE owner_kind = 'cv'), (SELECT count(*) FROM job_runs)"
    )
    return tuple(found[0])


async def test_a_worker_killed_in_the_middle_of_a_job_loses_and_doubles_nothing(
    house: House, broker: RedisBroker, settings: Settings, tmp_path: Path
) -> None:
    """Kill -9 while a CV is read: another worker takes its message and ends it, once."""
    await house.opening()
    await house.pump()
    cv_id = await house.upload(pdf(ANA), lane="premium")
    log = tmp_path / "worker.log"
    async with relaying(house, broker):
        async with held(house, cv_id) as hanging:
            with process(settings, "work", "--lanes", "premium,active", log=log) as first:
                await until(hanging, what="the first worker's work")
                first.send_signal(signal.SIGKILL)
                first.wait()
        found = await house.fetch("SELECT kind, attempts FROM job_runs")
        assert [tuple(row) for row in found] == [("cv.extract", 1)]
        with process(settings, "work", "--lanes", "premium,active", log=log):
            await until(lambda: ready(house, cv_id), what="the CV's end")
    assert await rows(house) == (1, 1, 1, 1, 0)


async def test_sigterm_hands_an_unfinished_job_back_at_once_and_uncounted(
    house: House, broker: RedisBroker, settings: Settings, tmp_path: Path
) -> None:
    """An orderly end within its time; the next worker need not wait for any heartbeat."""
    cv_id = await house.upload(pdf(ANA), lane="premium")
    log = tmp_path / "worker.log"
    async with relaying(house, broker):
        async with held(house, cv_id) as hanging:
            with process(settings, "work", "--lanes", "premium", log=log) as first:
                await until(hanging, what="the worker's work")
                first.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(first.wait, 60) == 0
            assert broker.client.llen("dramatiq:lane.premium") == 1
            found = await house.fetch("SELECT attempts, lease_until <= now() FROM job_runs")
            assert [tuple(row) for row in found] == [(0, True)]
        with process(settings, "work", "--lanes", "premium", log=log):
            await until(lambda: ready(house, cv_id), what="the CV's end")
    assert b"worker_stopped" in log.read_bytes()


def bomb() -> bytes:
    """A PDF whose one page unpacks to a hundred and fifty megabytes."""
    packer = zlib.compressobj(9)
    piece = b"BT (a) Tj ET\n" * 80_000
    packed = b"".join([*(packer.compress(piece) for _ in range(150)), packer.flush()])
    head = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
        b"4 0 obj<</Length " + str(len(packed)).encode() + b"/Filter/FlateDecode>>stream\n"
    )
    tail = b"\nendstream endobj\ntrailer<</Root 1 0 R>>\nstartxref\n0\n%%EOF"
    return head + packed + tail


async def test_a_bomb_is_refused_and_the_same_worker_reads_the_next_cv(
    house: House, broker: RedisBroker, settings: Settings, tmp_path: Path
) -> None:
    """The parser's child dies of it, not the worker; the file is kept."""
    bad = await house.upload(bomb())
    good = await house.upload(pdf(ANA))
    async with relaying(house, broker):
        with process(
            settings, "work", "--lanes", "active", "--threads", "1", log=tmp_path / "w.log"
        ) as worker:
            await until(lambda: ready(house, good), what="the good CV's end")

            async def refused() -> bool:
                return (await house.cv(bad)).status == "refused"

            await until(refused, what="the bomb's refusal")
            assert worker.poll() is None
    assert (await house.cv(bad)).fault in {"cv_bomb", "cv_memory", "cv_attempts_exhausted"}
    assert await house.tools.blobs.head(await key_of(house, bad)) is not None


async def test_a_worker_takes_only_its_lanes(
    house: House, broker: RedisBroker, settings: Settings, tmp_path: Path
) -> None:
    """Bulk waits for a worker of its own while premium is read."""
    bulk = await house.upload(pdf(ANA), lane="bulk")
    premium = await house.upload(pdf(ANA), lane="premium")
    async with relaying(house, broker):
        with process(settings, "work", "--lanes", "premium,active", log=tmp_path / "w.log"):
            await until(lambda: ready(house, premium), what="the premium CV's end")
        assert (await house.cv(bulk)).stage == "upload"
        with process(settings, "work", "--lanes", "bulk,again", log=tmp_path / "w.log"):
            await until(lambda: ready(house, bulk), what="the bulk CV's end")


async def test_a_relay_process_killed_in_the_middle_loses_nothing(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    """Kill -9 the relay again and again while CVs come in: all are read, each once."""
    log = tmp_path / "log"
    ids = []
    with process(settings, "work", log=log):
        for _ in range(3):
            with process(settings, "relay", "--sweep", "none", log=log) as killed:
                ids.extend([await house.upload(pdf(ANA)) for _ in range(3)])

                async def moved() -> bool:
                    return bool(await house.fetch("SELECT 1 FROM cvs WHERE stage <> 'upload'"))

                await until(moved, what="the relay's first row")
                killed.send_signal(signal.SIGKILL)
        with process(settings, "relay", log=log):
            for cv_id in ids:
                await until(lambda: ready(house, cv_id), what="a CV's end")  # noqa: B023
    assert await rows(house) == (9, 9, 0, 9, 0)


async def test_the_port_tells_metrics_and_health(
    house: House,
    broker: RedisBroker,
    settings: Settings,
    tmp_path: Path,
) -> None:
    """A worker can be watched, and says how long CVs waited in its lane."""
    port = free_port()

    def get(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as r:
            return str(r.read().decode())

    cv_id = await house.upload(pdf(ANA), lane="premium")
    async with relaying(house, broker):
        with process(settings, "work", "--port", str(port), log=tmp_path / "w.log"):
            await until(lambda: ready(house, cv_id), what="the CV's end")

            async def told() -> bool:
                text = await asyncio.to_thread(get, "/metrics")
                return 'cv_wait_seconds_count{lane="premium"} 1.0' in text

            await until(told, what="the wait's metric")
            assert await asyncio.to_thread(get, "/health/live") == "ok\n"
            assert await asyncio.to_thread(get, "/health/ready") == "ok\n"
            with pytest.raises(urllib.error.HTTPError, match="404"):
                await asyncio.to_thread(get, "/etc/passwd")


def test_lanes_are_read_as_a_person_writes_them() -> None:
    """Commas or spaces, once each; another word is refused."""
    assert _lanes("premium, active") == ("premium", "active")
    assert _lanes("again bulk") == ("bulk", "again")
    for wrong in ("", "fast", "premium,fast"):
        with pytest.raises(Exception, match="lanes are"):
            _lanes(wrong)
    assert set(_lanes(",".join(jobs.LANES))) == set(jobs.LANES)
