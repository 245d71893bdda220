import { AgentChatError } from "./error.js";
import type { ErrorEvent } from "./events.js";
import type { CallKind } from "./frame.js";
import { commands } from "../../../bridges/agentchat/schema.js";

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
