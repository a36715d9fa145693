/**
 * CVs: dropped or chosen, sent a few at a time, each with a bar that follows its stages live.
 */

import { announce, h, setText } from "../page/dom.js";
import { bar, button } from "../page/widgets.js";

const BYTES_MAX = 50 * 1024 * 1024;
const AT_ONCE = 3;
const LOOK_MS = 5_000; // how often a CV is asked about when no event comes
const NAMES_MAX = 20; // people asked for one by one, because no match names them
const SENT_SHARE = 0.1; // of the bar: the file's own way, the stages have the rest

/** Returns its node, and `named(matches)`, which tells the rows whose CVs they are. */
export function uploadArea(page, opening, cvs) {
  const { t } = page;
  const rows = new Map(); // cv id -> Row
  const list = h("ul", { class: "uploads" });
  const queue = sender(page, opening, rows);
  const take = (files) => {
    for (const file of files) {
      const row = new Row(t, file.name);
      list.prepend(row.node);
      queue(file, row);
    }
  };
  for (const cv of cvs) {
    const row = new Row(t, cv.filename);
    row.update(cv, false);
    rows.set(cv.id, row);
    list.append(row.node);
  }
  follow(page, rows);
  const node = h("section", { class: "card", "aria-labelledby": "cv-title" },
    h("h2", { id: "cv-title" }, t("cv.title")), dropZone(t, take), list);
  return { node, named: namer(page, rows) };
}

/** Names come with the matches; a CV without one has its person looked up, once. */
function namer({ api, leaving }, rows) {
  const asked = new Set();
  return async (matches) => {
    for (const { cv_id: id, candidate } of matches) rows.get(id)?.named(candidate.name);
    for (const row of rows.values()) {
      const { candidate, working, name } = row;
      if (leaving.aborted || asked.size >= NAMES_MAX) return;
      if (name || working || !candidate || asked.has(candidate)) continue;
      asked.add(candidate);
      await api.get(`/candidates/${candidate}`).then((one) => row.named(one.name), () => {});
    }
  };
}

function dropZone(t, take) {
  const input = h("input", { type: "file", multiple: true, class: "heard-only", tabindex: "-1",
    "aria-label": t("cv.choose"), accept: ".pdf,.doc,.docx",
    on: { change: () => {
      take([...input.files]);
      input.value = "";
    } } });
  const words = h("p", {}, t("cv.drop"));
  const zone = h("div", { class: "drop" }, words,
    button(t("cv.choose"), () => input.click()), input,
    h("p", { class: "hint" }, t("cv.kinds")));
  const over = (on) => {
    zone.classList.toggle("over", on);
    setText(words, t(on ? "cv.drop_now" : "cv.drop"));
  };
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  zone.addEventListener("dragleave", (event) => {
    if (!zone.contains(event.relatedTarget)) over(false);
  });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    take([...event.dataTransfer.files]);
  });
  return zone;
}

/** Returns a function that sends a file when its turn comes. */
function sender(page, opening, rows) {
  const waiting = [];
  let running = 0;
  const next = async () => {
    if (running >= AT_ONCE || waiting.length === 0) return;
    const { file, row } = waiting.shift();
    running += 1;
    try {
      await send(page, opening, rows, file, row);
    } catch (problem) {
      row.failed(page.t.problem(problem), () => {
        row.reset();
        waiting.push({ file, row });
        next();
      });
    } finally {
      running -= 1;
      next();
    }
  };
  return (file, row) => {
    const wrong = file.size === 0 ? "cv_empty" : file.size > BYTES_MAX ? "cv_too_large" : "";
    if (wrong) row.failed(page.t.fault(wrong));
    else {
      waiting.push({ file, row });
      next();
    }
  };
}

async function send({ api }, opening, rows, file, row) {
  const body = { filename: file.name.slice(-255), bytes: file.size, opening_id: opening.id };
  const { cv_id: id, upload } = await api.post("/cvs", body);
  rows.set(id, row);
  await api.upload(upload, file, (share) => row.sending(share));
  row.update(await api.post(`/cvs/${id}/confirm`));
}

/** Stages come as events; a CV of which nothing was heard for a while is asked about. */
function follow(page, rows) {
  page.on("cv.stage", (event) => rows.get(event.cv_id)?.update(event));
  const look = async () => {
    for (const [id, row] of rows) {
      if (page.leaving.aborted) return;
      if (row.working && Date.now() - row.heard > LOOK_MS) {
        await page.api.get(`/cvs/${id}`).then((cv) => row.update(cv), () => {});
      }
    }
  };
  const timer = setInterval(look, LOOK_MS);
  page.leaving.addEventListener("abort", () => clearInterval(timer));
}

class Row {
  #t;
  #filename;
  #bar;
  #words = h("p", { class: "hint" });
  #more = h("div", {});
  #file;
  name = "";
  candidate = ""; // their id
  working = false;
  heard = Date.now();

  constructor(t, filename) {
    this.#t = t;
    this.#filename = filename;
    this.#bar = bar(t("cv.progress", { filename }), 0);
    this.#file = h("p", { class: "upload-name" }, filename);
    this.node = h("li", { class: "upload" }, this.#file, this.#bar, this.#words, this.#more);
    this.reset();
  }

  /** Say whose CV it is, before the file's name. */
  named(name) {
    if (!name || this.name === name) return;
    if (!this.name) this.#file.before(h("p", { class: "upload-name" }));
    this.name = name;
    setText(this.node.firstChild, name);
    this.#file.className = "hint";
  }

  reset() {
    this.#show(0, "", this.#t("cv.stage.waiting"));
    this.#more.replaceChildren();
  }

  sending(share) {
    this.#show(share * SENT_SHARE, "", this.#t("cv.stage.upload"));
  }

  /** From a CV of the API or a cv.stage event: {candidate_id, stage, status, progress, fault}. */
  update({ candidate_id: candidate, stage, status, progress, fault }, aloud = true) {
    const t = this.#t;
    this.candidate = candidate ?? this.candidate;
    this.heard = Date.now();
    const finished = this.node.dataset.status === status && status !== "working";
    this.node.dataset.status = status;
    this.working = status === "working";
    if (status === "ready") {
      this.#show(1, "good", t("cv.status.ready"));
      if (aloud && !finished) announce(t("cv.done", { filename: this.#filename }));
    } else if (status === "refused" || status === "needs_ocr") {
      const code = (typeof fault === "string" ? fault : fault?.code) || "";
      this.failed(t.fault(code || "cv_needs_ocr", fault?.message), null, aloud && !finished);
    } else if (status === "working" && progress >= this.#bar.value) {
      this.#show(progress, "", t(stage === "upload" ? "cv.stage.uploaded" : `cv.stage.${stage}`));
    }
  }

  failed(reason, again = null, aloud = true) {
    const t = this.#t;
    this.working = false;
    this.#show(1, "bad", reason);
    if (again) this.#more.replaceChildren(button(t("cv.again"), again));
    if (aloud) announce(t("cv.failed", { filename: this.#filename, reason }));
  }

  #show(value, tone, words) {
    this.#bar.value = value;
    this.#bar.className = `bar ${tone}`.trim();
    setText(this.#words, words);
    this.#words.className = tone === "bad" ? "error-line" : "hint";
  }
}
