/**
 * The states in which the question gives way to a few words and one button.
 */

import { h } from "../page/dom.js";
import { button } from "../page/widgets.js";

/** @returns {?HTMLElement} null while the question itself is to be shown */
export function panelFor(t, session, { status, reason, position, eta_seconds: eta }) {
  if (status === "waiting") {
    return panel(t("waiting.title"), [t("waiting.text")], [
      position && h("p", { class: "big" }, t("waiting.position", { position })),
      eta > 0 && h("p", {}, t("waiting.eta", { time: t.duration(eta) })),
    ], reason === "at_capacity" && button(t("common.retry_now"), () => session.retryNow()), true);
  }
  if (status === "paused") {
    return panel(t("paused.title"), [t(reason === "away" ? "paused.away" : "paused.text")], [],
      button(t("paused.resume"), () => session.resume(), { kind: "primary large" }));
  }
  if (status === "elsewhere") {
    return panel(t("elsewhere.title"), [t("elsewhere.text")], [],
      button(t("elsewhere.here"), () => session.continueHere(), { kind: "primary large" }));
  }
  return null;
}

function panel(title, texts, more, action, changing = false) {
  return h("section", { class: "panel card" },
    h("h2", {}, title), texts.map((text) => h("p", {}, text)),
    h("div", { "aria-live": changing ? "polite" : null }, more),
    action && h("div", { class: "row" }, action));
}
