"""Wire v1: every frame round-trips, what is not a frame is refused, the document is complete."""

import contextlib
from typing import get_args
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import asyncapi, limits, messages

TEXT = st.text(st.characters(codec="utf-8"), max_size=50)
NUMBER = st.integers(-(2**53), 2**53)
SECONDS = st.floats(allow_nan=False, allow_infinity=False)


def value_of(kind) -> st.SearchStrategy:
    """Values of a field's type."""
    origins = {
        int: NUMBER,
        float: SECONDS,
        str: TEXT,
        bool: st.booleans(),
        UUID: st.uuids(),
        type(None): st.none(),
    }
    if kind in origins:
        return origins[kind]
    arguments = get_args(kind)
    if getattr(kind, "__origin__", None) is list:
        return st.lists(value_of(arguments[0]), max_size=3)
    if arguments:
        return st.one_of([value_of(argument) for argument in arguments])
    return frame_of(kind)


def frame_of(struct) -> st.SearchStrategy:
    """Values of a struct."""
    fields = {field.name: value_of(field.type) for field in msgspec.structs.fields(struct)}
    return st.builds(struct, **fields)


CLIENT = st.one_of([frame_of(kind) for kind in get_args(messages.ClientFrame)])
SERVER = st.one_of([frame_of(kind) for kind in get_args(messages.ServerFrame)])


@given(CLIENT)
def test_a_clients_frame_comes_back_as_it_was(frame):
    """decode(encode(frame)) == frame, in both directions."""
    assert messages.decode_client(messages.encode(frame)) == frame


@given(SERVER)
def test_a_servers_frame_comes_back_as_it_was(frame):
    """decode(encode(frame)) == frame, in both directions."""
    assert messages.decode_server(messages.encode(frame)) == frame


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_anything_else_is_refused_by_name(data):
    """Either a frame, or msgspec.DecodeError or UnicodeDecodeError: never another exception."""
    frame = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeError):
        frame = messages.decode_client(data)
    assert frame is None or isinstance(frame, get_args(messages.ClientFrame))


def test_a_newer_peer_may_say_more():
    """Unknown fields are ignored, an unknown type is not."""
    frame = messages.decode_client('{"type":"ping","color":"red"}')
    assert frame == messages.Ping()
    with pytest.raises(msgspec.ValidationError):
        messages.decode_client('{"type":"dance"}')


@given(CLIENT | SERVER)
def test_frames_of_the_record_carry_an_offset_and_no_others(frame):
    """The record's frames have `offset`; of the others only joins, acks and the state name one."""
    is_record = isinstance(frame, get_args(messages.RecordFrame))
    offsets = {"session.join", "session.ack", "session.state"}
    has = "offset" in frame.__struct_fields__
    assert has == (is_record or frame.__struct_config__.tag in offsets)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("bien", None),
        ("", "answer_empty"),
        (" \n\t", "answer_empty"),
        ("a\x00", "answer_invalid"),
        ("\ud800", "answer_invalid"),
        ("x" * limits.ANSWER_CHARS_MAX, None),
        ("x" * (limits.ANSWER_CHARS_MAX + 1), "answer_too_long"),
    ],
)
def test_an_answer_that_cannot_be_kept_is_named(text, code):
    """Empty, too long, or with characters that PostgreSQL can't keep."""
    assert messages.answer_fault(messages.AnswerSubmit("id", 1, text)) == code


def test_the_longest_answer_fits_one_frame():
    """Also when every character takes four bytes, or two as an escape."""
    for character in ("x", "ñ", "😀", '"'):
        frame = messages.AnswerSubmit("i" * 64, 1, character * limits.ANSWER_CHARS_MAX)
        assert len(messages.encode(frame)) <= limits.FRAME_BYTES_MAX


def test_the_document_names_every_frame_once():
    """AsyncAPI: each tag is a message with a schema, and every reference resolves."""
    document = asyncapi.document()
    tags = {
        kind.__struct_config__.tag
        for kind in (*get_args(messages.ClientFrame), *get_args(messages.ServerFrame))
    }
    assert set(document["components"]["messages"]) == tags
    assert set(document["channels"]["live"]["messages"]) == tags

    def resolve(node):
        if isinstance(node, dict):
            if "$ref" in node:
                found = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
            for child in node.values():
                resolve(child)
        elif isinstance(node, list):
            for child in node:
                resolve(child)

    resolve(document)
    sent = {m["$ref"].rpartition("/")[2] for m in document["operations"]["send"]["messages"]}
    assert sent == {kind.__struct_config__.tag for kind in get_args(messages.ClientFrame)}
