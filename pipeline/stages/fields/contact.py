"""How to reach the candidate: e-mail, phone, links and city."""

# ruff: noqa: PLR2004 - a weight or a length is judged where it stands

import re
from collections.abc import Iterator
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from pipeline.stages.fields.lines import Cut, Line
from pipeline.stages.fields.source import Source
from pipeline.vocabulary.folding import fold
from pipeline.vocabulary.places import CITY_TRIE, COUNTRY_TRIE, DISTRICT_NAMES
from pipeline.vocabulary.trie import Hit
from protocol.profile import Link, Location

EMAIL: Final = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+%-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}"
    r"\.[A-Za-z]{2,24}(?![\w-])",
    re.ASCII,
)
LOOSE_EMAIL: Final = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+%-]{0,63} ?@ ?[A-Za-z0-9-]{1,63}(?: ?\. ?[A-Za-z]{2,24}){1,2}"
    r"(?![\w-])",
    re.ASCII,
)
URL: Final = re.compile(
    r"(?:https?://|www\.)[^\s<>()|,;\"'•]{3,200}"
    r"|(?:[a-z]{2,3}\.)?(?:linkedin\.com|github\.com|gitlab\.com|behance\.net|medium\.com)"
    r"/[^\s<>()|,;\"'•]{2,160}",
    re.IGNORECASE,
)
PHONE: Final = re.compile(r"(?<![\w/.@-])\+?\(?\d[\d \t().\-–/]{5,22}\d(?!\w)")
NOT_A_PHONE: Final = re.compile(r"^(?:19|20)\d\d\s{0,2}[-–/]|^\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}$")
NETWORKS: Final = {
    "linkedin.com": "LinkedIn",
    "github.com": "GitHub",
    "gitlab.com": "GitLab",
    "behance.net": "Behance",
    "medium.com": "Medium",
    "twitter.com": "X",
    "x.com": "X",
    "instagram.com": "Instagram",
    "stackoverflow.com": "Stack Overflow",
}
PLACE_LINES = 12
ADDRESS: Final = re.compile(
    r"\b(?:direccion|domicilio|ubicacion|ciudad|residencia|address|location|city|endereco|cidade"
    r"|localizacao|lugar de residencia|distrito)\b\s{0,2}:?"
)
PHONES_MAX = 60  # candidates looked at


def reachable(source: Source) -> list[Line]:
    """Return the lines where a candidate's own contact may stand: not the referees'."""
    head = [line for b in source.blocks if b.part in ("header", "contact") for line in b.lines]
    rest = [
        line
        for b in source.blocks
        if b.part not in ("header", "contact", "references")
        for line in b.lines
    ]
    return head + rest


def email(source: Source) -> str | None:
    """Return the candidate's e-mail, in lower case."""
    for pattern in (EMAIL, LOOSE_EMAIL):
        for line in reachable(source):
            if "@" not in line.text:
                continue
            match = pattern.search(line.text)
            if match:
                start = line.start + match.start()
                source.note("/basics/email", start, start + len(match[0]))
                return match[0].replace(" ", "").lower()
    return None


def phone(source: Source, regions: tuple[str, ...]) -> str | None:
    """Return the candidate's phone as E.164; a mobile number before a fixed one."""
    best: tuple[bool, Cut, str] | None = None
    for _, (cut, spoken) in zip(range(PHONES_MAX), _spoken_numbers(source), strict=False):
        number = _parse(spoken, regions)
        if number is None:
            continue
        kind = phonenumbers.number_type(number)
        mobile = kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
        said = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        if best is None or (mobile and not best[0]):
            best = mobile, cut, said
        if mobile:
            break
    if best is None:
        return None
    source.note("/basics/phone", *best[1])
    return best[2]


def _spoken_numbers(source: Source) -> Iterator[tuple[Cut, str]]:
    for line in reachable(source):
        for match in PHONE.finditer(line.text):
            start, end = line.start + match.start(), line.start + match.end()
            if source.is_private(start, end) or NOT_A_PHONE.match(match[0]):
                continue
            whole = match[0]
            at = 0
            for part in re.split(r" / |  +|\t", whole):
                at = whole.index(part, at)
                if sum(char.isdigit() for char in part) >= 6:
                    yield Cut(start + at, start + at + len(part)), part


def _parse(spoken: str, regions: tuple[str, ...]) -> PhoneNumber | None:
    for region in regions:
        try:
            number = phonenumbers.parse(spoken, region)
        except phonenumbers.NumberParseException:
            return None
        if phonenumbers.is_valid_number(number):
            return number
        digits = "".join(char for char in spoken if char.isdigit())
        code = str(phonenumbers.country_code_for_region(region))
        if digits.startswith(code) and not spoken.startswith("+"):
            number = phonenumbers.parse(f"+{digits}", region)
            if phonenumbers.is_valid_number(number):
                return number
    return None


def links(source: Source) -> tuple[str | None, tuple[Link, ...]]:
    """Return the candidate's own page and their profiles on known networks."""
    page: str | None = None
    profiles: list[Link] = []
    seen: set[str] = set()
    for line in reachable(source):
        if "." not in line.text:
            continue
        for match in URL.finditer(line.text):
            said = match[0].rstrip(".-")
            start = line.start + match.start()
            bare = said.split("://", 1)[-1].removeprefix("www.").rstrip("/")
            host, _, path = bare.partition("/")
            network = next((n for d, n in NETWORKS.items() if host.lower().endswith(d)), None)
            if bare.lower() in seen or "." not in bare:
                continue
            seen.add(bare.lower())
            if network is None:
                if page is None and line in _head(source):
                    page = f"https://{bare}"
                    source.note("/basics/url", start, start + len(said))
                continue
            source.note(f"/basics/profiles/{len(profiles)}/url", start, start + len(said))
            user = path.split("/")[-1] if path else None
            profiles.append(Link(network, f"https://{bare}", user or None))
    return page, tuple(profiles[:10])


def _head(source: Source) -> list[Line]:
    return [line for b in source.blocks if b.part in ("header", "contact") for line in b.lines]


def place(source: Source) -> Location | None:
    """Return the candidate's city and country, from the head of the CV or an address line."""
    head = _head(source)[:PLACE_LINES]
    addressed = [
        line for line in source.lines if ADDRESS.match(source.folded, line.start, line.end)
    ]
    country: str | None = None
    for line in addressed[:4] + head:
        cities = CITY_TRIE.find(line.text)
        countries = COUNTRY_TRIE.find(line.text)
        country = country or (countries[-1].value if countries else None)
        if not cities:
            continue
        named = countries[-1].value if countries else None
        fitting = [hit for hit in cities if named in (None, hit.value)] or cities
        alone = [
            hit for hit in fitting if _stands_alone(line.text, hit.start, _end(hit, countries))
        ]
        if not alone:
            continue
        city = _city(line.text, alone)
        said = source.keep(
            "/basics/location/city", Cut(line.start + city.start, line.start + city.end)
        )
        return Location(said, named or city.value)
    return Location(None, country) if country else None


def _end(city: Hit, countries: list[Hit]) -> int:
    """Return where a city ends, its country included where it follows directly."""
    return next((c.end for c in countries if 0 <= c.start - city.end <= 1), city.end)


def _city(line: str, hits: list[Hit]) -> Hit:
    """Choose the city before its region, and over its district."""
    whole = [hit for hit in hits if fold(line[hit.start : hit.end]) not in DISTRICT_NAMES]
    return (whole or hits)[0]


def _stands_alone(line: str, start: int, end: int) -> bool:
    """Refuse a city that is part of a name: "Universidad de Lima", "Santiago Rojas"."""
    before = line[:start].rstrip()
    after = line[end:].lstrip()
    opens = not before or before[-1] in ",;:|·•-–—()/" or before.split()[-1].lower() in ("en", "in")
    closes = not after or after[0] in ",;.|·•-–—()/+" or not after[0].isalpha()
    return opens and closes and line[start : start + 1].isupper()
