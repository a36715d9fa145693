/**
 * An interview's live session for a browser: the one module to import; no dependencies.
 *
 * It fetches a ticket, joins, replays by (epoch, offset), keeps the draft and the unaccepted
 * answer on the device until the server has accepted it, and comes back after every cut.
 * docs/client.md tells how to embed it.
 *
 * @typedef {import("./road.js").Ticket} Ticket
 * @typedef {import("./kept.js").Pending} Pending
 * @typedef {"idle"|"connecting"|"waiting"|"live"|"reconnecting"|"moving"|"paused"|"parked"
 *   |"elsewhere"|"finished"|"refused"} Status
 * @typedef {{turn: number, competency: string, question: string, answer: string}} Turn
 * @typedef {{turn: number, ask: number, text: string, completed: boolean,
 *   competency?: string}} Current
 * @typedef {{status: Status, reason: string, retry_seconds?: number, position?: number,
 *   eta_seconds?: ?number}} StatusDetail
 * @typedef {{turns: Turn[], current: ?Current, turns_max: number, seconds_left: ?number,
 *   paused: boolean, paused_reason: string, engine: string, pending: ?Pending,
 *   draft: string}} Snapshot
 *
 * Events (CustomEvent, the payload in `detail`):
 *   status   StatusDetail
 *   state    Snapshot: draw everything anew
 *   question {kind: "started"|"delta"|"completed"|"reset", turn, ask, text, piece}
 *   accepted {turn, client_msg_id, duplicate}
 *   fault    {code, message, temporary, client_msg_id, text}
 *   clock    {seconds_left, running}
 *   granted  {minutes, minutes_total, seconds_left}: the company gave more time
 *   engine   {engine, reason}
 */

import { ANSWER_CHARS_MAX, Kept, countChars, randomId, storable } from "./kept.js";
import { RECORD } from "./record.js";
import { Road } from "./road.js";

export { ANSWER_CHARS_MAX, countChars, hasPlaceInLine, storable } from "./kept.js";
export { SUBPROTOCOL, TERMINAL, retryWindow, terminalReason } from "./road.js";

const RESEND_MS = [1_000, 2_000, 4_000, 8_000]; // of an answer that could not be kept yet
const ACK_EVERY = 32; // frames; the server forgets what is acknowledged

export class InterviewSession extends EventTarget {
  #locale;
  #kept;
  #road;
  #status = "idle";
  #epoch = null;
  #offset = null;
  #acked = 0;
  #synced = false; // the state is known and the frames follow it without a gap
  #gapAt = null;
  #record = {
    turns: [], current: null, turns_max: 0, paused: false, paused_reason: "", engine: "",
  };
  #sent = ""; // the client_msg_id that this connection has carried
  #tries = 0;
  #resend = 0;
  #left = null;
  #leftAt = null; // set while the clock runs
  #tick = 0;
  #goOn = false; // the pause ends with the join that was asked for

  /**
   * @param {object} options
   * @param {(place: string, unreachable: string) => Promise<Ticket>} options.fetchTicket rejects
   *   with {status, code, retryAfter}; `place` proves a place in line, `unreachable` is the address
   *   that did not answer just now; "" without one
   * @param {() => Promise<{state: string, retry_after: number}>} [options.fetchAdmission]
   * @param {string} [options.sessionId] names the kept draft before the first ticket comes
   * @param {string} [options.locale]
   * @param {Storage} [options.storage] localStorage when left out
   */
  constructor(options) {
    super();
    this.#locale = options.locale;
    this.#kept = new Kept(options.storage);
    this.#kept.bind(options.sessionId);
    this.#road = new Road(options, {
      ticket: (ticket) => this.#kept.bind(ticket.session_id),
      place: () => this.#kept.place,
      queued: (token) => {
        this.#kept.place = token;
      },
      join: () => this.#join(),
      frame: (frame) => this.#receive(frame),
      cut: () => this.#cut(),
      status: (status, reason, detail) => this.#roadChanged(status, reason, detail),
    });
  }

  /** @returns {Status} */
  get status() {
    return this.#status;
  }

  /** Seconds left, counted here between the server's words; null while unknown. */
  get secondsLeft() {
    if (this.#left === null || this.#leftAt === null) return this.#left;
    return Math.max(0, this.#left - (performance.now() - this.#leftAt) / 1000);
  }

  /** Whether the clock runs. */
  get running() {
    return this.#leftAt !== null;
  }

  /** @returns {Snapshot} */
  get snapshot() {
    const { draft, pending } = this.#kept;
    return {
      ...this.#record,
      turns: [...this.#record.turns],
      pending,
      draft: draft?.turn === this.#turn ? draft.text : "",
      seconds_left: this.secondsLeft,
    };
  }

  get #turn() {
    return this.#record.current?.turn ?? this.#record.turns.length + 1;
  }

  start() {
    if (this.#road.running) return;
    clearInterval(this.#tick);
    this.#tick = setInterval(() => this.#leftAt !== null && this.#tellClock(), 1000);
    this.#road.start();
  }

  /** Let go of everything; what was typed stays on the device. */
  stop() {
    this.#road.stop();
  }

  /**
   * After "elsewhere": take the interview back to this page, with what the other one kept.
   * After "parked": ask for a place again, and end the pause if there is one at once.
   */
  continueHere() {
    if (this.#status !== "elsewhere" && this.#status !== "parked") return;
    this.#goOn = this.#status === "parked";
    this.#kept.load();
    this.start();
  }

  retryNow() {
    this.#road.retryNow();
  }

  /** Keep what is being typed for the running turn. */
  saveDraft(text) {
    if (!this.#road.running) return; // another page may own the words now
    this.#kept.draft = text ? { turn: this.#turn, text } : null;
    this.#kept.write();
  }

  /** Send the answer to the running turn, now or once there is a connection. False: refused. */
  submit(text) {
    const words = storable(text);
    const { current, paused } = this.#record;
    if (!this.#road.running || paused || !current?.completed) return false;
    if (!words.trim() || countChars(words) > ANSWER_CHARS_MAX) return false;
    if (this.#kept.pending?.turn === current.turn) return false;
    this.#kept.pending = { client_msg_id: randomId(), turn: current.turn, text: words };
    this.#kept.draft = null;
    this.#kept.write();
    this.#tries = 0;
    this.#flush();
    return true;
  }

  pause() {
    return this.#synced && this.#road.send({ type: "session.pause" });
  }

  resume() {
    return this.#synced && this.#road.send({ type: "session.resume" });
  }

  /** End the interview here; what was said counts. In the waiting room: give the place up. */
  leave() {
    if (this.#status === "waiting") {
      this.#road.send({ type: "session.leave" });
      this.#kept.place = "";
      this.#road.stop("idle", "gave_up");
      return true;
    }
    return this.#synced && this.#road.send({ type: "session.leave" });
  }

  // The connection --------------------------------------------------------------------------

  #join() {
    const seen = this.#offset === null ? {} : { epoch: this.#epoch, offset: this.#offset };
    return { type: "session.join", ...seen, locale: this.#locale };
  }

  #cut() {
    this.#synced = false;
    this.#sent = "";
    clearTimeout(this.#resend);
    this.#setClock(this.secondsLeft, false);
  }

  #roadChanged(status, reason, detail) {
    if (status === "finished") this.#kept.clear();
    if (status === "waiting") this.#goOn = false; // by the time of its turn nobody may look
    if (!this.#road.running) clearInterval(this.#tick);
    const paused = status === "live" && this.#record.paused && !this.#goOn;
    this.#status = paused ? "paused" : status;
    const why = paused ? this.#record.paused_reason : reason;
    this.#emit("status", { status: this.#status, reason: why, ...detail });
  }

  #live() {
    this.#synced = true;
    this.#gapAt = null;
    this.#setClock(this.#left, !this.#record.paused);
    this.#ack(); // a first frame also retires the older resume token
    this.#road.live();
    this.#flush();
    if (this.#goOn && this.#record.paused) this.resume();
    this.#goOn = false;
  }

  #forget() {
    this.#epoch = this.#offset = null;
  }

  #receive(frame) {
    if (Number.isInteger(frame?.offset) && frame.type !== "session.state") this.#follow(frame);
    else if (frame?.type === "session.joined") this.#joined(frame);
    else if (frame?.type === "session.state") this.#state(frame);
    else if (frame?.type === "fault") this.#fault(frame);
  }

  #joined(frame) {
    this.#kept.bind(frame.session_id);
    this.#record.engine = frame.engine;
    this.#acked = 0;
    if (frame.recovered && frame.epoch === this.#epoch) this.#live();
    else {
      this.#forget(); // session.state follows
      this.#epoch = frame.epoch;
    }
  }

  #state(frame) {
    const { turns, current, turns_max, seconds_left, offset = 0 } = frame;
    const { paused, paused_reason = "" } = frame;
    Object.assign(this.#record, { turns: [...turns], current, turns_max, paused, paused_reason });
    this.#offset = offset;
    this.#left = seconds_left;
    const kept = this.#kept;
    if (kept.draft && turns.some((turn) => turn.turn === kept.draft.turn)) kept.draft = null;
    const { pending } = kept;
    const same = turns.find((turn) => turn.turn === pending?.turn);
    if (same?.answer === pending?.text) kept.pending = null; // accepted; only the word was lost
    kept.write();
    this.#emit("state", this.snapshot);
    this.#live();
  }

  // The record ------------------------------------------------------------------------------

  #follow(frame) {
    if (!this.#synced || frame.offset <= this.#offset) return;
    if (frame.offset !== this.#offset + 1) {
      if (this.#gapAt === this.#offset) this.#forget(); // the replay has it too: the whole state
      this.#gapAt = this.#offset;
      this.#road.rejoin();
      return;
    }
    this.#offset = frame.offset;
    const apply = RECORD[frame.type];
    if (apply) apply(this, this.#hands, frame);
    if (this.#offset - this.#acked >= ACK_EVERY) this.#ack();
  }

  /** What the record's handlers may do. */
  #hands = {
    record: this.#record,
    emit: (type, detail) => this.#emit(type, detail),
    clock: (left, running) => this.#setClock(left, running),
    ack: () => this.#ack(),
    flush: () => this.#flush(),
    accepted: (frame) => this.#accepted(frame),
    live: () => this.#road.live(),
    finish: (reason) => this.#road.stop("finished", reason),
  };

  #ack() {
    if (this.#offset === null) return;
    this.#acked = this.#offset;
    this.#road.send({ type: "session.ack", offset: this.#offset });
  }

  // The answer ------------------------------------------------------------------------------

  #flush() {
    const { pending } = this.#kept;
    const { current } = this.#record;
    if (!this.#synced || !pending || pending.client_msg_id === this.#sent) return;
    if (current?.turn === pending.turn && !current.completed) return; // asked anew: wait for it
    const frame = { type: "answer.submit", ...pending };
    if (this.#road.send(frame)) this.#sent = pending.client_msg_id;
  }

  #accepted({ client_msg_id, turn, duplicate }) {
    const { current, turns } = this.#record;
    const { pending } = this.#kept;
    const ours = pending?.client_msg_id === client_msg_id;
    if (ours) {
      this.#kept.pending = null;
      this.#kept.write();
    }
    if (current?.turn === turn) {
      if (!ours) {
        this.#forget(); // accepted words that this page doesn't hold
        this.#road.rejoin();
        return;
      }
      const { competency = "", text } = current;
      turns.push({ turn, competency, question: text, answer: pending.text });
      this.#record.current = null;
    }
    this.#emit("accepted", { turn, client_msg_id, duplicate });
    this.#ack();
  }

  #fault({ code, message, temporary, client_msg_id = null }) {
    const { pending } = this.#kept;
    const about = client_msg_id !== null && pending?.client_msg_id === client_msg_id;
    const text = about ? pending.text : "";
    this.#emit("fault", { code, message, temporary, client_msg_id, text });
    if (!about) return;
    if (temporary) {
      const wait = RESEND_MS[Math.min(this.#tries, RESEND_MS.length - 1)];
      this.#tries += 1;
      this.#sent = "";
      clearTimeout(this.#resend);
      this.#resend = setTimeout(() => this.#flush(), wait * (1 + Math.random() / 2));
      return;
    }
    this.#kept.pending = null; // the words go back to where they can be changed
    this.#kept.draft ??= { turn: pending.turn, text: pending.text };
    this.#kept.write();
    if (code === "wrong_turn" || code === "turn_answered") {
      this.#forget();
      this.#road.rejoin();
    } else this.#emit("state", this.snapshot);
  }

  // The clock -------------------------------------------------------------------------------

  #setClock(left, running) {
    this.#left = left;
    this.#leftAt = running && left !== null ? performance.now() : null;
    this.#tellClock();
  }

  #tellClock() {
    this.#emit("clock", { seconds_left: this.secondsLeft, running: this.#leftAt !== null });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
