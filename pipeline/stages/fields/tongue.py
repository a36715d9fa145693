"""Which language a CV is written in."""

from typing import Final

import py3langid

SAMPLE_CHARS = 6_000
LETTERS_MIN = 25
# Neighbours that a list of short lines is taken for.
NEAR_SPANISH: Final = frozenset(("gl", "ca", "an", "ast", "oc", "eu", "la", "it", "ro"))


def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code, or None where there is too little to tell."""
    sample = text[:SAMPLE_CHARS]
    if sum(1 for char in sample if char.isalpha()) < LETTERS_MIN:
        return None
    ranked = py3langid.rank(sample)
    best = str(ranked[0][0])
    if best in NEAR_SPANISH:
        return next(str(code) for code, _ in ranked if code in ("es", "pt", "en"))
    return best
