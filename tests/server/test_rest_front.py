"""What holds for every request: ids, origins, headers, problem documents, logs and metrics."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from protocol import limits
from protocol.faults import KINDS, Fault
from runtime import metrics
from runtime.settings import Settings
from server import problems
from server.messages import BY_LANGUAGE
from server.rest.front import allowed_origins, origin_of
from tests.server.conftest import Door

PROBLEM = "application/problem+json"


def test_every_fault_has_its_words_in_every_language() -> None:
    """No code is missing, none is left over, and no sentence is empty or the code itself."""
    for language in problems.LANGUAGES:
        for code in KINDS:
            words = problems.message(code, language)
            assert words.endswith("."), (language, code)
            assert "_" not in words
        assert set(BY_LANGUAGE[language]) == set(KINDS)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "es"),
        ("", "es"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("pt-BR", "pt"),
        ("fr, pt;q=0.3, en;q=0.4", "en"),
        ("de", "es"),
        ("en;q=0, pt;q=0.1", "pt"),
        ("en;q=x, pt;q=0.1", "pt"),
        ("*", "es"),
        ("es;q=0.5,en;q=0.5", "es"),
        ("EN", "en"),
        ("en;q=nan", "es"),
        ("en;q=9", "es"),
        (",;;,=", "es"),
        ("en" * 500, "es"),
    ],
)
def test_the_reader_s_language_is_understood(header: str | None, language: str) -> None:
    """Accept-Language with weights; Spanish when nothing fits."""
    assert problems.accepted_language(header) == language


def test_an_origin_is_written_as_browsers_write_it() -> None:
    """Ports that are standard are left out, sockets count as their pages, names are lower case."""
    assert origin_of("https://Empleos.example:443/x") == "https://empleos.example"
    assert origin_of("ws://127.0.0.1:8000/ws") == "http://127.0.0.1:8000"
    assert origin_of("http://[::1]:80/") == "http://[::1]"
    assert origin_of("file:///x") == ""
    listed = Settings(origins=("https://a.example/",), public_url="http://localhost:9")
    assert allowed_origins(listed) == {"https://a.example", "http://localhost:9"}


REFUSED = [
    ("GET", "/api/v1/nothing", 404, "not_found"),
    ("GET", "/api/v1/openings/not-an-id", 404, "not_found"),
    ("DELETE", "/api/v1/openings", 405, "method_not_allowed"),
    ("GET", "/api/v1/openings?limit=0", 400, "invalid_input"),
    ("GET", "/api/v1/openings?limit=201", 400, "invalid_input"),
    ("GET", "/api/v1/openings?after=x", 400, "invalid_input"),
    ("GET", "/api/v1/openings?status=ajar", 400, "invalid_input"),
]


async def test_what_the_framework_refuses_is_a_problem_document(door: Door) -> None:
    """404, 405 and validation have the same shape as everything else."""
    for method, path, status, code in REFUSED:
        answer = await door.recruiter.request(method, path, headers={"accept-language": "pt"})
        assert answer.status_code == status
        assert answer.headers["content-type"] == PROBLEM
        body = answer.json()
        assert body["code"] == code
        assert body["type"] == f"urn:entrevistador:problem:{code}"
        assert body["status"] == status
        assert body["title"] == KINDS[code].title
        assert body["detail"] == problems.message(code, "pt")
        assert body["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["content-language"] == "pt"
        if status == 405:
            assert "GET" in answer.headers["allow"]


async def test_validation_names_every_field(door: Door) -> None:
    """A developer reads where it is wrong; the values sent are not repeated in the log."""
    answer = await door.recruiter.post(
        "/api/v1/openings", json={"title": "x" * 201, "seniority": "guru"}
    )
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert "title" in answer.text


USELESS = [
    (b"{}", "text/plain", 415, "unsupported_media_type"),
    (b"title=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    (b"{", "application/json", 400, "invalid_input"),
    (b"\xff\xfe", "application/json", 400, "invalid_input"),
    (b"[" * 100_000, "application/json", 400, "invalid_input"),
    (b'{"title": "a\\u0000b"}', "application/json", 400, "invalid_input"),
    (b'{"title": "\\ud800"}', "application/json", 400, "invalid_input"),
    (b'{"title": 1e999}', "application/json", 400, "invalid_input"),
    (b'{"title": NaN}', "application/json", 400, "invalid_input"),
    (b"null", "application/json", 400, "invalid_input"),
    (b"[]", "application/json", 400, "invalid_input"),
    (b'{"title": "x", "hacked": 1}', "application/json", 400, "invalid_input"),
    (b"", "application/json", 400, "invalid_input"),
    (b'"' + b"x" * limits.BODY_BYTES_MAX + b'"', "application/json", 413, "too_large"),
]


async def test_a_body_that_is_no_use_is_refused(door: Door) -> None:
    """Wrong kinds, broken JSON, bottomless nesting, NUL, unknown fields, too much of it."""
    recruiter = door.recruiter
    for content, content_type, status, code in USELESS:
        answer = await recruiter.post(
            "/api/v1/openings", content=content, headers={"content-type": content_type}
        )
        assert (answer.status_code, answer.json()["code"]) == (status, code), content[:40]


async def test_a_body_without_a_length_is_measured_as_it_comes(door: Door) -> None:
    """Chunked or not, the limit holds."""

    async def endless() -> AsyncIterator[bytes]:
        yield b'{"title": "'
        for _ in range(2 * limits.BODY_BYTES_MAX // 65_536):
            yield b"x" * 65_536

    answer = await door.recruiter.post(
        "/api/v1/openings", content=endless(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413


async def test_a_sane_request_id_is_kept_and_another_replaced(door: Door) -> None:
    """The caller's id joins log lines; one that could break them does not."""
    client = door.anyone
    kept = await client.get("/health/live", headers={"x-request-id": "web-1234.abc"})
    assert kept.headers["x-request-id"] == "web-1234.abc"
    for bad in ("short", "x" * 65, "a b c d e f", 'a";{}<script>', "niño12345"):
        raw = [(b"x-request-id", bad.encode("utf-8"))]
        answer = await client.get("/health/live", headers=raw)
        assert answer.headers["x-request-id"] != bad
        assert len(answer.headers["x-request-id"]) == 36


async def test_security_headers_are_on_every_answer(door: Door) -> None:
    """Also on a 404 that no route made."""
    for path in ("/health/live", "/nothing", "/i/", "/api/v1/me"):
        headers = (await door.anyone.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "Origin" in headers["vary"]
    assert (await door.recruiter.get("/api/v1/me")).headers["cache-control"] == "no-store"


async def test_pages_of_other_origins_cannot_write(door: Door) -> None:
    """The list holds for every unsafe method; our own pages and programs pass."""
    recruiter, body = door.recruiter, {"title": "Analista"}
    for origin in ("https://evil.example", "null", "https://empleos.example.evil.example", "x"):
        answer = await recruiter.post("/api/v1/openings", json=body, headers={"origin": origin})
        assert answer.status_code == 403
        assert answer.json()["code"] == "origin_refused"
        assert "access-control-allow-origin" not in answer.headers
    for origin in ("https://empleos.example", door.url):
        answer = await recruiter.post("/api/v1/openings", json=body, headers={"origin": origin})
        assert answer.status_code == 201
        assert answer.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in answer.headers
    assert (await recruiter.post("/api/v1/openings", json=body)).status_code == 201


async def test_a_preflight_is_answered_by_the_list(door: Door) -> None:
    """A listed origin hears what it may do; another hears nothing."""
    ask = {"access-control-request-method": "PATCH", "access-control-request-headers": "if-match"}
    good = await door.anyone.options(
        "/api/v1/openings", headers={**ask, "origin": "https://empleos.example"}
    )
    assert good.status_code == 204
    assert "PATCH" in good.headers["access-control-allow-methods"]
    assert "If-Match" in good.headers["access-control-allow-headers"]
    bad = await door.anyone.options(
        "/api/v1/openings", headers={**ask, "origin": "https://evil.example"}
    )
    assert bad.status_code == 403
    assert "access-control-allow-origin" not in bad.headers


async def test_a_bug_is_told_as_server_error_and_logged_with_its_id(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of the inside goes out; the stack and the request's id are in the log."""

    async def broken(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(type(door.house.gate), "instances", broken)
    answer = await door.operator.get("/api/v1/fleet", headers={"x-request-id": "find-me-1"})
    assert answer.status_code == 500
    assert answer.json()["code"] == "server_error"
    assert "secret" not in answer.text
    assert "Runtime" not in answer.text
    crash = next(r for r in caplog.records if r.msg == "request_crashed")
    assert crash.exc_info is not None
    assert "the secret inside" in str(crash.exc_info[1])


async def test_a_part_that_is_away_is_told_as_unavailable(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Fault from below keeps its code and status."""

    async def away(*_: object) -> None:
        raise Fault("unavailable", "Redis: ConnectionError", retry_after=2)

    monkeypatch.setattr(type(door.house.gate), "instances", away)
    answer = await door.operator.get("/api/v1/fleet")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "2"


async def test_a_line_and_a_metric_for_each_request(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    """They name the route's template, never a path that somebody typed or a token in it."""
    caplog.set_level(logging.INFO)
    made = await door.opening()
    await door.recruiter.get(f"/api/v1/openings/{made['id']}")
    await door.anyone.get("/api/v1/secreto-tecleado?token=abc")
    lines: list[dict[str, Any]] = [vars(r)["fields"] for r in caplog.records if r.msg == "request"]
    assert {"method": "GET", "path": "/api/v1/openings/{opening_id}", "status": 200} in [
        {k: line[k] for k in ("method", "path", "status")} for line in lines
    ]
    assert all(line["seconds"] >= 0 for line in lines)
    assert "secreto" not in json.dumps(lines)
    text = metrics.text().decode()
    assert 'route="GET /api/v1/openings/{opening_id}",status="200"' in text
    assert 'route="GET unmatched",status="404"' in text
    assert made["id"] not in text
    assert "secreto" not in text


async def test_strange_methods_and_hosts_are_answered(door: Door) -> None:
    """A method nobody knows is one label; a broken Host is a 400."""
    odd = await door.anyone.request("PROPFIND", "/api/v1/me")
    assert odd.status_code == 405
    assert 'route="other' in metrics.text().decode()
    bad = await door.anyone.get("/health/live", headers={"host": "a b"})
    assert bad.status_code == 400


async def test_a_client_that_goes_away_harms_nobody(door: Door) -> None:
    """Hanging up in mid-body is not a crash, and the next request is served."""
    host, port = door.url.removeprefix("http://").split(":")
    _, out = await asyncio.open_connection(host, int(port))
    token = door.token(door.tenant, door.tenant.recruiter, "recruiter")
    out.write(
        b"POST /api/v1/openings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + token.encode() + b"\r\nContent-Length: 500\r\n\r\n{"
    )
    await out.drain()
    out.close()
    await out.wait_closed()
    assert (await door.anyone.get("/health/live")).status_code == 200
