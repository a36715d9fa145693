/**
 * The operator's page: instances, lanes and live sessions, looked at every two seconds.
 */

import { Api } from "../client/api.js";
import { h, replace } from "../page/dom.js";
import { takeToken, watchLink } from "../page/link.js";
import { loadTexts, preferredLanguage } from "../page/texts.js";
import { languagePicker, notice, pill, wordmark } from "../page/widgets.js";
import { instanceCards, laneTable, sessionTable } from "./parts.js";

const LOOK_MS = 2_000;
const SESSIONS_SHOWN = 200;

class Operator {
  #root;
  #api;
  #t;
  #places = {};
  #timer = 0;
  #looking = false;
  #again = false;

  constructor(root, token) {
    this.#root = root;
    this.#api = new Api({ token });
  }

  async start() {
    await this.#speak(preferredLanguage());
    if (!this.#api.token) {
      this.#refused();
      return;
    }
    this.#frame();
    this.#look();
    this.#api.watch({
      signal: new AbortController().signal,
      onEvent: (kind) => ["instance", "lanes", "interview.status"].includes(kind) && this.#look(),
      onStatus: (status) => status === "refused" && this.#refused(),
    });
    document.addEventListener("visibilitychange", () => this.#look());
  }

  async #speak(language) {
    this.#t = await loadTexts(language, { house: true });
    this.#api.locale = this.#t.locale;
    document.title = `${this.#t("page.operator")} · Entrevistador`;
  }

  #frame() {
    const t = this.#t;
    const p = this.#places;
    p.state = pill(t("common.loading"));
    p.stale = h("div", { role: "status" });
    p.instances = h("div", {});
    p.lanes = h("div", {});
    p.sessions = h("div", {});
    const part = (id, title, place) =>
      h("section", { class: "stack", "aria-labelledby": id }, h("h2", { id }, title), place);
    replace(this.#root,
      h("header", { class: "top" }, wordmark(), h("div", { class: "top-end" }, p.state,
        languagePicker(t, async (language) => {
          await this.#speak(language);
          this.#frame();
          this.#look();
        }))),
      h("main", { id: "content" }, h("div", { class: "stack wide-gaps" },
        h("div", { class: "stack" }, h("h1", {}, t("fleet.title")), p.stale),
        part("instances", t("fleet.instances"), p.instances),
        part("lanes", t("fleet.lanes"), p.lanes),
        part("sessions", t("fleet.sessions"), p.sessions))));
  }

  /** Ask now; one question at a time, the next one two seconds after the answer. */
  async #look() {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#looking = true;
    this.#again = false;
    try {
      const [fleet, sessions] = await Promise.all([
        this.#api.call("GET", "/fleet"),
        this.#api.call("GET", "/fleet/sessions"),
      ]);
      this.#show(fleet, sessions.items ?? sessions);
    } catch (error) {
      if (error.status === 401 || error.status === 403) return this.#refused();
      this.#stale();
    } finally {
      this.#looking = false;
    }
    if (document.visibilityState === "hidden") return; // the page asks again when it is seen
    this.#timer = setTimeout(() => this.#look(), this.#again ? LOOK_MS / 4 : LOOK_MS);
  }

  #show(fleet, sessions) {
    const t = this.#t;
    const p = this.#places;
    replace(p.stale);
    p.state.className = "pill good";
    p.state.textContent = t("house.watching");
    replace(p.instances, instanceCards(t, fleet.instances));
    replace(p.lanes, laneTable(t, fleet.lanes, fleet.outbox_waiting));
    replace(p.sessions, sessionTable(t, sessions.slice(0, SESSIONS_SHOWN)));
  }

  #stale() {
    const t = this.#t;
    this.#places.state.className = "pill warn";
    this.#places.state.textContent = t("house.not_watching");
    if (!this.#places.stale.firstChild) {
      replace(this.#places.stale, notice("warn", "", t("fleet.stale")));
    }
  }

  #refused() {
    clearTimeout(this.#timer);
    const t = this.#t;
    replace(this.#root, h("main", { class: "lonely" },
      h("h1", { class: "heard-only" }, t("page.operator")), wordmark(),
      notice("warn", t("house.link_title"), t("house.link_text"))));
  }
}

watchLink();
new Operator(document.getElementById("page"), takeToken("person")).start();
