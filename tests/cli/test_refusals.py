"""One refusal, one sentence: the console, the doors and the pages say the same."""

import json
import re
from pathlib import Path

import pytest

from protocol.faults import KINDS
from protocol.refusals import LOCALES, MESSAGES
from server.messages import BY_LANGUAGE

WEB = Path(__file__).parents[2] / "web" / "i18n"


def test_every_fault_of_a_cv_has_its_sentence():
    """A code without words, or words without a code, would be found by a candidate first."""
    assert set(MESSAGES) == {code for code in KINDS if code.startswith("cv_")}


@pytest.mark.parametrize("language", LOCALES)
def test_doors_and_pages_say_what_the_console_says(language):
    """The pages are files without code: their copies are held to the one source here."""
    page = (WEB / f"{language}.js").read_text("utf-8")
    shown = {
        code: json.loads(words)
        for code, words in re.findall(r'^  "fault\.(cv_\w+)": ("[^\n]*"),$', page, re.MULTILINE)
    }
    spoken = {code: sentences[language] for code, sentences in MESSAGES.items()}
    assert shown == spoken
    assert {code: BY_LANGUAGE[language][code] for code in MESSAGES} == spoken
