import type { Closing, Fault, FaultCode, Refusal } from "#dialect";
import type { EchoEvent } from "./schema.js";

/** How each fault is told: under which word, and whether the connection ends with it. */
const words: Readonly<Record<FaultCode, { readonly code: string; readonly close?: Closing["code"] }>> = {
  malformed: { code: "not-understood" },
  "too-large": { code: "not-understood" },
  unsupported: { code: "not-understood" },
  unauthenticated: { code: "login-first" },
  forbidden: { code: "not-allowed" },
  "not-found": { code: "nobody-there" },
  conflict: { code: "name-in-use" },
  full: { code: "full" },
  "rate-limited": { code: "too-fast" },
  timeout: { code: "no-answer" },
  "slow-consumer": { code: "too-slow", close: 1013 },
  "going-away": { code: "leaving", close: 1001 },
  unavailable: { code: "failed" },
  internal: { code: "failed" },
};

/** A fault as echo tells it. */
export function refuse(fault: Fault): Refusal<EchoEvent> {
  const { code, close } = words[fault.code];
  const reply: EchoEvent = { type: "refused", code, message: fault.message };
  return close === undefined ? { reply } : { reply, close: { code: close, reason: fault.message } };
}
