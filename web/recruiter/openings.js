/**
 * The list of openings and the form that makes or changes one.
 */

import { h } from "../page/dom.js";
import { button, dialog, empty, errorLine, field, pill, select, toast } from "../page/widgets.js";
import { LANGUAGES } from "../page/texts.js";

export const STATUS_TONE = { open: "good", draft: "warn", closed: "" };

export async function showOpenings(page) {
  const { t, api } = page;
  const openings = await api.list("/openings");
  const create = () => button(t("openings.new"), async () => {
    const made = await openingDialog(page, null);
    if (made) location.hash = `#/openings/${made.id}`;
  }, { kind: "primary" });
  return h("div", { class: "stack" },
    h("div", { class: "row spread" }, h("h1", {}, t("openings.title")),
      openings.length > 0 && create()),
    openings.length === 0
      ? empty(t("openings.empty"), t("openings.empty_text"), create())
      : h("ul", { class: "tiles" }, openings.map((opening) => tile(t, opening))));
}

function tile(t, opening) {
  const place = [opening.location, t(`opening.seniority.${opening.seniority}`)];
  return h("li", { class: "tile" },
    h("a", { class: "tile-link", href: `#/openings/${opening.id}` }, opening.title),
    h("p", { class: "hint" }, place.filter(Boolean).join(" · ")),
    h("p", { class: "hint" }, t("opening.created", { date: t.date(opening.created_at) })),
    h("div", { class: "row" },
      pill(t(`opening.status.${opening.status}`), STATUS_TONE[opening.status]),
      pill(LANGUAGES[opening.language] ?? opening.language)));
}

function lines(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

/** Make (opening null) or change an opening; resolves with it, or nothing when dismissed. */
export function openingDialog(page, opening) {
  const { t } = page;
  return dialog(t(opening ? "opening.edit_title" : "openings.new"), t, (close) => {
    const c = controls(t, opening ?? {});
    const error = errorLine();
    const save = async (event) => {
      event.preventDefault();
      error.clear();
      if (!c.title.value.trim()) {
        error.show(t("opening.name_needed"));
        c.title.focus();
        return;
      }
      try {
        close(await send(page.api, opening, values(c)));
        toast(t("opening.saved"));
      } catch (problem) {
        error.show(t.problem(problem));
      }
    };
    return h("form", { class: "stack", novalidate: true, on: { submit: save } },
      field(t("opening.name"), c.title),
      h("div", { class: "pair" }, field(t("opening.category"), c.category),
        field(t("opening.location"), c.location)),
      field(t("opening.description"), c.description),
      h("div", { class: "pair" },
        field(t("opening.must_have"), c.must_have, t("opening.terms_hint")),
        field(t("opening.nice_to_have"), c.nice_to_have, t("opening.terms_hint"))),
      h("div", { class: "pair three" }, field(t("opening.seniority"), c.seniority),
        field(t("opening.language"), c.language), field(t("opening.status"), c.status)),
      field(t("opening.reports"), c.reports, t("opening.reports_hint")),
      error.node,
      h("div", { class: "row end" }, button(t("common.cancel"), () => close()),
        h("button", { type: "submit", class: "button primary" }, t("common.save"))));
  });
}

function send(api, opening, body) {
  if (!opening) return api.post("/openings", body);
  return api.patch(`/openings/${opening.id}`, body, opening.version);
}

function controls(t, opening) {
  const input = (value, chars) => h("input", { value: value ?? "", maxlength: chars });
  const area = (value, rows) => h("textarea", { rows, value: value ?? "" });
  const options = (prefix, names) => names.map((name) => [name, t(`${prefix}.${name}`)]);
  return {
    title: input(opening.title, 200),
    category: input(opening.category === "other" ? "" : opening.category, 100),
    location: input(opening.location, 100),
    description: area(opening.description, 4),
    must_have: area(opening.must_have?.join("\n"), 4),
    nice_to_have: area(opening.nice_to_have?.join("\n"), 4),
    seniority: select(options("opening.seniority", ["junior", "mid", "senior"]),
      opening.seniority ?? "mid"),
    language: select(Object.entries(LANGUAGES), opening.language ?? t.language),
    status: select(options("opening.status", ["draft", "open", "closed"]),
      opening.status ?? "open"),
    reports: select(options("opening.reports", ["default", "wait", "now"]),
      opening.reports ?? "default"),
  };
}

function values(c) {
  return {
    title: c.title.value.trim(),
    category: c.category.value.trim() || "other",
    location: c.location.value.trim(),
    description: c.description.value.trim(),
    must_have: lines(c.must_have.value),
    nice_to_have: lines(c.nice_to_have.value),
    seniority: c.seniority.value,
    language: c.language.value,
    status: c.status.value,
    reports: c.reports.value,
  };
}
