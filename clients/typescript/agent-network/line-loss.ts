import { networkError, NetworkError } from "./error.js";
import type { Refusal } from "./system-frames.js";
import type { Closed } from "./web-socket.js";

/** Logins with tokens of a function that are refused in a row before it is given up. */
const refusedMax = 3;
/** So long a broker is left alone that has closed for too many refusals, milliseconds (Agent Network §2.11). */
const abuseWaitMs = 30_000;

/** What is known of a line that is gone. */
export interface Loss {
  /** Where to: for people. */
  readonly url: string;
  /** Whether CONNECTED had come. */
  readonly wasUp: boolean;
  readonly closed: Closed;
  /** The broker's last ERROR about the login. */
  readonly refusal?: Refusal | undefined;
  /** What the socket or this client said about it. */
  readonly cause?: string | undefined;
  readonly isRenewable: boolean;
  /** Logins refused in a row, this one among them. */
  readonly refusedInARow: number;
}

/** What becomes of it: tried again, after so long at least, or given up for good. */
export type Verdict = { readonly next: "retry"; readonly atLeastMs: number; readonly error: NetworkError } | Final;

/** It is not tried again; the application has to do something. */
export interface Final {
  readonly next: "give up";
  readonly error: NetworkError;
}

/** Whether a lost line is made again, and what people are told (Agent Network §2.11, §12.6). */
export function judge(loss: Loss): Verdict {
  const { closed, refusal, wasUp } = loss;
  if (closed.code === 4409)
    return {
      next: "give up",
      error: networkError(
        "CONNECTION_ERROR",
        "another session of this agent has taken over, so this one does not connect again; run one session of an agent " +
          "at a time, or call connect() to take over in turn",
        { code: 4409 },
      ),
    };
  if (closed.code === 4401) return authentication(loss);
  const atLeastMs = Math.max(refusal?.retryAfter ?? 0, closed.code === 4429 ? abuseWaitMs : 0);
  const code = refusal?.errorCode ?? "CONNECTION_ERROR";
  return { next: "retry", atLeastMs, error: new NetworkError(code, wasUp ? lostText(loss) : refusedText(loss)) };
}

function authentication({ refusal, wasUp, isRenewable, refusedInARow, closed }: Loss): Verdict {
  const said = refusal?.message ?? closed.reason;
  const why = said === "" ? "the broker has refused the token" : said;
  if (isRenewable && refusedInARow < refusedMax)
    return { next: "retry", atLeastMs: 0, error: networkError("AUTHENTICATION_FAILED", why) };
  const remedy = isRenewable
    ? "the function that is authToken has to bring a token of this agent that has not ended"
    : wasUp
      ? "give a function as authToken: it is called for a fresh token before the old one ends"
      : "give a token of this agent (broker token AGENT --pan), or a function that brings fresh ones";
  return { next: "give up", error: networkError("AUTHENTICATION_FAILED", `${why}; ${remedy}`) };
}

function lostText({ closed, cause }: Loss): string {
  const why = closed.reason === "" ? `code ${closed.code}` : `${closed.reason} (${closed.code})`;
  return `the connection is lost: ${cause ?? why}; it is made again, and what is kept is sent then`;
}

function refusedText({ url, closed, refusal, cause }: Loss): string {
  if (refusal !== undefined) return `${refusal.message}; it is tried again`;
  const said = cause === undefined || cause === "" ? closed.reason : cause;
  const why = said === "" ? "no WebSocket answers there" : said;
  return `cannot connect to ${url}: ${why}; is the broker running there? It is tried again until close()`;
}
