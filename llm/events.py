"""A streamed answer, from bytes to parts: server-sent events, decoded into one small struct.

Nothing here waits or knows of a connection: `Decoder` cuts bytes into events, `Heard` keeps the
account of one answer. Unknown events, blocks and fields are passed over, as the API asks of its
clients.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from llm.reply import ModelFault, RateLimits, Reason
from llm.tiers import Usage
from protocol import limits

ENDS: Final = ("end_turn", "stop_sequence")
ERRORS: Final[dict[str, Reason]] = {
    "overloaded_error": "overloaded",
    "rate_limit_error": "rate_limited",
    "api_error": "server_error",
    "timeout_error": "server_error",
}  # any other type: rejected


class Delta(msgspec.Struct, gc=False):
    """What a block or the message grows by."""

    type: str = ""
    text: str = ""
    stop_reason: str | None = None


class Counts(msgspec.Struct, gc=False):
    """Tokens; absent or null where nothing changed."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class Block(msgspec.Struct, gc=False):
    """A block of content: its text counts where its type is text."""

    type: str = ""
    text: str = ""


class Message(msgspec.Struct, gc=False):
    """The head of a streamed answer, or a whole one."""

    usage: Counts
    content: Sequence[Block] = ()
    stop_reason: str | None = None


class ErrorBody(msgspec.Struct, gc=False):
    """What went wrong, in the API's words; its message is not kept."""

    type: str = ""


class Event(msgspec.Struct, gc=False):
    """Any event of the stream."""

    type: str = ""
    delta: Delta | None = None
    message: Message | None = None
    usage: Counts | None = None
    content_block: Block | None = None
    error: ErrorBody | None = None


_event: Final = msgspec.json.Decoder(Event)


class Decoder:
    """Cuts bytes, however they arrive, into events; bytes that are none are a ModelFault."""

    def __init__(self) -> None:
        self._rest = b""
        self._returned = False  # the last byte was a carriage return: a line feed belongs to it

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield the events that are complete with these bytes, the good before a bad one."""
        if self._returned or b"\r" in data:
            data = self._plain(data)
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        if len(self._rest) > limits.MODEL_EVENT_BYTES_MAX:
            raise ModelFault("malformed", "an event without an end")
        for block in whole:
            if body := _data(block):
                try:
                    event = _event.decode(body)
                except msgspec.MsgspecError as error:
                    raise ModelFault("malformed", "not an event") from error
                yield event

    def _plain(self, data: bytes) -> bytes:
        """Return the bytes with line feeds for every kind of line end."""
        if self._returned and data.startswith(b"\n"):
            data = data[1:]
        self._returned = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data(block: bytes) -> bytes:
    """Return the data of one event: its `data:` lines, joined; names and comments are left."""
    head, found, body = block.partition(b"\ndata:")
    if found and b"\n" not in body and b"\n" not in head and not head.startswith(b"data:"):
        return body  # a name and one line of data, as the API sends them
    lines = [line[5:] for line in block.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines)


class Heard:
    """What has been heard of one answer: its cost so far, its end, and why it is none."""

    def __init__(self, bound: Usage) -> None:
        """Begin with the most that the answer can cost."""
        self.usage = bound
        self._output_max = bound.tokens_out
        self._stop_reason: str | None = None
        self.stopped = False

    def told(self, request_id: str, told: RateLimits | None) -> None:
        """Keep what the headers said; every later account carries it."""
        self.usage = msgspec.structs.replace(self.usage, request_id=request_id, limits=told)

    def hear(self, events: Iterable[Event]) -> Iterator[str | Usage]:
        """Yield what events bring, neighbouring texts as one, and the good before a bad one."""
        text = ""
        try:
            for event in events:
                part = self.take(event)
                if isinstance(part, str):
                    text += part
                elif part is not None:
                    if text:
                        yield text
                        text = ""
                    yield part
        except ModelFault:
            if text:
                yield text
            raise
        if text:
            yield text

    def take(self, event: Event) -> str | Usage | None:
        """Return what an event brings: text, a better account of the cost, or nothing.

        An error event is a ModelFault with status 200, whatever came before it.
        """
        kind, delta = event.type, event.delta
        if kind == "content_block_delta" and delta is not None:
            return delta.text if delta.type == "text_delta" and delta.text else None
        if kind == "message_start" and event.message is not None:
            self.count(event.message.usage)
            return msgspec.structs.replace(self.usage, tokens_out=self._output_max, final=False)
        if kind == "content_block_start" and event.content_block is not None:
            block = event.content_block
            return block.text if block.type == "text" and block.text else None
        if kind == "message_delta" and delta is not None:
            self._stop_reason = delta.stop_reason
            self.count(event.usage or Counts())
            return self.usage
        if kind == "message_stop":
            self.stopped = True
        elif kind == "error":
            told = event.error.type if event.error is not None else ""
            raise ModelFault(ERRORS.get(told, "rejected"), f"200 {told}", status=200)
        return None

    def count(self, counts: Counts) -> None:
        """Take the provider's own account; counts are cumulative."""
        self.usage = msgspec.structs.replace(
            self.usage,
            tokens_in=_newer(counts.input_tokens, self.usage.tokens_in),
            tokens_out=_newer(counts.output_tokens, self.usage.tokens_out),
            cache_write=_newer(counts.cache_creation_input_tokens, self._written()),
            cache_read=_newer(counts.cache_read_input_tokens, self.usage.cache_read),
            final=True,
        )

    def finish(self) -> None:
        """ModelFault when the answer ended before `message_stop`, or for a reason that is no end.

        Nothing that was cut is ever taken for whole.
        """
        if not self.stopped:
            raise ModelFault("cut", "the stream ended without message_stop")
        check_stop(self._stop_reason)

    def _written(self) -> int:
        """What was written to the cache so far; the bound counts the whole prompt there."""
        return self.usage.cache_write if self.usage.final else 0


def check_stop(reason: str | None) -> None:
    """ModelFault when an answer stopped for a reason that is no end."""
    if reason == "refusal":
        raise ModelFault("refused")
    if reason not in ENDS:
        raise ModelFault("max_tokens", reason or "no stop_reason")


def _newer(value: int | None, older: int) -> int:
    return older if value is None else value
