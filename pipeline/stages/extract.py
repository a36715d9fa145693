"""Extract: a CV's text to a profile, by rules alone; the same text and day give the same profile.

Spanish, English and Portuguese are read alike, whatever the CV's language is found to be. Every
value is taken from the text and carries its span. A model may improve on this later; nothing
here needs one.
"""

from datetime import date

from pipeline.stages.fields import abilities, contact, identity
from pipeline.stages.fields.education import education
from pipeline.stages.fields.lines import Cut
from pipeline.stages.fields.source import Source
from pipeline.stages.fields.tongue import language_of
from pipeline.stages.fields.work import work, years_of_experience
from pipeline.vocabulary.places import COUNTRY_TRIE
from protocol.limits import CV_TEXT_CHARS_MAX
from protocol.profile import Basics, Location, Meta, Profile

DEFAULT_REGION = "PE"
HEAD_CHARS = 1_500  # where a country that decides how phones are read would stand


def extract(text: str, *, language: str | None = None, today: date) -> Profile:
    """Return the profile; `today` is the day that "until now" is counted to.

    Any text gives a profile, if an empty one. Spans count characters of `text` as given.
    """
    source = Source(text[:CV_TEXT_CHARS_MAX], today)
    language = language or language_of(source.text)
    basics = _basics(source, language)
    jobs = work(source)
    studies = education(source)
    named = ("/name", "/institution", "/location", "/basics/location/city")
    apart = [
        Cut(span.start, span.end)
        for path, span in source.evidence.items()
        if path.endswith(named) and not path.startswith("/skills")
    ]
    return Profile(
        basics=basics,
        work=jobs,
        education=studies,
        skills=abilities.skills(source, apart),
        languages=abilities.languages(source),
        certificates=abilities.certificates(source),
        meta=Meta(
            years_of_experience=years_of_experience(source, jobs),
            language=language,
            as_of=today.isoformat(),
        ),
        evidence=source.evidence,
    )


def _basics(source: Source, language: str | None) -> Basics:
    email = contact.email(source)
    place = contact.place(source)
    name, first, last = identity.name(source, email)
    source.open_header(first)
    page, profiles = contact.links(source)
    return Basics(
        name=name,
        label=identity.label(source, last),
        email=email,
        phone=contact.phone(source, _regions(source, language, place)),
        url=page,
        summary=identity.summary(source),
        location=place,
        profiles=profiles,
    )


def _regions(source: Source, language: str | None, place: Location | None) -> tuple[str, ...]:
    """Return the regions a number without a country code is tried in, the likeliest first."""
    said = [place.country_code] if place is not None and place.country_code else []
    said += [hit.value for hit in COUNTRY_TRIE.find(source.text[:HEAD_CHARS])[:2]]
    said += ["BR"] if language == "pt" else []
    return tuple(dict.fromkeys([*said, DEFAULT_REGION]))
