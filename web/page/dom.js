/**
 * Building pages from elements and text nodes only: nothing foreign is ever read as HTML.
 */

/**
 * @param {string} tag
 * @param {object} [props] `class`, `on: {event: fn}`, `data`, properties and attributes
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    } else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "class") element.className = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

/** Append children; nothing, false and null are left out. */
export function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Move the reader to a heading that has just appeared. */
export function focusOn(element) {
  if (!element) return;
  if (!element.hasAttribute("tabindex")) element.setAttribute("tabindex", "-1");
  element.focus({ preventScroll: false });
}

let uid = 0;
export function newId(prefix) {
  uid += 1;
  return `${prefix}-${uid}`;
}

const SAID_MS = 10_000;
let region = null;

/**
 * Say something to a screen reader without showing it.
 *
 * Each saying is a node of its own, so that two at once are both read, in their order, and the
 * same words again are read again.
 */
export function announce(text) {
  if (!region) {
    region = h("div", { class: "heard-only", role: "status", "aria-live": "polite" });
    document.body.append(region);
  }
  const said = h("p", {}, text);
  requestAnimationFrame(() => region.append(said)); // the region itself has to be there before
  setTimeout(() => said.remove(), SAID_MS);
}

export async function copyText(input) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    return document.execCommand?.("copy") ?? false;
  }
}
