/**
 * The first step: what this interview is, how its answers are used, and consent.
 */

import { focusOn, h, replace } from "../page/dom.js";
import { button, confirmDialog, errorLine, pill } from "../page/widgets.js";
import { askForRequest } from "./requests.js";

const HEADING_CHARS_MAX = 80;

function fact(title, note) {
  return h("li", { class: "fact" },
    h("p", { class: "fact-title" }, title), h("p", { class: "fact-note" }, note));
}

function facts(t, { minutes, turns_max, with_ai }) {
  return h("ul", { class: "facts" },
    fact(t("welcome.written"), t("welcome.written_note")),
    fact(t.plural("welcome.minutes", minutes), t("welcome.minutes_note")),
    fact(t.plural("welcome.turns", turns_max), t("welcome.turns_note")),
    fact(t(with_ai ? "welcome.ai_title" : "welcome.no_ai_title"),
      t(with_ai ? "welcome.ai_text" : "welcome.no_ai_text")));
}

/** Blocks between empty lines; a first short line without a full stop is the block's heading. */
function paragraphs(text) {
  return text.trim().split(/\n\s*\n/).map((block) => {
    const [first, ...rest] = block.trim().split("\n");
    const heading = rest.length > 0 && first.length < HEADING_CHARS_MAX && !/[.:;,]$/.test(first);
    return h("div", {},
      heading && h("h3", {}, first),
      h("p", { class: "words" }, (heading ? rest : [first, ...rest]).join("\n")));
  });
}

export function showWelcome(page) {
  const { t, invitation } = page;
  const { candidate_name: name, company } = invitation;
  const hello = name ? t("welcome.hello", { name }) : t("welcome.hello_plain");
  return h("div", { class: "welcome" },
    h("section", { class: "intro" },
      h("p", { class: "eyebrow" }, hello),
      h("p", { class: "invites" }, t("welcome.invites", { company })),
      h("h1", {}, invitation.opening_title)),
    facts(t, invitation),
    h("section", { class: "card" },
      h("h2", {}, t("welcome.used_title")),
      h("ul", { class: "plain-list" },
        ["words", "report", "person"].map((part) =>
          h("li", {}, t(`welcome.used_${part}`, { company }))))),
    consentCard(page),
    helpCard(page));
}

function consentCard(page) {
  const { t, invitation } = page;
  const { consent } = invitation;
  const error = errorLine();
  const box = h("input", { type: "checkbox", id: "consent", "aria-describedby": "consent-error" });
  error.node.id = "consent-error";
  const label = invitation.status === "live" ? "welcome.continue" : "welcome.start";
  const start = button(t(label), async () => {
    error.clear();
    if (!consent.given && !box.checked) {
      error.show(t("welcome.consent_needed"));
      box.focus();
      return;
    }
    await begin(page, error);
  }, { kind: "primary large" });
  return h("section", { class: "card" },
    h("h2", {}, t("welcome.consent_title")),
    h("div", { class: "consent-text", tabindex: "0", role: "region",
      lang: consent.locale, "aria-label": t("welcome.consent_title") }, paragraphs(consent.text)),
    h("p", { class: "hint" }, t("welcome.consent_version", { version: consent.version })),
    consent.given
      ? h("div", { class: "row spread" },
        h("p", { class: "good-line" }, t("welcome.consent_given")),
        button(t("welcome.consent_back"), () => takeBack(page, error), { kind: "quiet" }))
      : h("label", { class: "check", for: "consent" }, box,
        h("span", {}, t("welcome.consent_box"))),
    error.node, start);
}

async function begin(page, error) {
  const { t, invitation, api } = page;
  const { version, sha256, given, locale } = invitation.consent;
  try {
    if (!given) {
      const body = { version, sha256, given: true, locale: locale ?? invitation.locale };
      await api.post("/invitation/consent", body);
      invitation.consent.given = true;
    }
  } catch (problem) {
    if (problem.code === "conflict") {
      await page.load(); // the text has changed: it has to be read anew
      return;
    }
    error.show(t.problem(problem));
    return;
  }
  page.interview();
}

/** Consent can be taken back as easily as it was given. */
async function takeBack(page, error) {
  const { t, invitation, api } = page;
  const { version, sha256, locale } = invitation.consent;
  const sure = await confirmDialog(t, { title: t("welcome.consent_back"),
    text: t("welcome.consent_back_text"), yes: t("welcome.consent_back_yes") });
  if (!sure) return;
  try {
    const body = { version, sha256, given: false, locale: locale ?? invitation.locale };
    await api.post("/invitation/consent", body);
    await page.load();
  } catch (problem) {
    error.show(t.problem(problem));
  }
}

function helpCard(page) {
  const { t } = page;
  const node = h("section", { class: "card quiet-card" });
  const draw = () => {
    const asked = page.invitation.requests ?? [];
    const open = (kind) => button(t(`request.${kind}`), async () => {
      if (await askForRequest(page, kind)) {
        draw();
        focusOn(node.querySelector(".requests"));
      }
    });
    replace(node,
      h("h2", {}, t("welcome.help_title")),
      h("p", {}, t("welcome.help_text")),
      asked.length > 0 && h("ul", { class: "requests" }, asked.map((one) => requestLine(t, one))),
      h("div", { class: "row" }, open("extra_time"), open("alternative_process")));
  };
  draw();
  return node;
}

function requestLine(t, { kind, status, extra_minutes: minutes, reason }) {
  const tone = { granted: "good", declined: "bad" }[status] ?? "warn";
  const words = status === "granted" && minutes
    ? t.plural("request.granted_minutes", minutes)
    : t(`request.status.${status}`);
  return h("li", {}, h("span", {}, t(`request.${kind}_name`)), pill(words, tone),
    reason && h("p", { class: "hint words" }, reason));
}
