"""The wire as an AsyncAPI 3 document and JSON Schemas, generated from the structs themselves."""

from typing import Any, Final, get_args

import msgspec

from protocol import faults, limits, messages

VERSION: Final = "1.0.0"
_TITLE: Final = "entrevistador: the live wire"
_ABOUT: Final = (
    "One WebSocket per candidate, JSON text frames of at most {bytes} bytes, tagged by `type`. "
    "Offer the subprotocols `{protocol}` and `ticket.<token>` or `resume.<token>`; the door "
    "decides before the upgrade. The first frame is session.join."
)


def document() -> dict[str, Any]:
    """Return the AsyncAPI 3 document of wire v1."""
    client, server = get_args(messages.ClientFrame), get_args(messages.ServerFrame)
    _, schemas = msgspec.json.schema_components(
        (*client, *server), ref_template="#/components/schemas/{name}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": _TITLE,
            "version": VERSION,
            "description": _ABOUT.format(
                bytes=limits.FRAME_BYTES_MAX, protocol=messages.SUBPROTOCOL
            ),
        },
        "defaultContentType": "application/json",
        "channels": {
            "live": {
                "address": "/ws",
                "messages": {
                    _tag(kind): {"$ref": f"#/components/messages/{_tag(kind)}"}
                    for kind in (*client, *server)
                },
            }
        },
        "operations": {
            "send": _operation("receive", "What a candidate's page sends", client),
            "hear": _operation("send", "What a candidate's page hears", server),
        },
        "components": {
            "messages": {_tag(kind): _message(kind) for kind in (*client, *server)},
            "schemas": schemas,
        },
        "x-close-codes": _close_codes(),
        "x-limits": _limits(),
    }


def _tag(kind: type) -> str:
    return str(kind.__struct_config__.tag)  # type: ignore[attr-defined] # msgspec's own name


def _message(kind: type) -> dict[str, Any]:
    return {
        "name": _tag(kind),
        "summary": (kind.__doc__ or "").strip(),
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
    }


def _operation(action: str, summary: str, kinds: tuple[type, ...]) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/live"},
        "messages": [{"$ref": f"#/channels/live/messages/{_tag(kind)}"} for kind in kinds],
    }


def _close_codes() -> list[dict[str, Any]]:
    """Every close code of ours, which faults use it, and whether to come back."""
    codes: dict[int, list[faults.Kind]] = {}
    for kind in faults.KINDS.values():
        if kind.close is not None:
            codes.setdefault(kind.close, []).append(kind)
    return [
        {
            "code": code,
            "faults": [kind.code for kind in kinds],
            "comeBack": code <= COME_BACK_MAX,
            "meaning": kinds[0].title,
        }
        for code, kinds in sorted(codes.items())
    ]


COME_BACK_MAX: Final = 4500  # 4000-4500 come back, 4501-4999 do not


def _limits() -> dict[str, float]:
    return {
        "frameBytesMax": limits.FRAME_BYTES_MAX,
        "answerCharsMax": limits.ANSWER_CHARS_MAX,
        "clientMsgIdCharsMax": limits.CLIENT_MSG_ID_CHARS_MAX,
        "joinSeconds": limits.JOIN_SECONDS,
        "heartbeatSeconds": limits.HEARTBEAT_SECONDS,
        "pongSeconds": limits.PONG_SECONDS,
        "silenceSeconds": limits.SILENCE_SECONDS,
        "framesPerSecond": limits.FRAMES_PER_SECOND,
        "framesBurst": limits.FRAMES_BURST,
        "ticketSeconds": limits.TICKET_SECONDS,
    }
