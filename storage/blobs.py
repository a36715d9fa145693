"""Objects by URL: a folder, memory for tests, or an S3-compatible service, behind one door.

`file:///folder`, `memory://`, `s3://bucket/prefix?region=...&endpoint=...`. S3 credentials come
with the surroundings in the usual way (AWS_ACCESS_KEY_ID, an instance's role ...).
"""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from protocol.faults import Fault
from runtime.settings import WrongSetting

Store: TypeAlias = LocalStore | MemoryStore | S3Store

CHUNK_BYTES: Final = 1024 * 1024
RETRIES_MAX: Final = 3
RETRY_SECONDS: Final = 20
REQUEST_SECONDS: Final = 30
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*(\.[a-z0-9]+)?)+")
_OPTIONS: Final = frozenset({"region", "endpoint"})


class Stat(msgspec.Struct, frozen=True):
    """What is known of an object without reading it."""

    key: str
    bytes: int


class Presigned(msgspec.Struct, frozen=True):
    """A URL that lets its holder PUT one object for a while, without credentials."""

    url: str
    method: str
    expires_in: int


def cv_key(tenant_id: UUID, cv_id: UUID) -> str:
    """Return where a CV's file is kept: under its tenant, without a person's words."""
    return f"tenants/{tenant_id}/cvs/{cv_id}"


def open_blobs(url: str) -> "Blobs":
    """Open the object store of a STORAGE_URL; raises WrongSetting for one that is not known."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        folder = Path(unquote(parts.path))
        try:
            return Blobs(LocalStore(folder, mkdir=True))
        except (BaseError, OSError, ValueError) as error:
            raise WrongSetting(f"STORAGE_URL: the folder {folder} cannot be used") from error
    if parts.scheme == "memory":
        return Blobs(MemoryStore())
    if parts.scheme == "s3" and parts.netloc:
        return Blobs(_s3(parts.netloc, parts.path.strip("/"), dict(parse_qsl(parts.query))))
    raise WrongSetting(
        "STORAGE_URL must be file:///folder, memory:// or s3://bucket/prefix?region=..&endpoint=.."
    )


def _s3(bucket: str, prefix: str, options: dict[str, str]) -> S3Store:
    unknown = options.keys() - _OPTIONS
    if unknown:
        raise WrongSetting(f"STORAGE_URL: {', '.join(sorted(unknown))} is not an option of s3://")
    endpoint = options.get("endpoint", "")
    more: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    return S3Store(
        bucket,
        prefix=prefix or None,
        region=options.get("region", "us-east-1"),
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "timeout": timedelta(seconds=REQUEST_SECONDS),
        },
        retry_config={
            "max_retries": RETRIES_MAX,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS),
        },
        **more,
    )


class Blobs:
    """One object store. Failures of the store itself raise Fault `unavailable`."""

    def __init__(self, store: Store) -> None:
        """Use an open obstore store."""
        self._store = store

    async def put(self, key: str, data: bytes | AsyncIterator[bytes], *, bytes_max: int) -> int:
        """Keep an object whole or not at all, and return its size.

        Raises Fault `too_large` as soon as more than `bytes_max` has come.
        """
        _check(key)
        count = _Counted(data, bytes_max)
        try:
            if isinstance(data, bytes):
                count.add(len(data))
                await obstore.put_async(self._store, key, data)
            else:
                await obstore.put_async(self._store, key, count, chunk_size=5 * CHUNK_BYTES)
        except (BaseError, OSError) as error:
            raise _away(error) from error
        return count.bytes

    async def head(self, key: str) -> Stat | None:
        """Return the object's size, or None where there is none."""
        _check(key)
        try:
            meta = await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise _away(error) from error
        return Stat(key, meta["size"])

    async def get(self, key: str, *, bytes_max: int) -> bytes:
        """Return the whole object; Fault `not_found`, or `too_large` before reading it."""
        _check(key)
        try:
            result = await obstore.get_async(self._store, key)
            if result.meta["size"] > bytes_max:
                raise Fault("too_large", f"more than {bytes_max} bytes")
            return bytes(await result.bytes_async())
        except FileNotFoundError as error:
            raise Fault("not_found", "the object is gone") from error
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def stream(self, key: str, *, bytes_max: int) -> AsyncIterator[bytes]:
        """Yield the object in pieces of about a MiB; faults as `get` has them."""
        _check(key)
        try:
            result = await obstore.get_async(self._store, key)
            if result.meta["size"] > bytes_max:
                raise Fault("too_large", f"more than {bytes_max} bytes")
            async for piece in result.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(piece)
        except FileNotFoundError as error:
            raise Fault("not_found", "the object is gone") from error
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def delete(self, key: str) -> None:
        """Remove the object; one that is not there is no failure."""
        _check(key)
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def presign_put(self, key: str, *, seconds: int) -> Presigned | None:
        """Return a URL for an upload straight to the store; None where it has no such thing.

        The store does not enforce a size: look with `head` once the upload is said to be done.
        """
        _check(key)
        if not isinstance(self._store, S3Store):
            return None
        try:
            url = await obstore.sign_async(self._store, "PUT", key, timedelta(seconds=seconds))
        except (BaseError, OSError) as error:
            raise _away(error) from error
        return Presigned(url, "PUT", seconds)

    async def alive(self) -> bool:
        """Tell whether the store answers."""
        try:
            await self.head("health/none")
        except Fault:
            return False
        return True


class _Counted:
    """An upload's pieces, stopped at a size."""

    def __init__(self, source: bytes | AsyncIterator[bytes], bytes_max: int) -> None:
        self._source = source
        self._bytes_max = bytes_max
        self.bytes = 0

    def add(self, count: int) -> None:
        self.bytes += count
        if self.bytes > self._bytes_max:
            raise Fault("too_large", f"more than {self._bytes_max} bytes")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert not isinstance(self._source, bytes)
        async for piece in self._source:
            if piece:
                self.add(len(piece))
                yield piece


def _check(key: str) -> None:
    """Refuse a key that is not ours: no dots that climb, no leading or doubled slashes."""
    if len(key) > 512 or _KEY.fullmatch(key) is None:  # noqa: PLR2004 - well under S3's 1,024
        raise Fault("not_found", "not an object's key")


def _away(error: BaseException) -> Fault:
    """Name the failure by its kind only: messages of the store hold paths and hosts."""
    return Fault("unavailable", f"object store: {type(error).__name__}")
