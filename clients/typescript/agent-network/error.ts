/** What can go wrong: the codes of the document's three tables, `SENDER_MISMATCH`, and `CLOSED`, which is ours. */
export type NetworkErrorCode =
  | "CONNECTION_ERROR"
  | "AUTHENTICATION_ERROR"
  | "TIMEOUT_ERROR"
  | "MESSAGE_ERROR"
  | "ENCRYPTION_ERROR"
  | "INVALID_MESSAGE_FORMAT"
  | "AUTHENTICATION_FAILED"
  | "CONNECTION_LIMIT_EXCEEDED"
  | "RATE_LIMIT_EXCEEDED"
  | "RECIPIENT_NOT_FOUND"
  | "SERVER_ERROR"
  | "SENDER_MISMATCH"
  | "CLOSED";

/** A failure with its code (Agent Network §6.2); the message names the remedy. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";

  /** @param code one of {@link NetworkErrorCode}; whoever answers a QUERY may say others, and the broker newer ones */
  constructor(
    readonly code: string,
    message: string,
    /** What is known beside it: the broker's `details`, or those of the answer's `error`. */
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/** What keys and what is kept under them fail with, for whoever looks at `code`: ENCRYPTION_ERROR unless it has one. */
export function keptError(thrown: unknown): NetworkError {
  if (thrown instanceof NetworkError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return networkError("ENCRYPTION_ERROR", message, { cause: thrown });
}

/** Why a call to a peer whose key has changed is not answered now. What was said is kept. */
export function keyHasChanged(message: string): NetworkError {
  return networkError("ENCRYPTION_ERROR", `${message}; what was said is kept, and goes when it is accepted`, {
    reason: "key-changed",
  });
}

/** The same with a code that the compiler knows. */
export function networkError(
  code: NetworkErrorCode,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): NetworkError {
  return new NetworkError(code, message, details);
}
