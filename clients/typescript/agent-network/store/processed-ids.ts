import type { Vault } from "./vault.js";

/** How many processed messages are remembered. */
export interface ProcessedMax {
  readonly ofSender: number;
  readonly inAll: number;
}

/** Processed messages that are remembered, at most (Agent Network §12.4). */
export const processedMax: ProcessedMax = Object.freeze({ ofSender: 20_000, inAll: 200_000 });

const table = "processed";
/** Digits of a sequence number in a key: their order is that of the numbers. */
const digits = 16;
/** Records that are decrypted in one turn of the loop. */
const page = 512;

/**
 * The messages of each sender that were processed: what comes again is dropped (Agent Network §12.4). In memory
 * as keyed hashes; the oldest of a sender goes first, and those of the sender that has most.
 */
export class ProcessedIds {
  readonly #vault: Vault;
  readonly #limits: ProcessedMax;
  // bound: senders below, of inAll ids · evicts: goes with its last id · owner: ProcessedIds
  readonly #ofSender = new Map<string, Map<string, number>>();
  #count = 0;
  #next = 1;

  private constructor(vault: Vault, limits: ProcessedMax) {
    this.#vault = vault;
    this.#limits = limits;
  }

  /** Reads what was kept. */
  static async open(vault: Vault, limits: ProcessedMax = processedMax): Promise<ProcessedIds> {
    const ids = new ProcessedIds(vault, limits);
    for (let first = await firstBehind(vault, 0); first !== undefined;) {
      // Between two bounds: without the second a store looks at all that is left, page by page.
      const rows = await vault.read(table, { after: keyOf(first - 1), before: keyOf(first + page) });
      for (const [key, value] of rows) {
        const [sender, id] = value as readonly [string, string]; // written by add alone: its tag was right
        ids.#remember(sender, id, Number(key));
      }
      first = rows.length > 0 ? first + page : await firstBehind(vault, first);
      await nextTurn(); // 200,000 of them take seconds: the loop goes on meanwhile
    }
    return ids;
  }

  /** Whether this message was processed. */
  has(sender: string, messageId: string): boolean {
    return this.#ofSender.get(this.#senderOf(sender))?.has(this.#idOf(messageId)) === true;
  }

  /** A message was processed; on disk when it resolves. */
  async add(sender: string, messageId: string): Promise<void> {
    const [of, id] = [this.#senderOf(sender), this.#idOf(messageId)];
    if (this.#ofSender.get(of)?.has(id) === true) return;
    const number = this.#next;
    this.#remember(of, id, number);
    const gone = this.#tooMany(of);
    await this.#vault.commit([{ table, key: keyOf(number), value: [of, id] }, ...gone.map((key) => ({ table, key }))]);
  }

  /** Ids remembered in all. */
  get size(): number {
    return this.#count;
  }

  #remember(sender: string, id: string, number: number): void {
    const ids = this.#ofSender.get(sender) ?? new Map<string, number>();
    this.#ofSender.set(sender, ids);
    if (!ids.has(id)) this.#count += 1;
    ids.set(id, number);
    this.#next = Math.max(this.#next, number + 1);
  }

  #tooMany(sender: string): readonly string[] {
    const own = this.#ofSender.get(sender);
    if (own !== undefined && own.size > this.#limits.ofSender) return this.#dropOldest(sender, own);
    if (this.#count <= this.#limits.inAll) return [];
    const most = [...this.#ofSender].reduce((one, other) => (other[1].size > one[1].size ? other : one));
    return this.#dropOldest(...most);
  }

  #dropOldest(sender: string, ids: Map<string, number>): readonly string[] {
    const [oldest] = ids;
    if (oldest === undefined) return [];
    ids.delete(oldest[0]);
    this.#count -= 1;
    if (ids.size === 0) this.#ofSender.delete(sender);
    return [keyOf(oldest[1])];
  }

  #senderOf(sender: string): string {
    return this.#vault.nameOf("senders", sender);
  }

  #idOf(messageId: string): string {
    return this.#vault.nameOf(table, messageId);
  }
}

function keyOf(number: number): string {
  return String(number).padStart(digits, "0");
}

/** The first number that is kept behind another. */
async function firstBehind(vault: Vault, number: number): Promise<number | undefined> {
  const [row] = await vault.read(table, { after: keyOf(number), limit: 1 });
  return row === undefined ? undefined : Number(row[0]);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
