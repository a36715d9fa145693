"""Time-ordered ids (UUID version 7) made from a given time and given randomness."""

from datetime import UTC, datetime
from uuid import UUID

ENTROPY_BYTES = 10


def make(unix_ms: int, entropy: bytes) -> UUID:
    """Return the UUIDv7 of `unix_ms` (milliseconds since 1970) and 10 random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"entropy must be {ENTROPY_BYTES} bytes")
    random = int.from_bytes(entropy, "big")
    value = (unix_ms & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)


def unix_ms(id_: UUID) -> int:
    """Return the milliseconds since 1970 that a UUIDv7 carries."""
    return id_.int >> 80


def created_at(id_: UUID) -> datetime:
    """Return the UTC time that a UUIDv7 carries: the partition key of its row."""
    milliseconds = unix_ms(id_)
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def parse(text: str) -> UUID | None:
    """Return the id that `text` is, or None: for path segments and other foreign input."""
    try:
        return UUID(text)
    except ValueError:
        return None
