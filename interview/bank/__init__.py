"""The written question bank: what interviews without a model, one JSON page per language.

In a page each kind of evidence is written once and the levels name it by id, so that an id means
the same thing, with the same words, wherever it is asked for. Loading puts the two together.
"""

from functools import lru_cache
from importlib import resources
from typing import Final

import msgspec

LANGUAGES: Final = ("es", "en", "pt")
LEVELS: Final = ("junior", "mid", "senior")


class Evidence(msgspec.Struct, frozen=True):
    """Something a good answer shows; `cues` are lower-case hints that an answer may contain it.

    `needs_number` marks a label that promises figures; `may_be_imagined` what "next time I
    would" shows as well as something done.
    """

    id: str
    label: str
    cues: tuple[str, ...]
    needs_number: bool = False
    may_be_imagined: bool = False


class Probe(msgspec.Struct, frozen=True):
    """A follow-up question for the evidence named by `asks`, when an answer did not show it."""

    text: str
    asks: str


class Item(msgspec.Struct, frozen=True):
    """One opening question at one level, what its answer should show, and its follow-ups.

    `opening` may contain `{opening_title}`, `{company}` and, in technical_depth only, `{skill}`.
    """

    opening: str
    evidence: tuple[Evidence, ...]
    probes: tuple[Probe, ...]


class Competency(msgspec.Struct, frozen=True):
    """One competency with an item for each of `LEVELS`."""

    id: str
    name: str
    description: str
    levels: dict[str, Item]


class Bank(msgspec.Struct, frozen=True):
    """Everything the bank says in one language.

    `greeting` contains `{candidate}`, `{company}`, `{opening_title}` and `{minutes}`; bridges and
    closing contain no placeholder and never judge an answer. `gentle_bridges` lead to the one
    follow-up after a very short answer: they do not speak of what was told.
    """

    language: str
    greeting: str
    bridges: tuple[str, ...]
    follow_up_bridges: tuple[str, ...]
    gentle_bridges: tuple[str, ...]
    closing: str
    competencies: tuple[Competency, ...]

    def item(self, competency: str, level: str) -> Item:
        """Find one item; a competency or level that the bank does not have is a KeyError."""
        for candidate in self.competencies:
            if candidate.id == competency:
                return candidate.levels[level]
        raise KeyError(competency)


class _WrittenItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    opening: str
    evidence: tuple[str, ...]
    probes: tuple[Probe, ...]


class _WrittenCompetency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    description: str
    levels: dict[str, _WrittenItem]


class _Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    language: str
    greeting: str
    bridges: tuple[str, ...]
    follow_up_bridges: tuple[str, ...]
    gentle_bridges: tuple[str, ...]
    closing: str
    evidence: tuple[Evidence, ...]
    competencies: tuple[_WrittenCompetency, ...]


def load(locale: str) -> Bank:
    """Return the bank for a locale such as "es-PE", "pt_BR" or "en"; any other speaks Spanish."""
    language = locale.replace("_", "-").partition("-")[0].strip().lower()
    return _read(language if language in LANGUAGES else "es")


@lru_cache(maxsize=8)
def _read(language: str) -> Bank:
    # The one I/O of this floor: a packaged file, read once per language and the same for the life
    # of the process. It is part of the program, as a module would be, and not of its surroundings.
    page = resources.files(__name__).joinpath(f"{language}.json").read_bytes()
    return _bind(msgspec.json.decode(page, type=_Page))


def _bind(page: _Page) -> Bank:
    known = {evidence.id: evidence for evidence in page.evidence}
    return Bank(
        language=page.language,
        greeting=page.greeting,
        bridges=page.bridges,
        follow_up_bridges=page.follow_up_bridges,
        gentle_bridges=page.gentle_bridges,
        closing=page.closing,
        competencies=tuple(
            Competency(
                id=written.id,
                name=written.name,
                description=written.description,
                levels={
                    level: Item(
                        opening=item.opening,
                        evidence=tuple(known[name] for name in item.evidence),
                        probes=item.probes,
                    )
                    for level, item in written.levels.items()
                },
            )
            for written in page.competencies
        ),
    )
