"""Whatever is sent, the answer is one that the description names: never a 500."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.server.conftest import Door

QUICK = hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KEYS = [
    "title", "category", "must_have", "seniority", "status", "filename", "bytes", "candidate",
    "candidate_id", "opening_id", "cv_id", "lane", "minutes", "locale", "decision", "reason",
    "version", "sha256", "given", "kind", "note", "extra_minutes", "name", "email",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.uuids().map(str),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8) | JSON


@QUICK
@given(
    path=st.sampled_from(
        ["/openings", "/cvs", "/interviews", "/interviews/{id}/decision",
         "/interviews/{id}/requests/{id}", "/cvs/{id}/confirm", "/interviews/{id}/link",
         "/interviews/{id}/evaluation"]
    ),
    body=BODIES,
    id_=st.uuids(),
)  # fmt: skip
async def test_no_body_breaks_a_recruiter_s_route(
    door: Door, path: str, body: Any, id_: Any
) -> None:
    """Any JSON at any POST of a recruiter."""
    url = f"/api/v1{path.replace('{id}', str(id_))}"
    answer = await client(door, "recruiter").post(url, json=body)
    assert answer.status_code < 500, (url, body, answer.text)


@QUICK
@given(
    path=st.sampled_from(["/consent", "/requests", "/ticket"]),
    body=BODIES,
)
async def test_no_body_breaks_a_candidate_s_route(door: Door, path: str, body: Any) -> None:
    """Any JSON at any POST of a candidate (whose interview does not exist)."""
    answer = await client(door, "guest").post(f"/api/v1/invitation{path}", json=body)
    assert answer.status_code < 500, (path, body, answer.text)


@QUICK
@given(raw=st.binary(max_size=200), kind=st.sampled_from(["application/json", "x", "a/b;c=\xff"]))
async def test_no_bytes_break_a_body(door: Door, raw: bytes, kind: str) -> None:
    """Bytes that are no JSON, under content types that are none."""
    answer = await client(door, "recruiter").post(
        "/api/v1/openings", content=raw, headers=[(b"content-type", kind.encode("latin-1"))]
    )
    assert answer.status_code in (400, 415), (raw, kind, answer.text)


@QUICK
@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    kind=st.sampled_from(["slug", "query", "upload", "static", "id", "event"]),
)
async def test_no_path_or_query_breaks_a_route(door: Door, text: str, kind: str) -> None:
    """What people put into addresses, percent-encoded."""
    told = quote(text, safe="")
    path, who = {
        "slug": (f"/api/v1/companies/{told}", "nobody"),
        "query": (f"/api/v1/cvs?after={told}&limit={told}&candidate_id={told}", "recruiter"),
        "upload": (f"/api/v1/uploads/{told}", "nobody"),
        "static": (f"/static/{told}/{told}", "nobody"),
        "id": (f"/api/v1/openings/{told}", "recruiter"),
        "event": (f"/{told}", "nobody"),
    }[kind]
    method = "PUT" if kind == "upload" else "GET"
    answer = await client(door, who).request(method, path)
    assert answer.status_code < 500, (path, answer.text)


_clients: dict[tuple[int, str], httpx2.AsyncClient] = {}


def client(door: Door, who: str) -> httpx2.AsyncClient:
    """One client for each kind of caller and door: examples come by the hundred."""
    key = (id(door), who)
    if key not in _clients:
        nobody = door.house.tickets.invitation(door.tenant.id, door.tenant.recruiter, 1)
        _clients[key] = {
            "recruiter": lambda: door.recruiter,
            "guest": lambda: door.guest(f"#{nobody}"),
            "nobody": lambda: door.anyone,
        }[who]()
    return _clients[key]


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Keep no client beyond its door."""
    yield
    _clients.clear()


async def test_the_description_is_complete(door: Door) -> None:
    """Each operation says who may call it, how it fails, and where its parameters come from."""
    answer = await door.anyone.get("/schema/openapi.json")
    assert answer.status_code == 200
    schema = answer.json()
    assert schema["openapi"].startswith("3.1")
    assert len(schema["paths"]) >= 30
    ids = []
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            ids.append(operation["operationId"])
            assert operation["summary"], (method, path)
            assert operation["tags"], (method, path)
            if not path.startswith("/api/v1"):
                continue
            failures = {s: r for s, r in operation["responses"].items() if s >= "400"}
            assert {"400", "429", "500", "503"} <= failures.keys(), (method, path)
            for status, response in failures.items():
                assert list(response["content"]) == ["application/problem+json"], (path, status)
            public = "/companies/" in path or "/uploads/" in path
            assert bool(operation.get("security")) != public, (method, path)
            assert ("401" in failures) or "/companies/" in path, (method, path)
            assert ("404" in failures) or "{" not in path, (method, path)
    assert len(set(ids)) == len(ids)
    assert {"person", "invitation"} <= schema["components"]["securitySchemes"].keys()
    assert "/ws" not in schema["paths"]


async def test_schemathesis_finds_no_way_to_a_500(door: Door) -> None:
    """Generated calls of every operation: no server error, and answers as they are described."""
    raw = (await door.anyone.get("/schema/openapi.json")).json()
    raw["paths"] = {
        path: item
        for path, item in raw["paths"].items()
        if path.startswith("/api/v1") and not path.endswith("/events")
    }
    schema = schemathesis.openapi.from_dict(raw)
    invited = await door.interview()
    recruiter = door.token(door.tenant, door.tenant.recruiter, "recruiter", "operator")
    guest = invited["link"].partition("#")[2]
    await asyncio.to_thread(_call_everything, schema, door.url, recruiter, guest)


def _call_everything(schema: Any, url: str, recruiter: str, guest: str) -> None:
    for result in schema.get_all_operations():
        operation = result.ok()
        token = guest if "/invitation" in operation.path else recruiter

        @hypothesis_settings(
            max_examples=8,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            case.call_and_validate(
                base_url=url,
                headers={"Authorization": f"Bearer {token}"},  # noqa: B023 - called at once
                checks=[not_a_server_error, response_schema_conformance],
            )

        call()
