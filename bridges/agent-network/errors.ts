import { Fault, faultCodes, type Closing, type FaultCode } from "#dialect";
import { errorCodes, type ErrorCode } from "./schema.js";

/** How a fault is told: its code, whether the same frame may pass later, and after how many milliseconds. */
interface Told {
  readonly errorCode: ErrorCode;
  /** Undefined: not recoverable, the same frame is refused again. */
  readonly retryAfterMs: number | undefined;
}

const lasting = (errorCode: ErrorCode): Told => ({ errorCode, retryAfterMs: undefined });
const passing = (errorCode: ErrorCode, retryAfterMs: number): Told => ({ errorCode, retryAfterMs });

/** Every fault in Agent Network's words (Agent Network §6). Total: a new fault code does not compile without one. */
export const codes: Readonly<Record<FaultCode, Told>> = {
  malformed: lasting("INVALID_MESSAGE_FORMAT"),
  unsupported: lasting("INVALID_MESSAGE_FORMAT"),
  "too-large": lasting("INVALID_MESSAGE_FORMAT"),
  unauthenticated: lasting("AUTHENTICATION_FAILED"),
  conflict: lasting("AUTHENTICATION_FAILED"),
  forbidden: lasting("MESSAGE_ERROR"),
  "not-found": passing("RECIPIENT_NOT_FOUND", 5_000),
  full: passing("MESSAGE_ERROR", 5_000),
  "rate-limited": passing("RATE_LIMIT_EXCEEDED", 1_000),
  timeout: passing("TIMEOUT_ERROR", 5_000),
  unavailable: passing("SERVER_ERROR", 5_000),
  internal: passing("SERVER_ERROR", 5_000),
  "slow-consumer": passing("SERVER_ERROR", 5_000),
  "going-away": passing("SERVER_ERROR", 5_000),
};

/** Why a login does not succeed now, and may later. */
const limitReached = passing("CONNECTION_LIMIT_EXCEEDED", 30_000);

/** What is wrong with a login itself. */
const ofTheLogin: ReadonlySet<FaultCode> = new Set([
  "unauthenticated",
  "conflict",
  "forbidden",
  "malformed",
  "unsupported",
  "too-large",
  "not-found",
]);

/** A refusal with a code of its own, where the core has no word that tells it apart. */
export function networkFault(
  code: FaultCode,
  errorCode: ErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): Fault {
  return new Fault(code, message, { detail: { ...details, errorCode } });
}

/** The `content` of an ERROR (Agent Network §6.1). */
export interface ErrorContent extends Readonly<Record<string, unknown>> {
  readonly errorCode: ErrorCode;
  /** For people. */
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly recoverable: boolean;
  /** Milliseconds; only of what is recoverable. */
  readonly retryAfter?: number;
}

/**
 * A fault in the words of an ERROR.
 * @param messageId of what is refused
 * @param isSession false: it is about a login
 */
export function errorContent(
  fault: Pick<Fault, "code" | "message" | "detail" | "retryAfterMs">,
  messageId: string | undefined,
  isSession: boolean,
): ErrorContent {
  const { message, detail = {} } = fault;
  const { errorCode, retryAfterMs } = toldOf(fault, isSession);
  const originalMessageId = messageId ?? detail["messageId"];
  return {
    errorCode,
    message,
    details: {
      ...(originalMessageId !== undefined && { originalMessageId }),
      reason: message,
      ...without(detail, ["errorCode", "messageId", "conversationId"]),
    },
    recoverable: retryAfterMs !== undefined,
    ...(retryAfterMs !== undefined && { retryAfter: Math.ceil(fault.retryAfterMs ?? retryAfterMs) }),
  };
}

/** A fault that the broker tells by a message of its own: `data` is that of the notice. */
export function noticeContent(
  message: string,
  data: Readonly<Record<string, unknown>>,
  originalMessageId: string | undefined,
): ErrorContent {
  const { code, retry_after_ms: retryAfterMs } = data;
  const detail = without(data, ["code", "message", "retry_after_ms"]);
  const known = faultCodes.find((each) => each === code) ?? "internal";
  const wait = typeof retryAfterMs === "number" ? retryAfterMs : undefined;
  return errorContent({ code: known, message, detail, retryAfterMs: wait }, originalMessageId, true);
}

function without(
  fields: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

function toldOf({ code, detail }: Pick<Fault, "code" | "detail">, isSession: boolean): Told {
  const own = errorCodes.find((known) => known === detail?.["errorCode"]);
  if (own !== undefined) return lasting(own);
  if (isSession) return codes[code];
  if (code === "full") return limitReached;
  return ofTheLogin.has(code) ? codes.unauthenticated : codes[code];
}

/** How the connection ends with a fault, if it does: a login that does not succeed always ends it. */
export function closingOf({ code, message, fatal }: Fault, loggedIn: boolean): Closing | undefined {
  if (code === "slow-consumer") return { code: 1013, reason: "too slow" };
  if (code === "going-away") return { code: 1001, reason: "the broker is stopping" };
  if (loggedIn && !fatal) return undefined;
  if (code === "rate-limited") return { code: 4429, reason: message };
  if (!loggedIn && ofTheLogin.has(code)) return { code: 4401, reason: message };
  return loggedIn && code === "unauthenticated" ? { code: 4401, reason: message } : { code: 1013, reason: message };
}
