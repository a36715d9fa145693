/**
 * The turns that were answered, as the candidate sees them again.
 */

import { h } from "../page/dom.js";

/** `lang` is the language of what was said, whatever the page's own is. */
export function turnItem(t, { turn, question, answer }, lang) {
  return h("li", { class: "turn" },
    h("p", { class: "turn-label" }, t("live.turn_one", { turn })),
    h("p", { class: "turn-question words", lang }, question),
    h("p", { class: "turn-label" }, t("live.you")),
    h("p", { class: "turn-answer words", lang }, answer));
}

export function transcript(t, turns, lang) {
  return h("ol", { class: "turns" }, turns.map((turn) => turnItem(t, turn, lang)));
}
