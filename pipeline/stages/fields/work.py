"""The jobs: each range of dates in the experience section begins one; its head names the rest."""

# ruff: noqa: PLR2004 - a weight or a length is judged where it stands

from typing import NamedTuple

from pipeline.stages.fields import headers
from pipeline.stages.fields.dates import Range, When, months, ranges
from pipeline.stages.fields.headers import Head, is_head, without
from pipeline.stages.fields.lines import Cut, Line
from pipeline.stages.fields.source import Source
from pipeline.vocabulary.folding import fold
from pipeline.vocabulary.titles import employer_score, title_score
from protocol.profile import Work

BEFORE_MAX = 3  # lines of a head above its dates
AFTER_MAX = 2  # and below
JOBS_MAX = 40
HIGHLIGHTS_MAX = 25
HIGHLIGHT_CHARS_MAX = 700
SUMMARY_CHARS_MAX = 1_500
BULLET_REST_CHARS_MAX = 100
SUBTITLE_CHARS_MAX = 60


class Job(NamedTuple):
    """One job as lines: its head, its dates, and what it says below."""

    head: Head
    period: Range | None
    body: list[Line]


def work(source: Source) -> tuple[Work, ...]:
    """Return the jobs of the CV in the order they stand."""
    jobs: list[Job] = []
    found = [b for b in source.blocks if b.part == "work" and b.lines]
    if not found:
        found = [b for b in source.blocks if b.part in ("header", "summary", "contact")]
        jobs = [job for block in found for job in _jobs(source, block.lines) if _surely(job)]
    else:
        for block in found:
            jobs.extend(_jobs(source, block.lines))
    jobs = _inherit(source, jobs)[:JOBS_MAX]
    return tuple(_write(source, number, job) for number, job in enumerate(jobs))


def _surely(job: Job) -> bool:
    return job.period is not None and job.head.position is not None


def _jobs(source: Source, lines: list[Line]) -> list[Job]:
    lines = [line for line in lines if not headers.DURATION.fullmatch(fold(line.text))]
    periods = [_period(source, line) for line in lines]
    dated = [number for number, period in enumerate(periods) if period is not None]
    if not dated:
        return _undated(source, lines)
    above = _above(lines, dated[0])
    jobs: list[Job] = []
    floor = 0  # lines before this belong to the job before
    starts: list[int] = []
    heads: list[tuple[Head, int]] = []
    for number, at in enumerate(dated):
        start = _start(lines, at, above, floor)
        after = dated[number + 1] if number + 1 < len(dated) else len(lines)
        head, end = _head(source, lines, start, at, after, above)
        starts.append(start)
        heads.append((head, end))
        floor = end
    for number, (head, end) in enumerate(heads):
        stop = starts[number + 1] if number + 1 < len(starts) else len(lines)
        jobs.append(Job(head, periods[dated[number]], lines[end:stop]))
    return jobs


def _period(source: Source, line: Line) -> Range | None:
    """Return the range a line gives a job, or None where its dates are only told about."""
    found = ranges(line.text, line.start, source.today)
    for period in found:
        rest = without(source.text, line, [Cut(period.start, period.end)])
        said = " ".join(source.text[cut.start : cut.end] for cut in rest)
        if period.begin is not None and period.begin.year > source.today.year:
            continue
        edge = period.start <= line.start + 12 or period.end >= line.end - 30
        named = title_score(said) or employer_score(said)
        if line.bullet or period.single:
            short = len(said) <= BULLET_REST_CHARS_MAX and not said.endswith(".")
            if edge and short and (named or (not said and not line.bullet)):
                return period
        elif len(said) <= headers.HEAD_CHARS_MAX + 40 and (edge or named):
            return period
    return None


def _above(lines: list[Line], first: int) -> int:
    """Count the lines of a head above its dates, as the first job shows it."""
    count = 0
    while count < min(first, BEFORE_MAX) and is_head(lines[first - count - 1]):
        count += 1
    return count


def _start(lines: list[Line], at: int, above: int, floor: int) -> int:
    start = at
    while start > max(floor, at - above) and is_head(lines[start - 1]):
        start -= 1
    return start


def _head(
    source: Source, lines: list[Line], start: int, at: int, stop: int, above: int
) -> tuple[Head, int]:
    """Read the head around the dates; return it with the line where the body begins."""
    text = source.text
    cuts = [line.cut for line in lines[start:at]]
    spans = [Cut(r.start, r.end) for r in ranges(lines[at].text, lines[at].start, source.today)]
    cuts += without(text, lines[at], spans)
    head = headers.read(text, cuts)
    end = at + 1
    while end < stop and end - at <= AFTER_MAX and not (head.position and head.name):
        line = lines[end]
        room = stop - end > above  # the lines above the next dates are the next job's
        if not room or not is_head(line) or _is_task(line, head):
            break
        cuts.append(line.cut)
        head = headers.read(text, cuts)
        end += 1
    return head, end


def _is_task(line: Line, head: Head) -> bool:
    """Say whether a line below the dates is what was done, not who it was done for."""
    named = title_score(line.text) or employer_score(line.text)
    if head.position is None and head.name is None:
        return len(line.text) > headers.HEAD_CHARS_MAX
    return not named and (len(line.text.split()) > 6 or line.text.endswith("."))


def _undated(source: Source, lines: list[Line]) -> list[Job]:
    """Read jobs without dates: each line that is surely a job title begins one."""
    jobs: list[Job] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if not (is_head(line) and title_score(line.text) >= 3 and len(line.text.split()) <= 9):
            at += 1
            continue
        cuts = [line.cut]
        end = at + 1
        if end < len(lines) and is_head(lines[end]) and employer_score(lines[end].text):
            cuts.append(lines[end].cut)
            end += 1
        stop = end
        while stop < len(lines) and not (
            is_head(lines[stop]) and title_score(lines[stop].text) >= 3
        ):
            stop += 1
        jobs.append(Job(headers.read(source.text, cuts), None, lines[end:stop]))
        at = stop
    return jobs


def _inherit(source: Source, jobs: list[Job]) -> list[Job]:
    """Give the positions held under one employer its name; the employer's own line goes."""
    kept: list[Job] = []
    parent: Job | None = None
    for job in jobs:
        if job.head.name and not job.head.position and not job.body:
            parent = job
            kept.append(job)
            continue
        held = kept[-1] if kept else None
        if parent is None and held is not None and _goes_on(source, job, held):
            head = job.head._replace(name=held.head.name)
            kept.append(job._replace(head=head))
        elif parent is not None and job.head.name is None and _inside(source, job, parent):
            if kept and kept[-1] is parent:
                kept.pop()
            head = job.head._replace(name=parent.head.name, location=parent.head.location)
            kept.append(job._replace(head=head))
        else:
            parent = None
            kept.append(job)
    return kept


def _goes_on(source: Source, job: Job, later: Job) -> bool:
    """Say whether a position without an employer ends where the one above it began.

    It is the way networks list a career in one house.
    """
    if job.head.name is not None or later.head.name is None or job.head.position is None:
        return False
    inner, outer = _months(source, job.period), _months(source, later.period)
    return bool(inner) and bool(outer) and 0 <= outer[0] - inner[-1] <= 1


def _inside(source: Source, job: Job, parent: Job) -> bool:
    inner, outer = _months(source, job.period), _months(source, parent.period)
    return bool(inner) and bool(outer) and outer[0] <= inner[0] and inner[-1] <= outer[-1] + 1


def _months(source: Source, period: Range | None) -> range:
    if period is None or period.begin is None:
        return range(0)
    return months(period.begin, None if period.current else period.until, source.today)


def _write(source: Source, number: int, job: Job) -> Work:
    path = f"/work/{number}"
    fields: dict[str, str] = {}
    for field in ("position", "name", "location"):
        cut = getattr(job.head, field)
        if cut is not None:
            fields[field] = source.keep(f"{path}/{field}", cut)
    period = job.period
    if period is not None and period.begin is not None:
        fields["start_date"] = str(period.begin)
        source.note(f"{path}/startDate", period.start, period.end)
        source.note(f"{path}/endDate", period.start, period.end)
        if not period.current and period.until is not None:
            fields["end_date"] = str(period.until)
    summary, highlights = _body(source, path, job.body)
    return Work(
        current=bool(period and period.current), summary=summary, highlights=highlights, **fields
    )


def _body(source: Source, path: str, lines: list[Line]) -> tuple[str | None, tuple[str, ...]]:
    lines = [line for line in lines if not _is_subtitle(line)]
    first = next((n for n, line in enumerate(lines) if line.bullet), len(lines))
    groups = _groups(lines[first:])
    told = _sentences(lines[:first]) if not groups else []
    summary = None
    if len(told) > 1:  # a list whose bullets were lost
        groups = told
    else:
        summary = _summary(source, path, lines[:first])
    kept = [cut for cut in groups if not source.is_private(*cut)][:HIGHLIGHTS_MAX]
    return summary, tuple(
        source.keep(f"{path}/highlights/{n}", cut) for n, cut in enumerate(kept)
    )  # fmt: skip


def _groups(lines: list[Line]) -> list[Cut]:
    """Join each bullet's line with those that go on with it."""
    groups: list[Cut] = []
    for line in lines:
        if line.bullet:
            groups.append(line.cut)
        elif line.end - groups[-1].start <= HIGHLIGHT_CHARS_MAX:
            groups[-1] = Cut(groups[-1].start, line.end)
    return groups


def _sentences(lines: list[Line]) -> list[Cut]:
    """Group lines into the sentences they end: each begins after a full stop, in a capital."""
    groups: list[Cut] = []
    ended = True
    for line in lines:
        if ended and not line.text[0].islower():
            groups.append(line.cut)
        elif groups and line.end - groups[-1].start <= HIGHLIGHT_CHARS_MAX:
            groups[-1] = Cut(groups[-1].start, line.end)
        ended = line.text[-1] in ".;!"
    return groups


def _is_subtitle(line: Line) -> bool:
    return line.text.endswith(":") and len(line.text) <= SUBTITLE_CHARS_MAX


def _summary(source: Source, path: str, lines: list[Line]) -> str | None:
    """Join the lines that belong together: nothing but line breaks may stand between them."""
    kept: list[Line] = []
    for line in lines:
        if kept and source.text[kept[-1].end : line.start].strip():
            break
        if line.end - lines[0].start > SUMMARY_CHARS_MAX or source.is_private(*line.cut):
            break
        kept.append(line)
    if not kept:
        return None
    return source.keep(f"{path}/summary", Cut(kept[0].start, kept[-1].end))


def years_of_experience(source: Source, jobs: tuple[Work, ...]) -> float:
    """Return the months covered by the jobs, each counted once, in years."""
    covered: set[int] = set()
    for job in jobs:
        if job.start_date is None:
            continue
        until = None if job.current or job.end_date is None else _when(job.end_date)
        covered.update(months(_when(job.start_date), until, source.today))
    return round(len(covered) / 12, 1)


def _when(said: str) -> When:
    year, _, month = said.partition("-")
    return When(int(year), int(month) if month else None)
