"""Keys that tokens are checked with: a JWKS kept for a while, or the embedded stack's own key.

A key's algorithm is pinned when the key is read. What a token's header says can only agree with it:
neither `none` nor a symmetric algorithm under a public key gets any further.
"""

import asyncio
import base64
import hashlib
import os
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.faults import Fault
from runtime.clock import Clock
from runtime.logs import Log
from runtime.settings import WrongSetting

ALGORITHMS: Final = frozenset(
    ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
)
KEYS_MAX: Final = 64
KEPT_SECONDS: Final = 600.0  # then the set is fetched again
STALE_SECONDS_MAX: Final = 6 * 3600.0  # how long old keys serve while the issuer is away
REFRESH_SECONDS: Final = 30.0  # at most one fetch within this, whatever tokens say
FIRST_REFRESH_SECONDS: Final = 2.0  # while there are no keys at all
FETCH_SECONDS: Final = 3.0
FILE_MODE: Final = 0o600
log = Log("server.keys")


class PinnedKey(msgspec.Struct, frozen=True):
    """A public key and the one algorithm it may be used with."""

    kid: str
    algorithm: str
    jwk: jwt.PyJWK


def read_set(document: Any) -> dict[str, PinnedKey]:
    """Return the signing keys of a JWKS by id; keys that are of no use here are left out."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a JWKS")  # noqa: TRY004 - what was fetched has a wrong value
    found: dict[str, PinnedKey] = {}
    for entry in entries[:KEYS_MAX]:
        if not isinstance(entry, dict) or entry.get("kty") == "oct":
            continue
        if entry.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK(entry)
        except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
            continue
        kid = entry.get("kid", "")
        if isinstance(kid, str) and key.algorithm_name in ALGORITHMS:
            found[kid] = PinnedKey(kid, key.algorithm_name, key)
    return found


class Jwks:
    """The key set behind a URL, fetched in a thread, seldom, and never because a token wants it."""

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        """Fetch from `url` when the first token comes."""
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_SECONDS)
        self._clock = clock or Clock()
        self._keys: dict[str, PinnedKey] = {}
        self._loaded_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, kid: str | None) -> PinnedKey:
        """Return the key; an unknown id causes at most one fetch every 30 s."""
        if self._age() > KEPT_SECONDS or self._pick(kid) is None:
            await self._refresh(kid)
        if not self._keys or self._age() > STALE_SECONDS_MAX:
            raise Fault("unavailable", "the issuer's keys cannot be read")
        key = self._pick(kid)
        if key is None:
            raise Fault("unauthorized", "the token's key is not known")
        return key

    def _age(self) -> float:
        return self._clock.monotonic() - self._loaded_at

    def _pick(self, kid: str | None) -> PinnedKey | None:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid) if kid else None

    async def _refresh(self, kid: str | None) -> None:
        async with self._lock:
            if self._age() <= KEPT_SECONDS and self._pick(kid) is not None:
                return  # somebody else fetched it meanwhile
            wait = REFRESH_SECONDS if self._keys else FIRST_REFRESH_SECONDS
            if self._clock.monotonic() - self._tried_at < wait:
                return
            self._tried_at = self._clock.monotonic()
            try:
                async with asyncio.timeout(2 * FETCH_SECONDS):
                    document = await asyncio.to_thread(self._client.fetch_data)
                keys = read_set(document)
                if not keys:
                    raise ValueError("no signing keys")
            except (jwt.PyJWTError, ValueError, OSError) as error:
                log.warning("jwks_not_fetched", error=type(error).__name__)
                return
            self._keys = keys
            self._loaded_at = self._clock.monotonic()


class DevelopmentKey:
    """The embedded stack's own key: Ed25519, made once, readable by its owner alone."""

    algorithm: Final = "EdDSA"

    def __init__(self, state_dir: Path) -> None:
        """Read the key of the state folder, making it when there is none."""
        self.private = _private_key(state_dir / "development-key.pem")
        raw = self.private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        self.kid = f"development-{hashlib.sha256(raw).hexdigest()[:16]}"
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        jwk = jwt.PyJWK({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.kid})
        self._pinned = PinnedKey(self.kid, self.algorithm, jwk)

    async def find(self, kid: str | None) -> PinnedKey:
        """Return the key when the token names it; Fault `unauthorized` otherwise."""
        if kid != self.kid:
            raise Fault("unauthorized", "the token's key is not known")
        return self._pinned


def _private_key(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        _make_key(path)
    if path.stat().st_mode & 0o077:
        raise WrongSetting(f"{path} can be read by others than its owner: chmod 600 it")
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise WrongSetting(f"{path} is not an Ed25519 key: remove it to have a new one made")
    return key


def _make_key(path: Path) -> None:
    """Write a fresh key; when two processes try, the first one's stays and both read it."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.urandom(6).hex()}")  # threads share a pid
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
