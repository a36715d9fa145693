"""What a client is told when it cannot go on."""


class Refused(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The server refused for good (or for now: `retry_after`); `code` is a fault code."""

    def __init__(self, code: str, message: str = "", *, retry_after: float | None = None) -> None:
        """Keep the fault's code and what was said about it."""
        self.code = code
        self.retry_after = retry_after
        super().__init__(f"{code}: {message}" if message else code)
