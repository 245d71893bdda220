import { isBlank } from "./outbox-line.js";
import type { OutboxTail } from "./outbox-file.js";

/** Whoever writes a line in pieces is given so long for the next one, milliseconds. */
const unendedMs = 5_000;

/** Notices that the writer of the outbox has forgotten the newline. */
export class UnendedLine {
  #seen: { readonly messageId: string; readonly size: number; readonly sinceMs: number } | undefined;
  #told: string | undefined;

  /**
   * @param nowMs of a clock that never goes back
   * @returns the tail if it has not changed for five seconds, once for each
   */
  check(tail: OutboxTail | undefined, nowMs: number): OutboxTail | undefined {
    if (tail === undefined || isBlank(tail.head)) {
      this.#seen = undefined;
      return undefined;
    }
    const { messageId, size } = tail;
    if (this.#seen?.messageId !== messageId || this.#seen.size !== size)
      this.#seen = { messageId, size, sinceMs: nowMs };
    if (nowMs - this.#seen.sinceMs < unendedMs || this.#told === messageId) return undefined;
    this.#told = messageId;
    return tail;
  }
}
