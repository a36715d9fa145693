"""The extracted CV, in JSON Resume shape, where every field says which words it came from.

`evidence` maps a path such as `/work/0/startDate` to a span of the CV's text, so that
`text[start:end]` is what a person can look at. A field that is computed from its neighbours
(a language's code, a country) needs no span of its own: DERIVED names them all.
A national identity number is never a field.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

Source = Literal["deterministic", "model"]
EXTRACTOR_VERSION: Final = "1"

DATE_SPAN_CHARS_MAX = 80  # "desde el 01 de septiembre de 2019 hasta la actualidad", with slack
MONTH_DIGITS = 2
SPAN_SLACK_CHARS = 40  # bullets, line breaks and labels that a span may include

DERIVED: Final = re.compile(
    r"/basics/location/countryCode|/basics/profiles/\d+/(network|username)"
    r"|/skills/\d+/(keywords/\d+|category)|/languages/\d+/(code|level)"
    r"|/work/\d+/current|/meta/.*"
)
OPEN_END: Final = re.compile(r"/(work|education)/\d+/endDate")  # "until now" has words, no date
DATES: Final = re.compile(r"/\w+/\d+/(startDate|endDate|date)")
MONTHS: Final = (
    ("ene", "jan"), ("feb", "fev"), ("mar",), ("abr", "apr"), ("may", "mai"), ("jun",),
    ("jul",), ("ago", "aug"), ("sep", "set"), ("oct", "out"), ("nov",), ("dic", "dec", "dez"),
)  # fmt: skip


class Span(msgspec.Struct, frozen=True):
    """Where a value was read: `text[start:end]`, and who read it."""

    start: int
    end: int
    source: Source = "deterministic"


class Location(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A city and its country (ISO 3166-1 alpha-2); never a street."""

    city: str | None = None
    country_code: str | None = None


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page of the candidate's on a network such as LinkedIn."""

    network: str
    url: str
    username: str | None = None


class Basics(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who the candidate is, as the CV says it; `phone` is E.164."""

    name: str | None = None
    label: str | None = None
    email: str | None = None
    phone: str | None = None
    url: str | None = None
    summary: str | None = None
    location: Location | None = None
    profiles: tuple[Link, ...] = ()


class Work(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One job; dates are YYYY or YYYY-MM, `current` says that it has not ended."""

    name: str | None = None
    position: str | None = None
    location: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    current: bool = False
    summary: str | None = None
    highlights: tuple[str, ...] = ()


class Education(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One course of study; `study_type` is the degree's kind, `area` its subject."""

    institution: str | None = None
    area: str | None = None
    study_type: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    current: bool = False


class Skill(msgspec.Struct, frozen=True, omit_defaults=True):
    """One skill: the canonical name, the words the CV used, and the level it claims."""

    name: str
    level: str | None = None
    category: str | None = None
    keywords: tuple[str, ...] = ()


class Language(msgspec.Struct, frozen=True, omit_defaults=True):
    """A spoken language as written, with its ISO 639-1 code and a level on one scale."""

    language: str
    fluency: str | None = None
    code: str | None = None
    level: str | None = None  # A1 .. C2 or "native"


class Certificate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A certificate or course."""

    name: str
    issuer: str | None = None
    date: str | None = None


class Meta(msgspec.Struct, frozen=True):
    """What was computed about the profile as a whole."""

    years_of_experience: float = 0.0
    language: str | None = None
    source: Source = "deterministic"
    extractor: str = EXTRACTOR_VERSION
    as_of: str | None = None  # the day "until now" was counted to


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A CV as data, each field with its evidence."""

    basics: Basics = Basics()
    work: tuple[Work, ...] = ()
    education: tuple[Education, ...] = ()
    skills: tuple[Skill, ...] = ()
    languages: tuple[Language, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    meta: Meta = Meta()
    evidence: dict[str, Span] = {}

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield (path, text) of every field that carries words."""
        built = msgspec.to_builtins(self)
        for part in ("basics", "work", "education", "skills", "languages", "certificates"):
            yield from _leaves(built.get(part), f"/{part}")

    def check(self, text: str) -> list[str]:
        """Return what is wrong with the evidence: nothing means every field is supported."""
        wrong = [
            f"{path}: span {span.start}:{span.end} is outside the text"
            for path, span in self.evidence.items()
            if not 0 <= span.start < span.end <= len(text)
        ]
        bad = {line.split(":", 1)[0] for line in wrong}
        keywords = {f"/skills/{i}/name": s.keywords for i, s in enumerate(self.skills)}
        for path, value in self.values():
            if DERIVED.fullmatch(path) or path in bad:
                continue
            span = self.evidence.get(path)
            if span is None:
                wrong.append(f"{path}: no evidence")
            elif not supports(path, value, text[span.start : span.end], keywords.get(path, ())):
                wrong.append(f"{path}: the span does not say so")
        known = {path for path, _ in self.values()}
        wrong.extend(
            f"{path}: evidence for no field"
            for path in self.evidence
            if path not in known and not OPEN_END.fullmatch(path)
        )
        return wrong


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if value:
            yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}/{index}")


def fold(text: str) -> str:
    """Return the text without case, accents and runs of white space, for comparing."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def supports(path: str, value: str, quoted: str, also: tuple[str, ...] = ()) -> bool:
    """Say whether the quoted words of the CV carry the value of the field at `path`."""
    if DATES.fullmatch(path):
        return len(quoted) <= DATE_SPAN_CHARS_MAX and _says_date(value, quoted)
    if path == "/basics/phone":
        return _digits(quoted)[-6:] == _digits(value)[-6:]
    spoken = fold(quoted)
    longest = max(len(value), *(len(word) for word in also)) if also else len(value)
    if len(spoken) > 2 * longest + SPAN_SLACK_CHARS:
        return False
    if path in ("/basics/email", "/basics/url") or path.endswith("/url"):
        return _bare(fold(value)) in _bare(spoken.replace(" ", ""))
    return any(fold(word) in spoken for word in (value, *also))


def _says_date(value: str, quoted: str) -> bool:
    year, _, month = value.partition("-")
    numbers = re.findall(r"\d+", quoted)
    if year not in numbers and year[2:] not in numbers and year not in _digits(quoted):
        return False
    if not month:
        return True
    letters = fold(quoted)
    number = int(month)
    named = any(name in letters for name in MONTHS[number - 1])
    return named or any(int(digits) == number for digits in numbers if len(digits) <= MONTH_DIGITS)


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _bare(url: str) -> str:
    return re.sub(r"^(https?://)?(www\.)?", "", url).rstrip("/")
