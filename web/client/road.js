/**
 * The way to the server: ticket, socket, heartbeat, back-off, waiting room, moving.
 *
 * It knows nothing about interviews. Frames go up through `events.frame`; every change of the
 * road's condition through `events.status`; a lost connection through `events.cut`.
 *
 * @typedef {{position: number, eta_seconds: ?number}} Queue
 * @typedef {{ticket: string, url: string, session_id?: string,
 *   waiting?: ?(Queue & {waiting_token: string})}} Ticket
 * @typedef {{retry_seconds?: number, position?: number, eta_seconds?: ?number}} Detail
 */

export const SUBPROTOCOL = "entrevistador.v1";

const OPEN_MS = 10_000; // from the attempt to the upgrade
const JOIN_MS = 15_000; // from the upgrade to a state that can be shown
const PONG_MS = 10_000;
const SUSPECT_MS = 5_000; // the same, when the browser says that the network has changed
const ALIVE_MS = 5_000; // a connection that lived this long resets the back-off
const FETCH_MS = 15_000;
const EARLY_MS = 30_000; // of quick attempts; after that the window doubles
const WAIT_SECONDS = 5;

/** Close codes that end the road; every other one means "come back". */
export const TERMINAL = Object.freeze({
  4501: "bad_frame",
  4503: "withdrawn",
  4504: "consent_missing",
  4505: "opened_elsewhere",
  4506: "place_released",
  4507: "ticket_invalid",
  4509: "interview_over",
  4510: "version_unknown",
});

/** What a close code means: "" to come back, otherwise the reason not to. */
export function terminalReason(code) {
  return TERMINAL[code] ?? (code > 4500 && code < 5000 ? "refused" : "");
}

/** Seconds of the jitter window: 1, 2, 2 ... then doubling to 60 (`late`: tries after 30 s). */
export function retryWindow(attempt, late) {
  if (late > 0) return Math.min(60, 2 * 2 ** Math.min(late, 5));
  return attempt === 0 ? 1 : 2;
}

function within(promise, ms) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("timeout")), ms);
    Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

export class Road {
  #options;
  #events;
  #status = "idle";
  #socket = null;
  #attempt = 0; // the running number of tries; whatever belongs to an older one is void
  #resume = null; // {token, url}
  #given = null; // {ticket, url}: a seat at another instance, out of the line
  #unreachable = ""; // the address that could not be reached just now
  /** @type {?Queue} */
  #queue = null; // while it stands in line, cut or not
  #live = false;
  #heartbeatMs = 25_000;
  #timers = new Map();
  #failures = { count: 0, late: 0, since: 0 };
  #wake = () => this.#woken();

  /**
   * @param {object} options
   * @param {(place: string, unreachable: string) => Promise<Ticket>} options.fetchTicket rejects
   *   with {status, code, retryAfter}
   * @param {() => Promise<{state: string, retry_after: number}>} [options.fetchAdmission]
   * @param {object} events ticket(Ticket), place() -> the proof of a place in line, queued(proof),
   *   join() -> the first frame, frame(object), cut(), status(status, reason, Detail)
   */
  constructor(options, events) {
    this.#options = options;
    this.#events = events;
  }

  get status() {
    return this.#status;
  }

  get running() {
    return !["idle", "elsewhere", "parked", "finished", "refused"].includes(this.#status);
  }

  start() {
    if (this.running) return;
    for (const name of ["online", "offline", "pageshow"]) addEventListener(name, this.#wake);
    for (const name of ["visibilitychange", "resume"]) {
      document.addEventListener(name, this.#wake);
    }
    this.#resume = this.#given = this.#queue = null;
    this.#unreachable = "";
    this.#failures.count = this.#failures.late = 0;
    this.#tell("connecting");
    this.#connect();
  }

  /** Let go of the connection for good, as `status` for `reason`. */
  stop(status = "idle", reason = "") {
    for (const name of ["online", "offline", "pageshow"]) removeEventListener(name, this.#wake);
    for (const name of ["visibilitychange", "resume"]) {
      document.removeEventListener(name, this.#wake);
    }
    this.#drop();
    this.#resume = null;
    this.#tell(status, reason);
  }

  /** @returns {boolean} whether the frame was handed to an open socket */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** The session has what it needs: the join is over, the connection counts as alive. */
  live() {
    this.#live = true;
    this.#cancel("join");
    this.#after("alive", ALIVE_MS, () => {
      this.#failures.count = this.#failures.late = 0;
    });
    this.#tell("live");
  }

  /** Join again: the frames that came don't fit what was there. */
  rejoin() {
    this.#drop();
    this.#retry();
  }

  /** Try now instead of when the back-off says. */
  retryNow() {
    if (this.#timers.has("retry")) this.#connect();
  }

  async #connect() {
    this.#drop();
    const attempt = this.#attempt;
    const resume = this.#resume;
    const given = this.#given;
    this.#given = null;
    try {
      if (given) this.#open(given.url, `ticket.${given.ticket}`, false);
      else if (resume) this.#open(resume.url, `resume.${resume.token}`, true);
      else {
        const place = this.#events.place();
        const fetched = this.#options.fetchTicket(place, this.#unreachable);
        const ticket = await within(fetched, FETCH_MS);
        if (attempt !== this.#attempt) return;
        this.#events.ticket(ticket);
        if (ticket.waiting) this.#queued(ticket.waiting);
        this.#open(ticket.url, `ticket.${ticket.ticket}`, false);
      }
    } catch (error) {
      this.#resume = null;
      if (attempt === this.#attempt) this.#ticketRefused(error ?? {});
    }
  }

  #open(url, secret, resumed) {
    const socket = new WebSocket(url, [SUBPROTOCOL, secret]); // throws on a wrong url
    this.#socket = socket;
    let opened = false;
    const mine = (act) => (event) => socket === this.#socket && act(event);
    const closed = (code, reason) => this.#closed({ code, reason, opened, resumed, url });
    socket.onopen = mine(() => {
      opened = true;
      this.#after("join", JOIN_MS, () => closed(1006, ""));
      this.send(this.#events.join());
    });
    socket.onmessage = mine((event) => this.#receive(event.data));
    socket.onclose = mine((event) => closed(event.code, event.reason));
    this.#after("join", OPEN_MS, () => closed(1006, ""));
  }

  /** Forget the running connection, whatever state it is in; its late events are void. */
  #drop() {
    this.#attempt += 1;
    const socket = this.#socket;
    this.#socket = null;
    this.#live = false;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    socket?.close();
    if (socket) this.#events.cut();
  }

  #closed({ code, reason, opened, resumed, url }) {
    this.#drop();
    if (!opened || code === 4003) this.#resume = null; // the next try brings a fresh ticket
    if (!opened) this.#unreachable = url; // and leads elsewhere if it can, the first time at once
    if (!opened && resumed) return this.#connect();
    const why = terminalReason(code);
    if (code === 4507 && resumed) this.#resume = null;
    else if (code === 4505) return this.stop("elsewhere", why);
    else if (code === 4506) return this.stop("parked", why);
    else if (code === 4509) return this.stop("finished", "over");
    else if (why) return this.stop("refused", why);
    const told = Number(/retry_after=(\d+)/.exec(reason)?.[1] ?? (code === 4013 ? 5 : 0));
    if (code === 4029) this.#wait(told);
    else this.#retry(told);
  }

  #ticketRefused({ status = 0, code = "", retryAfter = 0 }) {
    this.#drop();
    if (code === "at_capacity") this.#wait(retryAfter);
    else if (!status || status >= 500 || [408, 425, 429].includes(status)) this.#retry(retryAfter);
    else if (code === "interview_over") this.stop("finished", "over");
    else this.stop("refused", code || "unauthorized");
  }

  #retry(atLeastSeconds = 0) {
    const now = performance.now();
    const failures = this.#failures;
    if (failures.count === 0) failures.since = now;
    if (now - failures.since > EARLY_MS) failures.late += 1;
    const window = retryWindow(failures.count, failures.late);
    failures.count += 1;
    const seconds = Math.max(atLeastSeconds, Math.random() * window);
    const detail = { retry_seconds: seconds };
    if (this.#queue) this.#tell("waiting", "kept", { ...this.#queue, ...detail });
    else this.#tell("reconnecting", "", detail);
    this.#after("retry", seconds * 1000, () => this.#connect());
  }

  /** Every place is taken: ask again when told, without a connection. */
  #wait(toldSeconds) {
    this.#drop();
    this.#resume = this.#queue = null;
    const seconds = Math.min(60, Math.max(1, toldSeconds || WAIT_SECONDS));
    this.#tell("waiting", "at_capacity", { retry_seconds: seconds });
    const jittered = seconds * (1 + Math.random() / 4);
    this.#after("retry", jittered * 1000, () => this.#askAdmission());
  }

  async #askAdmission() {
    this.#drop();
    const attempt = this.#attempt;
    let answer = null;
    try {
      answer = await within(this.#options.fetchAdmission?.(), FETCH_MS);
    } catch {
      // the ticket's door says the same, in more detail
    }
    if (attempt !== this.#attempt) return;
    if (answer?.state === "full") this.#wait(answer.retry_after);
    else this.#connect();
  }

  #receive(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      this.rejoin();
      return;
    }
    this.#cancel("pong");
    switch (frame?.type) {
      case "pong":
        return;
      case "session.queued":
        this.#cancel("join"); // waiting takes as long as it takes; the heartbeat watches
        if (!this.#timers.has("ping")) this.#heartbeat();
        if (!this.#timers.has("alive")) {
          this.#after("alive", ALIVE_MS, () => {
            this.#failures.count = this.#failures.late = 0;
          });
        }
        this.#queued(frame);
        return;
      case "session.joined":
        this.#joined(frame);
        return;
      case "session.moving":
        if (frame.ticket) {
          this.#given = { ticket: frame.ticket, url: frame.resume_url };
          this.#tell("waiting", "called", {});
          this.#connect();
          return;
        }
        this.#resume = this.#resume && { ...this.#resume, url: frame.resume_url };
        this.#tell("moving");
        this.#connect();
        return;
      default:
        this.#events.frame(frame);
    }
  }

  /** It stands in line; the proof of it outlives this page. */
  #queued({ position, eta_seconds, waiting_token = "" }) {
    this.#queue = { position, eta_seconds };
    if (waiting_token) this.#events.queued(waiting_token);
    this.#tell("waiting", "queued", { ...this.#queue });
  }

  #joined(frame) {
    this.#queue = null;
    this.#unreachable = "";
    this.#events.queued("");
    this.#resume = { token: frame.resume_token, url: frame.resume_url };
    this.#heartbeatMs = (frame.heartbeat_seconds || 25) * 1000;
    this.#after("join", JOIN_MS, () => this.rejoin());
    this.#heartbeat();
    this.#events.frame(frame);
  }

  #heartbeat() {
    this.#after("ping", this.#heartbeatMs, () => {
      this.#ping(PONG_MS);
      this.#heartbeat();
    });
  }

  #ping(limitMs) {
    this.send({ type: "ping" });
    this.#after("pong", limitMs, () => this.rejoin());
  }

  /** The page is seen again or the network changed: find out now what is left. */
  #woken() {
    if (!this.running || document.visibilityState === "hidden") return;
    const inLine = this.#queue && this.#socket?.readyState === WebSocket.OPEN;
    if (this.#live || inLine) {
      if (!this.#timers.has("pong")) this.#ping(SUSPECT_MS);
    } else if ((this.#queue || this.#status === "reconnecting") && navigator.onLine) {
      this.retryNow();
    }
  }

  #tell(status, reason = "", detail = {}) {
    this.#status = status;
    this.#events.status(status, reason, detail);
  }

  #after(name, ms, act) {
    this.#cancel(name);
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      act();
    }, ms);
    this.#timers.set(name, timer);
  }

  #cancel(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}
