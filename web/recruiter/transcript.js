/**
 * The conversation, turn by turn, live; the report's quotes are marked in it.
 */

import { h, replace, setText } from "../page/dom.js";

export class Transcript {
  #t;
  #list = h("ol", { class: "turns" });
  #empty;
  #items = new Map(); // turn -> {node, answer, words, engine}
  #quotes = [];
  #over = false; // no more answers will come

  constructor(t, turns) {
    this.#t = t;
    this.#empty = h("p", { class: "hint" }, t("transcript.empty"));
    this.node = h("section", { class: "card", "aria-labelledby": "transcript-title" },
      h("h2", { id: "transcript-title" }, t("transcript.title")), this.#empty,
      h("div", { role: "log", "aria-labelledby": "transcript-title" }, this.#list));
    this.replace(turns);
  }

  /** The record as the server has it; a question that waits for its answer stays. */
  replace(turns) {
    for (const turn of turns) this.answered(turn);
  }

  asked({ turn, text }) {
    if (this.#items.get(turn)?.words) return;
    const item = this.#item(turn);
    setText(item.question, text);
    this.#wait(item);
  }

  /** Say whether the interview has ended: what is not answered by then stays so. */
  settle(over) {
    this.#over = over;
    for (const item of this.#items.values()) if (!item.words) this.#wait(item);
  }

  answered({ turn, question, answer, engine }) {
    const item = this.#item(turn);
    item.words = answer;
    setText(item.question, question);
    item.answer.classList.toggle("coming", !answer);
    if (!answer) this.#wait(item);
    if (engine && this.#t.has(`transcript.engine.${engine}`)) {
      setText(item.engine, `· ${this.#t(`transcript.engine.${engine}`)}`);
    }
    this.#mark(turn);
  }

  /** Mark the quotes {turn, start, end, text} where they stand (offsets count characters). */
  quote(quotes) {
    this.#quotes = quotes;
    for (const turn of this.#items.keys()) this.#mark(turn);
  }

  show(turn) {
    const node = this.#items.get(turn)?.node;
    if (!node) return;
    node.setAttribute("tabindex", "-1");
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "center" });
  }

  #item(turn) {
    const t = this.#t;
    if (!this.#items.has(turn)) {
      const question = h("p", { class: "turn-question words" });
      const answer = h("p", { class: "turn-answer words" });
      const engine = h("span", {});
      const node = h("li", { class: "turn", "data-turn": turn },
        h("p", { class: "turn-label" }, t("transcript.turn", { turn }), " ", engine), question,
        h("p", { class: "turn-label" }, t("transcript.answer")), answer);
      this.#items.set(turn, { node, question, answer, engine, words: "" });
      const after = [...this.#items.keys()].filter((other) => other < turn);
      const before = after.length > 0 && this.#items.get(Math.max(...after)).node;
      if (before) before.after(node);
      else this.#list.prepend(node);
      this.#empty.hidden = true;
    }
    return this.#items.get(turn);
  }

  #wait({ answer }) {
    answer.classList.add("coming");
    setText(answer, this.#t(this.#over ? "transcript.unanswered" : "transcript.asked"));
  }

  #mark(turn) {
    const { answer, words } = this.#items.get(turn);
    if (!words) return;
    const characters = [...words];
    const cuts = this.#quotes
      .filter((quote) => quote.turn === turn && quote.end <= characters.length)
      .sort((a, b) => a.start - b.start);
    const parts = [];
    let at = 0;
    for (const { start, end } of cuts) {
      const from = Math.max(start, at);
      if (end <= from) continue;
      parts.push(characters.slice(at, from).join(""),
        h("mark", {}, characters.slice(from, end).join("")));
      at = end;
    }
    replace(answer, parts, characters.slice(at).join(""));
  }
}
