"""Who may speak: tokens, keys and the algorithms pinned to them."""

import asyncio
import base64
import hashlib
import hmac
import json
import stat
from collections.abc import AsyncIterator, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import jwt
import msgspec
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from protocol.faults import Fault
from runtime import clock
from runtime.clock import ManualClock
from runtime.settings import Settings, WrongSetting
from server import auth, keys
from server.auth import Auth
from server.keys import DevelopmentKey, Jwks
from storage.transaction import Database
from tests.conftest import Tenant, make_tenant

ISSUER = "https://issuer.example"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    algorithm: Any = {
        rsa.RSAPrivateKey: RSAAlgorithm,
        ec.EllipticCurvePrivateKey: ECAlgorithm,
        ed25519.Ed25519PrivateKey: OKPAlgorithm,
    }[
        next(
            k
            for k in (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
            if isinstance(key, k)
        )
    ]
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


class Issuer:
    """A JWKS endpoint on loopback that counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = [
            jwk(RSA, "rsa", alg="RS256"),
            jwk(EC, "ec"),
            jwk(ED, "ed", use="sig"),
        ]
        self.asked = 0
        self.broken = False
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                body = b"oops" if issuer.broken else json.dumps({"keys": issuer.keys}).encode()
                self.send_response(500 if issuer.broken else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An identity provider."""
    issuer = Issuer()
    yield issuer
    await asyncio.to_thread(issuer.close)


Claims = Callable[..., dict[str, Any]]


@pytest.fixture
def claims(tenant: Tenant) -> Claims:
    """Make good claims, with some of them changed or (None) left out."""

    def make(**changed: Any) -> dict[str, Any]:
        now = clock.wall_ms() // 1000
        good = {
            "iss": ISSUER,
            "aud": "entrevistador",
            "sub": "auth0|77",
            "tenant": str(tenant.id),
            "roles": ["recruiter"],
            "name": "Rosa Quispe",
            "exp": now + 600,
            "nbf": now - 1,
        }
        return {k: v for k, v in {**good, **changed}.items() if v is not None}

    return make


@pytest.fixture
def authority(issuer: Issuer, db: Database) -> Auth:
    """What checks tokens against the issuer."""
    return Auth(Jwks(issuer.url), db, issuer=ISSUER, audience="entrevistador")


def header(claims: dict[str, Any], key: Any, algorithm: str, kid: str | None) -> str:
    headers = {"kid": kid} if kid else {}
    return "Bearer " + jwt.encode(claims, key, algorithm=algorithm, headers=headers)


async def code(authority: Auth, authorization: str | None) -> str:
    with pytest.raises(Fault) as caught:
        await authority.person(authorization)
    return caught.value.code


async def test_a_token_of_each_key_is_a_person(
    authority: Auth, claims: Claims, tenant: Tenant
) -> None:
    """RSA, elliptic curves and Ed25519 keys each serve with their own algorithm."""
    for key, algorithm, kid in ((RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")):
        person = await authority.person(header(claims(), key, algorithm, kid))
        assert person.tenant_id == tenant.id
        assert person.name == "Rosa Quispe"
        assert person.roles == {"recruiter"}
        assert person.subject == "auth0|77"


WRONG: list[dict[str, Any]] = [
    {"iss": "https://elsewhere.example"},
    {"iss": None},
    {"aud": "another"},
    {"aud": None},
    {"exp": 1},
    {"exp": None},
    {"exp": "soon"},
    {"nbf": 9_999_999_999},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "a\u0000b"},
    {"tenant": None},
    {"tenant": "x"},
    {"tenant": "00000000-0000-7000-8000-000000000000"},
    {"roles": "recruiter"},
    {"name": ["x"]},
    {"iat": 9_999_999_999},
    {"sub": "x" * 256},
]


async def test_a_token_with_wrong_claims_is_refused(authority: Auth, claims: Claims) -> None:
    """Issuer, audience, time, subject and tenant all have to be right."""
    for changed in WRONG:
        token = "Bearer " + _encode(claims(**changed))
        assert await code(authority, token) == "unauthorized", changed


def _encode(claims: dict[str, Any]) -> str:
    """Sign any claims, also those that jwt.encode would refuse to write."""
    return jwt.api_jws.encode(
        json.dumps(claims).encode(), ED, algorithm="EdDSA", headers={"kid": "ed"}
    )


async def test_the_algorithm_comes_from_the_key(authority: Auth, claims: Claims) -> None:
    """A header that names another algorithm of the same key is refused: RS512 for RS256."""
    assert await code(authority, header(claims(), RSA, "RS512", "rsa")) == "unauthorized"
    assert await code(authority, header(claims(), RSA, "PS256", "rsa")) == "unauthorized"


async def test_none_is_no_algorithm(authority: Auth, claims: Claims) -> None:
    """An unsigned token is refused, however it spells `none`."""
    for name in ("none", "None", "NONE", ""):
        head = {"alg": name, "typ": "JWT", "kid": "rsa"}
        token = ".".join((_b64(json.dumps(head)), _b64(json.dumps(claims())), ""))
        assert await code(authority, f"Bearer {token}") == "unauthorized"


async def test_a_public_key_is_no_shared_secret(authority: Auth, claims: Claims) -> None:
    """HS256 under the public key's own bytes is refused: the classic confusion."""
    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = {"alg": "HS256", "typ": "JWT", "kid": "rsa"}
    signed = f"{_b64(json.dumps(head))}.{_b64(json.dumps(claims()))}"
    mac = hmac.new(pem, signed.encode(), hashlib.sha256).digest()
    token = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    assert await code(authority, f"Bearer {token}") == "unauthorized"


def _b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


async def test_symmetric_and_encryption_keys_are_left_out(issuer: Issuer) -> None:
    """A set may hold what is of no use here; it is not used."""
    secret = {"kty": "oct", "k": _b64("secret" * 8), "kid": "oct", "alg": "HS256"}
    found = keys.read_set(
        {
            "keys": [
                secret,
                jwk(RSA, "enc", use="enc"),
                {"kty": "??"},
                7,
                jwk(RSA, "hs", alg="HS256"),
                *issuer.keys,
            ]
        }
    )
    assert sorted(found) == ["ec", "ed", "rsa"]


async def test_a_short_rsa_key_is_refused(issuer: Issuer, authority: Auth, claims: Claims) -> None:
    """A key below 2048 bits proves nothing."""
    issuer.keys = [jwk(RSA_SMALL, "small", alg="RS256")]
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = header(claims(), RSA_SMALL, "RS256", "small")
    assert await code(authority, token) == "unauthorized"


async def test_an_unknown_kid_causes_one_fetch_in_30_seconds(issuer: Issuer) -> None:
    """Tokens with invented keys cannot make this server hammer its issuer."""
    clock = ManualClock()
    found = Jwks(issuer.url, clock=clock)
    await found.find("ed")
    assert issuer.asked == 1
    for number in range(20):
        with pytest.raises(Fault, match="unauthorized"):
            await found.find(f"invented-{number}")
    assert issuer.asked == 1  # the set was fetched less than 30 s ago
    clock.advance(31)
    for number in range(20):
        with pytest.raises(Fault, match="unauthorized"):
            await found.find(f"invented-{number}")
    assert issuer.asked == 2
    issuer.keys.append(jwk(RSA, "rotated", alg="RS256"))
    clock.advance(31)
    assert (await found.find("rotated")).algorithm == "RS256"
    assert issuer.asked == 3


async def test_many_first_tokens_fetch_once(issuer: Issuer) -> None:
    """A burst at the start waits for one fetch."""
    found = Jwks(issuer.url)
    await asyncio.gather(*(found.find("ed") for _ in range(25)))
    assert issuer.asked == 1


async def test_known_keys_serve_while_the_issuer_is_away(issuer: Issuer) -> None:
    """An outage of the issuer shorter than 6 hours is not ours; a longer one ends trust."""
    clock = ManualClock()
    found = Jwks(issuer.url, clock=clock)
    await found.find("ed")
    issuer.broken = True
    clock.advance(3600)
    assert (await found.find("ed")).kid == "ed"
    clock.advance(6 * 3600)
    with pytest.raises(Fault, match="unavailable"):
        await found.find("ed")


async def test_without_any_keys_the_service_is_unavailable(issuer: Issuer) -> None:
    """No keys is a failure of ours (503, try again), not of the token."""
    issuer.broken = True
    with pytest.raises(Fault) as caught:
        await Jwks(issuer.url).find("ed")
    assert caught.value.code == "unavailable"


async def test_a_removed_key_is_not_known_any_more(issuer: Issuer) -> None:
    """What the issuer took out of its set stops serving within 10 minutes."""
    clock = ManualClock()
    found = Jwks(issuer.url, clock=clock)
    await found.find("rsa")
    issuer.keys = [key for key in issuer.keys if key["kid"] != "rsa"]
    clock.advance(601)
    with pytest.raises(Fault, match="unauthorized"):
        await found.find("rsa")


async def test_a_new_subject_becomes_a_user_once(
    authority: Auth, claims: Claims, db: Database, tenant: Tenant
) -> None:
    """The first sight writes a row with the claim's name; a changed name updates it."""
    first = await authority.person(header(claims(), ED, "EdDSA", "ed"))
    again = await authority.person(header(claims(), ED, "EdDSA", "ed"))
    renamed = await authority.person(
        header(claims(name="Rosa Q. Huamán", roles=["operator", "queen"]), ED, "EdDSA", "ed")
    )
    assert first.id == again.id == renamed.id
    assert renamed.roles == {"operator"}
    async with db.tenant(tenant.id) as c:
        rows = await c.fetch("SELECT id, name, roles FROM users WHERE subject = 'auth0|77'")
    assert [(r["id"], r["name"], r["roles"]) for r in rows] == [
        (first.id, "Rosa Q. Huamán", ["operator"])
    ]


async def test_a_name_holds_only_what_can_be_kept(authority: Auth, claims: Claims) -> None:
    """Control characters in a name are dropped; without a name the e-mail stands in."""
    dirty = await authority.person(header(claims(name="Ro\u0000sa\n"), ED, "EdDSA", "ed"))
    assert dirty.name == "Rosa"
    plain = await authority.person(
        header(claims(name=None, email="rosa@example.test", sub="x2"), ED, "EdDSA", "ed")
    )
    assert plain.name == "rosa@example.test"


NO_TOKENS: list[str | None] = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Basic Zm9vOmJhcg==",
    "Bearer a.b",
    "Bearer " + "a" * 9000,
    "Bearer ..",
    "Bearer é.é.é",
    "Bearer eyJhbGciOiJFZERTQSJ9.e30.",
]


async def test_what_is_no_token_is_refused(authority: Auth) -> None:
    """Headers of every wrong kind give the same answer."""
    for authorization in NO_TOKENS:
        assert await code(authority, authorization) == "unauthorized", authorization


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    head=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["alg", "kid", "crit", "typ", "b64"]), inner, max_size=4
            )
            | st.lists(inner, max_size=2)
        ),
    ),
    body=st.text(max_size=30),
)
async def test_no_header_breaks_the_reader(authority: Auth, head: Any, body: str) -> None:
    """Whatever JSON a token's header is, the answer is `unauthorized`."""
    token = f"{_b64(json.dumps(head))}.{_b64(body)}.{_b64('x')}"
    assert await code(authority, f"Bearer {token}") == "unauthorized"


# The development key ----------------------------------------------------------------------


async def test_the_development_key_is_made_once_and_private(tmp_path: Path) -> None:
    """Many processes at once end up with one key, which only its owner can read."""
    made = await asyncio.gather(*(asyncio.to_thread(DevelopmentKey, tmp_path) for _ in range(8)))
    assert len({key.kid for key in made}) == 1
    files = list(tmp_path.iterdir())
    assert [file.name for file in files] == ["development-key.pem"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


def test_a_development_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Loose permissions are named, not ignored."""
    DevelopmentKey(tmp_path)
    (tmp_path / "development-key.pem").chmod(0o644)
    with pytest.raises(WrongSetting, match="chmod 600"):
        DevelopmentKey(tmp_path)


async def test_a_development_token_serves_the_embedded_stack_only(
    settings: Settings, db: Database, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    """Embedded: the token is good, and the log warns. Otherwise the settings are refused."""
    token = auth.development_token(
        settings.state_dir, tenant.id, "ana", "Ana", ["recruiter", "operator"]
    )
    person = await auth.open_auth(settings, db).person(f"Bearer {token}")
    assert person.name == "Ana"
    assert "development_key_in_use" in caplog.text
    with pytest.raises(WrongSetting, match="JWKS_URL"):
        auth.open_auth(msgspec.structs.replace(settings, embedded=False), db)


async def test_with_an_issuer_the_development_key_means_nothing(
    settings: Settings, db: Database, tenant: Tenant, issuer: Issuer
) -> None:
    """A JWKS URL wins over `embedded`: there are never two ways in."""
    token = auth.development_token(settings.state_dir, tenant.id, "ana", "Ana", ["recruiter"])
    both = msgspec.structs.replace(settings, jwks_url=issuer.url, jwt_issuer=ISSUER)
    assert await code(auth.open_auth(both, db), f"Bearer {token}") == "unauthorized"


async def test_a_token_of_one_company_is_no_user_of_another(
    authority: Auth, claims: Claims, settings: Settings, db: Database, tenant: Tenant
) -> None:
    """The same subject in two companies is two people."""
    other = await make_tenant(settings.database_url, "otra")
    here = await authority.person(header(claims(), ED, "EdDSA", "ed"))
    there = await authority.person(header(claims(tenant=str(other.id)), ED, "EdDSA", "ed"))
    assert here.id != there.id
    assert there.tenant_id == other.id
    assert isinstance(there.id, UUID)
