"""What a candidate agrees to: the text in force, its version and its hash.

A consent is kept with the version and the hash of the very text that was shown. The hash also
covers what was filled in (the company's name, its retention), and with those two, which the audit
log keeps, the text can be written out again.
"""

import hashlib
from typing import Final

import msgspec

from server import problems
from server.consent_texts import BY_LANGUAGE

VERSION: Final = "2026-11-24.3"


class ConsentText(msgspec.Struct, frozen=True):
    """A notice as one candidate reads it."""

    version: str
    locale: str
    text: str
    sha256: str


def text(*, company: str, retention_days: int, locale: str, with_model: bool) -> ConsentText:
    """Return the notice in the language of `locale`; `with_model` tells which of the two."""
    language = problems.language(locale)
    variants = BY_LANGUAGE[language]
    template = variants.WITH_MODEL if with_model else variants.WITHOUT_MODEL
    written = template.format(company=company, retention_days=retention_days)
    return ConsentText(
        version=f"{VERSION}.{'model' if with_model else 'bank'}",
        locale=language,
        text=written,
        sha256=hashlib.sha256(written.encode()).hexdigest(),
    )


def shown(
    version: str, sha256: str, *, company: str, retention_days: int, with_model: bool
) -> ConsentText | None:
    """Return the text in force that has this version and hash, in whichever language it was."""
    for language in problems.LANGUAGES:
        candidate = text(
            company=company,
            retention_days=retention_days,
            locale=language,
            with_model=with_model,
        )
        if (candidate.version, candidate.sha256) == (version, sha256):
            return candidate
    return None
