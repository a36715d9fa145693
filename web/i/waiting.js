/**
 * The waiting room on the page: a place in line and an honest estimate, changed where they stand.
 *
 * What is seen changes with every word of the server; what is said to a screen reader is said when
 * it matters (a better place, the turn), and not more often than every half minute.
 */

import { announce, h, setText } from "../page/dom.js";
import { button } from "../page/widgets.js";

const SAY_MS = 30_000;

/** In the words of t.duration, but never rounded down: a wait that ends early hurts nobody. */
function estimate(t, seconds) {
  if (seconds === null) return t("waiting.eta_unknown");
  const step = seconds < 90 ? 1 : seconds < 5_400 ? 60 : 3_600;
  return t("waiting.eta", { time: t.duration(Math.ceil(seconds / step) * step) });
}

export class WaitingPanel {
  #t;
  #parts = {};
  #said = { position: 0, at: 0 };

  constructor(t, session) {
    this.#t = t;
    const p = this.#parts;
    p.title = h("h2", {});
    p.text = h("p", {});
    p.place = h("p", { class: "big" });
    p.estimate = h("p", { class: "waiting-estimate" });
    p.note = h("p", { class: "hint" });
    p.row = h("div", { class: "row" },
      button(t("common.retry_now"), () => session.retryNow()));
    this.node = h("section", { class: "panel card waiting" },
      p.title, p.text, p.place, p.estimate, p.note, p.row,
      h("div", { class: "row" },
        button(t("waiting.leave"), () => session.leave(), { kind: "quiet" })));
  }

  /** Show where the candidate stands now; reason: queued, kept, called or at_capacity. */
  show({ reason, position = 0, eta_seconds: eta = null }) {
    const t = this.#t;
    const p = this.#parts;
    const called = reason === "called";
    const place = position > 0 && !called ? t("waiting.position", { position }) : "";
    const soon = position === 1 ? t("waiting.next") : "";
    setText(p.title, t(called ? "waiting.called" : "waiting.title"));
    setText(p.text, t(called ? "waiting.called_text"
      : reason === "at_capacity" ? "waiting.full_text" : "waiting.text"));
    setText(p.place, place);
    setText(p.estimate, place ? estimate(t, eta) : "");
    setText(p.note, reason === "kept" ? t("waiting.kept") : place ? soon : "");
    p.row.hidden = reason !== "at_capacity";
    const title = called ? t("waiting.called") : place || t("waiting.title");
    document.title = `${title} · Entrevistador`;
    this.#say(called ? t("waiting.called") : place && `${place}. ${soon || estimate(t, eta)}`,
      called ? -1 : position);
  }

  #say(words, position) {
    const now = Date.now();
    const said = this.#said;
    if (!words || position === said.position) return;
    if (position > 1 && said.position > 0 && now - said.at < SAY_MS) return;
    this.#said = { position, at: now };
    announce(words);
  }
}
