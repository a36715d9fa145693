/**
 * What the candidate asked for, and a person's answer to it.
 */

import { h } from "../page/dom.js";
import { button, errorLine, field, pill, toast } from "../page/widgets.js";

const MINUTES_MAX = 120;
const MINUTES_USUAL = 10;

export function requestsCard(page, interview, changed) {
  const { t } = page;
  return [
    h("h2", {}, t("requests.title")),
    interview.requests.length === 0
      ? h("p", { class: "hint" }, t("requests.none"))
      : h("ul", { class: "reasons" },
        interview.requests.map((request) => requestItem(page, interview, request, changed))),
  ];
}

function requestItem(page, interview, request, changed) {
  const { t } = page;
  const { kind, note, status, extra_minutes: minutes, answer_reason: reason } = request;
  const tone = { asked: "warn", granted: "good", declined: "bad" }[status];
  const words = status === "granted" && minutes
    ? t.plural("request.granted_minutes", minutes)
    : t(`request.status.${status}`);
  return h("li", { class: "stack" },
    h("div", { class: "row" }, h("strong", {}, t(`request.${kind}_name`)), pill(words, tone)),
    note && h("p", { class: "evidence words" }, note),
    reason && h("p", { class: "hint words" }, reason),
    status === "asked" && answerForm(page, interview, request, changed));
}

function answerForm(page, interview, { id, kind }, changed) {
  const { t, api } = page;
  const minutes = kind === "extra_time" && h("input", { type: "number", min: 1, max: MINUTES_MAX,
    step: 1, inputmode: "numeric", value: MINUTES_USUAL });
  const reason = h("textarea", { rows: 2, maxlength: 2000 });
  const error = errorLine();
  const answer = (status) => async () => {
    error.clear();
    if (status === "declined" && !reason.value.trim()) {
      error.show(t("requests.reason_needed"));
      reason.focus();
      return;
    }
    const extra = status === "granted" && minutes ? minutes.valueAsNumber || 0 : 0;
    const body = { status, extra_minutes: Math.min(MINUTES_MAX, Math.max(0, Math.round(extra))),
      reason: reason.value.trim() };
    try {
      await api.post(`/interviews/${interview.id}/requests/${id}`, body);
      toast(t("requests.answered"));
      await changed();
    } catch (problem) {
      error.show(t.problem(problem));
    }
  };
  return h("div", { class: "stack" },
    minutes && field(t("requests.minutes"), minutes),
    field(t("requests.reason"), reason), error.node,
    h("div", { class: "row" },
      button(t("requests.grant"), answer("granted"), { kind: "primary" }),
      button(t("requests.decline"), answer("declined"))));
}
