import { asFault, Fault, type FaultCode } from "../core/index.js";
import { say } from "./output.js";

/** The exit codes of `broker` commands. */
export const exitCodes = Object.freeze({ done: 0, failed: 1, usage: 2, noBroker: 3, refused: 4, timedOut: 5 });

const byFault: Readonly<Record<FaultCode, number>> = {
  malformed: exitCodes.usage,
  "too-large": exitCodes.usage,
  unsupported: exitCodes.usage,
  unauthenticated: exitCodes.refused,
  forbidden: exitCodes.refused,
  "not-found": exitCodes.refused,
  conflict: exitCodes.refused,
  full: exitCodes.refused,
  "rate-limited": exitCodes.refused,
  timeout: exitCodes.timedOut,
  "slow-consumer": exitCodes.failed,
  "going-away": exitCodes.failed,
  unavailable: exitCodes.noBroker,
  internal: exitCodes.failed,
};

/**
 * Reports a failed command on stderr and returns its exit code.
 * @param isLocal true if the command needs no running broker. Then `unavailable` does not mean that no broker runs, and
 * `conflict` is about a port or a data directory that may be free the next time: both are plain failures.
 */
export function tellFailure(thrown: unknown, isLocal = false): number {
  const fault = asFault(thrown);
  const words = fault.code === "internal" && fault.cause !== undefined ? causeOf(fault) : fault.message;
  say(`broker: ${words}`);
  return isLocal && (fault.code === "unavailable" || fault.code === "conflict")
    ? exitCodes.failed
    : byFault[fault.code];
}

function causeOf({ cause, message }: Fault): string {
  if (!(cause instanceof Error)) return message;
  return process.env["DEBUG"] === undefined ? cause.message : (cause.stack ?? cause.message);
}
