/**
 * The candidate's page: from the link through consent and the interview to the thanks.
 */

import { Api } from "../client/api.js";
import { hasPlaceInLine, InterviewSession } from "../client/session.js";
import { focusOn, h, replace } from "../page/dom.js";
import { takeToken, watchLink } from "../page/link.js";
import { loadTexts, preferredLanguage } from "../page/texts.js";
import { button, languagePicker, wordmark } from "../page/widgets.js";
import { showFinished, showGone } from "./endings.js";
import { InterviewView } from "./interview.js";
import { showWelcome } from "./welcome.js";

const OVER = ["finished", "expired"];

class Candidate {
  #root;
  #api;
  extra = 0; // minutes granted while this page was open
  #planned = null; // minutes when it was opened
  #draw = () => {}; // draws the present step; used again after a change of language

  constructor(root, token) {
    this.#root = root;
    this.#api = new Api({ token });
  }

  async start() {
    await this.#speak(preferredLanguage());
    if (!this.#api.token) {
      this.#show(() => showGone(this, "link"));
      return;
    }
    await this.load();
  }

  /** Ask what this link is for, and show the step it stands at. */
  async load() {
    try {
      this.invitation = await this.#api.get("/invitation");
    } catch (error) {
      this.#refused(error);
      return;
    }
    this.#planned ??= this.invitation.minutes;
    const language = preferredLanguage(this.invitation.locale);
    if (language !== this.t.language) {
      await this.#speak(language);
      this.invitation = await this.#api.get("/invitation").catch(() => this.invitation);
    }
    const { status, consent, session_id: session, finished_reason: ended } = this.invitation;
    const began = status === "live" || hasPlaceInLine(session); // also a reload in the waiting room
    if (status === "withdrawn") this.#show(() => showGone(this, "withdrawn"));
    else if (OVER.includes(status)) {
      const why = ["abandoned", "expired"].includes(ended) ? ended : "over";
      this.finished(status === "expired" ? "expired" : why);
    }
    else if (began && consent.given) this.interview();
    else this.#show(() => showWelcome(this));
  }

  get api() {
    return this.#api;
  }

  interview() {
    const session = new InterviewSession({
      locale: this.t.locale,
      sessionId: this.invitation.session_id,
      fetchTicket: (place, unreachable) =>
        this.#api.post("/invitation/ticket", { waiting_token: place, unreachable }),
      fetchAdmission: () =>
        this.#api.call("GET", `/interviews/${this.invitation.interview_id}/admission`),
    });
    session.addEventListener("status", ({ detail }) => {
      this.lastStatus = detail;
      if (detail.status === "finished") this.finished(detail.reason, session.snapshot.turns);
      else if (detail.status === "refused") this.#refused({ code: detail.reason });
    });
    this.#show(() => {
      this.view?.close();
      this.view = new InterviewView(this, session);
      return this.view.node;
    });
    session.start();
  }

  finished(reason, turns = []) {
    const copy = this.#copy(turns);
    this.#show(() => showFinished(this, reason, copy));
  }

  /** What was answered: as this page knows it, and then as the house keeps it for a while. */
  #copy(turns) {
    const copy = { turns, until: "" };
    copy.loaded = this.#api.get("/invitation/transcript").then(
      (kept) => Object.assign(copy, kept), () => copy); // without it, what is here has to do
    return copy;
  }

  /** Minutes that the company granted since this page opened; asked only while one waits. */
  async granted() {
    const before = this.invitation.requests ?? [];
    const waits = before.some((one) => one.status === "asked" && one.kind === "extra_time");
    if (!waits) return this.extra;
    const now = await this.#api.call("GET", "/invitation").catch(() => null);
    if (!now) return this.extra;
    this.invitation.requests = now.requests;
    this.tellGranted(0, now.minutes);
    return this.extra;
  }

  /** The interview has heard of it: `minutes` more, `total` in all. */
  tellGranted(minutes, total) {
    const { invitation } = this;
    invitation.minutes = Math.max(total, invitation.minutes);
    this.extra = Math.max(this.extra, minutes, invitation.minutes - this.#planned);
  }

  async #speak(language) {
    this.t = await loadTexts(language);
    this.#api.locale = this.t.locale;
  }

  #refused({ code = "", status = 0 }) {
    if (code === "interview_over") this.finished("over");
    else if (code === "consent_missing" && this.invitation) {
      this.invitation.consent.given = false; // whatever we thought: it has to be given anew
      this.#show(() => showWelcome(this));
    }
    else if (code === "withdrawn") this.#show(() => showGone(this, "withdrawn"));
    else if (code === "bad_frame" || code === "version_unknown") {
      this.#show(() => showGone(this, "wire"));
    } else if ([401, 403, 404, 410].includes(status) || code) {
      const trouble = status >= 500 || status === 429 || code === "network";
      this.#show(() => showGone(this, trouble ? "trouble" : "invalid"));
    } else this.#show(() => showGone(this, "trouble"));
  }

  #show(draw) {
    this.#draw = draw;
    const { t } = this;
    this.setTitle();
    const header = h("header", { class: "top" },
      wordmark(),
      languagePicker(t, (language) => this.#changeLanguage(language)));
    const main = h("main", { id: "content", tabindex: "-1" }, draw());
    replace(this.#root, header, main);
    focusOn(main.querySelector("h1"));
  }

  async #changeLanguage(language) {
    await this.#speak(language);
    if (this.invitation && !this.view) {
      this.invitation = await this.#api.get("/invitation").catch(() => this.invitation);
    }
    this.#show(this.#draw);
    this.#root.querySelector(".language select").focus();
  }

  setTitle() {
    document.title = `${this.t("page.candidate")} · Entrevistador`;
  }

  /** The button that tries the page's first request again. */
  retryButton() {
    return button(this.t("common.retry"), () => this.load(), { kind: "primary" });
  }
}

watchLink();
new Candidate(document.getElementById("page"), takeToken("invitation")).start();
