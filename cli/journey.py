"""The demo's journey: CV -> match -> interview -> report, over the public doors only."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from cli.candidate import Candidate
from client.errors import Refused
from client.rest import Api
from client.session import Interview
from protocol import messages
from runtime import clock

READ_SECONDS: Final = 120.0
REPORT_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.1
BAR: Final = 24


class Refusal(Exception):  # noqa: N818 - the file was refused, which is no bug
    """The CV can't be used; `cv` is what became of it."""

    def __init__(self, message: str, cv: dict[str, Any]) -> None:
        """Keep the reason for people and the state for programs."""
        super().__init__(message)
        self.cv = cv


class Journey:
    """One journey through a running house, told step by step."""

    def __init__(
        self, base_url: str, token: str, *, locale: str, say: Callable[[str], None]
    ) -> None:
        """Travel as the recruiter of `token`; `say` shows progress."""
        self._base_url = base_url
        self._token = token
        self._locale = locale
        self._say = say

    async def run(self, data: bytes, filename: str, opening: dict[str, Any]) -> dict[str, Any]:
        """Return cv, matches, interview, report (and its HTML page under `html`)."""
        async with Api(self._base_url, self._token, locale=self._locale) as api:
            self._say(f"\n1. Opening: {opening['title']}")
            made = await api.post("/openings", opening)
            self._say(f"\n2. CV: {filename} ({len(data):,} bytes)")
            cv = await self._read_cv(api, data, filename, made["id"])
            matches = await self._matches(api, made["id"], cv["cv_id"])
            self._say("\n4. Interview")
            interview = await self._interview(api, made["id"], cv)
            self._say("\n5. Report")
            report = await self._report(api, interview["id"])
            html = await api.page(f"/interviews/{interview['id']}/report.html")
        return {
            "cv": {key: cv[key] for key in ("status", "pages", "language", "profile")},
            "matches": matches,
            "interview": interview,
            "report": report,
            "html": html,
        }

    async def _read_cv(
        self, api: Api, data: bytes, filename: str, opening_id: str
    ) -> dict[str, Any]:
        asked = await api.post(
            "/cvs",
            {
                "filename": filename,
                "bytes": len(data),
                "opening_id": opening_id,
                "lane": "premium",
            },
        )
        upload = asked["upload"]
        await api.upload(upload["url"], data, upload.get("headers"))
        await api.post(f"/cvs/{asked['cv_id']}/confirm")
        cv = await self._until_read(api, asked["cv_id"])
        fault = cv.get("fault") or {}
        found = {
            "cv_id": asked["cv_id"],
            "candidate_id": asked["candidate_id"],
            "status": cv["status"],
            "pages": cv["pages"],
            "language": cv["language"],
            "profile": cv.get("profile"),
        }
        if cv["status"] == "refused":
            shown = {**found, "fault": fault.get("code"), "message": fault.get("message")}
            raise Refusal(f"{filename}: {fault.get('message')}", shown)
        self._show_profile(cv)
        return found

    async def _until_read(self, api: Api, cv_id: str) -> dict[str, Any]:
        deadline = clock.monotonic() + READ_SECONDS
        shown = ""
        while clock.monotonic() < deadline:
            cv: dict[str, Any] = await api.get(f"/cvs/{cv_id}")
            if cv["stage"] != shown:
                shown = cv["stage"]
                filled = round(cv["progress"] * BAR)
                bar = "█" * filled + "·" * (BAR - filled)
                self._say(f"   {bar} {cv['progress']:>4.0%} {shown}")
            if cv["status"] in ("ready", "refused", "needs_ocr"):
                return cv
            await asyncio.sleep(POLL_SECONDS)
        raise Refused("timeout", f"the CV was not read within {READ_SECONDS:g} s")

    def _show_profile(self, cv: dict[str, Any]) -> None:
        profile = cv.get("profile")
        if not profile:
            self._say(f"   {cv['status']}: {(cv.get('fault') or {}).get('message', '')}")
            return
        basics = profile.get("basics", {})
        skills = ", ".join(skill["name"] for skill in profile.get("skills", [])[:8])
        years = profile.get("meta", {}).get("years_of_experience", 0)
        self._say(f"   {basics.get('name', '?')} · {basics.get('label', '')} · {years:g} years")
        self._say(f"   {len(profile.get('work', []))} jobs; {skills}")

    async def _matches(self, api: Api, opening_id: str, cv_id: str) -> list[dict[str, Any]]:
        self._say("\n3. Match")
        deadline = clock.monotonic() + READ_SECONDS
        while clock.monotonic() < deadline:
            page = await api.get(f"/openings/{opening_id}/matches")
            mine = [item for item in page["items"] if item["cv_id"] == cv_id]
            if mine:
                match = {"opening_id": opening_id, **mine[0]}
                self._show_match(match)
                return [_match(match)]
            cv = await api.get(f"/cvs/{cv_id}")
            if cv["status"] != "ready":
                return []
            await asyncio.sleep(POLL_SECONDS)
        return []

    def _show_match(self, match: dict[str, Any]) -> None:
        self._say(f"   affinity {match['score']:.2f}")
        for item in match["matched"][:6]:
            self._say(f"   + {item['term']}")
        for item in match["missing"][:6]:
            self._say(f"   - {item['term']}: {item['why']}")
        for gate in match["gates"]:
            self._say(f"   {'✓' if gate['passed'] else '✗'} must have {gate['term']}")

    async def _interview(self, api: Api, opening_id: str, cv: dict[str, Any]) -> dict[str, Any]:
        whom = {"cv_id": cv["cv_id"]} if cv["profile"] else {"candidate_id": cv["candidate_id"]}
        wanted = {"opening_id": opening_id, "locale": self._locale, **whom}
        made = await api.post("/interviews", wanted)
        invitation = made["link"].rpartition("#")[2]
        candidate = Candidate(cv["profile"], self._locale)
        async with Api(self._base_url, invitation, locale=self._locale) as own:
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
            engine = await self._talk(Interview(own.ticket), candidate)
        record = await api.get(f"/interviews/{made['id']}")
        turns = [
            {key: turn[key] for key in ("turn", "competency", "question", "answer")}
            for turn in record["turns"]
        ]
        return {"id": made["id"], "engine": engine, "turns": turns}

    async def _talk(self, interview: Interview, candidate: Candidate) -> str:
        engine = ""
        async for frame in interview.frames():
            match frame:
                case messages.SessionJoined():
                    engine = frame.engine
                    self._say(f"   joined; questions come from {engine}")
                case messages.QuestionCompleted():
                    self._say(f"\n   {frame.turn}. [{frame.competency}] {frame.text}")
                    await interview.answer(frame.turn, candidate.answer(frame.turn))
                case messages.AnswerAccepted():
                    self._say(f"      {_short(candidate.answer(frame.turn))}")
                case messages.EngineChanged():
                    engine = frame.engine
                case messages.SessionFinished():
                    self._say(f"\n   finished: {frame.reason}")
        return engine

    async def _report(self, api: Api, interview_id: str) -> dict[str, Any]:
        deadline = clock.monotonic() + REPORT_SECONDS
        while True:
            try:
                found = await api.get(f"/interviews/{interview_id}/report")
                break
            except Refused as refused:
                if refused.code != "not_found" or clock.monotonic() > deadline:
                    raise
            await asyncio.sleep(POLL_SECONDS)
        for item in found["competencies"]:
            level = "–" if item["level"] is None else f"{item['level']}/4"
            self._say(f"   {item['name']}: {level}, {len(item['quotes'])} quotes")
        self._say(f"   {_short(found['summary'], 400)}")
        return {
            "competencies": [
                {"name": item["name"], "level": item["level"], "quotes": item["quotes"]}
                for item in found["competencies"]
            ],
            "engine": found["engine"],
            "summary": found["summary"],
        }


def _match(match: dict[str, Any]) -> dict[str, Any]:
    keys = ("opening_id", "score", "matched", "missing", "gates")
    return {key: match[key] for key in keys}


def _short(text: str, chars: int = 110) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"
