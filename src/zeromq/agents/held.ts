import type { Ledger, Limits, Message } from "../../core/index.js";

/** What a held message costs beside its bytes. */
const overheadBytes = 512;

/** The memory that all held messages share. Each held message is a pending copy in the ledger. */
export class Holding {
  bytes = 0;
  readonly #limits: Limits;
  readonly #ledger: Ledger;

  constructor(limits: Limits, ledger: Ledger) {
    this.#limits = limits;
    this.#ledger = ledger;
  }

  /**
   * Takes one more beside `held` others of its name; a copy of its bytes is made.
   * @returns false if there is no room
   */
  take(message: Message, held: number): boolean {
    const size = message.size + overheadBytes;
    if (held >= this.#limits.heldPerNameMax || this.bytes + size > this.#limits.heldMaxBytes) return false;
    message.keep();
    this.bytes += size;
    this.#ledger.copies.copies += 1;
    this.#ledger.copies.pending += 1;
    return true;
  }

  /** The message is held no longer: the copy was none. What becomes of it now is counted by whoever takes it. */
  release(message: Message): void {
    this.bytes -= message.size + overheadBytes;
    this.#ledger.copies.copies -= 1;
    this.#ledger.copies.pending -= 1;
  }
}
