import type { ConversationRecords, OwnKeys } from "./conversations/records.js";
import type { KeptMessages } from "./delivery/outbox-ports.js";
import { keptError } from "./error.js";
import type { Platform } from "./platform.js";
import { VaultMessages } from "./store/kept-messages.js";
import { own } from "./store/owner.js";
import { ProcessedIds } from "./store/processed-ids.js";
import { MemoryStore } from "./store/store-memory.js";
import type { NetworkStore } from "./store/store.js";
import { Transcript } from "./store/transcript.js";
import { Vault } from "./store/vault.js";

/** All that a client keeps (Agent Network §14). */
export interface Records {
  readonly conversations: ConversationRecords;
  readonly kept: KeptMessages;
  readonly processed: Pick<ProcessedIds, "has" | "add">;
  /** Undefined where it is turned off. */
  readonly transcript: Pick<Transcript, "add" | "read"> | undefined;
  readonly identity: OwnKeys;
  changePassphrase(old: string, next: string): Promise<void>;
  /** Wipes the keys, and closes the store. What is kept stays. */
  close(): Promise<void>;
}

/** Where records are kept, and how. */
export interface RecordsOptions {
  readonly store?: string | NetworkStore | undefined;
  readonly passphrase?: string | undefined;
  readonly transcript: boolean;
}

/**
 * Opens what is kept.
 * @param agentId whose it is
 * @param damaged hears of records that are damaged, which are left out (Agent Network §14.5)
 * @throws NetworkError for a wrong passphrase, a store whose header is damaged, another agent's, or one that another process has
 */
export async function openRecords(
  agentId: string,
  { store = new MemoryStore(), passphrase, transcript }: RecordsOptions,
  platform: Pick<Platform, "openStore">,
  damaged: (problem: Error) => void,
): Promise<Records> {
  let opened: NetworkStore | undefined;
  try {
    opened = typeof store === "string" ? await platform.openStore(store) : store;
    const vault = await Vault.open(opened, passphrase, damaged);
    await own(vault, agentId);
    const [kept, processed, entries] = await Promise.all([
      VaultMessages.open(vault),
      ProcessedIds.open(vault),
      transcript ? Transcript.open(vault) : undefined,
    ]);
    return {
      conversations: vault,
      kept,
      processed,
      transcript: entries,
      identity: vault.identity(),
      changePassphrase: (old, next) =>
        vault.changePassphrase(old, next).catch((thrown: unknown) => {
          throw keptError(thrown);
        }),
      close: () => vault.close(),
    };
  } catch (thrown) {
    await opened?.close();
    throw keptError(thrown);
  }
}
