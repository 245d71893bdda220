/** Every way in which Synaptic Core refuses something. A dialect maps each of them to its own words. */
export const faultCodes = [
  "malformed",
  "too-large",
  "unsupported",
  "unauthenticated",
  "forbidden",
  "not-found",
  "conflict",
  "full",
  "rate-limited",
  "timeout",
  "slow-consumer",
  "going-away",
  "unavailable",
  "internal",
] as const;

/** One word of {@link faultCodes}. */
export type FaultCode = (typeof faultCodes)[number];

/** More about a fault than its code and its message. */
export interface FaultOptions {
  /** More for the peer, safe to send: for example the field that is wrong. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** What went wrong inside; logged, never sent. */
  readonly cause?: unknown;
  /** After how many milliseconds the same thing may be tried again. */
  readonly retryAfterMs?: number;
  /** The connection is closed after this fault. */
  readonly fatal?: boolean;
}

/** Marks faults of every copy of this module: a dialect from another package brings its own. */
const brand = Symbol.for("synaptic-core.fault");

/** A refusal. `message` is written for the peer and names the remedy; `cause` is never sent. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly detail: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterMs: number | undefined;
  readonly fatal: boolean;
  declare readonly [brand]: true;

  static {
    // On the prototype: a fault that is printed shows what it says, not what marks it.
    Object.defineProperty(this.prototype, brand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && brand in value;
  }

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.detail = options.detail;
    this.retryAfterMs = options.retryAfterMs;
    this.fatal = options.fatal ?? false;
  }
}

/** Any thrown value as a Fault; what is not one becomes `internal` with the value as its cause. */
export function asFault(thrown: unknown): Fault {
  return thrown instanceof Fault
    ? thrown
    : new Fault("internal", "the broker failed to do this; its log says why", { cause: thrown });
}
