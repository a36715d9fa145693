"""JSON log lines: a constant event name, everything variable in fields, nobody's words in either.

Fields named here are all that a line may carry beside its event; a candidate's text has no field.
"""

import contextvars
import logging
import sys
from typing import Any, Final, TextIO

import msgspec

ALLOWED: Final = frozenset(
    {
        "account",
        "actor",
        "ask",
        "attempt",
        "bytes",
        "close_code",
        "code",
        "count",
        "cv_id",
        "engine",
        "epoch",
        "error",
        "exit_code",
        "fence",
        "instance",
        "interview_id",
        "job_id",
        "kind",
        "lane",
        "method",
        "micro_usd",
        "model",
        "name",
        "opening_id",
        "path",
        "percent",
        "pid",
        "port",
        "reason",
        "request_id",
        "role",
        "route",
        "seconds",
        "session_id",
        "stage",
        "status",
        "tenant_id",
        "tier",
        "tokens",
        "turn",
        "urgency",
        "url_path",
        "worker",
    }
)
_context: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("log_context")
_encoder = msgspec.json.Encoder(enc_hook=str)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "event": record.msg if not record.args else record.getMessage(),
            "logger": record.name,
        }
        line.update(_context.get({}))
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["crash"] = self.formatException(record.exc_info)
        return _encoder.encode(line).decode()


def set_up(level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log line of the process to `stream` (standard error) as JSON."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in (
        "aiohttp",
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "asyncio",
        "anthropic",
        "uvicorn",
    ):
        logging.getLogger(noisy).setLevel("WARNING")
    # One stack a second for each pool while PostgreSQL is away says nothing that Fault does not.
    logging.getLogger("asyncpg").setLevel("ERROR")


class Log:
    """A named logger whose lines carry only the fields of ALLOWED; another one is a bug."""

    def __init__(self, name: str) -> None:
        """Name the room that speaks."""
        self._logger = logging.getLogger(name)

    def _say(self, level: int, event: str, fields: dict[str, Any], *, crash: bool = False) -> None:
        if not self._logger.isEnabledFor(level):
            return
        unknown = fields.keys() - ALLOWED
        if unknown:
            raise ValueError(f"not a log field: {', '.join(sorted(unknown))}")
        self._logger.log(level, event, extra={"fields": fields}, exc_info=crash)

    def debug(self, event: str, **fields: Any) -> None:
        """Say what only somebody who debugs wants to know."""
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Say what happened."""
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Say what an operator may have to look at."""
        self._say(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Say what an operator has to look at."""
        self._say(logging.ERROR, event, fields)

    def crash(self, event: str, **fields: Any) -> None:
        """Say that a bug showed, with its stack; call it while the exception is handled."""
        self._say(logging.ERROR, event, fields, crash=True)


def bind(**fields: Any) -> contextvars.Token[dict[str, Any]]:
    """Add fields to every line of the current task and the tasks it starts."""
    return _context.set({**_context.get({}), **fields})


def unbind(token: contextvars.Token[dict[str, Any]]) -> None:
    """Take the fields of one bind back."""
    _context.reset(token)
