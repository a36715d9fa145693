"""The stand-in's batches: made, looked at, cancelled, and read line by line when they have ended.

All of a batch's requests end together, `batch_seconds` after it was made on the stand-in's clock.
A request that the API would refuse becomes an errored result; the fault `expired` or `errored`,
ordered like any other, falls on the batch's requests one after the other.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import msgspec

from loadtest import model_rules
from loadtest.model_clock import StandinClock, stamp
from loadtest.model_rules import Refused

REQUESTS_MAX: Final = 100_000
KEPT_MAX: Final = 10_000
DAY: Final = 86_400.0
PAGE: Final = 20
OUTCOMES: Final = ("succeeded", "errored", "canceled", "expired")
_CUSTOM_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_BODY: Final = "requests: a list of {custom_id, params} is required"

Answer = Callable[[dict[str, Any], str], dict[str, Any]]  # (params, fault) -> the whole message
Fault = Callable[[], str]


class Batch(msgspec.Struct):
    """One batch and, once it has ended, its results."""

    id: str
    key: str
    number: int
    created: float
    requests: list[dict[str, Any]]
    faults: list[str]
    cancelled: float | None = None
    results: list[dict[str, Any]] | None = None


class Batches:
    """The batches of every key, newest last."""

    def __init__(self, clock: StandinClock, answer: Answer, seconds: Callable[[], float]) -> None:
        """Answer each request with `answer`; a batch takes `seconds`."""
        self._clock = clock
        self._answer = answer
        self._seconds = seconds
        self._kept: OrderedDict[str, Batch] = OrderedDict()
        self.made = 0

    def make(self, key: str, body: Any, fault: Fault) -> dict[str, Any] | Refused:
        """Keep a batch and return what the API says of it; or why it is refused whole."""
        requests = body.get("requests") if isinstance(body, dict) else None
        wrong = _wrong(requests)
        if wrong or not requests:
            return Refused(400, wrong or _BODY)
        self.made += 1
        name = f"msgbatch_standin{self.made:08d}"
        faults = [fault() for _ in requests]
        self._kept[name] = Batch(name, key, self.made, self._clock.now(), requests, faults)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return self.show(self._kept[name])

    def find(self, key: str, name: str) -> Batch | None:
        """Return a batch of this key."""
        found = self._kept.get(name)
        return found if found is not None and found.key == key else None

    def page(self, key: str, query: dict[str, str]) -> dict[str, Any]:
        """Return a page of the key's batches, newest first."""
        mine = [one for one in reversed(self._kept.values()) if one.key == key]
        if after := self._kept.get(query.get("after_id", "")):
            mine = [one for one in mine if one.number < after.number]
        if before := self._kept.get(query.get("before_id", "")):
            mine = [one for one in mine if one.number > before.number]
        size = min(1000, max(1, int(query.get("limit") or PAGE)))
        shown = [self.show(one) for one in mine[:size]]
        return {
            "data": shown,
            "has_more": len(mine) > size,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
        }

    def show(self, batch: Batch) -> dict[str, Any]:
        """Return the batch's object as of now."""
        self._settle(batch)
        counts = dict.fromkeys(("processing", *OUTCOMES), 0)
        for line in batch.results or ():
            counts[line["result"]["type"]] += 1
        counts["processing"] = 0 if batch.results is not None else len(batch.requests)
        status = "in_progress" if batch.cancelled is None else "canceling"
        ended = batch.results is not None
        began = self._date(batch.created)
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else status,
            "request_counts": counts,
            "created_at": began,
            "expires_at": self._date(batch.created + DAY),
            "ended_at": self._date(self._end(batch)) if ended else None,
            "cancel_initiated_at": self._date(batch.cancelled) if batch.cancelled else None,
            "archived_at": None,
            "results_url": f"/v1/messages/batches/{batch.id}/results" if ended else None,
        }

    def cancel(self, batch: Batch) -> None:
        """Begin to cancel a batch that has not ended."""
        self._settle(batch)
        if batch.results is None and batch.cancelled is None:
            batch.cancelled = self._clock.now()

    def lines(self, batch: Batch) -> bytes | None:
        """Return the results, one JSON object a line, in another order than they came; or None."""
        self._settle(batch)
        if batch.results is None:
            return None
        return b"".join(msgspec.json.encode(line) + b"\n" for line in reversed(batch.results))

    def remove(self, batch: Batch) -> None:
        """Forget a batch."""
        self._kept.pop(batch.id, None)

    def _end(self, batch: Batch) -> float:
        whole = batch.created + self._seconds()
        return whole if batch.cancelled is None else min(whole, batch.cancelled)

    def _settle(self, batch: Batch) -> None:
        """Answer the requests of a batch whose time has come."""
        if batch.results is not None or self._clock.now() < self._end(batch):
            return
        batch.results = [
            {"custom_id": one["custom_id"], "result": self._result(batch, one, fault)}
            for one, fault in zip(batch.requests, batch.faults, strict=True)
        ]

    def _result(self, batch: Batch, one: dict[str, Any], fault: str) -> dict[str, Any]:
        if batch.cancelled is not None:
            return {"type": "canceled"}
        if fault == "expired":
            return {"type": "expired"}
        refused = model_rules.check_message(one["params"])
        if fault.isdigit():
            refused = Refused(int(fault), f"ordered: {fault}")
        if fault == "errored":
            refused = Refused(500, "ordered: errored")
        if refused is not None:
            kind = model_rules.ERROR_TYPES[refused.status]
            error = {"type": "error", "error": {"type": kind, "message": refused.message}}
            return {"type": "errored", "error": error}
        return {"type": "succeeded", "message": self._answer(one["params"], fault)}

    def _date(self, seconds: float) -> str:
        return stamp(self._clock.date_of(seconds))


def _wrong(requests: Any) -> str:
    """Return why a list of requests is refused, "" if it is not."""
    if not isinstance(requests, list) or not requests:
        return _BODY
    if len(requests) > REQUESTS_MAX:
        return f"a batch holds at most {REQUESTS_MAX} requests"
    if not all(isinstance(one, dict) and isinstance(one.get("params"), dict) for one in requests):
        return _BODY
    names = [one.get("custom_id") for one in requests]
    if not all(isinstance(name, str) and _CUSTOM_ID.fullmatch(name) for name in names):
        return "requests: custom_id: 1 to 64 letters, digits, hyphens and underscores"
    return "requests: custom_id: each must be unique" if len(set(names)) < len(names) else ""
