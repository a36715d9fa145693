"""The demo's journey: CV -> match -> interview -> report, over the public doors only."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from cli.candidate import Candidate
from cli.telling import Teller, short
from cli.visit import Visit
from client.errors import Refused
from client.rest import Api
from client.session import Interview
from protocol import messages, refusals
from runtime import clock

READ_SECONDS: Final = 120.0
REPORT_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.1
POLL_SECONDS_MAX: Final = 1.0  # a person's calls are limited: a slow house is asked less often
POLL_GROWTH: Final = 1.15
MATCHES_MAX: Final = 200


class Refusal(Exception):  # noqa: N818 - the file was refused, which is no bug
    """The CV can't be used; `cv` is what became of it."""

    def __init__(self, message: str, cv: dict[str, Any]) -> None:
        """Keep the reason for people and the state for programs."""
        super().__init__(message)
        self.cv = cv


class Journey:
    """One journey through a running house, told step by step."""

    def __init__(self, base_url: str, api: Api, visit: Visit, teller: Teller) -> None:
        """Travel as the recruiter of `api`; what is made on the way belongs to `visit`."""
        self._base_url = base_url
        self._api = api
        self._visit = visit
        self._teller = teller
        self._words = teller.words
        self._say = teller.say

    async def run(self, data: bytes, filename: str, opening: dict[str, Any]) -> dict[str, Any]:
        """Return cv, matches, interview, report (and its HTML page under `html`)."""
        self._step("opening", title=opening["title"])
        # Whoever runs a demo waits for the report: no batch for this one.
        opening_id = await self._visit.begin({**opening, "reports": "now"})
        self._step("cv", name=filename, size=self._words.size(len(data)))
        cv = await self._read_cv(data, filename, opening_id)
        self._step("matches")
        matches = await self._matches(opening_id, cv)
        self._step("interview")
        interview = await self._interview(opening_id, cv)
        self._step("report")
        report = await self._report(interview["id"])
        return {
            "cv": {key: cv[key] for key in ("status", "pages", "language", "profile")},
            "matches": matches,
            "interview": interview,
            "report": report,
            "html": await self._api.page(f"/interviews/{interview['id']}/report.html"),
        }

    def _step(self, key: str, **values: Any) -> None:
        self._say("\n" + self._words(key, **values))

    async def _announce(self, data: bytes, filename: str, opening_id: str) -> dict[str, Any]:
        """Get a place for the file; an empty or too large one is refused here already."""
        about = {"filename": filename, "bytes": len(data), "opening_id": opening_id}
        try:
            asked: dict[str, Any] = await self._api.post("/cvs", {**about, "lane": "premium"})
        except Refused as refused:
            if refused.code not in refusals.MESSAGES:
                raise
            why = refusals.message(refused.code, self._words.locale)
            shown = {"status": "refused", "pages": None, "language": None, "profile": None}
            raise Refusal(
                f"{filename}: {why}", {**shown, "fault": refused.code, "message": why}
            ) from None
        return asked

    async def _read_cv(self, data: bytes, filename: str, opening_id: str) -> dict[str, Any]:
        asked = await self._announce(data, filename, opening_id)
        self._visit.met(asked["candidate_id"])
        upload = asked["upload"]
        await self._api.upload(upload["url"], data, upload.get("headers"))
        await self._api.post(f"/cvs/{asked['cv_id']}/confirm")
        cv = await self._until_read(asked["cv_id"])
        found = {
            "cv_id": asked["cv_id"],
            "candidate_id": asked["candidate_id"],
            "status": cv["status"],
            "pages": cv["pages"],
            "language": cv["language"],
            "profile": cv.get("profile"),
        }
        if cv["status"] == "refused":
            fault = cv.get("fault") or {}
            shown = {**found, "fault": fault.get("code"), "message": fault.get("message")}
            raise Refusal(f"{filename}: {fault.get('message')}", shown)
        self._teller.profile(cv)
        return found

    async def _until_read(self, cv_id: str) -> dict[str, Any]:
        shown = ""
        async for _ in self._asking(READ_SECONDS):
            cv: dict[str, Any] = await self._api.get(f"/cvs/{cv_id}")
            if cv["stage"] != shown:
                shown = cv["stage"]
                self._teller.stage(cv)
            if cv["status"] in ("ready", "refused", "needs_ocr"):
                return cv
        raise self._too_slow(READ_SECONDS)

    async def _asking(self, seconds: float) -> AsyncIterator[None]:
        """Yield until `seconds` have passed, quickly at first and then less often."""
        deadline, wait = clock.monotonic() + seconds, POLL_SECONDS
        while clock.monotonic() < deadline:
            yield
            await asyncio.sleep(wait)
            wait = min(POLL_SECONDS_MAX, wait * POLL_GROWTH)

    def _too_slow(self, seconds: float) -> Refused:
        return Refused("timeout", self._words("slow", seconds=f"{seconds:g}"))

    async def _matches(self, opening_id: str, cv: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the match with the demo's opening, then those with the others, best first."""
        if cv["status"] != "ready":
            self._say(f"   {self._words('no_match')}")
            return []
        async for _ in self._asking(READ_SECONDS):
            page = await self._api.get(f"/cvs/{cv['cv_id']}/matches?limit={MATCHES_MAX}")
            mine = [item for item in page["items"] if item["opening_id"] == opening_id]
            if mine:
                others = [item for item in page["items"] if item["opening_id"] != opening_id]
                self._teller.match(mine[0])
                self._teller.others(others)
                return [_match(item) for item in (*mine, *others)]
        raise self._too_slow(READ_SECONDS)

    async def _interview(self, opening_id: str, cv: dict[str, Any]) -> dict[str, Any]:
        whom = {"cv_id": cv["cv_id"]} if cv["profile"] else {"candidate_id": cv["candidate_id"]}
        locale = self._words.locale
        wanted = {"opening_id": opening_id, "locale": locale, **whom}
        made = await self._api.post("/interviews", wanted)
        invitation = made["link"].rpartition("#")[2]
        candidate = Candidate(cv["profile"], locale)
        async with Api(self._base_url, invitation, locale=locale) as own:
            about = await own.get("/invitation")
            consent = about["consent"]
            await own.post(
                "/invitation/consent",
                {
                    "version": consent["version"],
                    "sha256": consent["sha256"],
                    "given": True,
                    "locale": consent["locale"],
                },
            )
            engine = await self._talk(Interview(own.ticket, fetch_again=own.ticket), candidate)
        record = await self._api.get(f"/interviews/{made['id']}")
        turns = [
            {key: turn[key] for key in ("turn", "competency", "question", "answer")}
            for turn in record["turns"]
        ]
        return {"id": made["id"], "engine": engine, "turns": turns}

    async def _talk(self, interview: Interview, candidate: Candidate) -> str:
        engine, asked = "", 0
        async for frame in interview.frames():
            match frame:
                case messages.SessionJoined() | messages.EngineChanged():
                    if frame.engine != engine:
                        engine = frame.engine
                        self._say(f"   {self._words('asks', engine=self._words.code(engine))}")
                case messages.QuestionCompleted() if frame.turn > asked:
                    asked = frame.turn
                    self._teller.question(asked, frame.competency, frame.text)
                    await interview.answer(asked, candidate.answer(asked))
                case messages.SessionState(current=now) if now and now.completed:
                    if now.turn > asked:  # it was asked while the connection was away
                        asked = now.turn
                        self._teller.question(asked, "", now.text)
                        await interview.answer(asked, candidate.answer(asked))
                case messages.AnswerAccepted():
                    self._say(f"      {short(candidate.answer(frame.turn))}")
                case messages.SessionFinished():
                    self._say(f"\n   {self._words.code(frame.reason)}")
        return engine

    async def _report(self, interview_id: str) -> dict[str, Any]:
        async for _ in self._asking(REPORT_SECONDS):
            try:
                found = await self._api.get(f"/interviews/{interview_id}/report")
            except Refused as refused:
                if refused.code != "not_found":
                    raise
                continue
            self._teller.report(found)
            return {
                "competencies": [
                    {"name": item["name"], "level": item["level"], "quotes": item["quotes"]}
                    for item in found["competencies"]
                ],
                "engine": found["engine"],
                "summary": found["summary"],
            }
        raise self._too_slow(REPORT_SECONDS)


def _match(match: dict[str, Any]) -> dict[str, Any]:
    keys = ("opening_id", "score", "matched", "missing", "gates")
    return {key: match[key] for key in keys}
