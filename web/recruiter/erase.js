/**
 * The erasure of a person: what goes, what stays, and a confirmation that it is meant.
 */

import { h } from "../page/dom.js";
import { button, dialog, errorLine, notice, toast } from "../page/widgets.js";

const GOES = ["contact", "cv", "answers", "report"];
const STAYS = ["consent", "audit", "decision"];

/** Resolves with whether the person was erased. */
export function eraseDialog(page, { id, name, cvs = [] }) {
  const { t } = page;
  const title = t("erase.title", { name: name || t("match.unnamed") });
  return dialog(title, t, (close) => {
    const error = errorLine();
    const sure = h("input", { type: "checkbox", id: "erase-sure" });
    const erase = button(t("erase.yes"), async () => {
      error.clear();
      if (!sure.checked) {
        error.show(t("erase.sure_needed"));
        sure.focus();
        return;
      }
      try {
        await page.api.call("DELETE", `/candidates/${id}`);
      } catch (problem) {
        const some = problem.status === 503 || problem.code === "network";
        error.show(some ? t("erase.interrupted") : t.problem(problem));
        return;
      }
      toast(t("erase.done"));
      close(true);
    }, { kind: "danger" });
    const files = cvs.map((cv) => cv.filename).filter(Boolean);
    const list = (title, items) => h("section", {}, h("h3", {}, title),
      h("ul", { class: "plain-list" }, items.map((item) => h("li", {}, item))));
    return h("div", { class: "stack" },
      h("p", {}, t("erase.text")),
      list(t("erase.goes"), GOES.map((part) => [t(`erase.goes.${part}`),
        part === "cv" && files.length > 0 && h("p", { class: "hint" }, files.join(" · "))])),
      list(t("erase.stays"), STAYS.map((part) => t(`erase.stays.${part}`))),
      notice("bad", t("erase.final"), ""),
      h("label", { class: "check", for: "erase-sure" }, sure, h("span", {}, t("erase.sure"))),
      error.node,
      h("div", { class: "row end" },
        button(t("common.cancel"), () => close(false)), erase));
  });
}
