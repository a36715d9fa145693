"""How a journey is shown in a terminal, in the words of its locale."""

from collections.abc import Callable
from typing import Any, Final

from cli.words import Words
from interview import bank
from protocol import refusals

BAR: Final = 24
TERMS_SHOWN: Final = 6
SKILLS_SHOWN: Final = 8
OTHERS_SHOWN: Final = 5


class Teller:
    """Shows each step through `say`, one line at a time."""

    def __init__(self, words: Words, say: Callable[[str], None]) -> None:
        """Speak with `words`."""
        self.words = words
        self.say = say
        self._names = {one.id: one.name for one in bank.load(words.locale).competencies}

    def stage(self, cv: dict[str, Any]) -> None:
        """Show how far a CV is."""
        filled = round(cv["progress"] * BAR)
        bar = "█" * filled + "·" * (BAR - filled)
        self.say(f"   {bar} {cv['progress']:>4.0%} {self.words.code(cv['stage'])}")

    def profile(self, cv: dict[str, Any]) -> None:
        """Show what was understood, or why nothing was."""
        profile = cv.get("profile")
        if not profile:
            fault = cv.get("fault") or {}
            code = fault.get("code", "cv_needs_ocr")
            self.say(f"   {fault.get('message') or refusals.message(code, self.words.locale)}")
            return
        basics, words = profile.get("basics", {}), self.words
        years = profile.get("meta", {}).get("years_of_experience", 0)
        name = basics.get("name") or words("nameless")
        head = (name, basics.get("label"), words.count("years", years))
        self.say("   " + " · ".join(part for part in head if part))
        jobs = words.count("jobs", len(profile.get("work", [])))
        skills = ", ".join(skill["name"] for skill in profile.get("skills", [])[:SKILLS_SHOWN])
        self.say("   " + "; ".join(part for part in (jobs, skills) if part))

    def match(self, match: dict[str, Any]) -> None:
        """Show a match with its reasons."""
        self.say(f"   {self.words('score', n=self.words.number(match['score'], 2))}")
        for item in match["matched"][:TERMS_SHOWN]:
            self.say(f"   + {item['term']}")
        for item in match["missing"][:TERMS_SHOWN]:
            self.say(f"   - {item['term']}: {item['why']}")
        for gate in match["gates"]:
            sign = "✓" if gate["passed"] else "✗"
            self.say(f"   {sign} {self.words('must', term=gate['term'])}")

    def others(self, found: list[dict[str, Any]]) -> None:
        """Show how the CV fits the other open openings."""
        if not found:
            return
        self.say(f"   {self.words('others')}")
        for match in found[:OTHERS_SHOWN]:
            score = self.words("score", n=self.words.number(match["score"], 2))
            self.say(f"     {match['opening_title']}: {score}")

    def question(self, turn: int, competency: str, text: str) -> None:
        """Show a question with what it is about."""
        about = f"[{self._names.get(competency, competency)}] " if competency else ""
        self.say(f"\n   {turn}. {about}{text}")

    def report(self, found: dict[str, Any]) -> None:
        """Show each level, how many quotes carry it, and the summary."""
        for item in found["competencies"]:
            name, level = item["name"], item["level"]
            said = (
                self.words("no_level", name=name)
                if level is None
                else self.words("level", name=name, level=level)
            )
            self.say(f"   {said}, {self.words.count('quotes', len(item['quotes']))}")
        self.say(f"   {short(found['summary'], 400)}")


def short(text: str, chars: int = 110) -> str:
    """Return the beginning of a text that is longer than a line."""
    return text if len(text) <= chars else text[: chars - 1] + "…"
