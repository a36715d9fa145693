/**
 * One opening: what it asks for, the CVs as they are read, and who matches.
 */

import { h } from "../page/dom.js";
import { button, pill } from "../page/widgets.js";
import { matchList } from "./matches.js";
import { STATUS_TONE, openingDialog } from "./openings.js";
import { uploadArea } from "./upload.js";

export async function showOpening(page, id) {
  const { t, api } = page;
  const [opening, cvs] = await Promise.all([api.get(`/openings/${id}`), api.list("/cvs", 400)]);
  const uploads = uploadArea(page, opening, cvs.filter((cv) => cv.opening_id === opening.id));
  const matches = await matchList(page, opening, uploads.named);
  const edit = button(t("opening.edit"), async () => {
    if (await openingDialog(page, opening)) page.refresh();
  });
  const place = [opening.location, t(`opening.seniority.${opening.seniority}`)];
  return h("div", { class: "stack" },
    h("a", { class: "back", href: "#/openings" }, t("nav.back_openings")),
    h("div", { class: "row spread" },
      h("div", {},
        h("h1", {}, opening.title),
        h("p", { class: "hint" }, place.filter(Boolean).join(" · "))),
      h("div", { class: "row" },
        pill(t(`opening.status.${opening.status}`), STATUS_TONE[opening.status]), edit)),
    h("div", { class: "columns" },
      h("div", { class: "stack side" }, uploads.node, requirements(t, opening)),
      matches));
}

function requirements(t, opening) {
  const terms = (key) => opening[key]?.length > 0 && [
    h("h3", {}, t(`opening.${key}`)),
    h("ul", { class: "terms" }, opening[key].map((term) => h("li", {}, term))),
  ];
  return h("details", { class: "card" },
    h("summary", {}, t("opening.requirements")),
    h("div", { class: "stack" }, opening.description &&
      h("p", { class: "words" }, opening.description),
    terms("must_have"), terms("nice_to_have"), terms("described")));
}
