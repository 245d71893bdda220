import { OwedChanges } from "./owed-changes.js";
import type { Change } from "./store.js";
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

/**
 * The messages of each sender that were processed: what comes again is dropped (Agent Network §12.4). In memory as keyed
 * hashes, on disk encrypted, so that nobody sees which are of one sender; the oldest of a sender goes first, and those of
 * the sender that has most.
 */
export class ProcessedIds {
  readonly #vault: Vault;
  readonly #limits: ProcessedMax;
  readonly #changes: OwedChanges;
  // bound: senders below, of inAll ids · evicts: goes with its last id · owner: ProcessedIds
  readonly #ofSender = new Map<string, Map<string, number>>();
  /** Senders by how many ids they have. */
  // bound: as #ofSender · evicts: goes with its last sender · owner: ProcessedIds
  readonly #bySize = new Map<number, Set<string>>();
  #largest = 0;
  #count = 0;
  #next = 1;

  private constructor(vault: Vault, limits: ProcessedMax) {
    this.#vault = vault;
    this.#limits = limits;
    this.#changes = new OwedChanges(vault.raw);
  }

  /** Reads what was kept. What of it is damaged is told by the vault, and removed: its message may come once more. */
  static async open(vault: Vault, limits: ProcessedMax = processedMax): Promise<ProcessedIds> {
    const ids = new ProcessedIds(vault, limits);
    for await (const rows of vault.pages(table)) {
      for (const [key, value] of rows) {
        const [sender, id] = value as readonly [string, string]; // written by add alone: its tag was right
        ids.#remember(sender, id, Number(key));
      }
    }
    const damaged = vault.damagedIn(table);
    if (damaged.length > 0) await vault.commit(damaged.map((key) => ({ table, key })));
    return ids;
  }

  /** Whether this message was processed. */
  has(sender: string, messageId: string): boolean {
    return this.#ofSender.get(this.#senderOf(sender))?.has(this.#idOf(messageId)) === true;
  }

  /**
   * A message was processed; on disk when it resolves. If it rejects, the message is known to this process all the same,
   * since its handler has ended, and is on disk with one that comes later.
   */
  async add(sender: string, messageId: string): Promise<void> {
    const [of, id] = [this.#senderOf(sender), this.#idOf(messageId)];
    if (this.#ofSender.get(of)?.has(id) === true) return;
    const number = this.#next;
    this.#remember(of, id, number);
    const changes: readonly Change[] = [
      this.#vault.sealed({ table, key: keyOf(number), value: [of, id] }),
      ...this.#tooMany(of).map((key) => ({ table, key })),
    ];
    await this.#changes.commit(changes, changes);
  }

  /** Ids remembered in all. */
  get size(): number {
    return this.#count;
  }

  #remember(sender: string, id: string, number: number): void {
    const ids = this.#ofSender.get(sender) ?? new Map<string, number>();
    this.#ofSender.set(sender, ids);
    ids.set(id, number);
    this.#count += 1;
    this.#resized(sender, ids.size - 1, ids.size);
    this.#next = Math.max(this.#next, number + 1);
  }

  #tooMany(sender: string): readonly string[] {
    if ((this.#ofSender.get(sender)?.size ?? 0) > this.#limits.ofSender) return this.#dropOldest(sender);
    const [most] = this.#count > this.#limits.inAll ? (this.#bySize.get(this.#largest) ?? []) : [];
    return most === undefined ? [] : this.#dropOldest(most);
  }

  #dropOldest(sender: string): readonly string[] {
    const ids = this.#ofSender.get(sender);
    const [oldest] = ids ?? [];
    if (ids === undefined || oldest === undefined) return [];
    ids.delete(oldest[0]);
    this.#count -= 1;
    this.#resized(sender, ids.size + 1, ids.size);
    if (ids.size === 0) this.#ofSender.delete(sender);
    return [keyOf(oldest[1])];
  }

  #resized(sender: string, before: number, now: number): void {
    const old = this.#bySize.get(before);
    old?.delete(sender);
    if (old?.size === 0) this.#bySize.delete(before);
    if (now > 0) this.#bySize.set(now, (this.#bySize.get(now) ?? new Set()).add(sender));
    this.#largest = Math.max(this.#largest, now);
    while (this.#largest > 0 && !this.#bySize.has(this.#largest)) this.#largest -= 1;
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
