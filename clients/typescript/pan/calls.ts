import {
  errorCodes,
  type AnswerEvent,
  type ErrorCode,
  type ErrorEvent,
  type ListEvent,
  type SystemEvent,
} from "../../../bridges/pan/schema.js";
import { OpenCalls, type OpenCall } from "../shared/open-calls.js";

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

/** The calls that a PAN server answers; `mailbox` is said with `auth`, and answered behind it (PAN §14.1). */
export type CallKind = "auth" | "mailbox" | "join" | "leave" | "list" | "ask";

/** What answers a call. */
export type Answer = SystemEvent | ListEvent | AnswerEvent;

/**
 * The calls of one connection. PAN answers the commands of one connection in order: `joined` and `left` belong to the
 * oldest call about their room, `list` to the oldest list, and a refusal, which names nothing, to the oldest call of
 * all or to none. Questions have an id, which their answers and refusals name: some are answered late (PAN §13).
 */
export type Calls = OpenCalls<CallKind, Answer>;

/**
 * What each call can be refused with (PAN §6). Before the welcome a server speaks of the login only. RATE_LIMIT counts
 * with `retryAfter` only: without it, it is a notice about chats (the loop guard), which no call has caused.
 */
const refusals: Readonly<Record<CallKind, readonly ErrorCode[]>> = {
  auth: errorCodes,
  mailbox: ["INVALID_FORMAT", "NOT_INVITED", "room_full", "INTERNAL"],
  join: ["RATE_LIMIT", "INVALID_FORMAT", "room_full", "AGENT_NOT_FOUND", "NOT_INVITED", "INTERNAL"],
  leave: ["RATE_LIMIT", "INVALID_FORMAT", "AGENT_NOT_FOUND", "NOT_INVITED", "INTERNAL"],
  list: ["RATE_LIMIT", "INTERNAL"],
  ask: ["INVALID_FORMAT"], // without its id: from a server that knows no questions
};

/** No calls yet. */
export function noCalls(): Calls {
  return new OpenCalls(
    (kind, timeoutMs) =>
      new PanError(
        "TIMEOUT",
        `no answer to ${kind} within ${timeoutMs} ms: is it a PAN server, and is the connection alive?`,
      ),
  );
}

/** The event if it answers a call of this kind about this room. */
export function answerTo(kind: CallKind, room: string | undefined, event: Answer): Answer | undefined {
  return fits(kind, room, event) ? event : undefined;
}

/** Gives an answer to its call. @returns false if it answers none: an event for the application */
export function answerCall(calls: Calls, event: Answer): boolean {
  const all = [...calls];
  const call = all.find((one) => one.state === "waiting" && one.offer(event)) ?? all.find((one) => one.offer(event));
  if (call === undefined) return false;
  const older = all.slice(0, all.indexOf(call));
  calls.forgetLate(older);
  // A server that answers what was said later has nothing to say about a mailbox; some questions are answered late.
  if (call.kind !== "ask") for (const one of older) if (one.kind === "mailbox") one.reject(noMailboxes());
  return true;
}

/** The server does not know what a mailbox is. */
function noMailboxes(): PanError {
  return new PanError(
    "INTERNAL",
    "the server has said nothing about the mailbox, so nothing is kept for this agent: it may have none to give",
  );
}

/**
 * Refuses the call that the error names, or else the oldest, if it can be about that.
 * @returns false if it is about something else: an event for the application
 */
export function refuseCall(calls: Calls, event: ErrorEvent): boolean {
  const call = refusedCall([...calls], event);
  if (call === undefined) return false;
  call.reject(new PanError(event.code, event.message, event.retryAfter));
  return true;
}

/** Without an id it is about a question only if there is nothing else that it can be about. */
function refusedCall(
  calls: readonly OpenCall<CallKind, Answer>[],
  event: ErrorEvent,
): OpenCall<CallKind, Answer> | undefined {
  if (event.messageId !== undefined) return calls.find(({ id }) => id === event.messageId);
  const oldest = calls.find(({ kind }) => kind !== "ask") ?? calls[0];
  return oldest !== undefined && isRefusalOf(oldest, event) ? oldest : undefined;
}

function fits(kind: CallKind, room: string | undefined, event: Answer): boolean {
  if (event.type === "list") return kind === "list";
  if (event.type === "answer")
    return kind === "mailbox" && event.kind === "mailbox.open" && event.replyTo === undefined;
  if (event.status === "success") return kind === "auth";
  if (event.status === "joined") return kind === "join" && room === event.room;
  return event.status === "left" && kind === "leave" && room === event.room;
}

function isRefusalOf({ kind }: OpenCall<CallKind, Answer>, { code, retryAfter }: ErrorEvent): boolean {
  if (code === "RATE_LIMIT" && retryAfter === undefined) return kind === "auth";
  return refusals[kind].includes(code);
}
