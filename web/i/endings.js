/**
 * The candidate's page when there is nothing to answer: finished, withdrawn, no link, trouble.
 */

import { h, replace } from "../page/dom.js";
import { art, button } from "../page/widgets.js";
import { transcript } from "./transcript.js";

/** kind: link, withdrawn, invalid, trouble or wire. */
export function showGone(page, kind) {
  const { t } = page;
  const key = kind === "link" ? "link" : `gone.${kind}`;
  const again = kind === "trouble" && page.retryButton();
  const reload = kind === "wire" &&
    button(t("gone.reload"), () => location.reload(), { kind: "primary" });
  return h("section", { class: "ending card" },
    h("h1", {}, t(`${key}.title`)),
    h("p", { class: "lead" }, t(`${key}.text`)),
    (again || reload) && h("div", { class: "row" }, again, reload));
}

/**
 * What was received and what comes next; never a score. `copy` holds the turns known so far and,
 * in `loaded`, the promise of all of them and `until` when they are shown here.
 */
export function showFinished(page, reason, copy) {
  const { t } = page;
  const { company } = page.invitation;
  const known = t.has(`finished.${reason}`) ? reason : "over";
  const steps = ["next_report", "next_person", "next_contact"];
  const place = h("div", { class: "copy" });
  drawCopy(page, place, copy);
  copy.loaded.then(() => drawCopy(page, place, copy));
  return h("section", { class: "ending card" },
    h("img", { class: "ending-mark", src: art("mark.svg"), alt: "", width: 56, height: 56 }),
    h("h1", {}, t("finished.title")),
    h("p", { class: "lead" }, t(`finished.${known}`, { company })),
    !["withdrawn", "expired"].includes(reason) && [
      h("h2", {}, t("finished.next_title")),
      h("ol", { class: "steps" },
        steps.map((step) => h("li", {}, t(`finished.${step}`, { company })))),
    ],
    h("p", { class: "hint" }, t("finished.rights", { company })),
    place);
}

/** Drawn again when more of it is there; what the reader has opened stays open. */
function drawCopy({ t, invitation }, place, { turns, until }) {
  if (turns.length === 0) return;
  const open = place.querySelector("details")?.open ?? false;
  const details = h("details", { class: "earlier", open },
    h("summary", {}, t("finished.copy")), transcript(t, turns, invitation.locale));
  replace(place, details,
    until && h("p", { class: "hint no-print" }, t("finished.copy_until", { date: t.date(until) })),
    h("div", { class: "row no-print" },
      button(t("finished.print"), () => {
        details.open = true;
        print();
      })));
}
