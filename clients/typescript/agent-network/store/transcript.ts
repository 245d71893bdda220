import type { JsonValue } from "../conversations/records.js";
import { OwedChanges } from "./owed-changes.js";
import { pagesOf } from "./pages.js";
import type { Change } from "./store.js";
import type { Vault } from "./vault.js";

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

/** How much a transcript holds. */
export interface TranscriptMax {
  readonly entries: number;
  readonly bytes: number;
}

/** What a transcript holds at most; beyond it the oldest go. */
export const transcriptMax: TranscriptMax = Object.freeze({ entries: 10_000, bytes: 64 * 1_024 * 1_024 });

const table = "transcript";
const digits = 16;
/** Entries that are read from the store at once. */
const page = 256;

/** What was said and heard, encrypted: the document's "all communications are visible to users". */
export class Transcript {
  readonly #vault: Vault;
  readonly #limits: TranscriptMax;
  readonly #changes: OwedChanges;
  // bound: transcriptMax, entries and bytes of their records · evicts: the oldest · owner: Transcript
  readonly #entries: { readonly number: number; readonly bytes: number }[] = [];
  #bytes = 0;

  private constructor(vault: Vault, limits: TranscriptMax) {
    this.#vault = vault;
    this.#limits = limits;
    this.#changes = new OwedChanges(vault.raw);
  }

  /** Looks at what was kept. A row that is none is removed. */
  static async open(vault: Vault, limits: TranscriptMax = transcriptMax): Promise<Transcript> {
    const transcript = new Transcript(vault, limits);
    for await (const rows of pagesOf(vault.raw, table)) {
      const none = rows.filter(([key, value]) => !transcript.#take(key, value.length));
      if (none.length > 0) await vault.raw.commit(none.map(([key]) => ({ table, key })));
    }
    return transcript;
  }

  /** Adds an entry; on disk when it resolves. If it rejects, there is no such entry. */
  async add(entry: TranscriptEntry): Promise<void> {
    const number = (this.#entries.at(-1)?.number ?? 0) + 1;
    const sealed = this.#vault.sealed({ table, key: keyOf(number), value: entry as unknown as JsonValue });
    this.#count(number, sealed.value?.length ?? 0);
    const gone: Change[] = [];
    while (this.#entries.length > this.#limits.entries || this.#bytes > this.#limits.bytes) {
      const oldest = this.#entries.shift();
      if (oldest === undefined) break;
      this.#bytes -= oldest.bytes;
      gone.push({ table, key: keyOf(oldest.number) });
    }
    try {
      await this.#changes.commit([sealed, ...gone], gone);
    } catch (error) {
      this.#uncount(number);
      throw error;
    }
  }

  /** Entries, the newest first; 100 where no limit is named. What is damaged is left out, and told by the vault. */
  async read({ peer, before = Infinity, limit = 100 }: TranscriptRange = {}): Promise<readonly TranscriptEntry[]> {
    const found: TranscriptEntry[] = [];
    const numbers = this.#entries.map(({ number }) => number);
    while (numbers.length > 0 && found.length < limit) {
      const [first = 0, ...more] = numbers.splice(-page);
      // Exactly this page: a store that reads names before values reads no others.
      const range = { after: keyOf(first - 1), before: keyOf((more.at(-1) ?? first) + 1), reverse: true };
      for (const [, value] of await this.#vault.read(table, range)) {
        const entry = value as unknown as TranscriptEntry; // written by add alone: its tag was right
        if (entry.at < before && (peer === undefined || entry.peer === peer) && found.length < limit) found.push(entry);
      }
    }
    return found;
  }

  /** A row of the store; false if its number is none of ours. */
  #take(key: string, bytes: number): boolean {
    const number = Number(key);
    if (key.length !== digits || !Number.isInteger(number) || number > Number.MAX_SAFE_INTEGER / 2) return false;
    this.#count(number, bytes);
    return true;
  }

  #count(number: number, bytes: number): void {
    this.#entries.push({ number, bytes });
    this.#bytes += bytes;
  }

  #uncount(number: number): void {
    const at = this.#entries.findLastIndex((entry) => entry.number === number);
    const [entry] = at === -1 ? [] : this.#entries.splice(at, 1);
    this.#bytes -= entry?.bytes ?? 0;
  }
}

function keyOf(number: number): string {
  return String(number).padStart(digits, "0");
}
