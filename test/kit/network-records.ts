import type { Kept } from "../../clients/typescript/agent-network/delivery/outbox-ports.js";
import { MemoryStore } from "../../clients/typescript/agent-network/store/store-memory.js";
import type { Change, NetworkStore, Range } from "../../clients/typescript/agent-network/store/store.js";
import type { TranscriptEntry } from "../../clients/typescript/agent-network/store/transcript.js";

/** A store in memory that counts as a disk, and that may be full. What is in it can be looked at and changed. */
export class DiskInMemory implements NetworkStore {
  readonly isDurable = true;
  isFull = false;
  readonly #rows = new MemoryStore();

  read(table: string, range?: Range): Promise<readonly (readonly [string, Uint8Array])[]> {
    return this.#rows.read(table, range);
  }

  commit(changes: readonly Change[]): Promise<void> {
    return this.isFull ? Promise.reject(new Error("no space left on device")) : this.#rows.commit(changes);
  }

  /** What lies there outlives it. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Changes the bytes of a record as somebody would who has the disk and no key. */
  async tamper(table: string, nth: number, change: (bytes: Uint8Array) => void): Promise<void> {
    const [key, value] = (await this.read(table))[nth] ?? [];
    if (key === undefined || value === undefined) throw new Error(`there is no record ${nth} in ${table}`);
    const copy = value.slice();
    change(copy);
    await this.#rows.commit([{ table, key, value: copy }]);
  }

  /** Everything as it lies there. */
  async dump(tables: readonly string[] = ["vault", "peers", "used-keys", "kept", "transcript", "processed"]) {
    const rows = await Promise.all(tables.map(async (table) => [table, await this.read(table)] as const));
    return new Map(rows);
  }
}

/** Flips one bit. */
export function flip(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
}

/** A message that waits. */
export function keptMessage(seq: number, text = "hello"): Kept {
  return {
    seq,
    messageId: `m${seq}`,
    recipientId: "bob",
    conversationId: "c",
    messageType: "INFORM",
    content: { text },
    timestamp: seq,
    metadata: {},
    keptAt: seq,
    expiresAt: 1e13,
  };
}

/** An entry of a transcript. */
export function transcriptEntry(at: number, peer = "bob", text = "hello"): TranscriptEntry {
  return {
    direction: "SENT",
    at,
    peer,
    messageId: `m${at}`,
    conversationId: "c",
    messageType: "INFORM",
    content: { text },
    sealed: true,
    verified: true,
  };
}
