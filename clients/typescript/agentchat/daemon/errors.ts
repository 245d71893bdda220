/** A code for what went wrong: a protocol's, the operating system's, or the name of the error. */
export function errorCode(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : thrown.name;
}

/** What failed with a file, for the log: its code, and the words, which name the file or what to do. */
export function fileFailure(thrown: unknown): { readonly code: string; readonly error: string } {
  return { code: errorCode(thrown), error: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** Why there is no connection, in the system's own words where it has some: `connect ECONNREFUSED 127.0.0.1:6667`. */
export function whyNot(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return errorCode(thrown) === "CLOSED" ? bottomOf(thrown) : thrown.message;
}

function bottomOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.cause !== undefined) return bottomOf(thrown.cause);
  // One error per address that a name stands for; Node gives the whole no message.
  if (thrown instanceof AggregateError) return thrown.errors.map(bottomOf).join("; ");
  return thrown.message === "" ? errorCode(thrown) : thrown.message;
}

/** Errors that are not about what was said and may pass. Any other answer will be the same the next time. */
const passing =
  /^(RATE_LIMITED|CLOSED|TIMEOUT|INTERNAL|AUTH_REQUIRED|SESSION_DISPLACED|E(?:CONN|PIPE|HOST|NET|TIMEDOUT|NOTFOUND|AI)[A-Z_]*|Error|TypeError)$/;
const hopeless = /^(VERIFICATION_FAILED|INVALID_NAME|IDENTITY_[A-Z]+)$/;
/** Errors to an introduction that may pass, and those that are no answer of the server. */
const passingAtFirst = /^(RATE_LIMITED|INTERNAL|AUTH_REQUIRED|VERIFICATION_EXPIRED|TIMEOUT|CLOSED)$/;
/** How long to wait if the server does not say it, milliseconds. */
const retryMs = 1_000;
const retryMaxMs = 60_000;

/** An id of a session, or of a key (AgentChat §3.2). */
const idForm = /^@(?:[a-z0-9]{8}|[0-9a-f]{16})$/;
const nameRemedy = "a name is no address: agentchat agents SERVER '#general' tells ids and names; write to the id";

/** What became of a line of the outbox. */
export type Delivery =
  | { readonly kind: "sent" }
  /** The server will never take it. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  /** Not taken for now, or unknown whether it was taken: the line is said again, a message with the same id. */
  | { readonly kind: "later"; readonly code: string; readonly message: string; readonly afterMs: number };

/**
 * What an error means for the line that was said.
 * @param addressee to whom it was said: what is no AgentChat id may have been meant as a name
 */
export function deliveryOf(error: Error, addressee?: string): Delivery {
  const code = errorCode(error);
  const isName = code === "AGENT_NOT_FOUND" && addressee !== undefined && !idForm.test(addressee);
  const message = isName ? `${error.message.replace(/;.*$/s, "")}; ${nameRemedy}` : error.message;
  return isPassing(code)
    ? { kind: "later", code, message, afterMs: retryAfter(error) }
    : { kind: "refused", code, message };
}

/** True for an error that may pass, whatever was said. */
export function isPassing(code: string): boolean {
  return passing.test(code);
}

/**
 * True if the server refuses this agent, or its identity file cannot be used: connecting again cannot help. Whatever a
 * server answers to the introduction is such a refusal, but for what may pass (AgentChat §9.8).
 */
export function isHopeless(thrown: unknown): boolean {
  return hopeless.test(errorCode(thrown)) || isRefusedIntroduction(thrown);
}

/** True for the server's refusal of IDENTIFY, or of the proof of the key. */
export function isRefusedIntroduction(thrown: unknown): boolean {
  const isAnswer =
    thrown instanceof Error && "call" in thrown && (thrown.call === "IDENTIFY" || thrown.call === "VERIFY_IDENTITY");
  return isAnswer && !passingAtFirst.test(errorCode(thrown));
}

/** Milliseconds until it may be tried again. */
export function retryAfter(thrown: unknown): number {
  return thrown instanceof Error && "retryAfterMs" in thrown && typeof thrown.retryAfterMs === "number"
    ? Math.min(thrown.retryAfterMs, retryMaxMs)
    : retryMs;
}
