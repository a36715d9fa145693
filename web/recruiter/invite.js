/**
 * Inviting somebody: minutes and language in, a personal link out.
 */

import { h } from "../page/dom.js";
import { LANGUAGES } from "../page/texts.js";
import { button, copyBox, dialog, errorLine, field, select } from "../page/widgets.js";

const MINUTES = { min: 5, usual: 20, max: 90 };
const LOCALES = { es: "es-PE", en: "en", pt: "pt-BR" };

export function inviteDialog(page, opening, match) {
  const { t } = page;
  const name = match.candidate.name || t("match.unnamed");
  return dialog(t("invite.title", { name }), t, (close) => {
    const minutes = h("input", { type: "number", min: MINUTES.min, max: MINUTES.max, step: 1,
      inputmode: "numeric", value: MINUTES.usual });
    const language = select(Object.entries(LANGUAGES), opening.language);
    const error = errorLine();
    const place = h("form", { class: "stack", novalidate: true });
    const create = async (event) => {
      event.preventDefault();
      error.clear();
      const chosen = minutes.valueAsNumber;
      if (!Number.isInteger(chosen) || chosen < MINUTES.min || chosen > MINUTES.max) {
        error.show(t("invite.minutes_wrong"));
        return;
      }
      const body = { opening_id: opening.id, cv_id: match.cv_id, minutes: chosen,
        locale: LOCALES[language.value] };
      try {
        const made = await page.api.post("/interviews", body);
        place.replaceChildren(linkBox(t, made.link), h("div", { class: "row end" },
          button(t("invite.see"), () => {
            close();
            location.hash = `#/interviews/${made.id}`;
          })));
        place.querySelector("input").focus();
      } catch (problem) {
        error.show(t.problem(problem));
      }
    };
    place.append(
      h("div", { class: "pair" }, field(t("invite.minutes"), minutes),
        field(t("invite.language"), language)),
      error.node,
      h("div", { class: "row end" }, button(t("common.cancel"), () => close()),
        h("button", { type: "submit", class: "button primary" }, t("invite.create"))));
    place.addEventListener("submit", create);
    return place;
  });
}

/** A link to copy; it is shown only once. */
export function linkBox(t, link) {
  return copyBox(t, t("invite.link"), link, t("invite.link_hint"));
}
