/**
 * A report that waits for a batch, at half the price; and the choice of now, with its price.
 */

import { h } from "../page/dom.js";
import { button, confirmDialog, empty, errorLine, notice } from "../page/widgets.js";

/** Where the evaluation is and what it costs; null where the house does not say. */
export async function loadEvaluation(page, { id }) {
  try {
    return await page.api.get(`/interviews/${id}/evaluation`);
  } catch {
    return null; // the report is told of without it
  }
}

/** What there is to say while there is no report. */
export function waitingCard(page, interview, evaluation, changed) {
  const { t } = page;
  const { state, expected_at: expected, batch } = evaluation ?? {};
  if (state === "now") return empty(t("evaluation.now"), t("evaluation.now_text"));
  if (state !== "queued" && state !== "handed_in") {
    return empty(t("report.waiting"), t("report.waiting_text"));
  }
  const date = t.date(expected);
  return h("section", { class: "card evaluation no-print", "aria-labelledby": "evaluation-title" },
    h("h2", { id: "evaluation-title" }, t("evaluation.queued")),
    notice("", "", t("evaluation.queued_text", { date })),
    h("p", { class: "hint" }, t("evaluation.batch_price", prices(t, batch))),
    state === "handed_in" && h("p", { class: "hint" }, t("evaluation.handed_in")),
    nowButton(page, interview, evaluation, changed));
}

/** The button that has it now; nothing where there is no choice. */
export function nowButton(page, interview, evaluation, changed) {
  const { t } = page;
  const price = evaluation?.now;
  if (!price) return null;
  const error = errorLine();
  const ask = async () => {
    error.clear();
    const sure = await confirmDialog(t, { title: t("evaluation.confirm"), danger: false,
      text: t("evaluation.confirm_text", prices(t, price)), yes: t("evaluation.confirm_yes") });
    if (!sure) return;
    try {
      const body = { when: "now", micro_usd_max: price.micro_usd_max };
      await page.api.post(`/interviews/${interview.id}/evaluation`, body);
      await changed();
    } catch (problem) {
      error.show(t.problem(problem));
    }
  };
  return h("div", { class: "stack no-print" },
    h("div", { class: "row" }, button(t("evaluation.ask", prices(t, price)), ask)), error.node);
}

function prices(t, { micro_usd: about, micro_usd_max: most }) {
  return { about: usd(t, about), most: usd(t, most) };
}

/** Micro-dollars as dollars, never less than it is. */
function usd(t, micro) {
  return `US$\u00a0${t.number(Math.ceil(micro / 10_000) / 100, 2)}`;
}
