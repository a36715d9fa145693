/**
 * The interview itself: the question as it comes, the answer box, the time and every state.
 */

import { ANSWER_CHARS_MAX, countChars, storable } from "../client/session.js";
import { announce, focusOn, h, replace, setText } from "../page/dom.js";
import { bar, button, confirmDialog, toast } from "../page/widgets.js";
import { panelFor } from "./panels.js";
import { turnItem } from "./transcript.js";
import { WaitingPanel } from "./waiting.js";

const LOW_SECONDS = 60;

export class InterviewView {
  #page;
  #session;
  #parts = {};
  #listening = new AbortController();
  #shown = ""; // the panel on show, "" for the question
  #waiting = null; // its panel, while it is on show
  #wasLive = false;
  #lowTold = false;

  constructor(page, session) {
    this.#page = page;
    this.#session = session;
    this.node = this.#build();
    const on = (type, act) =>
      session.addEventListener(type, ({ detail }) => act(detail), {
        signal: this.#listening.signal,
      });
    on("status", (detail) => this.#status(detail));
    on("state", () => this.#state());
    on("question", (detail) => this.#question(detail));
    on("accepted", () => this.#accepted());
    on("fault", (detail) => this.#fault(detail));
    on("clock", () => this.#clock());
    on("granted", (detail) => this.#granted(detail));
    on("engine", () => this.#engine(true));
    this.#askForTime();
    this.#state();
    const known = page.lastStatus?.status === session.status && page.lastStatus;
    this.#status(known || { status: session.status === "idle" ? "connecting" : session.status });
  }

  /** Stop listening: another view of the same session takes over. */
  close() {
    this.#listening.abort();
  }

  // Building ----------------------------------------------------------------------------------

  #build() {
    const { t, invitation } = this.#page;
    const lang = invitation.locale; // of what is said, whatever the page's own language is
    const p = this.#parts;
    p.place = h("h1", { class: "place" });
    p.progress = bar(t("live.progress"), 0);
    p.time = h("span", { class: "time-value", role: "timer", "aria-live": "off" });
    p.timeLabel = h("span", { class: "time-label" }, t("live.time_left"));
    p.road = h("p", { class: "road", role: "status" });
    p.extra = h("p", { class: "good-line extra", role: "status" });
    p.panel = h("div", { class: "panel-place" });
    p.question = h("p", { class: "question-text words", lang });
    p.engine = h("p", { class: "hint engine" });
    p.earlier = h("ol", { class: "turns" });
    p.earlierTitle = h("summary", {});
    p.earlierBox = h("details", { class: "earlier card" }, p.earlierTitle, p.earlier);
    p.talk = h("div", { class: "talk" },
      h("section", { class: "question card", "aria-labelledby": "place" }, p.question, p.engine),
      this.#answerForm());
    p.place.id = "place";
    p.pause = button(t("live.pause"), () => this.#session.pause());
    p.end = button(t("live.end"), () => this.#end(), { kind: "quiet" });
    return h("div", { class: "interview" },
      h("div", { class: "interview-head" },
        h("p", { class: "eyebrow" }, invitation.company),
        h("div", { class: "head-line" }, p.place,
          h("p", { class: "time" }, p.timeLabel, " ", p.time)),
        p.progress, p.extra),
      p.road, p.panel, p.talk, p.earlierBox,
      h("div", { class: "row interview-actions" }, p.pause, p.end));
  }

  #answerForm() {
    const { t, invitation } = this.#page;
    const p = this.#parts;
    p.answer = h("textarea", { id: "answer", rows: 5, lang: invitation.locale,
      autocapitalize: "sentences",
      spellcheck: "true", "aria-describedby": "answer-note answer-error",
      on: {
        input: () => this.#typed(),
        keydown: (event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#send(event);
        },
      } });
    p.note = h("p", { id: "answer-note", class: "hint" });
    p.count = h("p", { class: "hint count" });
    p.error = h("p", { id: "answer-error", class: "error-line", role: "alert" });
    p.send = h("button", { type: "submit", class: "button primary large",
      "aria-keyshortcuts": "Control+Enter" });
    return h("form", { class: "answer card", novalidate: true,
      on: { submit: (event) => this.#send(event) } },
      h("label", { for: "answer" }, t("live.answer")), p.answer,
      h("div", { class: "answer-notes" }, p.note, p.count), p.error,
      h("div", { class: "row answer-send" }, p.send,
        h("span", { class: "hint wide-only" }, t("live.answer_hint"))));
  }

  // What the session says -----------------------------------------------------------------------

  #status(detail) {
    const { t } = this.#page;
    const { status } = detail;
    const p = this.#parts;
    const live = status === "live" || status === "paused";
    const words = this.#roadWords(detail);
    p.road.className = `road ${live ? "good" : status === "connecting" ? "" : "warn"}`;
    setText(p.road, words);
    if (live && !this.#wasLive) {
      announce(t("live.live"));
      this.#askForTime();
    }
    this.#wasLive = live;
    p.pause.disabled = p.end.disabled = !live;
    p.pause.hidden = ["paused", "waiting", "parked", "idle"].includes(status);
    // Without a place nothing can be ended.
    p.end.hidden = ["waiting", "parked", "idle"].includes(status);
    this.#panel(detail);
    this.#clock();
    this.#sendState();
  }

  #roadWords({ status }) {
    const { t } = this.#page;
    if (status === "live" || status === "paused") return t("live.live");
    if (status === "moving") return t("live.moving");
    if (status !== "reconnecting") return status === "connecting" ? t("live.connecting") : "";
    if (!navigator.onLine) return t("live.offline");
    const known = this.#session.snapshot.turns_max > 0;
    return t(known ? "live.reconnecting" : "live.first_failed");
  }

  #panel(detail) {
    const p = this.#parts;
    const waits = detail.status === "waiting";
    if (!waits && this.#waiting) this.#page.setTitle();
    this.#waiting = waits ? this.#waiting ?? new WaitingPanel(this.#page.t, this.#session) : null;
    this.#waiting?.show(detail);
    const panel = this.#waiting?.node ?? panelFor(this.#page.t, this.#session, detail);
    const key = panel ? detail.status : "";
    p.talk.hidden = p.earlierBox.hidden = panel !== null;
    if (p.earlier.childElementCount === 0) p.earlierBox.hidden = true;
    const appeared = key !== this.#shown;
    if (!appeared && (waits || p.panel.textContent === (panel?.textContent ?? ""))) return;
    const held = p.panel.contains(document.activeElement);
    this.#shown = key;
    replace(p.panel, panel);
    if (!appeared && held) focusOn(panel.querySelector("button") ?? panel.querySelector("h2"));
    if (!appeared) return;
    if (panel) focusOn(panel.querySelector("h2"));
    else if (p.panel.isConnected && document.activeElement === document.body) p.answer.focus();
  }

  /** Draw everything anew from the session's snapshot. */
  #state() {
    const { t } = this.#page;
    const p = this.#parts;
    const { turns, current, draft, pending } = this.#session.snapshot;
    replace(p.earlier, turns.map((turn) => turnItem(t, turn, this.#page.invitation.locale)));
    const waits = pending && pending.turn === current?.turn;
    const words = waits ? pending.text : draft;
    if (p.answer.value !== words && (words || document.activeElement !== p.answer)) {
      p.answer.value = words;
    }
    this.#place();
    this.#showQuestion(current?.text ?? "", current?.completed ?? false);
    this.#engine(false);
    this.#typedState();
    this.#clock();
  }

  #question({ kind, text, turn }) {
    const { t } = this.#page;
    this.#showQuestion(text, kind === "completed");
    if (kind === "started" || kind === "reset") {
      this.#place();
      this.#toTop();
      if (kind === "reset") setText(this.#parts.question, t("live.question_again"));
    }
    if (kind === "completed") {
      announce(`${t("live.turn_one", { turn })}. ${text}`);
      this.#typedState();
      this.#askForTime();
    }
  }

  #showQuestion(text, completed) {
    const { question } = this.#parts;
    setText(question, text || this.#page.t("live.question_coming"));
    question.classList.toggle("coming", !text);
    question.classList.toggle("streaming", Boolean(text) && !completed);
    this.#sendState();
  }

  /** A phone that has scrolled down to the answer is brought back to the new question. */
  #toTop() {
    const { place } = this.#parts;
    if (place.getBoundingClientRect().top < 0) place.scrollIntoView({ block: "start" });
  }

  #accepted() {
    const { t } = this.#page;
    const { turns } = this.#session.snapshot;
    const p = this.#parts;
    const added = turns.slice(p.earlier.childElementCount);
    for (const turn of added) {
      p.earlier.append(turnItem(t, turn, this.#page.invitation.locale));
    }
    if (added.length > 0) {
      p.answer.value = this.#session.snapshot.draft;
      this.#showQuestion("", false);
      announce(t("live.accepted"));
    }
    this.#place();
    this.#typedState();
  }

  #fault({ code, message, temporary }) {
    const { t } = this.#page;
    const text = t.fault(code, message);
    if (temporary) setText(this.#parts.note, text);
    else setText(this.#parts.error, text);
  }

  #clock() {
    const { t } = this.#page;
    const { time, timeLabel } = this.#parts;
    const seconds = this.#session.secondsLeft;
    const stopped = this.#session.status !== "live";
    setText(time, seconds === null ? "–:––" : t.clock(seconds));
    setText(timeLabel, t(stopped && seconds !== null ? "live.time_stopped" : "live.time_left"));
    time.classList.toggle("low", seconds !== null && seconds < LOW_SECONDS);
    time.classList.toggle("stopped", stopped);
    if (seconds !== null && !stopped && seconds < LOW_SECONDS && !this.#lowTold) {
      this.#lowTold = true;
      toast(t("live.time_low"));
    }
  }

  /** Tell of time that the company has granted meanwhile; the clock itself is the server's. */
  async #askForTime() {
    this.#tellTime(await this.#page.granted());
  }

  #tellTime(minutes) {
    const { t, invitation } = this.#page;
    if (minutes === 0) return;
    const total = t.number(invitation.minutes);
    setText(this.#parts.extra, t.plural("live.extra_time", minutes, { total }));
  }

  /** The clock has the minutes already; the line above it says so, politely. */
  #granted({ minutes, minutes_total: total }) {
    this.#page.tellGranted(minutes, total);
    this.#tellTime(this.#page.extra);
    this.#lowTold = false;
    this.#askForTime();
  }

  #place() {
    const { t } = this.#page;
    const p = this.#parts;
    const { turns, current, turns_max: max } = this.#session.snapshot;
    const turn = current?.turn ?? Math.min(turns.length + 1, max || turns.length + 1);
    setText(p.place, max ? t("live.turn", { turn, max }) : t("live.turn_one", { turn }));
    p.progress.value = max ? turns.length / max : 0;
    setText(p.earlierTitle, t("live.earlier", { count: turns.length }));
    p.earlierBox.hidden = turns.length === 0 || this.#shown !== "";
  }

  #engine(changed) {
    const { t, invitation } = this.#page;
    const { engine } = this.#session.snapshot;
    const offline = engine ? engine === "offline" : !invitation.with_ai;
    setText(this.#parts.engine, t(offline ? "live.engine_without" : "live.engine_with"));
    if (changed && offline) toast(t("live.engine_changed"));
  }

  // What the candidate does ---------------------------------------------------------------------

  #typed() {
    this.#session.saveDraft(this.#parts.answer.value);
    setText(this.#parts.error, "");
    this.#typedState();
  }

  #typedState() {
    const { t } = this.#page;
    const p = this.#parts;
    const count = countChars(storable(p.answer.value));
    const over = count - ANSWER_CHARS_MAX;
    const numbers = { count: t.number(count), max: t.number(ANSWER_CHARS_MAX) };
    setText(p.count, over > 0 ? t.plural("live.chars_over", over)
      : count > 0 ? t("live.chars", numbers) : "");
    p.count.classList.toggle("bad", over > 0);
    this.#sendState();
  }

  #sendState() {
    const { t } = this.#page;
    const p = this.#parts;
    const { pending, current } = this.#session.snapshot;
    const waits = Boolean(pending) && pending.turn === current?.turn;
    p.answer.readOnly = waits;
    p.send.setAttribute("aria-disabled", String(waits || !current?.completed));
    setText(p.send, t(waits ? "live.sending" : "live.send"));
    const live = this.#session.status === "live";
    if (waits) setText(p.note, t(live ? "live.sending_kept" : "live.kept"));
    else setText(p.note, p.answer.value ? t("live.draft_kept") : "");
  }

  #send(event) {
    event.preventDefault();
    const { t } = this.#page;
    const p = this.#parts;
    if (p.send.getAttribute("aria-disabled") === "true") return;
    const over = countChars(storable(p.answer.value)) > ANSWER_CHARS_MAX;
    const problem = !p.answer.value.trim() ? t("live.empty")
      : over ? t("fault.answer_too_long") : "";
    setText(p.error, problem);
    if (problem) p.answer.focus();
    else this.#session.submit(p.answer.value);
    this.#sendState();
  }

  async #end() {
    const { t } = this.#page;
    const texts = { title: t("live.end_title"), text: t("live.end_text"), yes: t("live.end_yes") };
    if (await confirmDialog(t, texts)) this.#session.leave();
  }
}
