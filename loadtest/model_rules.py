"""What the stand-in refuses, as the Messages API does: so that our requests obey the real rules."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

MODELS: Final = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")
THINKING: Final = {
    "claude-haiku-5-5": ("adaptive", "disabled"),
    "claude-sonnet-5-5": ("adaptive", "between_tools"),
    "claude-opus-5-5": ("adaptive",),
}
EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
GONE: Final = ("temperature", "top_p", "top_k")
BREAKPOINTS_MAX: Final = 4
OUTPUT_TOKENS_MAX: Final = 128_000
ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


class Refused(NamedTuple):
    """An HTTP status, the words of the error body, and when to come back."""

    status: int
    message: str
    retry_after: float = 0.0


def check_headers(headers: Mapping[str, str]) -> Refused | None:
    """Return why a caller is not let in: no key (in either header), or no version."""
    if not headers.get("x-api-key") and not headers.get("authorization"):
        return Refused(401, "an Authorization or x-api-key header is required")
    if not headers.get("anthropic-version"):
        return Refused(400, "anthropic-version: header is required")
    return None


def check_message(body: Any, *, counting: bool = False) -> Refused | None:
    """Return what is wrong with a request for a message, or None."""
    if not isinstance(body, dict):
        return Refused(400, "the body must be a JSON object")
    model = body.get("model")
    if model not in MODELS:
        return Refused(404, f"model: {model}")
    limit = body.get("max_tokens")
    if not counting and not (isinstance(limit, int) and 0 < limit <= OUTPUT_TOKENS_MAX):
        return Refused(400, "max_tokens: a positive integer within the model's limit is required")
    gone = [name for name in GONE if name in body]
    if gone:
        return Refused(400, f"{gone[0]}: sampling parameters are not supported for this model")
    wrong = _check_turns(body) or _check_options(model, body)
    return Refused(400, wrong) if wrong else None


def _check_turns(body: dict[str, Any]) -> str:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    if messages[0].get("role") != "user":
        return "messages: first message must use the user role"
    if messages[-1]["role"] == "assistant":
        return "messages: prefilling the assistant's turn is not supported for this model"
    if any(not block.get("text", "x").strip() for block in blocks(body)):
        return "messages: text content blocks must be non-empty"
    if sum("cache_control" in block for block in blocks(body)) > BREAKPOINTS_MAX:
        return f"a maximum of {BREAKPOINTS_MAX} blocks with cache_control may be provided"
    return ""


def _check_options(model: str, body: dict[str, Any]) -> str:
    kind = body.get("thinking", {}).get("type", "adaptive")
    if kind not in THINKING[model]:
        return f'"thinking.type.{kind}" is not supported for this model'
    config = body.get("output_config", {})
    effort = config.get("effort", "medium")
    if effort not in EFFORTS:
        return "output_config.effort: unexpected value"
    if kind == "disabled" and effort in ("xhigh", "max"):
        return "thinking may not be disabled at this effort"
    form = config.get("format")
    if form is not None and form.get("type") != "json_schema":
        return "output_config.format.type: json_schema is expected"
    return _check_schema(form["schema"]) if form else ""


def _check_schema(schema: Any) -> str:
    """Refuse what structured output does not know: open objects and numeric or length bounds."""
    if isinstance(schema, list):
        return next((wrong for item in schema if (wrong := _check_schema(item))), "")
    if not isinstance(schema, dict):
        return ""
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return "output_config.format.schema: additionalProperties must be false"
    for word in ("minimum", "maximum", "minLength", "maxLength", "maxItems", "pattern"):
        if word in schema and not isinstance(schema[word], dict):
            return f"output_config.format.schema: {word} is not supported"
    return next((wrong for value in schema.values() if (wrong := _check_schema(value))), "")


def blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the prompt's content blocks in the order in which they are cached."""
    system = body.get("system") or []
    found = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
    for turn in body["messages"]:
        content = turn["content"]
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        found.extend({**block, "role": turn["role"]} for block in content)
    return found
