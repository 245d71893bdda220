import {
  errorCodes,
  type ErrorCode,
  type ErrorEvent,
  type Event,
  type ListEvent,
  type SystemEvent,
} from "../../../bridges/pan/schema.js";

/** Something a PAN server refused, or that did not happen in time. `code` is one of PAN §6, `CLOSED` or `TIMEOUT`. */
export class PanError extends Error {
  readonly code: string;
  /** When to try again, milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(code: string, message: string, retryAfter?: number) {
    super(message);
    this.name = "PanError";
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** The calls that a PAN server answers. */
export type CallKind = "auth" | "join" | "leave" | "list";

/**
 * What each call can be refused with (PAN §6). Before the welcome a server speaks of the login only.
 * RATE_LIMIT counts with `retryAfter` only: without it, it is a notice about chats (the loop guard), which no call has
 * caused.
 */
const refusals: Readonly<Record<CallKind, readonly ErrorCode[]>> = {
  auth: errorCodes,
  join: ["RATE_LIMIT", "INVALID_FORMAT", "room_full", "AGENT_NOT_FOUND", "NOT_INVITED", "INTERNAL"],
  leave: ["RATE_LIMIT", "INVALID_FORMAT", "AGENT_NOT_FOUND", "NOT_INVITED", "INTERNAL"],
  list: ["RATE_LIMIT", "INTERNAL"],
};

interface Call {
  readonly kind: CallKind;
  readonly room: string | undefined;
  readonly resolve: (answer: Event) => void;
  readonly reject: (error: PanError) => void;
  readonly timer: NodeJS.Timeout;
  /**
   * `late` once nobody waits any more: it keeps its place in the order, so that its refusal is not taken for another's.
   */
  state: "waiting" | "late";
}

/**
 * Calls under way. PAN answers the commands of one connection in order: `joined` and `left` belong to the oldest call
 * of their room, `list` to
 * the oldest list, and a refusal, which names nothing, to the oldest call of all or to none.
 */
export class Calls {
  // bound: what the application calls on one connection · evicts: with its answer, an answer behind it, or the
  // connection · owner: Calls
  readonly #open = new Set<Call>();

  /** Waits for the answer to a call that was just sent. */
  wait(kind: CallKind, room: string | undefined, timeoutMs: number): Promise<Event> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        call.state = "late";
        reject(
          new PanError(
            "TIMEOUT",
            `no answer to ${kind} within ${timeoutMs} ms: is it a PAN server, and is the connection alive?`,
          ),
        );
      }, timeoutMs);
      const call: Call = { kind, room, resolve, reject, timer, state: "waiting" };
      this.#open.add(call);
    });
  }

  /** Gives an answer to its call. @returns false if it answers none: an event for the application */
  answer(event: SystemEvent | ListEvent): boolean {
    const fitting = [...this.#open].filter((call) =>
      event.type === "list" ? call.kind === "list" : fits(call, event),
    );
    const call = fitting.find(({ state }) => state === "waiting") ?? fitting[0];
    if (call === undefined) return false;
    this.#passOver(call);
    this.#end(call);
    call.resolve(event);
    return true;
  }

  /**
   * Refuses the oldest call, if the error can be its own.
   * @returns false if it is about something else: an event for the application
   */
  refuse(event: ErrorEvent): boolean {
    // Only what is about a chat has a messageId.
    if (event.messageId !== undefined) return false;
    const [call] = this.#open;
    if (call === undefined || !isRefusalOf(call, event)) return false;
    this.#end(call);
    call.reject(new PanError(event.code, event.message, event.retryAfter));
    return true;
  }

  /** Fails everything that waits. */
  close(error: PanError): void {
    for (const call of [...this.#open]) {
      this.#end(call);
      call.reject(error);
    }
  }

  /** Late calls before one that was answered will not be answered any more. */
  #passOver(answered: Call): void {
    for (const call of this.#open) {
      if (call === answered) return;
      if (call.state === "late") this.#end(call);
    }
  }

  #end(call: Call): void {
    clearTimeout(call.timer);
    this.#open.delete(call);
  }
}

function fits({ kind, room }: Call, { status, room: about }: SystemEvent): boolean {
  if (status === "success") return kind === "auth";
  if (status === "joined") return kind === "join" && room === about;
  return status === "left" && kind === "leave" && room === about;
}

function isRefusalOf({ kind }: Call, { code, retryAfter }: ErrorEvent): boolean {
  if (code === "RATE_LIMIT" && retryAfter === undefined) return kind === "auth";
  return refusals[kind].includes(code);
}
