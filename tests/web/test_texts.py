"""Every word on the pages comes from web/i18n, in three languages with the same keys."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from protocol.faults import KINDS
from tests.web import samples, samples_house
from tests.web.driving import PERSON
from tests.web.fake_house import HASH, WEB, FakeHouse
from tests.web.fake_interview import FakeInterview

PACKS = ("", "house.")
LANGUAGES = ("es", "en", "pt")
NAMES = {"Español", "English", "Português", "Entrevistador", "\u00d7", "\u2013:\u2013\u2013"}
DATE_OR_ID = re.compile(r"\d{1,2}\s\w+\.?\s\d{4}, [\d:]+\s[ap]\.\sm\.|^[0-9a-f-]{13}$")
MARK = (
    "\nexport default Object.fromEntries(Object.entries(words).map(([key, text]) => "
    "[key, text.split('|').map((part) => `\u27e6${part}\u27e7`).join('|')]));\n"
)
SEEN = """() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        if (!walker.currentNode.parentElement.closest("noscript, script")) {
            found.push(walker.currentNode.data);
        }
    }
    for (const node of document.querySelectorAll("[aria-label], [alt], [title], [placeholder]")) {
        for (const name of ["aria-label", "alt", "title", "placeholder"]) {
            if (node.hasAttribute(name)) found.push(node.getAttribute(name));
        }
    }
    return found;
}"""


def words(page: Page, house: FakeHouse, pack: str, language: str) -> dict[str, str]:
    """The texts of one file of web/i18n."""
    if not page.url.startswith(house.url):
        page.goto(f"{house.url}/i/")
    path = f"/static/{HASH}/i18n/{pack}{language}.js"
    found: dict[str, str] = page.evaluate("async (path) => (await import(path)).default", path)
    return found


def shape(text: str) -> tuple[list[str], int]:
    """What a translation must share: its {holes} and its number of plural forms."""
    return sorted(set(re.findall(r"\{(\w+)\}", text))), text.count("|")


@pytest.mark.parametrize("pack", PACKS)
def test_the_three_languages_have_the_same_keys_and_holes(
    page: Page, house: FakeHouse, pack: str
) -> None:
    """No key is missing, no text is empty, every {hole} is in all three."""
    spanish = words(page, house, pack, "es")
    for language in LANGUAGES[1:]:
        other = words(page, house, pack, language)
        assert spanish.keys() == other.keys()
        for key, text in spanish.items():
            assert other[key].strip(), f"{language} {key}"
            assert shape(text) == shape(other[key]), f"{language} {key}"


def test_every_fault_has_words(page: Page, house: FakeHouse) -> None:
    """A code that a server may send is told in the reader's language."""
    spanish = words(page, house, "", "es")
    assert [code for code in KINDS if f"fault.{code}" not in spanish] == []


def test_every_key_is_used_and_every_used_key_exists(page: Page, house: FakeHouse) -> None:
    """Nothing is left over, nothing is missing."""
    keys = {key for pack in PACKS for key in words(page, house, pack, "es")}
    code = "".join(path.read_text() for path in modules())
    asked = set(re.findall(r"""(?<!\w)t(?:\.plural|\.has)?\(\s*"([\w.]+)\"""", code))
    assert asked - keys == set()
    literal = set(re.findall(r'"([\w.]+)"', code))
    starts = tuple(re.findall(r"`([\w.]*)\$\{", code))
    made = {key for key in keys if key.startswith(tuple(start for start in starts if start))}
    made |= {key for key in keys if key.startswith("link.")}  # `${key}.title` of the endings
    assert keys - literal - made == set()


def modules() -> Iterator[Path]:
    """The scripts of the pages, without their words."""
    return (path for path in WEB.rglob("*.js") if path.parent.name != "i18n")


def test_no_page_brings_words_style_or_script_of_its_own() -> None:
    """The HTML files hold a frame only: what they show comes from modules."""
    for path in WEB.rglob("*.html"):
        text = path.read_text()
        assert " style=" not in text
        assert re.search(r"\son\w+=", text) is None
        assert re.search(r"<(style|script)(?![^>]*\bsrc=)[^>]*>", text) is None
        body = re.sub(r"<noscript>.*</noscript>", "", text.partition("<body")[2], flags=re.DOTALL)
        assert re.sub(r"<[^>]*>|^[^>]*>", "", body).strip() == ""


def test_no_script_reads_html() -> None:
    """Foreign words can't become markup: nothing that parses HTML is used at all."""
    parsers = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|Function\("
    )
    assert [path.name for path in modules() if re.search(parsers, path.read_text())] == []


def data(value: Any) -> Iterator[str]:
    """Every string of the sample data."""
    if isinstance(value, str):
        yield value
        yield from value.split("\n")
    elif isinstance(value, dict):
        for inner in value.values():
            yield from data(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from data(inner)


DATA = sorted(
    {
        text
        for module in (samples, samples_house)
        for name, value in vars(module).items()
        if name.isupper()
        for text in [*data(value), *samples_house.ANSWER.split(samples_house.QUOTE)]
        if text.strip()
    },
    key=len,
    reverse=True,
)


def check_marked(page: Page) -> None:
    """Every visible word is a marked text of web/i18n, the house's data, or a name."""
    stray = []
    for text in page.evaluate(SEEN):
        rest, found = text, 1
        while found:  # marked texts may hold marked texts
            rest, found = re.subn("\u27e6[^\u27e6\u27e7]*\u27e7", "", rest)
        rest = DATE_OR_ID.sub("", rest)
        for known in DATA:
            rest = rest.replace(known, "")
        if rest.strip() not in NAMES and re.search(r"[^\W\d_]", rest):
            stray.append(text)
    assert stray == []


@pytest.fixture
def marked(house: FakeHouse) -> FakeHouse:
    """A house whose texts are all marked, so that a hard-coded one stands out."""

    def mark(path: str, text: str) -> str:
        if "/i18n/" not in path:
            return text
        return text.replace("export default {", "const words = {", 1) + MARK

    house.text_filter = mark
    return house


def test_no_text_of_the_candidates_page_is_hard_coded(
    page: Page, marked: FakeHouse, interview: FakeInterview
) -> None:
    """From the welcome to the thanks, with the states between."""
    page.goto(f"{marked.url}/i/#{samples.LINK}")
    check_marked(page)
    page.locator("#consent").check()
    page.locator(".button.large").click()
    expect(page.locator(".question-text:not(.coming):not(.streaming)")).to_be_visible()
    page.locator("textarea").fill("...")
    check_marked(page)
    page.locator(".interview-actions .button").first.click()
    expect(page.locator(".panel")).to_be_visible()
    check_marked(page)
    page.locator(".panel .button").click()
    expect(page.locator(".panel")).to_have_count(0)
    interview.finish("completed")
    expect(page.locator(".ending")).to_be_visible()
    check_marked(page)


def test_no_text_of_the_house_pages_is_hard_coded(page: Page, marked: FakeHouse) -> None:
    """Openings, one opening, interviews, one interview with report and profile, the operator."""
    page.goto(f"{marked.url}/recruiter/#token={PERSON}")
    expect(page.locator("h1")).to_be_visible()
    opening, interview = samples_house.OPENING["id"], samples_house.INTERVIEW["id"]
    for route in ("openings", f"openings/{opening}", "interviews", f"interviews/{interview}"):
        page.goto(f"{marked.url}/recruiter/#/{route}")
        expect(page.locator("main h1")).to_be_visible()
        check_marked(page)
    page.locator(".button.no-print", has_text="perfil").click()
    expect(page.locator("dialog .terms").first).to_be_visible()
    check_marked(page)
    page.goto(f"{marked.url}/operator/#token={PERSON}")
    expect(page.locator("table").first).to_be_visible()
    check_marked(page)


def test_a_hard_coded_text_would_be_found(page: Page, marked: FakeHouse) -> None:
    """The check can fail: a sentence in a module is reported."""
    mark = marked.text_filter
    marked.text_filter = lambda path, text: mark(path, text).replace(
        't("welcome.help_title")', '"Written in the code"'
    )
    page.goto(f"{marked.url}/i/#{samples.LINK}")
    expect(page.locator("h1")).to_be_visible()
    with pytest.raises(AssertionError, match="Written in the code"):
        check_marked(page)
