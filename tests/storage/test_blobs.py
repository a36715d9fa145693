"""Objects: one contract for the folder and for memory; S3's shape without a network."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from protocol.faults import Fault
from runtime.settings import WrongSetting
from storage.blobs import Blobs, cv_key, open_blobs

KEY = cv_key(UUID(int=1), UUID(int=2))


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """Both stores that need no network."""
    if request.param == "memory":
        return open_blobs("memory://")
    return open_blobs((tmp_path / "a folder ñ").as_uri())


async def pieces(count: int, size: int = 1000) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_what_was_put_is_got(blobs: Blobs) -> None:
    """Whole, in pieces, and in size."""
    assert await blobs.put(KEY, b"hello", bytes_max=5) == 5
    assert await blobs.get(KEY, bytes_max=5) == b"hello"
    stat = await blobs.head(KEY)
    assert stat is not None
    assert stat.bytes == 5
    assert await blobs.put(KEY, pieces(3000), bytes_max=3_000_000) == 3_000_000
    read = [piece async for piece in blobs.stream(KEY, bytes_max=3_000_000)]
    assert sum(map(len, read)) == 3_000_000


async def test_an_upload_past_its_limit_leaves_nothing(blobs: Blobs) -> None:
    """The stream is cut at the limit and no part of it stays, nor is the old object touched."""
    with pytest.raises(Fault, match="too_large"):
        await blobs.put(KEY, pieces(100), bytes_max=99_999)
    assert await blobs.head(KEY) is None
    await blobs.put(KEY, b"old", bytes_max=10)
    with pytest.raises(Fault, match="too_large"):
        await blobs.put(KEY, b"x" * 11, bytes_max=10)
    assert await blobs.get(KEY, bytes_max=10) == b"old"


async def test_an_upload_that_breaks_off_leaves_nothing(blobs: Blobs) -> None:
    """A client that goes away in the middle."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        raise ConnectionResetError

    with pytest.raises(Fault, match="unavailable"):
        await blobs.put(KEY, broken(), bytes_max=10_000)
    assert await blobs.head(KEY) is None


async def test_reading_more_than_asked_for_is_refused_before_reading(blobs: Blobs) -> None:
    """A limit on the way out as well."""
    await blobs.put(KEY, b"x" * 100, bytes_max=100)
    with pytest.raises(Fault, match="too_large"):
        await blobs.get(KEY, bytes_max=99)
    with pytest.raises(Fault, match="too_large"):
        _ = [piece async for piece in blobs.stream(KEY, bytes_max=99)]


async def test_what_is_not_there_is_said_so(blobs: Blobs) -> None:
    """Head is None, get is not_found, delete is content."""
    assert await blobs.head(KEY) is None
    with pytest.raises(Fault, match="not_found"):
        await blobs.get(KEY, bytes_max=1)
    await blobs.delete(KEY)
    await blobs.put(KEY, b"x", bytes_max=1)
    await blobs.delete(KEY)
    await blobs.delete(KEY)
    assert await blobs.head(KEY) is None


@pytest.mark.parametrize("key", [
    "../x", "a/../b", "a/..", "/etc/passwd", "a//b", "a/", "", "a", "a/./b", "a/b\x00", "A/b",
    "a/b/../../c", "a\\b/c", "a/%2e%2e/b", "a/" + "b" * 600, "a/ b", "a/é", ".a/b", "a/.b",
])  # fmt: skip
async def test_a_key_cannot_leave_its_place(blobs: Blobs, key: str) -> None:
    """Everything that climbs, or is not a key of ours, is not found."""
    for attempt in (
        blobs.put(key, b"x", bytes_max=1),
        blobs.get(key, bytes_max=1),
        blobs.head(key),
        blobs.delete(key),
        blobs.presign_put(key, seconds=30),
    ):
        with pytest.raises(Fault, match="not_found"):
            await attempt


async def test_a_store_of_ones_own_signs_nothing(blobs: Blobs) -> None:
    """The door makes its own signed upload for a folder."""
    assert await blobs.presign_put(KEY, seconds=30) is None
    assert await blobs.alive()


def test_keys_are_under_their_tenant() -> None:
    """No name of a person or file is in a key."""
    assert f"tenants/{UUID(int=1)}/cvs/{UUID(int=2)}" == KEY


FULL = """
import asyncio, os, resource, signal, sys
from protocol.faults import Fault
from storage.blobs import open_blobs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
async def main():
    blobs = open_blobs(sys.argv[1])
    try:
        await blobs.put("a/b", b"x" * 2_000_000, bytes_max=3_000_000)
    except Fault as fault:
        print(fault.code, await blobs.head("a/b"))
    await blobs.put("a/c", b"small", bytes_max=10)
    print(await blobs.get("a/c", bytes_max=10), flush=True)
    os._exit(0)  # a writer of the failed object may still run, and its thread can't end in Python
asyncio.run(main())
"""


def test_a_full_disk_is_a_fault_and_leaves_no_half_object(tmp_path: Path) -> None:
    """The write that fails names itself unavailable; the next small one works."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, (tmp_path / "full").as_uri()],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.splitlines() == ["unavailable None", "b'small'"]


async def test_a_folder_that_vanishes_is_a_fault(tmp_path: Path) -> None:
    """A file where the folder was: unavailable, and not a stack trace."""
    folder = tmp_path / "objects"
    blobs = open_blobs(folder.as_uri())
    folder.rmdir()
    folder.write_text("in the way")
    with pytest.raises(Fault, match="unavailable"):
        await blobs.put(KEY, b"x", bytes_max=1)
    assert not await blobs.alive()


async def test_s3_signs_an_upload_for_its_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape of the URL: host, bucket, prefix, key, lifetime, signature; no secret in it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-real-secret")
    blobs = open_blobs("s3://bucket/pre/fix?region=sa-east-1&endpoint=http://127.0.0.1:9000")
    signed = await blobs.presign_put(KEY, seconds=30)
    assert signed is not None
    url = urlsplit(signed.url)
    query = parse_qs(url.query)
    assert (url.scheme, url.netloc) == ("http", "127.0.0.1:9000")
    assert url.path == f"/bucket/pre/fix/{KEY}"
    assert query["X-Amz-Expires"] == ["30"]
    assert "sa-east-1" in query["X-Amz-Credential"][0]
    assert query["X-Amz-Signature"]
    assert "not-a-real-secret" not in signed.url
    assert (signed.method, signed.expires_in) == ("PUT", 30)


@pytest.mark.parametrize("url", [
    "", "folder", "ftp://x/y", "file://host/x", "s3://", "s3://b/p?acl=public", "file://",
])  # fmt: skip
def test_a_url_that_is_none_is_named(url: str) -> None:
    """A wrong STORAGE_URL says what it should be."""
    with pytest.raises(WrongSetting, match="STORAGE_URL"):
        open_blobs(url)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the way of the folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(WrongSetting, match="STORAGE_URL"):
        open_blobs((tmp_path / "file" / "below").as_uri())
    assert os.path.exists(tmp_path / "file")
