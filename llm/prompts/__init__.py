"""The prompts, one numbered file each: a change is a new number, so that a version says it all."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Final

import msgspec

_FILE: Final = re.compile(r"(?P<name>[a-z]+)\.(?P<number>\d{3})\.md")
_PLACE: Final = re.compile(r"\{([a-z]+)\}")


class Prompt(msgspec.Struct, frozen=True):
    """A prompt's text, with places such as {locale}, and the version that the ledger keeps."""

    version: str
    text: str

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with its places filled in one pass; a missing value is a KeyError."""
        return _PLACE.sub(lambda place: values[place[1]], self.text)


@lru_cache(maxsize=32)
def load(name: str) -> Prompt:
    """Return the newest version of a prompt."""
    numbered = {
        int(found["number"]): entry
        for entry in resources.files(__name__).iterdir()
        if (found := _FILE.fullmatch(entry.name)) and found["name"] == name
    }
    if not numbered:
        raise KeyError(name)
    newest = max(numbered)
    return Prompt(f"{name}.{newest:03}", numbered[newest].read_text("utf-8"))
