import { createHash } from "node:crypto";
import type { Table } from "#dialect";

/** How long a message is remembered, milliseconds. */
const rememberMs = 24 * 60 * 60 * 1_000;
/** Messages remembered at most; beyond it the oldest of this run go first. */
const rememberMax = 100_000;
/**
 * So many are forgotten with each that is remembered, so that no change of the table is large; more than one, so that
 * they do not pile up.
 */
const forgottenAtOnce = 32;

/** What makes a message the same as one before. */
export interface SaidBefore {
  /** A key's agent id, a name, or a connection. */
  readonly speaker: string;
  readonly messageId: string;
  /** To whom and what: an id that comes again with another text is another message. */
  readonly text: string;
}

/**
 * Messages with an id of their sender's own, remembered over a restart, so that a client may say them again without
 * being heard twice.
 */
export class Seen {
  readonly #table: Table<number>;
  // bound: 100,000 · evicts: the oldest, any after 24 h, 32 with each new one · owner: Seen
  readonly #at = new Map<string, number>();

  constructor(table: Table<number>) {
    this.#table = table;
    for (const [key, at] of [...table.range("", "\uffff")].sort(([, one], [, other]) => one - other))
      this.#at.set(key, at);
  }

  /** True if it was said, and taken, before. */
  has(said: SaidBefore, now: number): boolean {
    const at = this.#at.get(keyOf(said));
    return at !== undefined && now - at < rememberMs;
  }

  /** Remembers what was taken; resolves when that is on disk. A crash before that forgets it, never the message. */
  async remember(said: SaidBefore, now: number): Promise<void> {
    const key = keyOf(said);
    this.#at.delete(key);
    this.#at.set(key, now);
    // What cannot be kept is told by whoever keeps the tables, and is remembered until the broker stops.
    await this.#table.batch([{ put: key, value: now }, ...this.#forget(now)]).catch(() => undefined);
  }

  *#forget(now: number): Iterable<{ readonly delete: string }> {
    let forgotten = 0;
    for (const [key, at] of this.#at) {
      if (forgotten === forgottenAtOnce || (now - at < rememberMs && this.#at.size <= rememberMax)) return;
      forgotten += 1;
      this.#at.delete(key);
      yield { delete: key };
    }
  }
}

function keyOf({ speaker, messageId, text }: SaidBefore): string {
  return createHash("sha256")
    .update(JSON.stringify([speaker, messageId, text]))
    .digest("base64url");
}
