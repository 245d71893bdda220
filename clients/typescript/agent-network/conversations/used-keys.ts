import type { ConversationRecords, JsonValue, RecordChange } from "./records.js";

/** Ephemeral keys remembered of a peer and of all, at most (Agent Network §14.2). */
export const usedKeysMax: Readonly<Record<"ofPeer" | "inAll", number>> = Object.freeze({
  ofPeer: 4_096,
  inAll: 100_000,
});

const table = "used-keys";

interface Row {
  readonly peer: string;
  readonly ephemeralKey: string;
  readonly at: number;
}

/**
 * Ephemeral keys, in base64, that peers have used: an old offer that is shown again is refused by it (Agent Network
 * §10.3). One that is forgotten costs a needless handshake and nothing more, since the own side of it is always fresh.
 */
export class UsedKeys {
  readonly #limits: typeof usedKeysMax;
  // bound: peers below, of inAll keys · evicts: goes with its last key · owner: UsedKeys
  readonly #ofPeer = new Map<string, Set<string>>();
  #count = 0;

  private constructor(limits: typeof usedKeysMax) {
    this.#limits = limits;
  }

  /** Reads what was kept. */
  static async open(records: Pick<ConversationRecords, "read">, limits = usedKeysMax): Promise<UsedKeys> {
    const keys = new UsedKeys(limits);
    const rows = (await records.read(table)).flatMap(([, value]) => rowOf(value) ?? []);
    rows.sort((one, other) => one.at - other.at);
    for (const row of rows) keys.add(row.peer, row.ephemeralKey);
    return keys;
  }

  /** Whether this peer has used the key before. */
  has(peer: string, ephemeralKey: string): boolean {
    return this.#ofPeer.get(peer)?.has(ephemeralKey) === true;
  }

  /** What is to be committed so that {@link add} outlives the process. */
  record(peer: string, ephemeralKey: string, at: number): RecordChange {
    return { table, key: keyOf(peer, ephemeralKey), value: { peer, ephemeralKey, at } };
  }

  /** Remembers a key. Returns what of the records goes for it: the oldest of the peer, or of the one that has most. */
  add(peer: string, ephemeralKey: string): readonly RecordChange[] {
    const keys = this.#ofPeer.get(peer) ?? new Set();
    this.#ofPeer.set(peer, keys);
    if (!keys.has(ephemeralKey)) this.#count += 1;
    keys.add(ephemeralKey);
    if (keys.size > this.#limits.ofPeer) return this.#dropOldest(peer, keys);
    if (this.#count <= this.#limits.inAll) return [];
    return this.#dropOldest(...this.#most(peer, keys));
  }

  /** Forgets a peer's keys. Returns what of the records goes. */
  forget(peer: string): readonly RecordChange[] {
    const keys = [...(this.#ofPeer.get(peer) ?? [])];
    this.#ofPeer.delete(peer);
    this.#count -= keys.length;
    return keys.map((ephemeralKey) => ({ table, key: keyOf(peer, ephemeralKey) }));
  }

  /** Keys remembered in all. */
  get size(): number {
    return this.#count;
  }

  /** The peer that has most; this one where none has more. */
  #most(peer: string, keys: Set<string>): readonly [peer: string, keys: Set<string>] {
    let most: readonly [string, Set<string>] = [peer, keys];
    for (const each of this.#ofPeer) if (each[1].size > most[1].size) most = each;
    return most;
  }

  #dropOldest(peer: string, keys: Set<string>): readonly RecordChange[] {
    const [oldest] = keys;
    if (oldest === undefined) return [];
    keys.delete(oldest);
    this.#count -= 1;
    if (keys.size === 0) this.#ofPeer.delete(peer);
    return [{ table, key: keyOf(peer, oldest) }];
  }
}

/** Base64 holds no space, so no two peers have a key in common. */
function keyOf(peer: string, ephemeralKey: string): string {
  return `${ephemeralKey} ${peer}`;
}

function rowOf(value: JsonValue): Row | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { peer, ephemeralKey, at } = value as Readonly<Record<string, JsonValue>>;
  if (typeof peer !== "string" || typeof ephemeralKey !== "string" || typeof at !== "number") return undefined;
  return { peer, ephemeralKey, at };
}
