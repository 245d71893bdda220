import { viewerError, ViewerError } from "./error.js";

/** Logins with tokens of a function that are refused in a row before it is given up. */
const refusedMax = 3;
/** So long a broker is left alone that has closed for too many refusals, milliseconds. */
const abuseWaitMs = 30_000;

/** How a connection has ended. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** What is known of a connection that is gone. */
export interface Loss {
  readonly url: string;
  /** Whether the handshake was answered. */
  readonly wasUp: boolean;
  readonly closed: Closed;
  /** The broker's last word about it. */
  readonly refusal: ViewerError | undefined;
  /** What the socket said. */
  readonly cause: string | undefined;
  readonly isRenewable: boolean;
  /** Logins refused in a row, this one among them. */
  readonly refusedInARow: number;
}

/** What becomes of it. `retryInMs` undefined: it is given up, the application has to do something. */
export interface Verdict {
  /** Tried again after so long at least, milliseconds. */
  readonly retryInMs: number | undefined;
  readonly error: ViewerError;
}

/** Whether a lost connection is made again, and what people are told. */
export function judge({ url, wasUp, closed, refusal, cause, isRenewable, refusedInARow }: Loss): Verdict {
  const { code, reason } = closed;
  if (code === 4409) {
    const words =
      "another session has taken over, so this one does not connect again; call connect() to take over in turn";
    return { retryInMs: undefined, error: viewerError("CONNECTION_FAILED", words, { code }) };
  }
  if (code === 4401) {
    const why = refusal?.message ?? (reason === "" ? "the broker has refused the token" : reason);
    if (isRenewable && refusedInARow < refusedMax) return { retryInMs: 0, error: viewerError("AUTH_FAILED", why) };
    const remedy = isRenewable
      ? "the function that is token has to bring one that has not ended"
      : wasUp
        ? "give a function as token: it is called for a fresh one before the old one ends"
        : "give a token that may look (broker token NAME --jwt --scope observe), or a function that brings fresh ones";
    const error = new ViewerError("AUTH_FAILED", `${why}; ${remedy}`, { details: refusal?.details ?? {} });
    return { retryInMs: undefined, error };
  }
  const said = cause ?? (reason === "" ? `code ${String(code)}` : `${reason} (${String(code)})`);
  const words = wasUp
    ? `the connection is lost: ${said}; it is made again`
    : `cannot connect to ${url}: ${refusal?.message ?? said}; is the broker running there? It is tried again until close()`;
  const error = viewerError("CONNECTION_FAILED", words, { code });
  return { retryInMs: code === 4429 ? abuseWaitMs : 0, error };
}
