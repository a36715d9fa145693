"""Skills, languages and certificates."""

# ruff: noqa: PLR2004 - a weight or a length is judged where it stands

import re
from typing import Final

from pipeline import vocabulary
from pipeline.stages.fields.dates import ranges
from pipeline.stages.fields.headers import STRONG, without
from pipeline.stages.fields.lines import Block, Cut, Line, tidy, trim
from pipeline.stages.fields.source import Source
from pipeline.vocabulary.folding import fold
from pipeline.vocabulary.places import is_place
from pipeline.vocabulary.studies import SCHOOL
from pipeline.vocabulary.titles import employer_score
from pipeline.vocabulary.tongues import EXACT, LANGUAGE_TRIE, LEVEL_TRIE
from pipeline.vocabulary.trie import Hit
from protocol.profile import Certificate, Language, Skill

SKILLS_MAX = 120
KEYWORDS_MAX = 4
TERM_CHARS_MAX = 45
TERM_WORDS_MAX = 5
LEVEL_CHARS = 30  # a level stands this near to what it is the level of
GROUP: Final = re.compile(r"^[^,;:]{2,40}:\s{1,3}(?=\S)")
ITEMS: Final = re.compile(r"[,;•|·\t]| {3,}|\s[-–—]\s|\.(?=\s|$)| y (?=[A-ZÁÉÍÓÚ])| and (?=[A-Z])")
LEVEL_OF: Final = re.compile(
    r"[ \t]{0,2}[(:\-–—]{0,2}[ \t]{0,2}(?:a )?(?:nivel |level |nível )?(?P<level>avanzad[oa]"
    r"|intermedi[oa]|b[aá]sic[oa]|experto|advanced|intermediate|basic|expert|proficient"
    r"|avançad[oa]|intermediári[oa]"
    r"|beginner|fluente?)(?!\w)",
    re.IGNORECASE,
)
CERTIFICATES_MAX = 40
NAME_CHARS_MAX = 160


def skills(source: Source, apart: list[Cut]) -> tuple[Skill, ...]:
    """Return the skills: those listed first, then those told of; names in `apart` are not."""
    found: dict[str, list[Cut]] = {}
    listed = [b for b in source.blocks if b.part == "skills"]
    told = [
        b
        for b in source.blocks
        if b.part in ("work", "summary", "projects", "certificates", "education", "other", "header")
    ]
    for block in listed:
        for name, start, end in _find(source, block):
            found.setdefault(name, []).append(Cut(start, end))
        for cut in _terms(source, block, [c for cuts in found.values() for c in cuts]):
            found.setdefault(tidy(source.text[cut.start : cut.end]), []).append(cut)
    for block in told:
        for name, start, end in _find(source, block):
            if not any(cut.start < end and start < cut.end for cut in apart):
                found.setdefault(name, []).append(Cut(start, end))
    pairs = list(found.items())[:SKILLS_MAX]
    return tuple(_skill(source, n, name, cuts) for n, (name, cuts) in enumerate(pairs))


def _find(source: Source, block: Block) -> list[tuple[str, int, int]]:
    if not block.lines:
        return []
    start, end = block.lines[0].start, block.lines[-1].end
    return [(n, s + start, e + start) for n, s, e in vocabulary.find(source.text[start:end])]


def _terms(source: Source, block: Block, known: list[Cut]) -> list[Cut]:
    """Return the items of a list of skills that the vocabulary does not know."""
    taken = sorted(known)
    terms: list[Cut] = []
    seen: set[str] = set()
    for line in block.lines:
        group = GROUP.match(line.text)
        cut = Cut(line.start + (group.end() if group else 0), line.end)
        for whole in _items(source.text, cut):
            item = _without_level(source.text, whole)
            said = source.text[item.start : item.end]
            if not _is_term(said) or source.is_private(*item) or LANGUAGE_TRIE.find(said):
                continue
            if any(span.start < item.end and item.start < span.end for span in taken):
                continue
            if fold(said) not in seen:
                seen.add(fold(said))
                terms.append(item)
    return terms


def _items(text: str, cut: Cut) -> list[Cut]:
    items: list[Cut] = []
    at = cut.start
    for match in ITEMS.finditer(text, cut.start, cut.end):
        items.append(trim(text, Cut(at, match.start())))
        at = match.end()
    items.append(trim(text, Cut(at, cut.end)))
    return [item for item in items if item.end - item.start > 1]


def _is_term(said: str) -> bool:
    words = said.split()
    if not words or len(said) > TERM_CHARS_MAX or len(words) > TERM_WORDS_MAX:
        return False
    if "@" in said or "://" in said or not any(char.isalpha() for char in said):
        return False
    return said[0].isalnum() and not LEVEL_OF.fullmatch(said) and not is_place(said)


def _without_level(text: str, item: Cut) -> Cut:
    match = LEVEL_OF.search(text, item.start, item.end)
    return (
        trim(text, Cut(item.start, match.start())) if match and match.start() > item.start else item
    )


def _skill(source: Source, number: int, name: str, cuts: list[Cut]) -> Skill:
    path = f"/skills/{number}"
    source.note(f"{path}/name", *cuts[0])
    words: dict[str, None] = {}
    for cut in cuts[:20]:
        words.setdefault(tidy(source.text[cut.start : cut.end]), None)
    level: str | None = None
    for cut in cuts[:20]:
        match = LEVEL_OF.match(source.text, cut.end, cut.end + LEVEL_CHARS)
        if match:
            level = source.keep(f"{path}/level", Cut(match.start("level"), match.end("level")))
            break
    return Skill(name, level, vocabulary.category(name), tuple(words)[:KEYWORDS_MAX])


def languages(source: Source) -> tuple[Language, ...]:
    """Return the spoken languages, with the level in the CV's words and on one scale."""
    own = [b for b in source.blocks if b.part == "languages"]
    found: dict[str, tuple[Hit, Cut | None, str | None]] = {}
    for block in own:
        _gather(block.lines, found, certain=True)
    if not found:
        for block in source.blocks:
            if block.part not in ("references", "work", "languages"):
                _gather(block.lines, found, certain=block.part == "skills")
    return tuple(
        _language(source, number, *entry) for number, entry in enumerate(found.values())
    )  # fmt: skip


def _gather(
    lines: list[Line],
    found: dict[str, tuple[Hit, Cut | None, str | None]],
    *,
    certain: bool,
) -> None:
    """Find languages with the level beside them; without one they count only where certain."""
    for number, line in enumerate(lines):
        hits = LANGUAGE_TRIE.find(line.text)
        for index, hit in enumerate(hits):
            until = hits[index + 1].start if index + 1 < len(hits) else len(line.text)
            level = _level(line, hit.end, until)
            if level is None and index == 0:
                level = _level(line, 0, hit.start)
            alone = certain and index == len(hits) - 1 and not line.text[hit.end :].strip(" :-•")
            if level is None and alone and number + 1 < len(lines):
                below = lines[number + 1]
                if not LANGUAGE_TRIE.find(below.text) and len(below.text) < 60:
                    level = _level(below, 0, len(below.text))
            if level is None and not certain:
                continue
            where = Hit(hit.value, line.start + hit.start, line.start + hit.end)
            known = found.get(hit.value)
            if known is None or (known[1] is None and level is not None):
                found[hit.value] = (where, *(level or (None, None)))


def _level(line: Line, start: int, end: int) -> tuple[Cut, str] | None:
    """Return the words for a level in a piece of a line, and the level they mean."""
    end = min(end, start + 2 * LEVEL_CHARS)
    hits = LEVEL_TRIE.find(line.text[start:end])
    if not hits:
        return None
    close = [hits[0]]
    for hit in hits[1:]:
        if hit.start - close[-1].end <= 4:
            close.append(hit)
    said = [hit for hit in close if line.text[start + hit.start : start + hit.end].upper() in EXACT]
    best = said[0] if said else close[0]
    first, last = close[0], close[-1]
    return Cut(line.start + start + first.start, line.start + start + last.end), best.value


def _language(
    source: Source, number: int, hit: Hit, level: Cut | None, value: str | None
) -> Language:
    path = f"/languages/{number}"
    said = source.keep(f"{path}/language", Cut(hit.start, hit.end))
    if level is None:
        return Language(said, code=hit.value)
    end = level.end + (source.text[level.start : level.end].count("(") > 0)
    if source.text[level.end : end] != ")":
        end = level.end
    fluency = source.keep(f"{path}/fluency", Cut(level.start, end))
    return Language(said, fluency, hit.value, value)


def certificates(source: Source) -> tuple[Certificate, ...]:
    """Return the certificates and courses, one a line or bullet."""
    found: list[tuple[Cut, Cut | None, tuple[str, Cut] | None]] = []
    for block in source.blocks:
        if block.part == "certificates":
            for line in block.lines:
                _certificate(source, line, found)
    return tuple(
        _write_certificate(source, number, *entry)
        for number, entry in enumerate(found[:CERTIFICATES_MAX])
    )


def _certificate(
    source: Source, line: Line, found: list[tuple[Cut, Cut | None, tuple[str, Cut] | None]]
) -> None:
    dates = ranges(line.text, line.start, source.today)
    when: tuple[str, Cut] | None = None
    if dates:
        last = dates[0].until or dates[0].begin
        when = (str(last), Cut(dates[0].start, dates[0].end)) if last else None
    spans = [Cut(period.start, period.end) for period in dates]
    rest = without(source.text, line, spans)
    pieces = [part for cut in rest for part in _parts(source.text, cut)]
    if not pieces:
        if found and when and found[-1][2] is None:
            found[-1] = (found[-1][0], found[-1][1], when)
        return
    said = [source.text[cut.start : cut.end] for cut in pieces]
    schools = [
        n for n, text in enumerate(said) if SCHOOL.search(fold(text)) or employer_score(text)
    ]
    if found and not line.bullet and len(pieces) == 1:
        if schools and found[-1][1] is None:
            found[-1] = (found[-1][0], pieces[0], found[-1][2] or when)
            return
        if said[0][:1].islower() and found[-1][0].end == source.lines[0].end:
            return
    name = pieces[0]
    issuer = pieces[1] if len(pieces) > 1 else None
    if issuer is not None and schools == [0]:
        name, issuer = issuer, name
    if len(source.text[name.start : name.end]) <= NAME_CHARS_MAX and not source.is_private(*name):
        found.append((name, issuer, when))


def _parts(text: str, cut: Cut) -> list[Cut]:
    parts: list[Cut] = []
    at = cut.start
    for match in STRONG.finditer(text, cut.start, cut.end):
        parts.append(trim(text, Cut(at, match.start())))
        at = match.end()
    parts.append(trim(text, Cut(at, cut.end)))
    return [part for part in parts if part.end - part.start > 1]


def _write_certificate(
    source: Source, number: int, name: Cut, issuer: Cut | None, when: tuple[str, Cut] | None
) -> Certificate:
    path = f"/certificates/{number}"
    named = source.keep(f"{path}/name", name)
    by = source.keep(f"{path}/issuer", issuer) if issuer is not None else None
    if when is not None:
        source.note(f"{path}/date", *when[1])
    return Certificate(named, by, when[0] if when else None)
