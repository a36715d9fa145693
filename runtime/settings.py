"""Environment -> one frozen struct, read once; an unknown or wrong variable is named."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from protocol import limits

PREFIX: Final = "ENTREVISTADOR_"


class WrongSetting(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """A variable is unknown or has a wrong value; the message names it and what is expected."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told about its surroundings. Secrets come from the environment only.

    Fields named like a well-known variable (DATABASE_URL ...) are read from it; all others from
    ENTREVISTADOR_<FIELD>. Lists are separated by commas or spaces.
    """

    # Where things are
    database_url: str = ""
    database_app_url: str = ""
    database_relay_url: str = ""
    database_sweep_url: str = ""
    database_fleet_url: str = ""
    redis_url: str = ""
    broker_url: str = ""
    storage_url: str = ""
    anthropic_api_key: str = ""
    anthropic_base_url: str = ""
    https_proxy: str = ""  # on the way to the model
    state_dir: Path = Path(".state")
    # Who this is
    phase: Literal["mvp", "growth", "scale"] = "mvp"
    secret: str = ""
    embedded: bool = False
    instance_id: str = ""
    instance_url: str = ""
    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = 8000
    unix_socket: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    # Who may come in
    origins: tuple[str, ...] = ()
    connect_sources: tuple[str, ...] = ()  # more hosts that pages connect to: wss://*.example.com
    jwks_url: str = ""
    jwt_issuer: str = ""
    jwt_audience: str = "entrevistador"
    # How much
    hard_cap_sessions: int = limits.HARD_CAP_SESSIONS
    admit_sessions: int = limits.ADMIT_SESSIONS
    target_sessions: int = limits.TARGET_SESSIONS
    scale_out_sessions: int = limits.SCALE_OUT_SESSIONS
    scale_in_sessions: int = limits.SCALE_IN_SESSIONS
    database_pool: int = 8
    worker_threads: int = 4
    # Who asks
    engine: Literal["auto", "offline", "claude"] = "auto"
    offline_piece_seconds: float = 0.06
    evaluations: Literal["wait", "now"] = "wait"  # of an opening that does not say it itself
    # What it may cost, in micro-dollars (0 = no limit); a company's own limits come before these
    model_session_micro_usd: int = 500_000
    model_day_micro_usd: int = 100_000_000
    model_month_micro_usd: int = 1_500_000_000
    model_processes_max: int = 32  # with Redis away each takes this part of the provider's limits
    model_hedge: bool = False  # a second call where the first piece is late
    alert_url: str = ""  # whoever wants to hear of thresholds: https, or http on this machine
    alert_secret: str = ""  # what they check the signature with

    def __post_init__(self) -> None:
        """Refuse relations that can't work, naming the variables."""
        ladder = (
            self.scale_in_sessions,
            self.target_sessions,
            self.scale_out_sessions,
            self.admit_sessions,
            self.hard_cap_sessions,
        )
        if not all(a < b for a, b in pairwise(ladder)) or ladder[0] < 0:
            raise WrongSetting(
                "the session limits must grow: scale_in < target < scale_out < admit < hard_cap "
                f"(ENTREVISTADOR_..._SESSIONS are {', '.join(map(str, ladder))})"
            )
        if self.secret and len(self.secret) < 32:  # noqa: PLR2004 - 128 bits in hex
            raise WrongSetting("ENTREVISTADOR_SECRET must be at least 32 characters of randomness")
        if self.engine == "claude" and not self.anthropic_api_key:
            raise WrongSetting("ENTREVISTADOR_ENGINE=claude needs ANTHROPIC_API_KEY")

        if self.alert_url:
            self._check_alerts()

    def _check_alerts(self) -> None:
        parts = urlsplit(self.alert_url)
        try:
            _ = parts.port
        except ValueError as error:
            raise WrongSetting(f"ENTREVISTADOR_ALERT_URL: {error}") from error
        own = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and own)):
            raise WrongSetting(
                "ENTREVISTADOR_ALERT_URL must be https://, or http:// on 127.0.0.1 or localhost"
            )
        if len(self.alert_secret) < 32:  # noqa: PLR2004 - 128 bits in hex
            raise WrongSetting(
                "ENTREVISTADOR_ALERT_URL needs ENTREVISTADOR_ALERT_SECRET, at least 32 characters "
                "of randomness that the receiver checks signatures with"
            )

    @property
    def asks_with_model(self) -> bool:
        """Whether questions come from the model (otherwise from the written bank)."""
        return self.engine != "offline" and bool(self.anthropic_api_key)


PLAIN: Final = {
    "DATABASE_URL": "database_url",
    "DATABASE_APP_URL": "database_app_url",
    "DATABASE_RELAY_URL": "database_relay_url",
    "DATABASE_SWEEP_URL": "database_sweep_url",
    "DATABASE_FLEET_URL": "database_fleet_url",
    "REDIS_URL": "redis_url",
    "BROKER_URL": "broker_url",
    "STORAGE_URL": "storage_url",
    "ANTHROPIC_API_KEY": "anthropic_api_key",
    "ANTHROPIC_BASE_URL": "anthropic_base_url",
    "HTTPS_PROXY": "https_proxy",
}
_LISTS: Final = {"origins", "connect_sources"}


def _variable(field: str) -> str:
    for variable, name in PLAIN.items():
        if name == field:
            return variable
    return PREFIX + field.upper()


def read(environ: Mapping[str, str], **overrides: Any) -> Settings:
    """Return the settings that `environ` gives; overrides win (a command line's options).

    Raises WrongSetting, naming the variable, for an unknown ENTREVISTADOR_ variable or a value
    of the wrong kind.
    """
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {}
    for variable, value in environ.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower()
            if name not in fields or name in PLAIN.values():
                raise WrongSetting(f"{variable} is not a setting of entrevistador")
        elif variable in PLAIN:
            name = PLAIN[variable]
        else:
            continue
        if value != "":
            values[name] = value.replace(",", " ").split() if name in _LISTS else value
    values.update({k: v for k, v in overrides.items() if v is not None})
    for name, value in values.items():
        field = fields[name]
        try:
            values[name] = msgspec.convert(value, field.type, strict=False, dec_hook=_decode)
        except msgspec.ValidationError as error:
            raise WrongSetting(f"{_variable(name)}: {error}") from None
    return Settings(**values)


def _decode(kind: type, value: Any) -> Any:
    if kind is not Path:
        raise TypeError(kind)  # a setting of a kind that no variable can give
    return Path(value)


def to_environ(settings: Settings) -> dict[str, str]:
    """Return the variables that make `read` give these settings: for child processes."""
    environ = {}
    for field in msgspec.structs.fields(Settings):
        value = getattr(settings, field.name)
        if value == field.default:
            continue
        if isinstance(value, tuple):
            value = " ".join(value)
        if isinstance(value, bool):
            value = "true" if value else "false"
        environ[_variable(field.name)] = str(value)
    return environ
