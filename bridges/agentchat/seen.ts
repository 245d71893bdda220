import { createHash } from "node:crypto";
import { FairShares, type Party, type Share, type Table } from "#dialect";

/** How long a message is remembered, milliseconds. */
const rememberMs = 24 * 60 * 60 * 1_000;
/** Messages remembered at most; beyond it the oldest goes first of the speaker with the most. */
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
  /** The network that it speaks from; it does not make a message another one. */
  readonly network?: string;
  readonly messageId: string;
  /** To whom and what: an id that comes again with another text is another message. */
  readonly text: string;
}

/** A message that was said: when, and whose share of all that are remembered it counts against. */
export type SeenRow = number | { readonly at: number; readonly network: string; readonly speaker: string };

interface Remembered {
  readonly key: string;
  readonly at: number;
}

/**
 * Messages with an id of their sender's own, remembered over a restart, so that a client may say them again without
 * being heard twice.
 */
export class Seen {
  readonly #table: Table<SeenRow>;
  // bound: 100,000, a hash each · evicts: any after 24 h, 32 with each new one; when there are too many the oldest of
  // the speaker with the most, of the network with the most · owner: Seen
  readonly #shares = new Map<string, Share<Remembered>>();
  readonly #all = new FairShares<Remembered>();
  readonly #max: number;

  /** @param max messages remembered at most */
  constructor(table: Table<SeenRow>, max = rememberMax) {
    this.#table = table;
    this.#max = max;
    const rows = [...table.range("", "\uffff")].map(([key, row]) => ({
      key,
      // A number alone is how a message was kept before shares were counted.
      ...(typeof row === "number" ? { at: row, network: "", speaker: "" } : row),
    }));
    for (const { key, at, network, speaker } of rows.sort((one, other) => one.at - other.at))
      this.#add(key, at, { network, name: speaker });
  }

  /** True if it was said, and taken, before. */
  has(said: SaidBefore, now: number): boolean {
    const at = this.#shares.get(keyOf(said))?.item.at;
    return at !== undefined && now - at < rememberMs;
  }

  /** Remembers what was taken; resolves when that is on disk. A crash before that forgets it, never the message. */
  async remember(said: SaidBefore, now: number): Promise<void> {
    const key = keyOf(said);
    const { network = "" } = said;
    // A few characters tell speakers apart: only how much each has said is counted by them.
    const speaker = createHash("sha256").update(said.speaker).digest("base64url").slice(0, 8);
    this.#remove(key);
    this.#add(key, now, { network, name: speaker });
    // What cannot be kept is told by whoever keeps the tables, and is remembered until the broker stops.
    await this.#table
      .batch([{ put: key, value: { at: now, network, speaker } }, ...this.#forget(now)])
      .catch(() => undefined);
  }

  #add(key: string, at: number, party: Party): void {
    this.#shares.set(key, this.#all.add({ key, at }, party));
  }

  #remove(key: string): void {
    this.#shares.get(key)?.end();
    this.#shares.delete(key);
  }

  *#forget(now: number): Iterable<{ readonly delete: string }> {
    let forgotten = 0;
    for (const [key, { item }] of this.#shares) {
      if (forgotten === forgottenAtOnce || now - item.at < rememberMs) break;
      forgotten += 1;
      this.#remove(key);
      yield { delete: key };
    }
    for (; forgotten < forgottenAtOnce && this.#shares.size > this.#max; forgotten += 1) {
      const { excess } = this.#all;
      if (excess === undefined) return;
      this.#remove(excess.key);
      yield { delete: excess.key };
    }
  }
}

function keyOf({ speaker, messageId, text }: SaidBefore): string {
  return createHash("sha256")
    .update(JSON.stringify([speaker, messageId, text]))
    .digest("base64url");
}
