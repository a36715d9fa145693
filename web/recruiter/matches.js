/**
 * Who matches an opening, with every reason, and the way to an invitation.
 */

import { h, replace } from "../page/dom.js";
import { bar, button, empty, pill } from "../page/widgets.js";
import { inviteDialog } from "./invite.js";
import { profileButton } from "./profile.js";

const HIGH = 0.66;
const MEDIUM = 0.4;

/** `drawn(matches)` is told about every list that is shown. */
export async function matchList(page, opening, drawn) {
  const { t, api } = page;
  const place = h("div", { class: "stack" });
  const open = new Set(); // the people whose reasons are unfolded
  let asked = 0;
  const draw = async () => {
    asked += 1;
    const mine = asked;
    const matches = await api.list(`/openings/${opening.id}/matches`, 200);
    if (mine !== asked) return;
    replace(place, matches.length === 0
      ? empty(t("match.empty"), t("match.empty_text"))
      : h("ol", { class: "matches" },
        matches.map((match) => matchCard(page, opening, match, open))));
    drawn(matches);
  };
  let timer = 0;
  const soon = () => {
    clearTimeout(timer); // many CVs may finish at once
    timer = setTimeout(() => draw().catch(() => {}), 400);
  };
  page.on("match.ready", (event) => {
    if (!event.opening_id || event.opening_id === opening.id) soon();
  });
  page.on("cv.stage", (event) => event.status === "ready" && soon());
  await draw();
  return h("section", { class: "stack", "aria-labelledby": "match-title" },
    h("div", {}, h("h2", { id: "match-title" }, t("match.title")),
      h("p", { class: "hint" }, t("match.note"))), place);
}

function words(t, score) {
  if (score >= HIGH) return [t("match.high"), "good"];
  return score >= MEDIUM ? [t("match.medium"), "accent"] : [t("match.low"), ""];
}

function matchCard(page, opening, match, open) {
  const { t } = page;
  const { candidate, score, gates } = match;
  const name = candidate.name || t("match.unnamed");
  const [label, tone] = words(t, score);
  const failed = gates.filter((gate) => !gate.passed).length;
  const details = h("details", { open: open.has(match.cv_id), on: { toggle: () => {
    if (details.open) open.add(match.cv_id);
    else open.delete(match.cv_id);
  } } }, h("summary", {}, t("match.details")), reasons(t, match));
  return h("li", { class: "card match" },
    h("div", { class: "row spread" },
      h("h3", {}, name),
      h("div", { class: "row" }, profileButton(page, candidate.id, match.cv_id),
        button(t("match.invite"), () => inviteDialog(page, opening, match),
          { kind: "primary" }))),
    h("div", { class: "score" },
      bar(t("match.score", { score: t.number(score, 2) }), score),
      h("p", { class: "number" }, t("match.score", { score: t.number(score, 2) })),
      pill(label, tone)),
    gates.length > 0 && h("p", {}, failed === 0
      ? pill(t("match.gates_passed"), "good")
      : pill(t.plural("match.gates_open", failed), "warn")),
    details);
}

function reasons(t, { matched, missing, gates }) {
  const evidence = (text) =>
    text && h("p", { class: "evidence words" }, t("match.evidence", { text }));
  const part = (key, items) => items.length > 0 && h("section", {},
    h("h4", {}, t(key)), h("ul", { class: "reasons" }, items));
  return h("div", { class: "stack" },
    part("match.gates", gates.map((gate) => h("li", {},
      h("p", {}, h("strong", {}, gate.term), " ",
        pill(t(gate.passed ? "match.passed" : "match.not_passed"),
          gate.passed ? "good" : "warn")),
      h("p", { class: "hint" }, gate.reason), evidence(gate.evidence)))),
    part("match.matched", matched.map((one) => h("li", {},
      h("p", {}, h("strong", {}, one.term)), evidence(one.evidence)))),
    part("match.missing", missing.map((one) => h("li", {},
      h("p", {}, h("strong", {}, one.term)), h("p", { class: "hint" }, one.why)))));
}
