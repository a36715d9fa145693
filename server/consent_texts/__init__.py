"""The notice a candidate reads before an interview, in each language, in two variants.

Blocks are separated by an empty line; a block's first line is its heading. `{company}` and
`{retention_days}` are filled in. Changing a word here means raising server.consents.VERSION.
"""

from typing import Final

from server.consent_texts import en, es, pt

BY_LANGUAGE: Final = {"es": es, "en": en, "pt": pt}
