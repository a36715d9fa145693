"""From the process' environment to settings: the one read, and what follows from it."""

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from runtime.settings import Settings, WrongSetting, read
from storage import embedded, roles

_ROLE_FIELDS: Final = {
    "database_app_url": "entrevistador_app",
    "database_relay_url": "entrevistador_relay",
    "database_sweep_url": "entrevistador_sweep",
    "database_fleet_url": "entrevistador_fleet",
}
_SCHEMES: Final = {
    "database_url": ("postgresql", "postgres"),
    **dict.fromkeys(_ROLE_FIELDS, ("postgresql", "postgres")),
    "redis_url": ("redis", "rediss", "unix"),
    "broker_url": ("redis", "rediss", "unix"),
}


def settings(**overrides: Any) -> Settings:
    """Return the settings of this process with every address filled in.

    DATABASE_URL, REDIS_URL and ENTREVISTADOR_SECRET come together; without them the services that
    `entrevistador up` keeps in the state folder are used, if they run. Raises WrongSetting.
    """
    found = read(os.environ, **overrides)
    if not (found.database_url or found.database_app_url) and not found.redis_url:
        found = join_embedded(found)
    return complete(found)


def given() -> Settings:
    """Return what the environment says and nothing more: for commands without stores."""
    return read(os.environ)


def join_embedded(found: Settings) -> Settings:
    """Point the settings at the embedded services of the state folder."""
    services = embedded.status(found.state_dir)
    if services is None:
        raise WrongSetting(
            "no DATABASE_URL and REDIS_URL, and no embedded services run in "
            f"{found.state_dir}: start them with `entrevistador up`, or set both variables"
        )
    return on_services(found, services)


def on_services(found: Settings, services: embedded.Services) -> Settings:
    """Return settings that use embedded services, with the development secret and key."""
    return msgspec.structs.replace(
        found,
        embedded=True,
        database_url=services.database_url,
        redis_url=services.redis_url,
        secret=found.secret or embedded.development_secret(found.state_dir),
    )


def complete(found: Settings) -> Settings:
    """Fill in what follows: the roles' own logins, the broker's database, the objects' folder."""
    changes: dict[str, Any] = {}
    _check_schemes(found)
    if not found.secret:
        raise WrongSetting(
            "ENTREVISTADOR_SECRET is missing: 32 or more random characters that all processes of "
            "a deployment share (tokens and database passwords derive from it)"
        )
    for field, role in _ROLE_FIELDS.items():
        if not getattr(found, field) and found.database_url:
            changes[field] = roles.url_for(found.database_url, role, found.secret)
    if not found.redis_url:
        raise WrongSetting("REDIS_URL is missing")
    if not found.broker_url:
        changes["broker_url"] = redis_database(found.redis_url, 1)
    if not found.storage_url:
        objects = (found.state_dir / "objects").absolute()
        objects.mkdir(mode=0o700, parents=True, exist_ok=True)
        objects.chmod(0o700)  # CVs are their owners' business
        changes["storage_url"] = objects.as_uri()
    return msgspec.structs.replace(found, **changes)


def _check_schemes(found: Settings) -> None:
    """Refuse an address that its client would not understand."""
    for field, schemes in _SCHEMES.items():
        address = getattr(found, field)
        if address and urlsplit(address).scheme not in schemes:
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            raise WrongSetting(f"{field.upper()} must begin with {wanted}")


def redis_database(url: str, number: int) -> str:
    """Return the Redis URL with another database number."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        query = dict(parse_qsl(parts.query))
        query["db"] = str(number)
        return urlunsplit(parts._replace(query=urlencode(query)))
    return urlunsplit(parts._replace(path=f"/{number}"))


def state_dir(given: Path | None) -> Path:
    """The state folder of this machine's own house: as given, else as the environment says."""
    return given or read(os.environ).state_dir
