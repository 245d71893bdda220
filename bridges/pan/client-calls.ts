import type { ErrorEvent, Event, ListEvent, SystemEvent } from "./schema.js";

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

interface Call {
  readonly kind: CallKind;
  readonly room: string | undefined;
  readonly resolve: (answer: Event) => void;
  readonly reject: (error: PanError) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Calls under way. PAN answers commands of one connection in order, so an answer belongs to the oldest call it fits: `joined` and `left` by room, `list` by turn.
 */
export class Calls {
  // bound: what the application calls at once · evicts: a call leaves with its answer or after its time · owner: Calls
  readonly #open = new Set<Call>();

  /** Waits for the answer to a call that was just sent. */
  wait(kind: CallKind, room: string | undefined, timeoutMs: number): Promise<Event> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#open.delete(call);
        reject(new PanError("TIMEOUT", `no answer to ${kind} within ${timeoutMs} ms: is it a PAN server, and is the connection alive?`));
      }, timeoutMs);
      const call: Call = { kind, room, resolve, reject, timer };
      this.#open.add(call);
    });
  }

  /** Gives an answer to its call. @returns false if it answers none: an event for the application */
  answer(event: SystemEvent | ListEvent): boolean {
    const call = this.#first((open) => (event.type === "list" ? open.kind === "list" : fits(open, event)));
    if (call === undefined) return false;
    this.#end(call);
    call.resolve(event);
    return true;
  }

  /** An error that is not about a chat answers the oldest call. @returns false if there is none */
  refuse(event: ErrorEvent): boolean {
    if (event.messageId !== undefined) return false;
    const call = this.#first(() => true);
    if (call === undefined) return false;
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

  #first(wanted: (call: Call) => boolean): Call | undefined {
    for (const call of this.#open) if (wanted(call)) return call;
    return undefined;
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
