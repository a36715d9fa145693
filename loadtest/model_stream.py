"""One answer of the stand-in as the API's events, with the fault that was ordered built in."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Any, Final, NamedTuple

import msgspec

from loadtest import model_text
from loadtest.model_cache import Counted

STATUS_FAULTS: Final = ("400", "401", "429", "500", "529")
STREAM_FAULTS: Final = (
    "cut",  # the stream ends in the middle, without message_stop
    "unended",  # everything but message_stop
    "reset",  # the connection breaks in the middle
    "mid_error",  # an overload is reported in the middle, with status 200
    "refusal",  # nothing but stop_reason refusal
    "late_refusal",  # half a question, then stop_reason refusal
    "max_tokens",  # half a question, then stop_reason max_tokens
    "thinking",  # a thinking block comes first
    "hung",  # the connection is taken, and for slow_seconds not even a head comes; then 500
    "slow",  # the first piece comes after slow_seconds
    "pinged",  # the same, with pings meanwhile
    "stall",  # half a question, then nothing for slow_seconds
    "empty",  # no text at all
    "long",  # far more text than a question
    "garbage",  # structured output that is not JSON
    "malformed",  # an event in the middle that is not JSON
    "html",  # status 200 and a page instead of a stream
    "future",  # events, blocks and fields that nobody knows yet, between the known ones
)
BATCH_FAULTS: Final = ("errored", "expired")  # of one request in a batch
FAULTS: Final = STATUS_FAULTS + STREAM_FAULTS + BATCH_FAULTS
RESET: Final = b"reset"  # in place of an event: the connection is to break here
BROKEN: Final = ("cut", "reset", "mid_error", "malformed")  # no account at the end
NO_WHOLE: Final = (*BROKEN, "unended", "refusal", "late_refusal", "max_tokens")
PINGS: Final = 20
STOPS: Final = {"refusal": "refusal", "late_refusal": "refusal", "max_tokens": "max_tokens"}
LONG_CHARS: Final = 6_000


class Sent(NamedTuple):
    """One step of a stream: seconds to wait first, bytes to send, and the text in them."""

    wait: float
    data: bytes
    text: str = ""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the stand-in behaves; a limit of 0 is not enforced.

    `fault` spoils every `fault_every`-th request; `faults` are chances by name, thrown with `seed`.
    `obedient` makes a model of it that does whatever an answer orders;
    `pieces` makes every text that long, by saying it again (0 = as it is);
    `speed` is how fast its clock runs, `models_gone` what it does not serve (any more).
    """

    piece_seconds: float = 0.025
    first_piece_seconds: float = 0.0
    slow_seconds: float = 60.0
    retry_after_seconds: float = 7.0
    pieces: int = 0
    obedient: bool = False
    fault: str = ""
    fault_every: int = 1
    faults: Mapping[str, float] = {}
    seed: int = 0
    requests_per_minute: int = 0
    input_tokens_per_minute: int = 0
    output_tokens_per_minute: int = 0
    prefix_tokens_min: int = 512
    batch_seconds: float = 2.0
    speed: float = 1.0
    models_gone: tuple[str, ...] = ()


def text_for(body: dict[str, Any], fault: str, options: "Options") -> str:
    """Return the text that answers a request, spoilt where the fault is in the text itself."""
    text = model_text.reply(body, obedient=options.obedient)
    if options.pieces:
        text = " ".join(islice(cycle(text.split(" ")), options.pieces))
    if fault == "empty":
        return ""
    if fault == "long":
        return f"{text} " * (1 + LONG_CHARS // len(text))
    return "not JSON at all" if fault == "garbage" else text


class Order(msgspec.Struct, frozen=True):
    """What is to be answered to one request, and how it goes wrong."""

    options: Options
    body: dict[str, Any]
    counted: Counted
    fault: str
    text: str  # the whole of it, were nothing cut

    def usage(self) -> dict[str, int]:
        """Return the usage as the answer's end tells it; thinking is billed as output."""
        written = "" if self.fault == "refusal" else self.text
        if self.fault == "thinking":
            written += model_text.THOUGHT
        return self.usage_of(written)

    @property
    def breaks(self) -> bool:
        """Whether the stream ends without an account of itself."""
        return self.fault in BROKEN

    @property
    def digest(self) -> str:
        """Return the digest of a text that is sent to its end as a whole one, else ""."""
        return "" if self.fault in NO_WHOLE else digest_of(self.text)

    def usage_of(self, written: str) -> dict[str, int]:
        """Return the usage when so much was written; more than was allowed is never billed."""
        top = int(self.body["max_tokens"])
        return self.counted.usage(min(top, model_text.tokens(written)))

    def first_seconds(self) -> float:
        """Return how long the first piece takes."""
        slow = self.fault == "slow"
        return self.options.slow_seconds if slow else self.options.first_piece_seconds

    def message(self) -> dict[str, Any]:
        """Return the answer in one piece."""
        text = self.text
        if self.fault == "max_tokens":
            text = text[: len(text) // 2]
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if self.fault == "refusal":
            content = []
        if self.fault == "thinking":
            thought = {"type": "thinking", "thinking": model_text.THOUGHT, "signature": "c3Q="}
            content.insert(0, thought)
        reason = STOPS.get(self.fault, "end_turn")
        return {**self._head(self.usage()), "content": content, "stop_reason": reason}

    def events(self) -> Iterator[Sent]:
        """Yield the stream's steps until it ends or breaks."""
        yield Sent(0.0, _event("message_start", message=self._head(self.counted.usage(1))))
        index = 0
        if self.fault in ("thinking", "future"):
            yield from _thinking() if self.fault == "thinking" else _future()
            index = 1
        if self.fault == "pinged":
            for _ in range(PINGS):
                yield Sent(self.options.slow_seconds / PINGS, _event("ping"))
        pieces = [] if self.fault == "refusal" else _pieces(self.text)
        if pieces:
            block = {"type": "text", "text": ""}
            yield Sent(0.0, _event("content_block_start", index=index, content_block=block))
            yield Sent(0.0, _event("ping"))
            yield from self._deltas(pieces, index)
        if self.fault in BROKEN:
            return
        if pieces:
            yield Sent(0.0, _event("content_block_stop", index=index))
        delta = {"stop_reason": STOPS.get(self.fault, "end_turn"), "stop_sequence": None}
        yield Sent(0.0, _event("message_delta", delta=delta, usage=self.usage()))
        if self.fault == "unended":
            return
        yield Sent(0.0, _event("message_stop"))

    def _deltas(self, pieces: list[str], index: int) -> Iterator[Sent]:
        half = len(pieces) // 2
        wait = self.first_seconds()
        for number, piece in enumerate(pieces):
            if number == half and self.fault in ("cut", "late_refusal", "max_tokens"):
                return
            if number == half and self.fault == "reset":
                yield Sent(0.0, RESET)
            if number == half and self.fault == "malformed":
                yield Sent(0.0, b"event: content_block_delta\ndata: {this is no JSON\n\n")
                return
            if number == half and self.fault == "mid_error":
                error = {"type": "overloaded_error", "message": "Overloaded"}
                yield Sent(0.0, _event("error", error=error))
                return
            if number == half and self.fault == "stall":
                wait = self.options.slow_seconds
            delta = {"type": "text_delta", "text": piece}
            yield Sent(wait, _event("content_block_delta", index=index, delta=delta), piece)
            wait = self.options.piece_seconds

    def _head(self, usage: dict[str, int]) -> dict[str, Any]:
        prompt = msgspec.json.encode(self.body)
        return {
            "id": f"msg_{hashlib.blake2b(prompt, digest_size=12).hexdigest()}",
            "type": "message",
            "role": "assistant",
            "model": self.body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }


def digest_of(text: str) -> str:
    """Return what a text is compared by, without keeping it."""
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _event(name: str, **fields: Any) -> bytes:
    data = json.dumps({"type": name, **fields}, ensure_ascii=False)
    return f"event: {name}\ndata: {data}\n\n".encode()


def _thinking() -> Iterator[Sent]:
    block = {"type": "thinking", "thinking": "", "signature": ""}
    yield Sent(0.0, _event("content_block_start", index=0, content_block=block))
    for delta in (
        {"type": "thinking_delta", "thinking": model_text.THOUGHT},
        {"type": "signature_delta", "signature": "c3Q="},
    ):
        yield Sent(0.0, _event("content_block_delta", index=0, delta=delta))
    yield Sent(0.0, _event("content_block_stop", index=0))


def _future() -> Iterator[Sent]:
    """A block, a delta, an event and a field that are yet to be invented."""
    block = {"type": "hologram", "text": "not for reading", "data": [1, None]}
    yield Sent(0.0, _event("content_block_start", index=0, content_block=block))
    delta = {"type": "hologram_delta", "text": "not for reading"}
    yield Sent(0.0, _event("content_block_delta", index=0, delta=delta, since={"year": 2031}))
    yield Sent(0.0, _event("weather_report", delta={"sky": "clear"}))
    yield Sent(0.0, b": a comment\nid: 7\nretry: 1000\n\n")
    yield Sent(0.0, _event("content_block_stop", index=0))


def _pieces(text: str) -> list[str]:
    return [word if index == 0 else f" {word}" for index, word in enumerate(text.split(" "))]
