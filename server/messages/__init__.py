"""What people read when a request or an interview fails, for every fault code, in each language."""

from typing import Final

from server.messages import en, es, pt

BY_LANGUAGE: Final = {"es": es.MESSAGES, "en": en.MESSAGES, "pt": pt.MESSAGES}
