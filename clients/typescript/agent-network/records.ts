import { agreementPair, signingPair } from "./crypto/key-pairs.js";
import type { ConversationRecords, JsonValue, OwnKeys, RecordChange } from "./conversations/records.js";
import type { Kept, KeptMessages } from "./delivery/outbox-ports.js";

/** What was said or heard (Agent Network §14.3). */
export interface TranscriptEntry {
  readonly direction: "SENT" | "RECEIVED";
  /** Milliseconds since 1970: when it was kept, or processed. */
  readonly at: number;
  readonly peer: string;
  readonly messageId: string;
  readonly conversationId: string;
  readonly messageType: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly sealed: boolean;
  readonly verified: boolean;
}

/** Which entries are read, the newest first. */
export interface TranscriptRange {
  readonly peer?: string;
  /** Milliseconds since 1970. */
  readonly before?: number;
  readonly limit?: number;
}

/** All that a client keeps. */
export interface Records {
  readonly isDurable: boolean;
  readonly conversations: ConversationRecords;
  readonly kept: KeptMessages;
  readonly processed: {
    has(sender: string, id: string): boolean;
    add(sender: string, id: string): Promise<void>;
  };
  readonly transcript:
    | { add(entry: TranscriptEntry): Promise<void>; read(range: TranscriptRange): Promise<readonly TranscriptEntry[]> }
    | undefined;
  identity(): Promise<OwnKeys>;
  changePassphrase(old: string, next: string): Promise<void>;
  /** Wipes the keys. What is kept stays. */
  close(): Promise<void>;
}

/** Records that are gone with the process. */
export function memoryRecords(): Records {
  const tables = new Map<string, Map<string, JsonValue>>();
  let keys: OwnKeys | undefined;
  const kept = new Map<string, Kept>();
  const processed = new Set<string>();
  const transcript: TranscriptEntry[] = [];
  return {
    isDurable: false,
    conversations: {
      read: (table) => Promise.resolve([...(tables.get(table) ?? new Map<string, JsonValue>())]),
      commit: (changes: readonly RecordChange[]) => {
        for (const { table, key, value } of changes) {
          const rows = tables.get(table) ?? new Map<string, JsonValue>();
          tables.set(table, rows);
          if (value === undefined) rows.delete(key);
          else rows.set(key, value);
        }
        return Promise.resolve();
      },
      saveIdentity: (next) => {
        keys = next;
        return Promise.resolve();
      },
    },
    kept: {
      all: () => [...kept.values()],
      put: (one) => {
        kept.set(one.messageId, one);
        return Promise.resolve();
      },
      remove: (ids) => {
        for (const id of ids) kept.delete(id);
        return Promise.resolve();
      },
    },
    processed: {
      has: (sender, id) => processed.has(JSON.stringify([sender, id])),
      add: (sender, id) => {
        processed.add(JSON.stringify([sender, id]));
        return Promise.resolve();
      },
    },
    transcript: {
      add: (entry) => {
        transcript.push(entry);
        return Promise.resolve();
      },
      read: ({ peer, before = Infinity, limit = 100 }) =>
        Promise.resolve(
          transcript
            .filter((entry) => (peer === undefined || entry.peer === peer) && entry.at < before)
            .slice(-limit)
            .reverse(),
        ),
    },
    identity: () => {
      keys ??= { signing: signingPair(), agreement: { ...agreementPair(), since: Date.now() }, earlier: [] };
      return Promise.resolve(keys);
    },
    changePassphrase: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
