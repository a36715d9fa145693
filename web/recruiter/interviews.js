/**
 * The list of interviews with their status as it changes.
 */

import { h, replace, setText } from "../page/dom.js";
import { empty, pill } from "../page/widgets.js";

const TONE = { invited: "", live: "accent", finished: "good", expired: "warn", withdrawn: "bad" };

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

export async function showInterviews(page) {
  const { t, api } = page;
  const pills = new Map();
  const interviews = await api.list("/interviews");
  const place = h("div", {});
  const rows = interviews.map((interview) => {
    const node = statusPill(t, interview.status);
    pills.set(interview.id, node);
    return row(t, interview, node);
  });
  page.on("interview.status", ({ interview_id: id, status }) => {
    if (pills.has(id)) setStatus(t, pills.get(id), status);
    else page.refresh();
  });
  replace(place, rows.length === 0
    ? empty(t("interviews.empty"), t("interviews.empty_text"))
    : h("ul", { class: "tiles" }, rows));
  return h("div", { class: "stack" }, h("h1", {}, t("interviews.title")), place);
}

function row(t, interview, status) {
  const { id, candidate_name: name, opening_title: title, created_at, finished_at } = interview;
  const when = finished_at ? t("interview.finished", { date: t.date(finished_at) })
    : t("interview.created", { date: t.date(created_at) });
  return h("li", { class: "tile" },
    h("a", { class: "tile-link", href: `#/interviews/${id}` }, name || t("match.unnamed")),
    h("p", {}, title), h("p", { class: "hint" }, when), h("div", { class: "row" }, status));
}
