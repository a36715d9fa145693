/**
 * The states in which the question gives way to a few words and one button.
 */

import { h } from "../page/dom.js";
import { button } from "../page/widgets.js";

/** @returns {?HTMLElement} null while the question itself is to be shown */
export function panelFor(t, session, { status, reason }) {
  if (status === "paused") {
    return panel(t("paused.title"), t(reason === "away" ? "paused.away" : "paused.text"),
      button(t("paused.resume"), () => session.resume(), { kind: "primary large" }));
  }
  if (status === "parked") {
    return panel(t("paused.title"), t("paused.parked"),
      button(t("paused.resume"), () => session.continueHere(), { kind: "primary large" }));
  }
  if (status === "idle" && reason === "gave_up") {
    return panel(t("waiting.left_title"), t("waiting.left_text"),
      button(t("waiting.back"), () => session.start(), { kind: "primary large" }));
  }
  if (status === "elsewhere") {
    return panel(t("elsewhere.title"), t("elsewhere.text"),
      button(t("elsewhere.here"), () => session.continueHere(), { kind: "primary large" }));
  }
  return null;
}

function panel(title, text, action) {
  return h("section", { class: "panel card" },
    h("h2", {}, title), h("p", {}, text), h("div", { class: "row" }, action));
}
