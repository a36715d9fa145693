"""Problem documents: every failure over HTTP as one shape, told in the reader's language.

The code comes from protocol.faults; the detail is what a person reads, `reason` and `errors` are
for developers. Nothing of a bug's inside goes out: it is logged with the request's id.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec

from protocol.faults import KINDS, Fault
from runtime import metrics
from runtime.logs import Log
from server.messages import BY_LANGUAGE

MEDIA_TYPE: Final = "application/problem+json"
LANGUAGES: Final = tuple(BY_LANGUAGE)
DEFAULT_LANGUAGE: Final = "es"
REQUEST_ID: Final = "entrevistador.request_id"
ERRORS_MAX: Final = 20
SERVICE_UNAVAILABLE: Final = 503
UNAVAILABLE_RETRY_SECONDS: Final = 2.0
ACCEPT_LANGUAGE_CHARS_MAX: Final = 256

_CODES_BY_STATUS: Final = {
    400: "invalid_input",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
}
_DISCONNECTED: Final = "client disconnected prematurely"
log = Log("server.problems")
_encode = msgspec.json.Encoder().encode


class Wrong(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a request: where it is and what was expected."""

    message: str
    path: str = ""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A failure as RFC 9457 describes it, with the code of protocol.faults.

    `title` is the code's meaning in English, `detail` the same for people, in their language.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    reason: str = ""
    errors: list[Wrong] = []


def request_id_of(request: Request[Any, Any, Any]) -> str:
    """Return the id that the front gave to the request."""
    return str(request.scope.get("state", {}).get(REQUEST_ID, ""))


def language(locale: str) -> str:
    """Return the one of LANGUAGES that a locale such as `pt-BR` means, Spanish when none is."""
    short = locale.strip().lower().replace("_", "-").partition("-")[0]
    return short if short in BY_LANGUAGE else DEFAULT_LANGUAGE


def accepted_language(header: str | None) -> str:
    """Return the best of LANGUAGES for an Accept-Language header."""
    best, best_weight = DEFAULT_LANGUAGE, 0.0
    for part in (header or "")[:ACCEPT_LANGUAGE_CHARS_MAX].split(","):
        name, _, parameters = part.partition(";")
        short = name.strip().lower().partition("-")[0]
        if short not in BY_LANGUAGE:
            continue
        key, _, value = parameters.strip().partition("=")
        try:
            weight = float(value) if key.strip() == "q" else 1.0
        except ValueError:
            continue
        if best_weight < weight <= 1.0:
            best, best_weight = short, weight
    return best


def message(code: str, locale: str) -> str:
    """Return what a person reads for a fault code, in the language of `locale`."""
    return BY_LANGUAGE[language(locale)][code]


def document(
    code: str,
    *,
    locale: str,
    request_id: str,
    reason: str = "",
    errors: Sequence[Wrong] = (),
) -> Problem:
    """Return the problem document of a fault code."""
    kind = KINDS[code]
    return Problem(
        type=f"urn:entrevistador:problem:{code}",
        title=kind.title,
        status=kind.status,
        code=code,
        detail=message(code, locale),
        request_id=request_id,
        reason=reason,
        errors=list(errors),
    )


def encode(problem: Problem) -> bytes:
    """Return the document as JSON."""
    return _encode(problem)


def headers(fault: Fault) -> dict[str, str]:
    """Return the headers a fault calls for: when to come back, how to prove who one is."""
    told = {"cache-control": "no-store"}
    after = fault.retry_after
    if after is None and fault.kind.retry and fault.kind.status == SERVICE_UNAVAILABLE:
        after = UNAVAILABLE_RETRY_SECONDS  # what passes says when to come back
    if after is not None:
        told["retry-after"] = str(max(1, round(after)))
    if fault.kind.status == 401:  # noqa: PLR2004 - RFC 9110 wants the challenge with a 401
        told["www-authenticate"] = "Bearer"
    return told


def responses(*codes: str) -> Mapping[int, ResponseSpec]:
    """Return OpenAPI's description of the faults that a route may answer with."""
    by_status: dict[int, list[str]] = {}
    for code in ("invalid_input", "rate_limited", "unavailable", "server_error", *codes):
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=", ".join(dict.fromkeys(found)),
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status, found in sorted(by_status.items())
    }


def _respond(
    request: Request[Any, Any, Any],
    fault: Fault,
    errors: Sequence[Wrong] = (),
    more_headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    metrics.faults.labels(fault.code).inc()
    locale = accepted_language(request.headers.get("accept-language"))
    problem = document(
        fault.code,
        locale=locale,
        request_id=request_id_of(request),
        reason=fault.detail,
        errors=errors,
    )
    return Response(
        encode(problem),
        status_code=fault.kind.status,
        media_type=MEDIA_TYPE,
        headers={**headers(fault), "content-language": locale, **(more_headers or {})},
    )


def on_fault(request: Request[Any, Any, Any], fault: Fault) -> Response[bytes]:
    """Tell an expected failure."""
    return _respond(request, fault)


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Tell what the framework refused: routing, validation, size."""
    code = _CODES_BY_STATUS.get(error.status_code)
    if code is None:
        if error.detail == _DISCONNECTED:
            return _respond(request, Fault("invalid_input", _DISCONNECTED))
        return on_crash(request, error)
    errors, detail = _wrongs(error.extra), ""
    if code == "invalid_input":
        detail = "; ".join(f"{w.path}: {w.message}" if w.path else w.message for w in errors)
        detail = detail or error.detail
    # The framework's methods are CORS's business too; only Allow is worth passing on.
    allow = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return _respond(request, Fault(code, detail[:2000]), errors, allow)


def _wrongs(extra: Any) -> list[Wrong]:
    if not isinstance(extra, list):
        return []
    return [
        Wrong(path=str(entry.get("key", "")), message=str(entry.get("message", "")))
        for entry in extra[:ERRORS_MAX]
        if isinstance(entry, dict)
    ]


def on_deep_input(request: Request[Any, Any, Any], _: RecursionError) -> Response[bytes]:
    """Refuse a body nested beyond any use."""
    return _respond(request, Fault("invalid_input", "the body is nested too deeply"))


def on_crash(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Log a bug with its stack and tell nothing of it."""
    try:
        raise error
    except Exception:  # noqa: BLE001 - the stack is what is wanted
        log.crash("request_crashed", error=type(error).__name__)
    return _respond(request, Fault("server_error"))


HANDLERS: Final[Mapping[int | type[Exception], Any]] = {
    Fault: on_fault,
    HTTPException: on_http_exception,
    RecursionError: on_deep_input,
    Exception: on_crash,
}
