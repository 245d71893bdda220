import { commands } from "../../../bridges/agentchat/schema.js";
import { OpenCalls, type OpenCall } from "../shared/open-calls.js";
import type { CallKind } from "./command-frames.js";
import { AgentChatError } from "./error.js";
import type { ErrorEvent, ServerEvent } from "./events.js";

/**
 * The calls of one connection. A server answers the commands of one connection in order, so an answer belongs to the
 * oldest call that it fits: by channel, by proposal, or by turn. A refusal belongs to the oldest call of the type that
 * its `ref` names; one without `ref`, from a server of other makers, to the oldest call that it can be about.
 */
export type Calls = OpenCalls<CallKind, ServerEvent>;

/**
 * Calls whose answer is also the answer to others: INVITE, which is silent on success, ends with the PONG to the PING
 * behind it; IDENTIFY with a WELCOME that answers a proof, too.
 */
const sharing: readonly CallKind[] = ["INVITE", "IDENTIFY"];

/** No calls yet. */
export function noCalls(): Calls {
  return new OpenCalls(
    (call, timeoutMs) =>
      new AgentChatError(
        "TIMEOUT",
        `no answer to ${call} within ${timeoutMs} ms: is it an AgentChat server, and is the connection alive?`,
        { call },
      ),
  );
}

/** Gives an event to the call that it answers, if there is one. */
export function answerCall(calls: Calls, event: ServerEvent): void {
  const older: OpenCall<CallKind, ServerEvent>[] = [];
  for (const call of calls) {
    if (call.offer(event) && !sharing.includes(call.kind)) {
      calls.forgetLate(older);
      return;
    }
    older.push(call);
  }
}

/** Fails the call that a refusal is about. @returns false if it is about none: an error for the application */
export function refuseCall(calls: Calls, event: ErrorEvent): boolean {
  const all = [...calls];
  const call = all.find(({ kind }) => canBeAbout(event, kind));
  if (call === undefined) return false;
  // The PING was answered, by a refusal: the server has taken what was said before it.
  if (call.kind === "PING")
    for (const older of all.slice(0, all.indexOf(call)))
      if (older.kind === "INVITE") older.offer({ type: "PONG", ts: event.ts });
  call.reject(refusalError(event, call.kind));
  return true;
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
function canBeAbout({ code, message, ref }: ErrorEvent, kind: CallKind): boolean {
  const type = ref ?? typeIn(message);
  return type === undefined ? (about[code]?.includes(kind) ?? true) : type === kind;
}

/**
 * A refusal as an error. `call` is the call that it ends; without it nobody waits for what was refused. `ref` is what
 * the server said, or absent.
 */
export function refusalError(
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
