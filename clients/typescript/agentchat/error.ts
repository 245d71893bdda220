/**
 * Something that an AgentChat server refused, that did not happen in time, or that cannot be done. `code` is one of the
 * protocol's (see `errorCodes`), or one of ours: `CLOSED` (no connection), `TIMEOUT` (no answer), `IDENTITY_MISSING`,
 * `IDENTITY_EXISTS`, `IDENTITY_INVALID`, `IDENTITY_UNSAFE` (the identity file).
 */
export class AgentChatError extends Error {
  readonly code: string;
  /**
   * The `msg_id` or the type of what was refused, as the server said it; undefined if it said none, or if it is no
   * refusal.
   */
  readonly ref?: string;
  /**
   * The type of the call that failed, if it was a call. Where the server gives no `ref`, it is the call that the
   * refusal most likely is about.
   */
  readonly call?: string;
  /**
   * The `msg_id` of the message that was refused, if it was a message. Where the server gives no `ref`, it is the oldest
   * one that the refusal can be about.
   */
  readonly msgId?: string;
  /** The channel that could not be joined again. */
  readonly channel?: string;
  /** When to try again, milliseconds. */
  readonly retryAfterMs?: number;

  constructor(
    code: string,
    message: string,
    {
      ref,
      call,
      msgId,
      channel,
      retryAfterMs,
      cause,
    }: {
      readonly ref?: string;
      readonly call?: string;
      readonly msgId?: string;
      readonly channel?: string;
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "AgentChatError";
    this.code = code;
    if (ref !== undefined) this.ref = ref;
    if (call !== undefined) this.call = call;
    if (msgId !== undefined) this.msgId = msgId;
    if (channel !== undefined) this.channel = channel;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}

/** Other servers may use any number of codes. */
const codesMax = 64;

/**
 * Errors for which the application has no listener: each code is told once, as a warning of the process, so that the
 * user learns of it and the process goes on.
 */
export class UnhandledErrors {
  // bound: codesMax · evicts: never, each is told once · owner: UnhandledErrors
  readonly #warned = new Set<string>();

  /** Warns of an error, unless its code was told before. */
  warn({ code, message }: AgentChatError): void {
    if (this.#warned.has(code) || this.#warned.size === codesMax) return;
    this.#warned.add(code);
    process.emitWarning(
      `AgentChatClient: ${code}: ${message}; nobody listens: add client.on("error", (error) => …) to be told of each`,
      { type: "AgentChatWarning", code },
    );
  }
}
