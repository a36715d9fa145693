/**
 * A small client of the REST doors: bearer token, problem documents, watched event streams.
 */

const SILENCE_MS = 40_000; // the server comments every 15 s
const GET_TRIES = 3;
const GET_WAIT_SECONDS_MAX = 5;

/** A refusal: `code` is the machine-readable one, `status` 0 means that nothing answered. */
export class Problem extends Error {
  constructor({ status = 0, code = "", title = "", detail = "", request_id = "" }, retryAfter = 0) {
    super(detail || title || code || `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.requestId = request_id;
    this.retryAfter = retryAfter;
  }
}

async function problemOf(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  let body = {};
  try {
    body = await response.json();
  } catch {
    // not a problem document: the status has to do
  }
  return new Problem({ ...body, status: response.status }, retryAfter);
}

function pause(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

export class Api {
  /**
   * @param {object} options
   * @param {string} options.token bearer token of an invitation or a person
   * @param {string} [options.base]
   * @param {string} [options.locale] asks for messages in this language
   */
  constructor({ token, base = "/api/v1", locale = "" }) {
    this.token = token;
    this.base = base;
    this.locale = locale;
  }

  #headers(more = {}) {
    const headers = { Authorization: `Bearer ${this.token}`, ...more };
    if (this.locale) headers["Accept-Language"] = this.locale;
    return headers;
  }

  /** @returns {Promise<any>} the decoded JSON body, null when there is none */
  async call(method, path, { body, headers = {}, signal } = {}) {
    const init = { method, signal, headers: this.#headers(headers), cache: "no-store" };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers["Content-Type"] = "application/json";
    }
    let response;
    try {
      response = await fetch(this.base + path, init);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem({ code: "network" });
    }
    if (!response.ok) throw await problemOf(response);
    const text = response.status === 204 ? "" : await response.text();
    return text ? JSON.parse(text) : null;
  }

  /** A read may be repeated: a short refusal (429, 503) is waited out. */
  async get(path, options) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.call("GET", path, options);
      } catch (error) {
        const busy = error.status === 429 || error.status === 503;
        const seconds = error.retryAfter || 1;
        if (!busy || attempt >= GET_TRIES || seconds > GET_WAIT_SECONDS_MAX) throw error;
        await pause(seconds * (1 + Math.random() / 4));
      }
    }
  }

  post(path, body = {}, options = {}) {
    return this.call("POST", path, { ...options, body });
  }

  patch(path, body, version) {
    return this.call("PATCH", path, { body, headers: { "If-Match": `"${version}"` } });
  }

  /** All items of a list, page after page, up to `most`. */
  async list(path, most = 1000) {
    const items = [];
    let after = "";
    do {
      const mark = path.includes("?") ? "&" : "?";
      const next = after ? `${path}${mark}after=${encodeURIComponent(after)}` : path;
      const page = await this.get(next);
      if (Array.isArray(page)) return page;
      items.push(...page.items);
      after = page.next;
    } while (after && items.length < most);
    return items;
  }

  /** Send a file where the ticket says; `progress(0..1)` while it goes. */
  upload({ method, url, headers = {} }, file, progress) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) progress(event.loaded / event.total);
      };
      request.onload = () => {
        if (request.status >= 200 && request.status < 300) return resolve();
        let body = {};
        try {
          body = JSON.parse(request.responseText);
        } catch {
          // an object store answers in its own words
        }
        return reject(new Problem({ ...body, status: request.status }));
      };
      request.onerror = () => reject(new Problem({ code: "network" }));
      request.send(file);
    });
  }

  /**
   * Watch the event stream until `signal` aborts; comes back by itself with Last-Event-ID.
   *
   * @param {object} options
   * @param {(kind: string, data: any) => void} options.onEvent
   * @param {(status: "open"|"lost"|"refused") => void} [options.onStatus]
   * @param {AbortSignal} options.signal
   */
  async watch({ onEvent, onStatus = () => {}, signal, path = "/events" }) {
    const place = { id: "" };
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        await this.#stream(path, place, signal, onEvent, () => {
          failures = 0;
          onStatus("open");
        });
      } catch (error) {
        if (signal.aborted) return;
        if (error.status === 401 || error.status === 403) {
          onStatus("refused");
          return;
        }
      }
      onStatus("lost");
      await pause(Math.random() * Math.min(30, 2 ** Math.min(failures, 5)));
    }
  }

  async #stream(path, place, signal, onEvent, opened) {
    const quiet = new AbortController();
    const give = () => quiet.abort();
    signal.addEventListener("abort", give);
    let timer = setTimeout(give, SILENCE_MS);
    try {
      const headers = this.#headers({ Accept: "text/event-stream" });
      if (place.id) headers["Last-Event-ID"] = place.id;
      const init = { headers, signal: quiet.signal, cache: "no-store" };
      const response = await fetch(this.base + path, init);
      if (!response.ok) throw await problemOf(response);
      opened();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parse = eventParser(place, onEvent);
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(give, SILENCE_MS);
        parse(value);
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", give);
    }
  }
}

/** Turn pieces of a text/event-stream into calls of onEvent(kind, data). */
export function eventParser(place, onEvent) {
  let rest = "";
  let kind = "";
  let data = [];
  const dispatch = () => {
    if (data.length) {
      let value = null;
      try {
        value = JSON.parse(data.join("\n"));
      } catch {
        // a foreign event: nothing of ours is in it
      }
      if (value !== null) onEvent(kind || "message", value);
    }
    kind = "";
    data = [];
  };
  const line = (text) => {
    if (text === "") return dispatch();
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "id" && !value.includes("\0")) place.id = value;
    else if (field === "event") kind = value;
    else if (field === "data") data.push(value);
  };
  return (piece) => {
    rest += piece;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    lines.forEach(line);
  };
}
