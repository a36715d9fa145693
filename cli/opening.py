"""An opening.json as people write it: read, checked and brought to the house's words."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

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


def read(path: Path) -> dict[str, Any]:
    """Return the file's opening as the REST door takes it; raises WrongSetting in plain words."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WrongSetting(f"{path}: {error.strerror}") from None
    return parse(data, str(path))


def parse(data: bytes, name: str) -> dict[str, Any]:
    """Return an opening from JSON text; `name` is for the message."""
    try:
        opening = msgspec.json.decode(data, type=Opening)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise WrongSetting(f"{name} is not an opening: {error}") from None
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
