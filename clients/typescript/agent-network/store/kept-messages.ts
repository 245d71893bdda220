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

  /** Reads what was kept. */
  static async open(vault: Vault): Promise<VaultMessages> {
    const messages = new VaultMessages(vault);
    for (const [, value] of await vault.read(table)) {
      const kept = value as unknown as Kept; // written by put alone: its tag was right
      messages.#kept.set(kept.messageId, kept);
    }
    return messages;
  }

  all(): readonly Kept[] {
    return [...this.#kept.values()];
  }

  async put(kept: Kept): Promise<void> {
    this.#kept.set(kept.messageId, kept);
    try {
      await this.#vault.commit([{ table, key: keyOf(kept.seq), value: kept as unknown as JsonValue }]);
    } catch (thrown) {
      this.#kept.delete(kept.messageId); // it is not on disk, so it is not kept
      throw thrown;
    }
  }

  async remove(ids: readonly string[]): Promise<void> {
    const gone = ids.flatMap((id) => this.#kept.get(id) ?? []);
    for (const { messageId } of gone) this.#kept.delete(messageId);
    if (gone.length > 0) await this.#vault.commit(gone.map(({ seq }) => ({ table, key: keyOf(seq) })));
  }
}

function keyOf(seq: number): string {
  return String(seq).padStart(digits, "0");
}
