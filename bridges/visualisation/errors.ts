import type { Closing, Fault, FaultCode } from "#dialect";

/** The document's error codes (Visualisation §6.1). */
export const errorCodes = [
  "CONNECTION_FAILED",
  "AUTH_FAILED",
  "INVALID_MESSAGE",
  "AGENT_NOT_FOUND",
  "COMMAND_FAILED",
  "RATE_LIMIT_EXCEEDED",
  "INTERNAL_ERROR",
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** How a fault is told: its code, whether something can be done about it, and what. */
export interface Told {
  readonly code: ErrorCode;
  readonly recoverable: boolean;
  /** A word for programs. */
  readonly suggestedAction: string;
}

const told = (code: ErrorCode, recoverable: boolean, suggestedAction: string): Told => ({
  code,
  recoverable,
  suggestedAction,
});

/** Every fault in the document's words. Total: a new fault code does not compile without one. */
export const codes: Readonly<Record<FaultCode, Told>> = {
  malformed: told("INVALID_MESSAGE", true, "correct_message"),
  unsupported: told("INVALID_MESSAGE", true, "check_what_is_granted"),
  "too-large": told("INVALID_MESSAGE", true, "send_smaller_messages"),
  unauthenticated: told("AUTH_FAILED", true, "log_in_with_valid_token"),
  forbidden: told("AUTH_FAILED", true, "use_token_with_scope"),
  "not-found": told("AGENT_NOT_FOUND", true, "verify_agent_id"),
  conflict: told("COMMAND_FAILED", false, "check_state_of_agent"),
  full: told("COMMAND_FAILED", true, "retry_later"),
  timeout: told("COMMAND_FAILED", true, "retry_under_new_id"),
  "rate-limited": told("RATE_LIMIT_EXCEEDED", true, "slow_down"),
  unavailable: told("CONNECTION_FAILED", true, "retry_later"),
  internal: told("INTERNAL_ERROR", false, "report_to_operator"),
  // These two end the connection, and nobody reads their words.
  "slow-consumer": told("CONNECTION_FAILED", true, "read_faster"),
  "going-away": told("CONNECTION_FAILED", true, "reconnect"),
};

/** What an error says beside its fault. */
export interface About {
  /** The `id` of the message that is refused; null: it had none, or could not be read. */
  readonly requestId: string | null;
  /** The part of the broker that refuses it. */
  readonly component: string;
}

/** The `payload` of an `error` (Visualisation §6.1). */
export type ErrorPayload = Readonly<Record<string, unknown>> & {
  readonly code: ErrorCode;
  /** For people. */
  readonly message: string;
  readonly details: ErrorDetails;
  readonly recoverable: boolean;
  readonly suggestedAction: string;
};

/** What an error is about. */
export interface ErrorDetails extends About {
  readonly stackTrace: null;
  readonly retryAfterMs?: number;
  readonly [more: string]: unknown;
}

/** A fault in the words of an `error`. */
export function errorPayload(
  { code, message, detail, retryAfterMs }: Pick<Fault, "code" | "message" | "detail" | "retryAfterMs">,
  { requestId, component }: About,
): ErrorPayload {
  return toldAs(codes[code], message, {
    ...detail,
    ...(retryAfterMs !== undefined && { retryAfterMs: Math.ceil(retryAfterMs) }),
    requestId,
    component,
    stackTrace: null,
  });
}

/** An error of these words. */
export function toldAs(words: Told, message: string, details: ErrorDetails): ErrorPayload {
  const { code, recoverable, suggestedAction } = words;
  return { code, message, details, recoverable, suggestedAction };
}

/** How the connection ends with a fault, if it does: a login that fails always ends it. */
export function closingOf({ code, message, fatal }: Fault, hasLoggedIn: boolean): Closing | undefined {
  if (code === "slow-consumer") return { code: 1013, reason: "too slow" };
  if (code === "going-away") return { code: 1001, reason: "the broker is stopping" };
  if (hasLoggedIn && !fatal) return undefined;
  if (code === "rate-limited") return { code: 4429, reason: message };
  if (code === "unauthenticated" || !isOurs(code)) return { code: 4401, reason: message };
  return { code: 1013, reason: message };
}

/** True where it is not the client's to mend. */
export function isOurs(code: FaultCode): boolean {
  return code === "unavailable" || code === "full" || code === "internal" || code === "timeout";
}
