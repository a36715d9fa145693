"""The report as one HTML page to read, print or save: no script, no inline style."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

from interview import bank
from protocol.report import CompetencyReport, Quote
from server import problems
from server.report_texts import TEXTS
from storage.interviews import Interview, TurnRow
from storage.reports import Decision, Report

CSP: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_LANGUAGES: Final = {"es": "es-PE", "en": "en", "pt": "pt-BR"}


def render(
    report: Report,
    interview: Interview,
    turns: Sequence[TurnRow],
    *,
    company: str,
    locale: str,
    base: str,
) -> str:
    """Return the page in the language of `locale`; `base` is where the styles are.

    What was said, and what was written of it, stays in the interview's language and is marked so.
    """
    language = problems.language(locale)
    t = TEXTS[language]
    evaluation = report.evaluation
    spoken = problems.language(evaluation.locale)
    lang = "" if spoken == language else f' lang="{_LANGUAGES[spoken]}"'
    held = frozenset(turn.turn for turn in turns)
    parts = [
        _facts(report, interview, company, t),
        _notice(report, t),
        f"<section><h2>{t['summary']}</h2>{_paragraphs(evaluation.summary, lang)}</section>",
        *(_competency(one, evaluation.kind, held, lang, t) for one in evaluation.competencies),
        _transcript(turns, _topics(report), lang, t),
        _decisions(report.decisions, t),
    ]
    title = f"{t['title']} · {interview.candidate_name}"
    return (
        f'<!doctype html>\n<html lang="{_LANGUAGES[language]}">\n<head>\n'
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="icon" type="image/svg+xml" href="{escape(base)}art/mark.svg">\n'
        f'<link rel="stylesheet" href="{escape(base)}style/base.css">\n'
        f'<link rel="stylesheet" href="{escape(base)}style/report.css">\n'
        '</head>\n<body class="report">\n<main>\n'
        f"<header><h1>{t['title']}</h1></header>\n" + "\n".join(parts) + "\n</main>\n"
        "</body>\n</html>\n"
    )


def _facts(report: Report, interview: Interview, company: str, t: dict[str, str]) -> str:
    evaluation = report.evaluation
    engine = t.get(f"engine.{evaluation.engine}", evaluation.engine)
    rows = [
        (t["candidate"], interview.candidate_name),
        (t["opening"], interview.opening_title),
        (t["company"], company),
        (t["held"], _day(interview.finished_at)),
        (t["ended"], t.get(f"ended.{interview.finished_reason}", "")),
        (t["written"], _day(report.created_at)),
        (t["engine"], engine),
        (t["way"], t.get(f"way.{evaluation.way}", "")),
        (t["turns"], str(evaluation.turns_total)),
        (t[f"share.{evaluation.kind}"], f"{evaluation.coverage:.0%}".replace("%", " %")),
    ]
    if evaluation.dropped_claims:
        rows.append((t["dropped"], str(evaluation.dropped_claims)))
    return (
        '<dl class="facts">'
        + "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in rows if v)
        + "</dl>"
    )


def _notice(report: Report, t: dict[str, str]) -> str:
    evaluation = report.evaluation
    kind = "coverage.note" if evaluation.kind == "coverage" else "rubric.note"
    lines = [f'<p class="hint">{t[kind]}</p>']
    if evaluation.status == "pending_review":
        reason = f" {escape(evaluation.pending_reason)}" if evaluation.pending_reason else ""
        lines.insert(0, f'<p class="pending"><strong>{t["pending"]}</strong>{reason}</p>')
    return "".join(lines)


def _competency(
    one: CompetencyReport, kind: str, held: frozenset[int], lang: str, t: dict[str, str]
) -> str:
    weight = t["weight"].format(weight=round(one.weight * 100))
    most, reached = len(one.expected), one.level
    if not one.turns or (kind == "rubric" and reached is None):
        words, meter = t["level.none"], ""
    elif kind == "rubric":
        words, meter = t["level"].format(level=reached), _meter(reached or 0, 4)
    else:  # without a model there is no level to read as a grade: possible matches are counted
        words = t["counted"].format(found=len(one.found), expected=most)
        meter = _meter(len(one.found), most)
    quotes = "".join(_quote(quote, held, lang, t) for quote in one.quotes)
    said = f"<h3>{t['quotes']}</h3>{quotes}" if quotes else ""
    return (
        f'<section class="competency"><h2{lang}>{escape(one.name)}</h2>'
        f'<p class="level">{meter}<strong>{words}</strong> <span class="hint">{weight}</span></p>'
        f'<div class="lists"><div><h3>{t[f"found.{kind}"]}</h3>{_list(one.found, lang, t)}</div>'
        f"<div><h3>{t[f'missing.{kind}']}</h3>{_list(one.missing, lang, t)}</div></div>{said}"
        "</section>"
    )


def _meter(value: int, most: int) -> str:
    return f'<meter min="0" max="{most}" value="{value}" aria-hidden="true"></meter>'


def _quote(quote: Quote, held: frozenset[int], lang: str, t: dict[str, str]) -> str:
    place = t["quote.turn"].format(turn=quote.turn)
    if quote.turn in held:  # an erased person's report, if any is kept, has no turn to lead to
        place = f'<a href="#turn-{quote.turn}">{place}</a>'
    return (
        f'<figure><blockquote class="words"{lang}>{escape(quote.text)}</blockquote>'
        f"<figcaption><span{lang}>{escape(quote.label)}</span> · {place}</figcaption></figure>"
    )


def _list(labels: list[str], lang: str, t: dict[str, str]) -> str:
    if not labels:
        return f'<p class="hint">{t["nothing"]}</p>'
    return f"<ul{lang}>" + "".join(f"<li>{escape(label)}</li>" for label in labels) + "</ul>"


def _topics(report: Report) -> dict[int | str, str]:
    """Return the names of what was asked about: by turn as evaluated, else by competency."""
    evaluation = report.evaluation
    names: dict[int | str, str] = {
        one.id: one.name for one in bank.load(problems.language(evaluation.locale)).competencies
    }
    names.update({turn: one.name for one in evaluation.competencies for turn in one.turns})
    return names


def _transcript(
    turns: Sequence[TurnRow], topics: dict[int | str, str], lang: str, t: dict[str, str]
) -> str:
    body = "".join(_turn(turn, topics, lang, t) for turn in turns)
    if not body:
        body = f'<p class="hint">{t["transcript.none"]}</p>'
    return f'<section class="transcript"><h2>{t["transcript"]}</h2>{body}</section>'


def _turn(turn: TurnRow, topics: dict[int | str, str], lang: str, t: dict[str, str]) -> str:
    topic = topics.get(turn.turn) or topics.get(turn.competency) or turn.competency
    answer = (
        f'<blockquote class="words"{lang}>{escape(turn.answer)}</blockquote>'
        if turn.answer.strip()
        else f'<p class="hint">{t["transcript.silent"]}</p>'
    )
    return (
        f'<section class="competency" id="turn-{turn.turn}">'
        f"<h3>{t['transcript.turn'].format(turn=turn.turn)} · "
        f"<span{lang}>{escape(topic)}</span></h3>"
        f'<p class="words"{lang}>{escape(turn.question)}</p>'
        f'<p class="hint">{t["transcript.answer"]}</p>{answer}</section>'
    )


def _decisions(decisions: list[Decision], t: dict[str, str]) -> str:
    if not decisions:
        body = f'<p class="hint">{t["decision.none"]}</p>'
    else:
        body = "".join(
            f"<li><strong>{t[f'decision.{one.decision}']}</strong> · {escape(one.decided_name)} · "
            f"{_day(one.created_at)}{_paragraphs(one.reason)}</li>"
            for one in decisions
        )
        body = f"<ol>{body}</ol>"
    return f'<section class="decisions"><h2>{t["decisions"]}</h2>{body}</section>'


def _paragraphs(text: str, lang: str = "") -> str:
    blocks = (block.strip() for block in text.split("\n\n"))
    return "".join(f'<p class="words"{lang}>{escape(block)}</p>' for block in blocks if block)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
