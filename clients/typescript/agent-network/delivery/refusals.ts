import type { DeliveryFailure } from "./reports.js";

/** What the broker refuses a frame with (Agent Network §6.1). */
export interface Refused {
  readonly errorCode: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly recoverable: boolean;
  /** Milliseconds. */
  readonly retryAfterMs: number | undefined;
}

/**
 * What a refusal means for what was refused.
 * `slower`: no try; the line was too fast. `absent`: no try; the recipient is not here. `again`: a try, after so many
 * milliseconds at least. `failed`: for good; `sealed`: so does all that is sealed for this recipient, `all`: everything.
 */
export type Verdict =
  | { readonly is: "slower"; readonly ms: number }
  | { readonly is: "absent" }
  | { readonly is: "again"; readonly ms: number }
  | {
      readonly is: "failed";
      readonly reason: DeliveryFailure;
      readonly message: string;
      readonly also: "none" | "sealed" | "all";
    };

/** The broker may name an hour; a message is not put off for longer than this. */
const retryMaxMs = 10 * 60_000;
const slowerMs = 1_000;

/** Reads a refusal (Agent Network §3.2, §3.5, §3.6, §6). */
export function judge({ errorCode, details, recoverable, retryAfterMs }: Refused, to: string): Verdict {
  const ms = Math.min(Math.max(retryAfterMs ?? 0, 0), retryMaxMs);
  switch (errorCode) {
    case "RATE_LIMIT_EXCEEDED":
      return { is: "slower", ms: Math.max(ms, slowerMs) };
    case "RECIPIENT_NOT_FOUND":
      return { is: "absent" };
    // The login failed or ended: the connection sees to that, and what is said on the next one is judged anew.
    case "AUTHENTICATION_FAILED":
    case "CONNECTION_LIMIT_EXCEEDED":
    case "SERVER_ERROR":
    case "TIMEOUT_ERROR":
      return { is: "again", ms };
    case "ENCRYPTION_ERROR":
      return {
        is: "failed",
        reason: "other-dialect",
        message: `${to} ${spoken(details)} and can open nothing that is sealed; say it with plain: true if it may be read`,
        also: "sealed",
      };
    case "INVALID_MESSAGE_FORMAT":
      return failed("invalid", `the broker cannot read the message to ${to}: ${reasonIn(details)}`);
    default:
      if (details["reason"] === "not approved")
        return {
          is: "failed",
          reason: "not-approved",
          message: `${to} is no approved contact; ask the operator for: broker contacts add`,
          also: "all",
        };
      if (recoverable) return { is: "again", ms };
      return failed("refused", `the broker refuses the message to ${to}: ${reasonIn(details)} (${short(errorCode)})`);
  }
}

function failed(reason: DeliveryFailure, message: string): Verdict {
  return { is: "failed", reason, message, also: "none" };
}

function spoken({ dialect }: Refused["details"]): string {
  return typeof dialect === "string" ? `speaks ${short(dialect)}` : "speaks another dialect";
}

function reasonIn({ reason }: Refused["details"]): string {
  return typeof reason === "string" ? short(reason) : "it does not say why";
}

/** The broker's words, as many of them as a report holds. */
function short(text: string): string {
  return text.slice(0, 200);
}
