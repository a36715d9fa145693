"""What can go wrong with the private servers, in words that say what to do next."""

INSTEAD = "set DATABASE_URL and REDIS_URL to servers of your own"


class EmbeddedError(RuntimeError):
    """Any expected trouble with the private servers; the message is meant for a person."""


class EmbeddedUnavailable(EmbeddedError):  # noqa: N818 (says what happened)
    """No private servers can run on this machine (Windows, or packages left out)."""


class EmbeddedRefused(EmbeddedError):  # noqa: N818 (says what happened)
    """A folder or a user is not what it must be, and going on would be unsafe."""


class EmbeddedFailed(EmbeddedError):  # noqa: N818 (says what happened)
    """A server did not start or stop; the message ends with the tail of its log."""
