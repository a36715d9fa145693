/**
 * What the device keeps for the candidate: the draft, the answer that is not yet accepted, and the
 * proof of a place in line.
 *
 * @typedef {{turn: number, text: string}} Draft
 * @typedef {{client_msg_id: string, turn: number, text: string}} Pending
 */

export const ANSWER_CHARS_MAX = 12_000;

const PLACE_MS = 120_000; // as long as the server keeps a place that nobody shows up for

/** The text as the server can keep it: no control characters, no halves of surrogate pairs. */
export function storable(text) {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "")
    .replace(/\p{Surrogate}/gu, "\ufffd");
}

/** Characters as the server counts them (code points, not UTF-16 units). */
export function countChars(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** A new client_msg_id; works on pages without a secure context too. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One session's draft and pending answer, in memory and, where allowed, in storage. */
export class Kept {
  #storage;
  #key = "";
  /** @type {?Draft} */
  draft = null;
  /** @type {?Pending} */
  pending = null;
  #place = null; // {token, at}

  /** @param {Storage} [storage] localStorage when left out */
  constructor(storage) {
    try {
      this.#storage = storage ?? globalThis.localStorage;
    } catch {
      this.#storage = undefined; // a browser that forbids it: memory has to do
    }
  }

  /** Name the session whose words these are, and load what an earlier page left. */
  bind(sessionId) {
    const key = `entrevistador.session.${sessionId}`;
    if (!sessionId || key === this.#key) return;
    this.#key = key;
    this.load();
  }

  /** The proof of a place in line, "" without one or when it is no longer kept. */
  get place() {
    const age = Date.now() - (this.#place?.at ?? 0);
    return age >= 0 && age < PLACE_MS ? this.#place.token : "";
  }

  set place(token) {
    if (!token && !this.#place) return;
    this.#place = token ? { token, at: Date.now() } : null;
    this.write();
  }

  get key() {
    return this.#key;
  }

  load() {
    try {
      const kept = JSON.parse(this.#storage.getItem(this.#key) ?? "{}") ?? {};
      const { draft, pending, place } = kept;
      this.draft = typeof draft?.text === "string" ? draft : null;
      this.pending = typeof pending?.client_msg_id === "string" ? pending : null;
      this.#place = typeof place?.token === "string" && place.at > 0 ? place : null;
    } catch {
      // damaged or forbidden storage: what is in memory counts
    }
  }

  write() {
    if (!this.#key) return;
    try {
      if (!this.draft && !this.pending && !this.#place) this.#storage.removeItem(this.#key);
      else {
        const kept = { draft: this.draft, pending: this.pending, place: this.#place ?? undefined };
        this.#storage.setItem(this.#key, JSON.stringify(kept));
      }
    } catch {
      // full or forbidden: the words live in memory until they are accepted
    }
  }

  clear() {
    this.draft = null;
    this.pending = null;
    this.#place = null;
    this.write();
  }
}

/** Whether an earlier page of this device waited in line for this session a moment ago. */
export function hasPlaceInLine(sessionId, storage) {
  const kept = new Kept(storage);
  kept.bind(sessionId);
  return kept.place !== "";
}
