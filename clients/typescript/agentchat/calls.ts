import { commands } from "../../../bridges/agentchat/schema.js";
import type { CallKind } from "./command-frames.js";
import { AgentChatError } from "./error.js";
import type { ErrorEvent, ServerEvent } from "./events.js";

/** A call that was just sent. */
export interface Asked<T> {
  readonly kind: CallKind;
  /** What the event means to this call; undefined if it answers another. */
  readonly answer: (event: ServerEvent) => T | undefined;
  readonly timeoutMs: number;
}

interface Call {
  readonly kind: CallKind;
  /** Takes the event if it is the answer. */
  readonly offer: (event: ServerEvent) => boolean;
  readonly reject: (error: AgentChatError) => void;
  /**
   * `late` once nobody waits any more: it keeps its place in the order and takes what is its own in silence, so that no
   * later call gets it.
   */
  state: "waiting" | "late";
}

/**
 * Answered by what others wait for, too: INVITE, which is silent on success, by the PONG to the PING behind it;
 * IDENTIFY by a WELCOME that is the answer to a proof as well.
 */
const sharing: readonly CallKind[] = ["INVITE", "IDENTIFY"];

/** Late calls that are kept of a server that answers nothing at all. */
const lateMax = 256;

/**
 * Calls under way. A server answers the commands of one connection in order, so an answer belongs to the oldest call
 * that it fits: by channel, by proposal, or by turn.
 * A refusal belongs to the oldest call of the type that its `ref` names; one without `ref`, from a server of other
 * makers, to the oldest call that it can be about.
 */
export class Calls {
  // bound: waiting ones: what the application calls at once; late ones: lateMax, the oldest goes · evicts: with its
  // answer, a late one also with an answer behind it, or with the connection · owner: Calls
  readonly #open = new Set<Call>();

  /** Waits for the answer. @throws AgentChatError the server's, TIMEOUT, CLOSED */
  wait<T>({ kind, answer, timeoutMs }: Asked<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#open.delete(call);
      };
      // Once it is late the promise is settled: neither resolve nor reject says anything any more.
      const call: Call = {
        kind,
        state: "waiting",
        offer: (event) => {
          const value = answer(event);
          if (value === undefined) return false;
          end();
          resolve(value);
          return true;
        },
        reject: (error) => {
          end();
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        call.state = "late";
        this.#limitLate();
        reject(
          new AgentChatError(
            "TIMEOUT",
            `no answer to ${kind} within ${timeoutMs} ms: is it an AgentChat server, and is the connection alive?`,
            { call: kind },
          ),
        );
      }, timeoutMs);
      this.#open.add(call);
    });
  }

  /** Gives an event to the call that it answers, if there is one. */
  answer(event: ServerEvent): void {
    const older: Call[] = [];
    for (const call of this.#open) {
      if (call.offer(event) && !sharing.includes(call.kind)) {
        // What was said before and is late now will not be answered any more.
        for (const passed of older) this.#open.delete(passed);
        return;
      }
      if (call.state === "late") older.push(call);
    }
  }

  /** Fails the call that a refusal is about. @returns false if it is about none: an error for the application */
  refuse(event: ErrorEvent): boolean {
    const all = [...this.#open];
    const call = all.find(({ kind }) => canBeAbout(event, kind));
    if (call === undefined) return false;
    // A PING was answered, if not well: what was said before it was taken.
    if (call.kind === "PING")
      for (const older of all.slice(0, all.indexOf(call)))
        if (older.kind === "INVITE") older.offer({ type: "PONG", ts: event.ts });
    call.reject(errorOf(event, call.kind));
    return true;
  }

  /** Fails every call of a kind, or all. */
  fail(error: AgentChatError, kind?: CallKind): void {
    for (const call of [...this.#open]) if (kind === undefined || call.kind === kind) call.reject(error);
  }

  #limitLate(): void {
    const late = [...this.#open].filter(({ state }) => state === "late");
    for (const oldest of late.slice(0, Math.max(0, late.length - lateMax))) this.#open.delete(oldest);
  }
}

const channelCalls: readonly CallKind[] = ["JOIN", "LEAVE", "LIST_AGENTS", "INVITE"];
const steps: readonly CallKind[] = ["ACCEPT", "REJECT", "COMPLETE", "DISPUTE"];

/** Which calls a code can be about; a code that is not here can be about any. */
const about: Readonly<Partial<Record<string, readonly CallKind[]>>> = {
  CHANNEL_NOT_FOUND: channelCalls,
  NOT_INVITED: channelCalls,
  CHANNEL_EXISTS: ["CREATE_CHANNEL"],
  INVALID_NAME: ["IDENTIFY", "CREATE_CHANNEL"],
  AGENT_NOT_FOUND: ["INVITE", "PROPOSAL"],
  VERIFICATION_FAILED: ["VERIFY_IDENTITY"],
  VERIFICATION_EXPIRED: ["VERIFY_IDENTITY"],
  PROPOSAL_NOT_FOUND: steps,
  PROPOSAL_EXPIRED: steps,
  NOT_PROPOSAL_PARTY: steps,
  INVALID_PROPOSAL: ["PROPOSAL", ...steps],
  SIGNATURE_REQUIRED: ["PROPOSAL", ...steps],
  SESSION_DISPLACED: [],
};

/**
 * Whether a refusal can be about a call: by its `ref`; without one, by the type with which its text begins (`MSG:
 * content: …`); without that, by its code.
 */
export function canBeAbout({ code, message, ref }: ErrorEvent, kind: CallKind): boolean {
  const type = ref ?? typeIn(message);
  return type === undefined ? (about[code]?.includes(kind) ?? true) : type === kind;
}

/**
 * A refusal as an error: of a call, or (without `call`) of something that nobody waits for. Its `ref` is the server's
 * own, or none.
 */
export function errorOf(
  { code, message, ref, retry_after: retryAfterMs }: ErrorEvent,
  call?: CallKind,
): AgentChatError {
  return new AgentChatError(code, message, {
    ...(call !== undefined && { call }),
    ...(ref !== undefined && { ref }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function typeIn(message: string): string | undefined {
  const type = /^([A-Z_]+):/.exec(message)?.[1];
  return type !== undefined && Object.hasOwn(commands, type) ? type : undefined;
}
