/**
 * What the operator's page shows of each instance, lane and session.
 */

import { h } from "../page/dom.js";
import { bar, empty, pill } from "../page/widgets.js";

/** Bars of places taken; past `admit` only returning candidates come in. */
export function instanceCards(t, instances) {
  if (instances.length === 0) return empty(t("fleet.instances_none"));
  const taken = instances.reduce((sum, one) => sum + one.sessions, 0);
  const cap = instances.reduce((sum, one) => sum + one.cap, 0);
  return h("div", { class: "stack" },
    h("p", { class: "big number" }, 
      t("fleet.total", { taken: t.number(taken), cap: t.number(cap) })),
    h("ul", { class: "tiles" }, instances.map((one) => instanceCard(t, one))));
}

function instanceCard(t, { id, url, sessions: taken, admit, cap, draining, alive }) {
  const [words, tone] = !alive ? [t("fleet.dead"), "bad"]
    : draining ? [t("fleet.draining"), "warn"] : [t("fleet.alive"), "good"];
  return h("li", { class: "tile" },
    h("div", { class: "row spread" }, h("h3", {}, id), pill(words, tone)),
    h("p", { class: "hint" }, url),
    bar(t("fleet.places_label", { id }), cap ? taken / cap : 0, taken >= admit ? "warn" : ""),
    h("p", { class: "number" }, t("fleet.places", { taken: t.number(taken), cap: t.number(cap) })),
    h("p", { class: "hint" }, t("fleet.admit", { admit: t.number(admit) })));
}

function table(caption, heads, rows) {
  return h("div", { class: "table-box", role: "group", tabindex: "0", "aria-label": caption },
    h("table", { role: "table" }, h("caption", { class: "heard-only" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        heads.map((head) => h("th", { scope: "col", role: "columnheader" }, head)))),
      h("tbody", { role: "rowgroup" }, rows.map((cells) => row(heads, cells)))));
}

/**
 * On a phone each row is a card whose cells say their heading (house.css). The roles are said in
 * full because a browser forgets a table's own when it is laid out as something else.
 */
function row(heads, cells) {
  cells.forEach((cell, index) => {
    cell.dataset.label = heads[index];
    cell.setAttribute("role", index === 0 ? "rowheader" : "cell");
  });
  return h("tr", { role: "row" }, cells);
}

export function laneTable(t, lanes, outbox) {
  const rows = lanes.map((one) => {
    const kept = one.oldest_seconds <= one.promise_seconds;
    const name = t.has(`fleet.lane.${one.lane}`) ? t(`fleet.lane.${one.lane}`) : one.lane;
    return [
      h("th", { scope: "row" }, name),
      h("td", { class: "number" }, t.number(one.waiting)),
      h("td", { class: "number" }, t.number(one.working)),
      h("td", { class: "number" }, t.duration(one.oldest_seconds)),
      h("td", { class: "number" }, t.duration(one.promise_seconds)),
      h("td", {}, pill(t(kept ? "fleet.promise_kept" : "fleet.promise_broken"),
        kept ? "good" : "bad")),
    ];
  });
  const heads = ["lane", "waiting", "working", "oldest", "promise", "status"];
  return h("div", { class: "stack" },
    table(t("fleet.lanes"), heads.map((head) => t(`fleet.${head}`)), rows),
    h("p", { class: "hint" }, t("fleet.outbox"), ": ", t.number(outbox)));
}

export function sessionTable(t, sessions) {
  if (sessions.length === 0) return empty(t("fleet.sessions_none"));
  const rows = sessions.map((one) => [
    h("th", { scope: "row", class: "id" }, one.session_id.slice(0, 13)),
    h("td", {}, one.instance),
    h("td", {}, t.has(`fleet.session.${one.status}`) ? t(`fleet.session.${one.status}`)
      : one.status),
    h("td", { class: "number" }, t.number(one.turns_done)),
    h("td", {}, t.date(one.updated_at)),
  ]);
  const heads = ["session", "instance", "status", "turns", "updated"];
  return table(t("fleet.sessions"), heads.map((head) => t(`fleet.${head}`)), rows);
}
