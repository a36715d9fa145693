"""The database's roles: who logs in, with which password, and what nobody may be."""

import hashlib
import hmac
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

LOGIN_ROLES: Final = (
    "entrevistador_app",
    "entrevistador_relay",
    "entrevistador_sweep",
    "entrevistador_fleet",
)
OTHER_ROLES: Final = ("entrevistador_definer", "entrevistador_eraser")


def password(secret: str, role: str) -> str:
    """Return the role's password, derived from the deployment's secret."""
    return hmac.new(secret.encode(), f"database-role:{role}".encode(), hashlib.sha256).hexdigest()


def url_for(owner_url: str, role: str, secret: str) -> str:
    """Return `owner_url` with the role's own login in place of the owner's."""
    parts = urlsplit(owner_url)
    host = parts.netloc.rpartition("@")[2]
    login = f"{quote(role)}:{quote(password(secret, role))}"
    return urlunsplit(parts._replace(netloc=f"{login}@{host}"))
