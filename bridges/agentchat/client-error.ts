/**
 * Something that an AgentChat server refused, that did not happen in time, or that cannot be done. `code` is one of the protocol's (see `errorCodes`), or one of ours:
 * `CLOSED` (no connection), `TIMEOUT` (no answer), `IDENTITY_MISSING`, `IDENTITY_EXISTS`, `IDENTITY_INVALID`, `IDENTITY_UNSAFE` (the identity file).
 */
export class AgentChatError extends Error {
  readonly code: string;
  /** The `msg_id` or the type of what was refused, where the server says it. */
  readonly ref?: string;
  /** When to try again, milliseconds. */
  readonly retryAfterMs?: number;

  constructor(code: string, message: string, { ref, retryAfterMs, cause }: { readonly ref?: string; readonly retryAfterMs?: number; readonly cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "AgentChatError";
    this.code = code;
    if (ref !== undefined) this.ref = ref;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}
