/**
 * The list of interviews: what waits for an answer first, and all of it as it changes.
 */

import { h, replace, setText } from "../page/dom.js";
import { empty, pill } from "../page/widgets.js";

const TONE = { invited: "", live: "accent", finished: "good", expired: "warn", withdrawn: "bad" };
const DECISION_TONE = { advance: "good", hold: "warn", decline: "bad" };
const REPORT_TONE = { ready: "good", pending_review: "warn", queued: "" };
const SOON_MS = 500;
const FRESH_MS = 5_000; // what was loaded this recently is not asked for again

export function statusPill(t, status) {
  const node = pill(t(`interview.status.${status}`), TONE[status] ?? "");
  node.dataset.status = status;
  return node;
}

export function setStatus(t, node, status) {
  node.className = `pill ${TONE[status] ?? ""}`.trim();
  node.dataset.status = status;
  setText(node, t(`interview.status.${status}`));
}

/** The name to show: of an erased person there is none. */
export function nameOf(t, { erased, candidate_name: name }) {
  return erased ? t("erased.name") : name || t("match.unnamed");
}

/** What of the report there is to know, and what was decided on it. */
export function outcomePills(t, { status, report, decision, erased }) {
  const decided = decision && pill(t("interviews.decided",
    { decision: t(`decision.${decision}`) }), DECISION_TONE[decision]);
  if (erased) return [decided];
  return [
    report ? pill(t(`interviews.report.${report}`), REPORT_TONE[report])
      : status === "finished" && pill(t("interviews.report.none")),
    decided || (report && report !== "queued" && pill(t("interviews.undecided"), "warn")),
  ];
}

export async function showInterviews(page) {
  const { t, api } = page;
  const known = new Map();
  const place = h("div", { class: "stack wide-gaps" });
  let loaded = 0;
  const load = async () => {
    // Those that wait are asked for by themselves: none may lie beyond the end of the list.
    const [waiting, all] = await Promise.all([
      api.list("/interviews?waiting=true"), api.list("/interviews")]);
    known.clear();
    for (const one of [...waiting, ...all]) known.set(one.id, one);
    loaded = performance.now();
  };
  const draw = () => {
    const at = place.contains(document.activeElement) && document.activeElement.hash;
    replace(place, sections(t, [...known.values()]));
    if (at) place.querySelector(`a[href="${at}"]`)?.focus();
  };
  await load();
  draw();
  follow(page, known, draw, load);
  page.on("watching", () => {
    if (performance.now() - loaded > FRESH_MS) load().then(draw, () => {});
  });
  return h("div", { class: "stack" }, h("h1", {}, t("interviews.title")), place);
}

/** Every sign of an interview is a reason to look at it; signs that come together are one. */
function follow(page, known, draw, load) {
  const due = new Set();
  let timer = 0;
  const look = async () => {
    timer = 0;
    const ids = [...due];
    due.clear();
    if (ids.length > 10) await load().catch(() => {});
    else {
      await Promise.all(ids.map(async (id) => {
        const one = await page.api.get(`/interviews/${id}`).catch(() => null);
        if (one) known.set(id, one);
      }));
    }
    if (!page.leaving.aborted) draw();
  };
  const heard = ({ interview_id: id }) => {
    due.add(id);
    timer ||= setTimeout(look, SOON_MS);
  };
  page.on("interview.status", heard);
  page.on("report.ready", heard);
  page.on("report.queued", heard);
  page.leaving.addEventListener("abort", () => clearTimeout(timer));
}

function sections(t, interviews) {
  if (interviews.length === 0) return empty(t("interviews.empty"), t("interviews.empty_text"));
  interviews.sort((a, b) => (a.id < b.id ? 1 : -1)); // ids are in order of time
  const waits = ({ waiting = [] }) => waiting.length > 0;
  const tiles = (some) => h("ul", { class: "tiles" }, some.map((one) => tile(t, one)));
  const first = interviews.filter(waits);
  if (first.length === 0) return tiles(interviews);
  const rest = interviews.filter((one) => !waits(one));
  return [
    h("section", { class: "stack", "aria-labelledby": "waiting" },
      h("h2", { id: "waiting" }, t("interviews.waiting")), tiles(first)),
    rest.length > 0 && h("section", { class: "stack", "aria-labelledby": "others" },
      h("h2", { id: "others" }, t("interviews.others")), tiles(rest)),
  ];
}

function tile(t, interview) {
  const { id, opening_title: title, created_at, finished_at, waiting = [] } = interview;
  const when = finished_at ? t("interview.finished", { date: t.date(finished_at) })
    : t("interview.created", { date: t.date(created_at) });
  return h("li", { class: waiting.length > 0 ? "tile waits" : "tile" },
    h("a", { class: "tile-link", href: `#/interviews/${id}` }, nameOf(t, interview)),
    h("p", {}, title), h("p", { class: "hint" }, when),
    h("div", { class: "row" },
      waiting.map((kind) => pill(t(`interviews.asks.${kind}`), "warn")),
      statusPill(t, interview.status), outcomePills(t, interview)));
}
