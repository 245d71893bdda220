import type { Closing, Fault, FaultCode, Refusal } from "#dialect";
import type { Command, ErrorCode, Event } from "./schema.js";

/** Every fault in PAN's words (PAN §6). Total: a new fault code does not compile without one. */
export const codes: Readonly<Record<FaultCode, ErrorCode>> = {
  malformed: "INVALID_FORMAT",
  unsupported: "INVALID_FORMAT",
  "too-large": "INVALID_FORMAT",
  unauthenticated: "AUTH_FAILED",
  forbidden: "NOT_INVITED",
  "not-found": "AGENT_NOT_FOUND",
  conflict: "AGENT_ID_IN_USE",
  full: "room_full",
  "rate-limited": "RATE_LIMIT",
  timeout: "INTERNAL",
  "slow-consumer": "INTERNAL",
  "going-away": "INTERNAL",
  unavailable: "INTERNAL",
  internal: "INTERNAL",
};

const closings: Readonly<Partial<Record<FaultCode, Closing>>> = {
  unauthenticated: { code: 1008, reason: "AUTH_FAILED" },
  "slow-consumer": { code: 1013, reason: "too slow" },
  "going-away": { code: 1001, reason: "the broker is stopping" },
};

/** What is wrong with a login itself; everything else may pass when it is tried again. */
const ofTheLogin: ReadonlySet<FaultCode> = new Set([
  "unauthenticated",
  "forbidden",
  "malformed",
  "unsupported",
  "too-large",
]);

/** A fault told to a PAN client. Before login every refusal ends the connection. */
export function refusal(fault: Fault, said: Command | undefined, loggedIn: boolean): Refusal<Event> {
  const messageId = idOf(said) ?? idIn(fault.detail);
  const code = codeOf(fault, said, loggedIn);
  const reply: Event = {
    type: "error",
    code,
    message: fault.message,
    ...(fault.retryAfterMs !== undefined && { retryAfter: Math.ceil(fault.retryAfterMs) }),
    ...(messageId !== undefined && { messageId }),
  };
  const close = closings[fault.code] ?? (fault.fatal || !loggedIn ? { code: 1008, reason: code } : undefined);
  const silent = fault.code === "slow-consumer" || fault.code === "going-away";
  return { ...(!silent && { reply }), ...(close !== undefined && { close }) };
}

function codeOf({ code }: Fault, said: Command | undefined, loggedIn: boolean): ErrorCode {
  if (!loggedIn && ofTheLogin.has(code)) return "AUTH_FAILED";
  // What stands against a question is a room or a mailbox, never the name of who asks (PAN §13.2).
  return code === "conflict" && said?.type === "ask" ? "CONFLICT" : codes[code];
}

function idOf(said: Command | undefined): string | undefined {
  return said?.type === "chat" || said?.type === "ask" ? said.messageId : undefined;
}

/** Of what could not be read. */
function idIn(detail: Fault["detail"]): string | undefined {
  const id = detail?.["messageId"];
  return typeof id === "string" ? id : undefined;
}
