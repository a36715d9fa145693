"""Expected failures: one table gives each its code, HTTP status, close code and retry.

Every edge (problem document, close frame, job retry) derives from this table. Close codes
4000-4499 mean "come back", 4500-4999 mean "do not".
"""

from typing import Final

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """What a fault code means at each edge; `retry` tells a client or a job to try again."""

    code: str
    status: int
    close: int | None
    retry: bool
    title: str


def _table(*kinds: Kind) -> dict[str, Kind]:
    return {kind.code: kind for kind in kinds}


KINDS: Final = _table(
    # the door
    Kind("not_found", 404, 4507, False, "There is no such thing, or it is not yours to see"),
    Kind("unauthorized", 401, 4507, False, "The token is missing, wrong or expired"),
    Kind("forbidden", 403, 4507, False, "This token may not do that"),
    Kind("origin_refused", 403, 4507, False, "The page's origin is not on the list"),
    Kind("ticket_used", 401, 4003, True, "The ticket was used or has expired; fetch another"),
    Kind("ticket_invalid", 401, 4507, False, "The ticket is not valid"),
    Kind("at_capacity", 503, 4029, True, "Every place is taken; try again shortly"),
    Kind("draining", 503, 4001, True, "This instance is closing; another one takes over"),
    Kind("consent_missing", 403, 4504, False, "Consent has not been recorded yet"),
    Kind("withdrawn", 410, 4503, False, "The invitation was withdrawn"),
    Kind("interview_over", 410, 4509, False, "This interview has ended"),
    Kind("version_unknown", 400, 4510, False, "The subprotocol's version is not known"),
    Kind("rate_limited", 429, 4013, True, "Too many requests; slow down"),
    Kind("invalid_input", 400, None, False, "The request is not valid"),
    Kind("too_large", 413, None, False, "The body is larger than allowed"),
    Kind("unsupported_media_type", 415, None, False, "That kind of body is not understood"),
    Kind("conflict", 409, None, False, "The thing has changed meanwhile"),
    Kind("method_not_allowed", 405, None, False, "That method is not allowed here"),
    Kind("unavailable", 503, 4004, True, "A part of the service is away; try again"),
    Kind("server_error", 500, 4004, True, "Something broke on our side"),
    # inside a session
    Kind("bad_frame", 400, 4501, False, "The frame could not be understood"),
    Kind("not_joined", 400, 4002, True, "The first frame must be session.join, in time"),
    Kind("already_joined", 400, None, False, "This connection has joined already"),
    Kind("opened_elsewhere", 409, 4505, False, "The interview was opened elsewhere"),
    Kind("place_released", 409, 4506, False, "A long pause gave its place to others; come back"),
    Kind("moving", 503, 4001, True, "The session moves to another instance"),
    Kind("slow_consumer", 408, 4008, True, "The connection does not take what is sent"),
    Kind("silent", 408, 4012, True, "Nothing was heard from the client"),
    Kind("state_lost", 410, 4010, True, "The session's state has to be loaded again"),
    Kind("answer_empty", 400, None, False, "The answer is empty"),
    Kind("answer_too_long", 413, None, False, "The answer is longer than allowed"),
    Kind("answer_invalid", 400, None, False, "The answer holds characters that cannot be kept"),
    Kind("wrong_turn", 409, None, False, "The answer is for another turn"),
    Kind("turn_answered", 409, None, False, "The turn has been answered already"),
    Kind("question_not_ready", 409, None, True, "The question has not been asked in full yet"),
    Kind("paused", 409, None, False, "The interview is paused"),
    Kind("not_saved", 503, None, True, "The answer could not be kept yet; it is sent again"),
    Kind("ending_waits", 503, None, True, "All is said and kept; the end is being recorded"),
    Kind(
        "moving_waits", 503, None, True, "All is kept; it goes on once a part that is away is back"
    ),
    Kind("fence_lost", 409, 4505, False, "Another instance owns the session now"),
    # the model
    Kind("model_unavailable", 503, None, True, "The model did not answer"),
    Kind("model_refused", 502, None, False, "The model refused to answer"),
    Kind("model_truncated", 502, None, True, "The model's answer was cut"),
    Kind("model_busy", 503, None, True, "Every place at the model is taken; try again later"),
    Kind("model_budget", 402, None, False, "The budget for models is spent"),
    # CVs
    Kind("cv_empty", 422, None, False, "The file is empty"),
    Kind("cv_too_large", 413, None, False, "The file is larger than 50 MB"),
    Kind("cv_not_a_cv_file", 422, None, False, "The file is not a PDF, DOC or DOCX"),
    Kind("cv_encrypted", 422, None, False, "The file is protected with a password"),
    Kind("cv_damaged", 422, None, False, "The file is damaged"),
    Kind("cv_bomb", 422, None, False, "The file unpacks to far more than it should"),
    Kind("cv_timeout", 422, None, True, "Reading the file took too long"),
    Kind("cv_memory", 422, None, False, "Reading the file needs too much memory"),
    Kind("cv_doc_reader_missing", 422, None, False, "Old DOC files cannot be read here"),
    Kind("cv_needs_ocr", 422, None, False, "The file is a picture without text"),
    Kind("cv_not_uploaded", 409, None, True, "The file has not arrived yet"),
    Kind("cv_crashed", 422, None, False, "Reading the file broke the reader"),
    Kind("cv_attempts_exhausted", 422, None, False, "Reading the file failed several times"),
)


class Fault(Exception):  # noqa: N818 - the house's word for an expected failure
    """An expected failure with a code of KINDS; `detail` is for people and holds no secrets."""

    def __init__(self, code: str, detail: str = "", *, retry_after: float | None = None) -> None:
        """Raise with a code of KINDS; an unknown code is a bug and raises KeyError."""
        self.kind = KINDS[code]
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(f"{code}: {detail or self.kind.title}")

    @property
    def code(self) -> str:
        """The machine-readable code."""
        return self.kind.code
