import { asFault, Fault, type FaultCode } from "../core/index.js";

/** What a command's exit tells a script. */
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
 * Tells a failed command on stderr and returns its exit code. `isLocal`: the command needs no running broker, so that
 * none is missing, and a port or a data directory
 * that another broker has may be free the next time: it has failed, and was not refused for good.
 */
export function tellFailure(thrown: unknown, isLocal = false): number {
  const fault = asFault(thrown);
  const words = fault.code === "internal" && fault.cause !== undefined ? causeOf(fault) : fault.message;
  process.stderr.write(`broker: ${words}\n`);
  return isLocal && (fault.code === "unavailable" || fault.code === "conflict")
    ? exitCodes.failed
    : byFault[fault.code];
}

function causeOf({ cause, message }: Fault): string {
  if (!(cause instanceof Error)) return message;
  return process.env["DEBUG"] === undefined ? cause.message : (cause.stack ?? cause.message);
}
