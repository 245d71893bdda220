import { AgentChatError } from "./client-error.js";
import type { ErrorEvent, Heard } from "./client-events.js";
import type { Command } from "./schema.js";

/** The calls that a server answers: every command but MSG. */
export type CallKind = Exclude<Command["type"], "MSG">;

/** A call that was just sent. */
export interface Asked<T> {
  readonly kind: CallKind;
  /** What the event means to this call; undefined if it answers another. */
  readonly answer: (event: Heard) => T | undefined;
  readonly timeoutMs: number;
}

interface Call {
  readonly kind: CallKind;
  /** Takes the event if it is the answer. */
  readonly offer: (event: Heard) => boolean;
  readonly reject: (error: AgentChatError) => void;
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

/** Answered by what others wait for, too: INVITE, which is silent on success, by the PONG to the PING behind it; IDENTIFY by a WELCOME that is the answer to a proof as well. */
const sharing: readonly CallKind[] = ["INVITE", "IDENTIFY"];

/**
 * Calls under way. A server answers the commands of one connection in order, so an answer belongs to the oldest call that it fits: by channel, by proposal, or by turn.
 * A refusal belongs to the oldest call of the type that its `ref` names; one without `ref`, from a server of other makers, to the oldest call that can fail so.
 */
export class Calls {
  // bound: what the application calls at once · evicts: a call leaves with its answer, after its time, or with the connection · owner: Calls
  readonly #open = new Set<Call>();

  /** Waits for the answer. @throws AgentChatError the server's, TIMEOUT, CLOSED */
  wait<T>({ kind, answer, timeoutMs }: Asked<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#open.delete(call);
      };
      const call: Call = {
        kind,
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
        call.reject(new AgentChatError("TIMEOUT", `no answer to ${kind} within ${timeoutMs} ms: is it an AgentChat server, and is the connection alive?`, { ref: kind }));
      }, timeoutMs);
      this.#open.add(call);
    });
  }

  /** Gives an event to the call that it answers, if there is one. */
  answer(event: Heard): void {
    for (const call of this.#open) if (call.offer(event) && !sharing.includes(call.kind)) return;
  }

  /** Fails the call that a refusal is about. @returns false if it is about none: an error for the application */
  refuse({ code, message, ref, retry_after: retryAfterMs, ts }: ErrorEvent): boolean {
    const kinds = about[code];
    const call = this.#first(({ kind }) => (ref !== undefined ? kind === ref : (kinds?.includes(kind) ?? true)));
    if (call === undefined) return false;
    // A PING was answered, if not well: what was said before it was taken.
    if (call.kind === "PING") for (const older of this.#before(call)) if (older.kind === "INVITE") older.offer({ type: "PONG", ts });
    call.reject(new AgentChatError(code, message, { ref: ref ?? call.kind, ...(retryAfterMs !== undefined && { retryAfterMs }) }));
    return true;
  }

  /** Fails every call of a kind, or all. */
  fail(error: AgentChatError, kind?: CallKind): void {
    for (const call of [...this.#open]) if (kind === undefined || call.kind === kind) call.reject(error);
  }

  #first(wanted: (call: Call) => boolean): Call | undefined {
    for (const call of this.#open) if (wanted(call)) return call;
    return undefined;
  }

  #before(last: Call): readonly Call[] {
    const all = [...this.#open];
    return all.slice(0, all.indexOf(last));
  }
}
