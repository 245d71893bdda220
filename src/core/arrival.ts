import type { FaultCode } from "./fault.js";
import type { Principal, Trust } from "./principal.js";

/** What is known about a message besides its bytes. */
export interface Arrival {
  readonly topic: string;
  /** Wall clock at receipt, milliseconds. */
  readonly receivedAt: number;
  /** How well the sender is proved. */
  readonly trust: Trust;
  /** The connection or session it came from, to be compared by identity; undefined for the broker's own. */
  readonly origin: object | undefined;
  /**
   * The sender's principal, if its connection or session has one: the same object as in its presence. Guards of
   * invite-only rooms need it.
   */
  readonly speaker?: Principal | undefined;
}

/** Copies of a message that their receivers will never have, and why the first of them will not. */
export interface LostCopies {
  readonly count: number;
  /** `full`: the receiver is behind for now, and the same message may come through later; else it never will. */
  readonly code: Extract<FaultCode, "too-large" | "unsupported" | "full" | "unavailable" | "internal">;
  /** For the sender, with the remedy. */
  readonly why: string;
}
