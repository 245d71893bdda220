import { Fault } from "../../core/index.js";
import type { KeySet } from "./key-set.js";

/** So long the last good keys serve while there are no others, milliseconds. */
export const lastGoodMs = 24 * 60 * 60_000;

/** Where the keys of one issuer come from. */
export interface KeySource {
  /**
   * The keys as they are to be used now.
   * @throws Fault unavailable, as a rejection: there are none, and when to try again
   */
  keys(): Promise<KeySet>;
  /**
   * A token names a key that is not among them: the keys, read again unless that was done a moment ago.
   * @throws Fault unavailable, as a rejection
   */
  again(): Promise<KeySet>;
  /** Gives up what is under way. */
  close(): void;
}

/** Tells the operator what is wrong with a source, once, and `undefined` when it is right again. */
export type SourceListener = (problem: string | undefined) => void;

/** The refusal of a login whose issuer's keys cannot be had: it can be tried again. */
export function keysMissing(issuer: string, problem: string, retryAfterMs: number): Fault {
  return new Fault(
    "unavailable",
    `the keys of ${issuer} cannot be had now: ${problem}; ` +
      `try again in ${String(Math.ceil(retryAfterMs / 1_000))} s, or tell the operator of this broker`,
    { retryAfterMs: Math.ceil(retryAfterMs) },
  );
}
