/**
 * The small parts that all pages share: top bar, fields, bars, notices, dialogs.
 */

import { announce, copyText, h, newId, replace } from "./dom.js";
import { LANGUAGES, chooseLanguage } from "./texts.js";

const HERE = new URL("..", import.meta.url); // /static/<hash>/

export function art(name) {
  return new URL(`art/${name}`, HERE).href;
}

export function wordmark() {
  return h("img", { class: "wordmark", src: art("wordmark.svg"), alt: "Entrevistador",
    width: 195, height: 32 });
}

/** A choice of language; `changed(language)` draws the page anew. */
export function languagePicker(t, changed) {
  const id = newId("language");
  const select = h(
    "select",
    { id, class: "quiet-select", on: { change: () => {
      chooseLanguage(select.value);
      changed(select.value);
    } } },
    Object.entries(LANGUAGES).map(([code, name]) =>
      h("option", { value: code, lang: code, selected: code === t.language }, name)),
  );
  return h("div", { class: "language" },
    h("label", { for: id, class: "heard-only" }, t("common.language")), select);
}

export function button(label, act, { kind = "", ...props } = {}) {
  const node = h("button", { type: "button", class: `button ${kind}`.trim(), ...props,
    on: act ? { click: (event) => busy(node, () => act(event)) } : {} }, label);
  return node;
}

/** Run an action once at a time; its button says that it is under way. */
export async function busy(node, act) {
  if (node.getAttribute("aria-busy") === "true") return;
  node.setAttribute("aria-busy", "true");
  try {
    await act();
  } finally {
    node.removeAttribute("aria-busy");
  }
}

/** A labelled control: `control` gets its id; `hint` is read with it. */
export function field(label, control, hint = "") {
  const id = control.id || newId("field");
  control.id = id;
  const more = hint && h("p", { id: `${id}-hint`, class: "hint" }, hint);
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, more);
}

/** Words to take along: to read, to select, and with a button that copies them. */
export function copyBox(t, label, value, hint = "") {
  const input = h("input", { readonly: true, value, spellcheck: "false",
    on: { focus: () => input.select() } });
  const said = h("p", { class: "good-line", role: "status" });
  const copy = button(t("common.copy"), async () => {
    if (await copyText(input)) said.textContent = t("common.copied");
  }, { kind: "primary" });
  return h("div", { class: "stack" }, field(label, input, hint),
    h("div", { class: "row" }, copy, said));
}

export function select(options, value) {
  return h("select", {}, options.map(([key, label]) =>
    h("option", { value: key, selected: key === value }, label)));
}

export function pill(label, tone = "") {
  return h("span", { class: `pill ${tone}`.trim() }, label);
}

/** A measured bar with its words beside it; `value` 0..1. */
export function bar(label, value, tone = "") {
  const node = h("progress", { class: `bar ${tone}`.trim(), max: 1, "aria-label": label });
  node.value = Math.min(1, Math.max(0, value || 0));
  return node;
}

export function notice(tone, title, text, ...more) {
  return h("div", { class: `notice ${tone}`, role: tone === "bad" ? "alert" : null },
    title && h("p", { class: "notice-title" }, title), text && h("p", {}, text), more);
}

export function empty(title, text, ...more) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title),
    text && h("p", {}, text), more);
}

/** A place for what went wrong in a form; showing it also says it. */
export function errorLine() {
  const node = h("p", { class: "error-line", role: "alert" });
  return { node, show: (text) => replace(node, text), clear: () => replace(node) };
}

/**
 * A modal dialog; `build(close)` gives its content. Resolves with what close() was given,
 * undefined when it was dismissed, or left behind by a change of the page's view.
 */
export function dialog(title, t, build) {
  return new Promise((resolve) => {
    const id = newId("dialog");
    const node = h("dialog", { class: "dialog", "aria-labelledby": id });
    const closed = new AbortController();
    let result;
    const close = (value) => {
      result = value;
      node.close();
    };
    const head = h("div", { class: "dialog-head" }, h("h2", { id }, title),
      h("button", { type: "button", class: "icon-button", "aria-label": t("common.close"),
        on: { click: () => close() } }, "\u00d7"));
    node.append(head, build(close));
    node.addEventListener("close", () => {
      closed.abort();
      node.remove();
      resolve(result);
    });
    addEventListener("hashchange", () => close(), { signal: closed.signal });
    document.body.append(node);
    node.showModal();
  });
}

/** Ask before something that can't be taken back. */
export function confirmDialog(t, { title, text, yes, danger = true }) {
  return dialog(title, t, (close) =>
    h("div", { class: "stack" }, h("p", {}, text),
      h("div", { class: "row end" },
        button(t("common.cancel"), () => close(false), { autofocus: true }),
        button(yes, () => close(true), { kind: danger ? "danger" : "primary" }))));
}

/** A short message at the page's edge that goes away by itself. */
export function toast(text) {
  const node = h("p", { class: "toast", "aria-hidden": "true" }, text);
  document.body.append(node);
  announce(text);
  setTimeout(() => node.remove(), 5000);
}
