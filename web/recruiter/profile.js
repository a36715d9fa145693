/**
 * A candidate as their CV tells it: how to reach them, their jobs, skills and languages.
 */

import { h } from "../page/dom.js";
import { button, copyBox, dialog, notice } from "../page/widgets.js";
import { eraseDialog } from "./erase.js";

/** A button that opens the profile; without `cvId` it is the newest CV that has been read. */
export function profileButton(page, candidateId, cvId) {
  return button(page.t("profile.see"), () => open(page, candidateId, cvId),
    { kind: "no-print" });
}

async function open(page, candidateId, cvId) {
  const { t, leaving } = page;
  let name = "";
  let content;
  try {
    const { candidate, profile } = await load(page.api, candidateId, cvId);
    name = candidate.erased_at ? t("erased.name") : candidate.name || profile?.basics?.name;
    content = (close) => candidate.erased_at
      ? notice("", "", t("erased.text", { date: t.date(candidate.erased_at) }))
      : h("div", { class: "stack" }, card(t, candidate, profile),
        erasure(page, { ...candidate, name }, close));
  } catch (problem) {
    content = () => notice("bad", "", t.problem(problem));
  }
  if (leaving.aborted) return;
  const title = t("profile.title", { name: name || t("match.unnamed") });
  if (await dialog(title, t, content) === "erased") page.refresh();
}

function erasure(page, candidate, close) {
  const { t } = page;
  return h("section", { class: "erasure" },
    h("p", { class: "hint" }, t("erase.when")),
    button(t("erase.open"), async () => {
      if (await eraseDialog(page, candidate)) close("erased");
    }));
}

async function load(api, candidateId, cvId) {
  const candidate = await api.get(`/candidates/${candidateId}`);
  const id = candidate.erased_at ? "" // nothing of theirs is left to read
    : cvId ?? candidate.cvs.find((cv) => cv.status === "ready")?.id;
  const cv = id && await api.get(`/cvs/${id}`);
  return { candidate, profile: cv?.profile };
}

function card(t, candidate, profile) {
  const { basics = {}, work = [], skills = [], languages = [], meta } = profile ?? {};
  const email = candidate.email || basics.email;
  const years = meta?.years_of_experience;
  const fact = (key, value) => value && h("div", {}, h("dt", {}, t(key)), h("dd", {}, value));
  const facts = [fact("profile.phone", candidate.phone || basics.phone),
    fact("profile.years", years > 0 && t.number(years, 1))];
  const part = (key, items, kind) => items.length > 0 && h("section", {},
    h("h3", {}, t(key)), h("ul", { class: kind }, items));
  return h("div", { class: "stack" },
    basics.label && h("p", { class: "words" }, basics.label),
    email ? copyBox(t, t("profile.email"), email)
      : profile && h("p", { class: "hint" }, t("profile.no_email")),
    facts.some(Boolean) && h("dl", { class: "totals" }, facts),
    !profile && h("p", { class: "hint" }, t("profile.unread")),
    part("profile.work", work.map((job) => jobItem(t, job)), "reasons"),
    part("profile.skills", skills.map(({ name }) => h("li", {}, name)), "terms"),
    part("profile.languages", languages.map((one) => h("li", {}, spoken(one))), "terms"));
}

function jobItem(t, { position, name, startDate, endDate, current }) {
  const dates = [month(startDate), current ? t("profile.now") : month(endDate)];
  return h("li", {},
    h("p", {}, h("strong", {}, position || name)),
    h("p", { class: "hint" }, [position && name, dates.filter(Boolean).join(" – ")]
      .filter(Boolean).join(" · ")));
}

/** 2021-03 as 03/2021; a year alone stays. */
function month(date = "") {
  return date.split("-").reverse().join("/");
}

function spoken({ language, fluency, level }) {
  const how = fluency || (level === "native" ? "" : level);
  return how ? `${language} (${how})` : language;
}
