"""An opening.json as people write it: read, checked and brought to the house's words."""

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from cli.words import Words
from runtime.settings import WrongSetting

_SENIORITY: Final = {
    "junior": (
        "junior",
        "jr",
        "trainee",
        "practicante",
        "asistente",
        "estagio",
        "entry",
        "inicial",
    ),
    "senior": ("senior", "sr", "lead", "lider", "principal", "experto", "especialista"),
}
_LANGUAGES: Final = {
    "en": ("en", "eng", "english", "ingles"),
    "pt": ("pt", "por", "portugues", "portuguese"),
}
Term = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Opening(msgspec.Struct, frozen=True):
    """What the file may say; only the title is needed."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    category: str = "other"
    location: str = ""
    description: str = ""
    must_have: list[Term] = []
    nice_to_have: list[Term] = []
    seniority: str = "mid"
    language: str = "es"


def parse(data: bytes, name: str, words: Words) -> dict[str, Any]:
    """Return an opening from JSON text as the REST door takes it; `name` is for the message.

    Raises WrongSetting with the field that is missing or wrong.
    """
    try:
        opening = msgspec.json.decode(data, type=Opening)
    except msgspec.ValidationError as error:
        field = str(error).rpartition(" `")[2].strip("`").removeprefix("$.")
        why = words("not_opening", field="title" if field == "$" else field)
        raise WrongSetting(f"{name}: {why}") from None
    except (msgspec.DecodeError, UnicodeError):
        raise WrongSetting(f"{name}: {words('not_json')}") from None
    found: dict[str, Any] = msgspec.to_builtins(opening)
    found["seniority"] = _one_of(opening.seniority, _SENIORITY, "mid")
    found["language"] = _one_of(opening.language, _LANGUAGES, "es")
    return found


def _one_of(text: str, words: Mapping[str, tuple[str, ...]], default: str) -> str:
    plain = "".join(
        c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c)
    )
    parts = plain.replace("-", " ").replace("_", " ").split()
    if parts[:1] == ["semi"] or "semisenior" in parts or "ssr" in parts:
        return default
    for value, names in words.items():
        if any(part in names for part in parts):
            return value
    return default
