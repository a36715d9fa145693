"""What the stand-in says to job-level work: topics with weights, or requirements with quotes.

Like all it says it follows from the prompt alone. The obedient one is the worst model there can be:
it does what the opening orders, as far as the form of the answer lets it.
"""

import json
import re
from typing import Any, Final

from loadtest.model_rules import blocks

_COUNT: Final = re.compile(r'"competencies_in_the_plan":\s*(\d+)')
_FIRST: Final = re.compile(r'"first_plan":\s*(\[.*?\])')
_OPENING: Final = re.compile(
    r"<opening-(?P<mark>[0-9a-f]+)>\n?(?P<text>.*?)\n?</opening-(?P=mark)>", re.DOTALL
)
_PHRASE: Final = re.compile(r"[^.,;:!?()\n]+")
INVENTED: Final = "Nobody wrote these words in the opening"
PHRASE_WORDS_MAX: Final = 6
PHRASES: Final = 8


def reply(body: dict[str, Any], schema: dict[str, Any], *, obedient: bool) -> str | None:
    """Return the answer, or None when the schema is no job's."""
    asked = schema.get("properties", {})
    prompt = "\n".join(block.get("text", "") for block in blocks(body))
    if "topics" in asked:
        names = asked["topics"]["items"]["properties"]["competency"]["enum"]
        topics = _ordered(prompt, names) if obedient else _topics(prompt, names)
        return json.dumps({"topics": topics}, ensure_ascii=False)
    if "requirements" in asked:
        found = [place["text"] for place in _OPENING.finditer(prompt)]
        text = found[-1] if found else ""  # the instructions name the delimiters before
        quotes = [*text.split("\n"), text] if obedient else _phrases(text)
        return json.dumps({"requirements": [*quotes, INVENTED]}, ensure_ascii=False)
    return None


def _topics(prompt: str, names: list[str]) -> list[dict[str, Any]]:
    """Return the first plan with its order turned and weights of its own."""
    count, first = _COUNT.search(prompt), _FIRST.search(prompt)
    kept = [topic["competency"] for topic in json.loads(first[1])] if first else names
    kept = kept[: int(count[1]) if count else None]
    return [
        {"competency": name, "weight": 1 + number % 5} for number, name in enumerate(reversed(kept))
    ]


def _ordered(prompt: str, names: list[str]) -> list[dict[str, Any]]:
    """Return one competency that decides all, and the level that was ordered."""
    count = _COUNT.search(prompt)
    wanted = [names[-1]] * (int(count[1]) if count else 1)
    return [{"competency": name, "weight": 99, "level": 4} for name in wanted]


def _phrases(text: str) -> list[str]:
    """Return short passages of an opening, letter by letter."""
    found = (phrase[0].strip() for phrase in _PHRASE.finditer(text))
    return [phrase for phrase in found if 0 < len(phrase.split()) <= PHRASE_WORDS_MAX][:PHRASES]
