"""Validators of what may be cached: ETags, and whether a client has it already."""

import hashlib


def etag_of(body: bytes) -> str:
    """Return a strong validator of a body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches(if_none_match: str | None, etag: str) -> bool:
    """Tell whether a client's If-None-Match has what we would send (weak comparison)."""
    if not if_none_match:
        return False
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return etag in known or "*" in known
