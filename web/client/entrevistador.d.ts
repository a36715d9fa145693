/**
 * The types of entrevistador.js: an interview over the live wire, in a page of your own.
 * docs/client.md tells what each status and event means, and what a page does about it.
 */

export const SUBPROTOCOL: "entrevistador.v1";
export const ANSWER_CHARS_MAX: number;
/** Close codes after which nobody comes back by itself, and why. */
export const TERMINAL: Readonly<Record<number, string>>;

export type Status =
  | "idle" | "connecting" | "waiting" | "live" | "reconnecting" | "moving" | "paused" | "parked"
  | "elsewhere" | "finished" | "refused";

export interface Turn {
  turn: number;
  competency: string;
  question: string;
  answer: string;
}

export interface Current {
  turn: number;
  ask: number;
  text: string;
  completed: boolean;
  competency?: string;
}

export interface Pending {
  client_msg_id: string;
  turn: number;
  text: string;
}

export interface Snapshot {
  turns: Turn[];
  current: Current | null;
  turns_max: number;
  seconds_left: number | null;
  paused: boolean;
  paused_reason: string;
  engine: string;
  pending: Pending | null;
  draft: string;
}

export interface StatusDetail {
  status: Status;
  /** In the waiting room: queued, kept, called or at_capacity; see docs/client.md for the others. */
  reason: string;
  retry_seconds?: number;
  position?: number;
  eta_seconds?: number | null;
}

export interface QuestionDetail {
  kind: "started" | "delta" | "completed" | "reset";
  turn: number;
  ask: number;
  /** The whole text so far. */
  text: string;
  /** What came last; empty but for a delta. */
  piece: string;
}

export interface AcceptedDetail {
  turn: number;
  client_msg_id: string;
  duplicate: boolean;
}

export interface FaultDetail {
  code: string;
  message: string;
  temporary: boolean;
  client_msg_id: string | null;
  /** The answer that it is about, "" where there is none. */
  text: string;
}

export interface ClockDetail {
  seconds_left: number | null;
  running: boolean;
}

export interface GrantedDetail {
  minutes: number;
  minutes_total: number;
  seconds_left: number;
}

export interface EngineDetail {
  engine: string;
  reason: string;
}

/** What comes in `event.detail`, by the event's type. */
export interface InterviewEvents {
  status: StatusDetail;
  state: Snapshot;
  question: QuestionDetail;
  accepted: AcceptedDetail;
  fault: FaultDetail;
  clock: ClockDetail;
  granted: GrantedDetail;
  engine: EngineDetail;
}

export interface Ticket {
  ticket: string;
  url: string;
  session_id?: string;
  waiting?: { position: number; eta_seconds: number | null; waiting_token: string } | null;
}

export interface InterviewOptions {
  /**
   * Rejects with {status, code, retryAfter}, as Api does. `place` proves a place in line,
   * `unreachable` is the address that did not answer just now; "" without one.
   */
  fetchTicket(place: string, unreachable: string): Promise<Ticket>;
  fetchAdmission?(): Promise<{ state: string; retry_after: number }>;
  sessionId?: string;
  locale?: string;
  storage?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
}

export class InterviewSession extends EventTarget {
  constructor(options: InterviewOptions);
  readonly status: Status;
  readonly secondsLeft: number | null;
  readonly running: boolean;
  readonly snapshot: Snapshot;
  start(): void;
  stop(): void;
  /** False: empty, too long, paused, or not the moment. */
  submit(text: string): boolean;
  saveDraft(text: string): void;
  pause(): boolean;
  resume(): boolean;
  /** End the interview here; in the waiting room, give the place in line up. */
  leave(): boolean;
  continueHere(): void;
  retryNow(): void;
  addEventListener<K extends keyof InterviewEvents>(
    type: K,
    listener: (event: CustomEvent<InterviewEvents[K]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof InterviewEvents>(
    type: K,
    listener: (event: CustomEvent<InterviewEvents[K]>) => void,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** A refusal of a REST door; `status` is 0 when nothing answered. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly requestId: string;
  readonly retryAfter: number;
}

export class Api {
  constructor(options: { token: string; base?: string; locale?: string });
  call(method: string, path: string, options?: {
    body?: unknown; headers?: Record<string, string>; signal?: AbortSignal;
  }): Promise<any>;
  get(path: string, options?: { headers?: Record<string, string>; signal?: AbortSignal }):
    Promise<any>;
  post(path: string, body?: unknown, options?: object): Promise<any>;
  patch(path: string, body: unknown, version: number): Promise<any>;
  list(path: string, most?: number): Promise<any[]>;
  upload(
    to: { method: string; url: string; headers?: Record<string, string> },
    file: Blob,
    progress: (share: number) => void,
  ): Promise<void>;
  watch(options: {
    onEvent: (kind: string, data: any) => void;
    onStatus?: (status: "open" | "lost" | "refused") => void;
    signal: AbortSignal;
    path?: string;
  }): Promise<void>;
}

export function storable(text: string): string;
export function countChars(text: string): number;
export function hasPlaceInLine(sessionId: string, storage?: InterviewOptions["storage"]): boolean;
export function terminalReason(code: number): string;
export function retryWindow(attempt: number, late: number): number;
