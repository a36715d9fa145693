/**
 * One interview: the invitation, the conversation as it happens, requests, report, decision.
 */

import { h, replace } from "../page/dom.js";
import { button, confirmDialog, dialog, empty, errorLine } from "../page/widgets.js";
import { nameOf, outcomePills, setStatus, statusPill } from "./interviews.js";
import { linkBox } from "./invite.js";
import { profileButton } from "./profile.js";
import { reportSection } from "./report.js";
import { requestsCard } from "./requests.js";
import { Transcript } from "./transcript.js";

const SOON_MS = 500;
const OPEN = new Set(["invited", "live"]);

export async function showInterview(page, id) {
  const { t, api } = page;
  let interview = await api.get(`/interviews/${id}`);
  const transcript = new Transcript(t, interview.turns);
  const status = statusPill(t, interview.status);
  const about = h("section", { class: "card no-print" });
  const requests = h("section", { class: "card no-print" });
  const outcome = h("div", { class: "row" });
  let drawn = "";
  const drawSides = () => {
    setStatus(t, status, interview.status);
    transcript.settle(!OPEN.has(interview.status));
    const { turns, ...shown } = interview;
    if (drawn === JSON.stringify(shown)) return; // an answer being typed stays
    drawn = JSON.stringify(shown);
    replace(about, aboutCard(page, interview));
    replace(outcome, outcomePills(t, interview));
    replace(requests, requestsCard(page, interview, reload));
  };
  const reload = async () => {
    interview = await api.get(`/interviews/${id}`);
    transcript.replace(interview.turns);
    drawSides();
  };
  drawSides();
  const report = interview.erased
    ? empty(t("erased.name"), t("erased.interview"))
    : await reportSection(page, interview, transcript);
  listen(page, id, transcript, () => reload().catch(() => {}));
  return h("div", { class: "stack" },
    h("a", { class: "back no-print", href: "#/interviews" }, t("nav.back_interviews")),
    h("div", { class: "row spread" },
      h("div", {}, h("h1", {}, nameOf(t, interview)),
        h("p", { class: "hint" }, interview.opening_title)),
      h("div", { class: "row" }, status, outcome,
        profileButton(page, interview.candidate_id, interview.cv_id))),
    h("div", { class: "columns" },
      h("div", { class: "stack side no-print" }, about, !interview.erased && requests),
      report));
}

/** Every sign of this interview is also a reason to look at consent, status and requests. */
function listen(page, id, transcript, reload) {
  let timer = 0;
  const mine = (act) => (event) => {
    if (event.interview_id !== id) return;
    act(event);
    clearTimeout(timer);
    timer = setTimeout(reload, SOON_MS);
  };
  page.on("question.asked", mine((event) => transcript.asked(event)));
  page.on("turn.saved", mine((event) => transcript.answered(event)));
  page.on("interview.status", mine(() => {}));
  page.on("report.ready", mine(() => {}));
  page.on("report.queued", mine(() => {}));
  page.on("watching", reload); // what happened while nobody was told
  page.leaving.addEventListener("abort", () => clearTimeout(timer));
}

function aboutCard(page, interview) {
  const { t } = page;
  const { created_at, started_at, finished_at, finished_reason: reason, consent } = interview;
  const when = (key, date) => date && h("li", {}, t(`interview.${key}`, { date: t.date(date) }));
  const open = OPEN.has(interview.status);
  const agreed = consent?.given
    ? t("interview.consent_given", { date: t.date(consent.created_at) })
    : t("interview.consent_none");
  return [
    h("h2", {}, t("interview.about")),
    h("ul", { class: "plain-list" },
      when("created", created_at), when("started", started_at),
      finished_at && h("li", {}, t("interview.finished", { date: t.date(finished_at) }),
        t.has(`interview.reason.${reason}`) && ` (${t(`interview.reason.${reason}`)})`),
      h("li", {}, agreed)),
    open && h("div", { class: "row" },
      button(t("interview.new_link"), () => newLink(page, interview)),
      button(t("interview.withdraw"), () => withdraw(page, interview), { kind: "quiet" })),
  ];
}

function newLink(page, { id }) {
  const { t } = page;
  return dialog(t("interview.new_link"), t, (close) => {
    const error = errorLine();
    const place = h("div", { class: "stack" });
    const create = button(t("invite.create"), async () => {
      try {
        const { link } = await page.api.post(`/interviews/${id}/link`);
        place.replaceChildren(linkBox(t, link));
      } catch (problem) {
        error.show(t.problem(problem));
      }
    }, { kind: "primary" });
    place.append(h("p", {}, t("interview.new_link_text")), error.node,
      h("div", { class: "row end" }, button(t("common.cancel"), () => close()), create));
    return place;
  });
}

async function withdraw(page, { id }) {
  const { t } = page;
  const sure = await confirmDialog(t, { title: t("interview.withdraw"),
    text: t("interview.withdraw_text"), yes: t("interview.withdraw_yes") });
  if (!sure) return;
  await page.api.post(`/interviews/${id}/withdraw`);
  page.refresh();
}
