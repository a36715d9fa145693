/**
 * The decision: a named person, one of three choices, and a reason.
 */

import { h, newId } from "../page/dom.js";
import { errorLine, field, pill, toast } from "../page/widgets.js";

const CHOICES = ["advance", "hold", "decline"];
const TONE = { advance: "good", hold: "warn", decline: "bad" };
const REASON_CHARS_MIN = 10;

export function decisionCard(page, interview, report) {
  const { t } = page;
  const printed = (report.decisions ?? []).length > 0;
  return h("section", { class: `card ${printed ? "" : "no-print"}`.trim(),
    "aria-labelledby": "decision-title" },
    h("h2", { id: "decision-title" }, t("decision.title")),
    earlier(t, report.decisions ?? []), form(page, interview, report));
}

function earlier(t, decisions) {
  return decisions.length > 0 && h("div", { class: "stack" },
    h("h3", {}, t("decision.earlier")),
    h("ul", { class: "reasons" }, decisions.map((one) => h("li", {},
      h("div", { class: "row" }, pill(t(`decision.${one.decision}`), TONE[one.decision]),
        h("span", {}, `${one.decided_name} · ${t.date(one.created_at)}`)),
      h("p", { class: "words" }, one.reason)))));
}

function form(page, interview) {
  const { t, me, api } = page;
  const name = newId("decision");
  const radios = CHOICES.map((choice) =>
    h("input", { type: "radio", name, value: choice, id: newId("choice") }));
  const reason = h("textarea", { rows: 3, maxlength: 4000 });
  const error = errorLine();
  const record = async (event) => {
    event.preventDefault();
    error.clear();
    const chosen = radios.find((radio) => radio.checked);
    const words = reason.value.trim();
    if (!chosen || words.length < REASON_CHARS_MIN) {
      error.show(t(chosen ? "decision.reason_short" : "decision.choice_needed"));
      (chosen ? reason : radios[0]).focus();
      return;
    }
    try {
      const body = { decision: chosen.value, reason: words };
      await api.post(`/interviews/${interview.id}/decision`, body);
      toast(t("decision.recorded"));
      page.refresh();
    } catch (problem) {
      error.show(t.problem(problem));
    }
  };
  return h("form", { class: "stack no-print", novalidate: true, on: { submit: record } },
    h("p", {}, t("decision.text", { name: me.name })),
    h("fieldset", { class: "choices" }, h("legend", {}, t("decision.choice")),
      radios.map((radio) => h("label", { class: "check", for: radio.id }, radio,
        h("span", {}, t(`decision.${radio.value}`))))),
    field(t("decision.reason"), reason, t("decision.reason_hint")), error.node,
    h("div", { class: "row" },
      h("button", { type: "submit", class: "button primary" }, t("decision.record"))));
}
