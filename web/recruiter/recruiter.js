/**
 * The recruiter's page: its frame, its routes (in the fragment) and its live events.
 */

import { Api } from "../client/api.js";
import { focusOn, h, replace } from "../page/dom.js";
import { takeToken, watchLink } from "../page/link.js";
import { loadTexts, preferredLanguage } from "../page/texts.js";
import { button, empty, languagePicker, notice, pill, wordmark } from "../page/widgets.js";
import { showInterview } from "./interview.js";
import { showInterviews } from "./interviews.js";
import { showOpening } from "./opening.js";
import { showOpenings } from "./openings.js";

const ROUTES = [
  [/^#\/openings\/([\w-]+)$/, showOpening, "openings"],
  [/^#\/interviews\/([\w-]+)$/, showInterview, "interviews"],
  [/^#\/interviews$/, showInterviews, "interviews"],
  [/^/, showOpenings, "openings"],
];

class Recruiter {
  #root;
  #main = h("main", { id: "content", tabindex: "-1" });
  #watching = pill("", "");
  #leave = new AbortController(); // ends what the present view listens to
  events = new EventTarget(); // the server's events by kind

  constructor(root, token) {
    this.#root = root;
    this.api = new Api({ token });
  }

  async start() {
    await this.#speak(preferredLanguage());
    if (!this.api.token) {
      this.#refused();
      return;
    }
    try {
      this.me = await this.api.get("/me");
    } catch (error) {
      if (error.status === 401 || error.status === 403) this.#refused();
      else {
        const again = button(this.t("common.retry"), () => this.start(), { kind: "primary" });
        replace(this.#root, this.#lonely(empty(this.t("house.trouble"), this.t.problem(error),
          again)));
      }
      return;
    }
    addEventListener("hashchange", () => this.#route());
    this.#watch();
    this.#route();
  }

  /** Listen to the server's events while the present view is shown. */
  on(kind, act) {
    this.events.addEventListener(kind, ({ detail }) => act(detail), { signal: this.leaving });
  }

  get leaving() {
    return this.#leave.signal;
  }

  /** Show the present view anew: something outside it has changed. */
  refresh() {
    this.#route();
  }

  async #speak(language) {
    this.t = await loadTexts(language, { house: true });
    this.api.locale = this.t.locale;
    document.title = `${this.t("page.recruiter")} · Entrevistador`;
  }

  #watch() {
    this.api.watch({
      signal: new AbortController().signal,
      onEvent: (kind, data) =>
        this.events.dispatchEvent(new CustomEvent(kind, { detail: data })),
      onStatus: (status) => {
        if (status === "refused") this.#refused();
        const live = status === "open";
        this.#watching.className = `pill ${live ? "good" : "warn"}`;
        this.#watching.textContent = this.t(live ? "house.watching" : "house.not_watching");
        if (live) this.events.dispatchEvent(new CustomEvent("watching"));
      },
    });
  }

  async #route() {
    this.#leave.abort();
    this.#leave = new AbortController();
    const leaving = this.leaving;
    const [pattern, show, section] = ROUTES.find(([pattern]) => pattern.test(location.hash));
    const [, id] = pattern.exec(location.hash);
    this.#frame(section);
    replace(this.#main, h("p", { class: "hint" }, this.t("common.loading")));
    let view;
    try {
      view = await show(this, id);
    } catch (error) {
      if (error.status === 401) return this.#refused();
      const again = button(this.t("common.retry"), () => this.refresh(), { kind: "primary" });
      view = empty(this.t("house.trouble"), this.t.problem(error), again);
    }
    if (leaving.aborted) return;
    replace(this.#main, view);
    focusOn(this.#main.querySelector("h1"));
  }

  #frame(section) {
    const { t, me } = this;
    const link = (name) =>
      h("a", { href: `#/${name}`, "aria-current": name === section ? "page" : null },
        t(`nav.${name}`));
    replace(this.#root,
      h("a", { class: "skip", href: "#content", on: { click: (event) => {
        event.preventDefault();
        focusOn(this.#main);
      } } }, t("common.skip")),
      h("header", { class: "top" }, wordmark(),
        h("nav", { class: "tabs", "aria-label": t("nav.main") }, link("openings"),
          link("interviews")),
        h("div", { class: "top-end" }, this.#watching,
          h("span", { class: "who" }, me.name, h("span", {}, me.company)),
          languagePicker(t, (language) => this.#changeLanguage(language)))),
      this.#main);
  }

  async #changeLanguage(language) {
    await this.#speak(language);
    this.#watching.textContent = this.t("house.watching");
    this.#route();
  }

  #lonely(...content) {
    return h("main", { class: "lonely" }, h("h1", { class: "heard-only" },
      this.t("page.recruiter")), wordmark(), content);
  }

  #refused() {
    this.#leave.abort();
    const { t } = this;
    replace(this.#root, this.#lonely(notice("warn", t("house.link_title"), t("house.link_text"))));
  }
}

watchLink();
new Recruiter(document.getElementById("page"), takeToken("person")).start();
