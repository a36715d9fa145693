/**
 * The report: what was found in the candidate's own words, what was not, and who asked.
 */

import { h, replace } from "../page/dom.js";
import { bar, button, notice, pill } from "../page/widgets.js";
import { decisionCard } from "./decision.js";
import { loadEvaluation, nowButton, waitingCard } from "./evaluation.js";

/** Report, conversation, decision: in the order in which a person should read and decide. */
export async function reportSection(page, interview, transcript) {
  const place = h("div", { class: "stack" });
  let shown = false;
  let over = interview.status === "finished";
  const draw = async (known = true) => {
    const report = known ? await load(page, interview.id) : null;
    const open = report?.status !== "ready";
    const evaluation = open && over ? await loadEvaluation(page, interview) : null;
    const now = open && nowButton(page, interview, evaluation, draw);
    replace(place, report
      ? [reportCard(page, report, transcript, now), transcript.node,
        decisionCard(page, interview, report)]
      : [transcript.node, waitingCard(page, interview, evaluation, draw)]);
    shown = report !== null;
    if (report) transcript.quote(report.competencies.flatMap((one) => one.quotes));
  };
  page.on("report.queued", (event) => {
    if (event.interview_id !== interview.id) return;
    over = true;
    draw().catch(() => {});
  });
  page.on("report.ready", (event) => {
    if (event.interview_id === interview.id) draw().catch(() => {});
  });
  page.on("watching", () => shown || draw().catch(() => {}));
  await draw(interview.report !== null);
  return place;
}

async function load(page, id) {
  try {
    return await page.api.get(`/interviews/${id}/report`);
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

function reportCard(page, report, transcript, now) {
  const { t } = page;
  const pending = report.status === "pending_review";
  return h("section", { class: "card report", "aria-labelledby": "report-title" },
    h("div", { class: "row spread" }, h("h2", { id: "report-title" }, t("report.title")),
      h("div", { class: "row no-print" }, button(t("report.print"), () => print()))),
    notice("", "", t(`report.kind.${report.kind}`)),
    pending && notice("warn", t("report.pending"),
      t("report.pending_text", { reason: t.fault(report.pending_reason) }), now),
    report.summary && [h("h3", {}, t("report.summary")),
      h("p", { class: "words" }, report.summary)],
    totals(t, report),
    report.dropped_claims > 0 &&
      h("p", { class: "hint" }, t.plural("report.dropped", report.dropped_claims)),
    h("ol", { class: "competencies" },
      report.competencies.map((one) => competency(t, report, one, transcript))));
}

function totals(t, report) {
  const counted = (key) => report.competencies.reduce((sum, one) => sum + one[key].length, 0);
  const words = t("report.evidence",
    { found: t.number(counted("found")), expected: t.number(counted("expected")) });
  const engines = Object.entries(report.turns_by_engine).map(([engine, count]) =>
    t.plural("report.engine_turns", count, { engine: engineName(t, engine) }));
  return h("dl", { class: "totals" },
    h("div", {}, h("dt", {}, t(`report.found.${report.kind}`)),
      h("dd", {}, bar(t(`report.found.${report.kind}`), report.coverage), h("span", {}, words))),
    h("div", {}, h("dt", {}, t("report.engine")), h("dd", {}, engines.join(" · "))),
    report.way && h("div", {}, h("dt", {}, t("report.way")),
      h("dd", {}, t(`report.way.${report.way}`))));
}

function engineName(t, engine) {
  return t.has(`transcript.engine.${engine}`) ? t(`transcript.engine.${engine}`) : engine;
}

function competency(t, report, one, transcript) {
  const { name, level, found, expected, missing, quotes } = one;
  const reached = one.turns.length > 0;
  const rubric = report.kind === "rubric";
  const share = expected.length ? found.length / expected.length : 0;
  const words = !reached || (rubric && level === null) ? t("report.level_none")
    : rubric ? `${t("report.level", { level })}: ${t(`report.level.${level}`)}`
      : t("report.counted", { found: found.length, expected: expected.length });
  return h("li", { class: "competency" },
    h("div", { class: "row spread" }, h("h3", {}, name), h("p", { class: "number" }, words)),
    reached && bar(name, rubric ? (level ?? 0) / 4 : share),
    together(quotes).map((group) => quoteView(t, group, transcript)),
    missing.length > 0 && reached && h("div", { class: "missing" },
      h("p", { class: "turn-label" }, t(`report.missing.${report.kind}`)),
      h("ul", { class: "terms" }, missing.map((label) => h("li", {}, label)))));
}

/** The same words may support several pieces of evidence: they are shown once. */
function together(quotes) {
  const groups = new Map();
  for (const quote of quotes) {
    const key = `${quote.turn} ${quote.start} ${quote.end}`;
    const group = groups.get(key) ?? { ...quote, labels: [] };
    group.labels.push(quote.label);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function quoteView(t, { turn, text, labels }, transcript) {
  return h("figure", { class: "quote" },
    h("figcaption", { class: "row" }, labels.map((label) => pill(label, "good"))),
    h("blockquote", { class: "words" }, `«${text}»`),
    h("button", { type: "button", class: "link-button",
      on: { click: () => transcript.show(turn) } }, t("report.quote_turn", { turn })));
}
