/**
 * The turns that were answered, as the candidate sees them again.
 */

import { h } from "../page/dom.js";

export function turnItem(t, { turn, question, answer }) {
  return h("li", { class: "turn" },
    h("p", { class: "turn-label" }, t("live.turn_one", { turn })),
    h("p", { class: "turn-question words" }, question),
    h("p", { class: "turn-label" }, t("live.you")),
    h("p", { class: "turn-answer words" }, answer));
}

export function transcript(t, turns) {
  return h("ol", { class: "turns" }, turns.map((turn) => turnItem(t, turn)));
}
