"""Who asks: JWTs of recruiters and operators, checked against keys whose algorithm is pinned.

The keys come from the deployment's JWKS URL. The embedded stack has no identity provider: it signs
with a development key in its state folder, and says so in the log.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

import jwt
import msgspec
from jwt.types import Options

from protocol.faults import Fault
from runtime import clock
from runtime.logs import Log
from runtime.settings import Settings, WrongSetting
from server.keys import ALGORITHMS, DevelopmentKey, Jwks, PinnedKey
from storage import tenants
from storage.transaction import Database

ROLES: Final = frozenset({"recruiter", "operator"})
TOKEN_CHARS_MAX: Final = 8_192
NAME_CHARS_MAX: Final = 200
SUBJECT_CHARS_MAX: Final = 255  # as OpenID Connect has it
LEEWAY_SECONDS: Final = 5.0
PEOPLE_KEPT_MAX: Final = 10_000
DEVELOPMENT_ISSUER: Final = "entrevistador-development"
DEVELOPMENT_TOKEN_SECONDS: Final = 12 * 3600
log = Log("server.auth")


class Person(msgspec.Struct, frozen=True):
    """A recruiter or operator who has proved who they are; `expires_at` is in Unix seconds."""

    id: UUID
    tenant_id: UUID
    subject: str
    name: str
    roles: frozenset[str]
    expires_at: float


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    tenant: UUID
    exp: float
    roles: list[str] = []
    name: str = ""
    email: str = ""


class Keys(Protocol):
    """Where the key of a token's `kid` comes from."""

    async def find(self, kid: str | None) -> PinnedKey:
        """Return the key; raises Fault `unauthorized`, or `unavailable` without any keys."""
        ...


def bearer(header: str | None) -> str:
    """Return the token of an Authorization header; Fault `unauthorized` when there is none."""
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Fault("unauthorized", "an Authorization: Bearer header is needed")
    if len(token) > TOKEN_CHARS_MAX or not token.isascii():
        raise Fault("unauthorized", "the token is not valid")
    return token


class Auth:
    """Turns a token into a person of one tenant. Nothing but the token says which tenant."""

    def __init__(self, keys: Keys, db: Database, *, issuer: str, audience: str) -> None:
        """Check with `keys`; an empty issuer is not checked, the audience always is."""
        self._keys = keys
        self._db = db
        self._issuer = issuer
        self._audience = audience
        self._known: OrderedDict[tuple[UUID, str], tuple[str, str, frozenset[str], UUID]] = (
            OrderedDict()
        )

    async def person(self, authorization: str | None) -> Person:
        """Return who an Authorization header speaks for; raises Fault `unauthorized`."""
        claims = await self._claims(bearer(authorization))
        roles = frozenset(claims.roles) & ROLES
        subject = claims.sub
        name = clean(claims.name) or clean(claims.email) or clean(subject)
        if not subject or len(subject) > SUBJECT_CHARS_MAX or not subject.isprintable():
            raise Fault("unauthorized", "the token names nobody")
        user_id = await self._user(claims.tenant, subject, name, clean(claims.email), roles)
        return Person(user_id, claims.tenant, subject, name, roles, claims.exp)

    async def _claims(self, token: str) -> _Claims:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except (jwt.PyJWTError, ValueError) as error:
            raise Fault("unauthorized", "the token is not valid") from error
        key = await self._keys.find(kid)
        options: Options = {
            "require": ["exp", "aud", "sub", *(["iss"] if self._issuer else [])],
            "enforce_minimum_key_length": True,
        }
        try:
            claims = jwt.decode(
                token,
                key.jwk,
                algorithms=[key.algorithm],
                audience=self._audience,
                issuer=self._issuer or None,
                leeway=LEEWAY_SECONDS,
                options=options,
            )
            return msgspec.convert(claims, _Claims)
        except jwt.ExpiredSignatureError as error:
            raise Fault("unauthorized", "the token has expired") from error
        except (jwt.PyJWTError, msgspec.ValidationError, ValueError, TypeError) as error:
            raise Fault("unauthorized", "the token is not valid") from error

    async def _user(
        self, tenant_id: UUID, subject: str, name: str, email: str, roles: frozenset[str]
    ) -> UUID:
        """Return the user's id; the row is written on first sight and when the token changed."""
        key = (tenant_id, subject)
        known = self._known.get(key)
        if known is not None and known[:3] == (name, email, roles):
            self._known.move_to_end(key)
            return known[3]
        try:
            async with self._db.tenant(tenant_id) as connection:
                await tenants.get(connection, tenant_id)
                user = await tenants.ensure_user(
                    connection,
                    tenant_id,
                    subject=subject,
                    name=name,
                    email=email,
                    roles_=sorted(roles),
                )
        except Fault as fault:
            if fault.code == "not_found":
                raise Fault("unauthorized", "the token's company is not known here") from fault
            raise
        self._known[key] = (name, email, roles, user.id)
        while len(self._known) > PEOPLE_KEPT_MAX:
            self._known.popitem(last=False)
        return user.id


def clean(text: str) -> str:
    """Return one line of at most NAME_CHARS_MAX characters that a database can keep."""
    return "".join(c for c in text if c.isprintable()).strip()[:NAME_CHARS_MAX]


def open_auth(settings: Settings, db: Database) -> Auth:
    """Return the authority that the settings name; raises WrongSetting when they name none."""
    if settings.jwks_url:
        keys: Keys = Jwks(settings.jwks_url)
        return Auth(keys, db, issuer=settings.jwt_issuer, audience=settings.jwt_audience)
    if not settings.embedded:
        raise WrongSetting(
            "ENTREVISTADOR_JWKS_URL is needed: the development key serves the embedded stack only"
        )
    log.warning("development_key_in_use")
    return Auth(
        DevelopmentKey(settings.state_dir),
        db,
        issuer=DEVELOPMENT_ISSUER,
        audience=settings.jwt_audience,
    )


def development_token(
    state_dir: Path,
    tenant_id: UUID,
    subject: str,
    name: str,
    roles: list[str],
    *,
    seconds: int = DEVELOPMENT_TOKEN_SECONDS,
    audience: str = "entrevistador",
) -> str:
    """Return a token for the embedded stack, signed with the key in its state folder."""
    key = DevelopmentKey(state_dir)
    now = clock.wall_ms() // 1000
    claims: dict[str, Any] = {
        "iss": DEVELOPMENT_ISSUER,
        "aud": audience,
        "sub": subject,
        "tenant": str(tenant_id),
        "name": name,
        "roles": roles,
        "iat": now,
        "nbf": now,
        "exp": now + seconds,
    }
    return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid})


assert DevelopmentKey.algorithm in ALGORITHMS
