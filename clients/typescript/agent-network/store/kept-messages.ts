import type { JsonValue } from "../conversations/records.js";
import type { Kept, KeptMessages } from "../delivery/outbox-ports.js";
import type { Vault } from "./vault.js";

const table = "kept";
const digits = 16;

/** What waits for its receipt, in the vault (Agent Network §12.2), in its order over restarts. */
export class VaultMessages implements KeptMessages {
  readonly #vault: Vault;
  // bound: the outbox's own · evicts: goes when it is removed · owner: VaultMessages
  readonly #kept = new Map<string, Kept>();

  private constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** Reads what was kept. What of it is damaged is told by the vault, once, and removed: it can never be said. */
  static async open(vault: Vault): Promise<VaultMessages> {
    const messages = new VaultMessages(vault);
    for (const [, value] of await vault.read(table)) {
      const kept = value as unknown as Kept; // written by put alone: its tag was right
      messages.#kept.set(kept.messageId, kept);
    }
    const damaged = vault.damagedIn(table);
    if (damaged.length > 0) await vault.commit(damaged.map((key) => ({ table, key })));
    return messages;
  }

  all(): readonly Kept[] {
    return [...this.#kept.values()];
  }

  /** If it rejects, nothing of the message is kept. */
  async put(kept: Kept): Promise<void> {
    await this.#vault.commit([{ table, key: keyOf(kept.seq), value: kept as unknown as JsonValue }]);
    this.#kept.set(kept.messageId, kept);
  }

  /** If it rejects, they are still kept, and may be removed again. */
  async remove(ids: readonly string[]): Promise<void> {
    const gone = ids.flatMap((id) => this.#kept.get(id) ?? []);
    if (gone.length === 0) return;
    await this.#vault.commit(gone.map(({ seq }) => ({ table, key: keyOf(seq) })));
    for (const { messageId } of gone) this.#kept.delete(messageId);
  }
}

function keyOf(seq: number): string {
  return String(seq).padStart(digits, "0");
}
