import type { JsonValue } from "../conversations/records.js";
import { utf8 } from "../crypto/bytes.js";
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
const page = 128;

/** What was said and heard, encrypted: the document's "all communications are visible to users". */
export class Transcript {
  readonly #vault: Vault;
  readonly #limits: TranscriptMax;
  /** Number and size of each entry, the oldest first. */
  readonly #entries: { readonly number: number; readonly bytes: number }[] = [];
  #bytes = 0;

  private constructor(vault: Vault, limits: TranscriptMax) {
    this.#vault = vault;
    this.#limits = limits;
  }

  /** Looks at what was kept. */
  static async open(vault: Vault, limits: TranscriptMax = transcriptMax): Promise<Transcript> {
    const transcript = new Transcript(vault, limits);
    for (const [key, bytes] of await vault.sizes(table)) transcript.#count(Number(key), bytes);
    return transcript;
  }

  /** Adds an entry; on disk when it resolves. */
  async add(entry: TranscriptEntry): Promise<void> {
    const number = (this.#entries.at(-1)?.number ?? 0) + 1;
    this.#count(number, utf8(JSON.stringify(entry)).length);
    const gone: number[] = [];
    while (this.#entries.length > this.#limits.entries || this.#bytes > this.#limits.bytes) {
      const oldest = this.#entries.shift();
      if (oldest === undefined) break;
      this.#bytes -= oldest.bytes;
      gone.push(oldest.number);
    }
    await this.#vault.commit([
      { table, key: keyOf(number), value: entry as unknown as JsonValue },
      ...gone.map((one) => ({ table, key: keyOf(one) })),
    ]);
  }

  /** Entries, the newest first; 100 where no limit is named. */
  async read({ peer, before = Infinity, limit = 100 }: TranscriptRange = {}): Promise<readonly TranscriptEntry[]> {
    const found: TranscriptEntry[] = [];
    const entries = [...this.#entries]; // the oldest may go while it is read
    // A page of known bounds: a store reads all that a range holds, whichever end is wanted.
    for (let end = entries.length; end > 0 && found.length < limit; end -= page) {
      const [first, last] = [entries[Math.max(0, end - page)], entries[end - 1]];
      if (first === undefined || last === undefined) break;
      const range = { after: keyOf(first.number - 1), before: keyOf(last.number + 1), reverse: true };
      for (const [, value] of await this.#vault.read(table, range)) {
        const entry = value as unknown as TranscriptEntry; // written by add alone: its tag was right
        if (entry.at < before && (peer === undefined || entry.peer === peer) && found.length < limit) found.push(entry);
      }
    }
    return found;
  }

  #count(number: number, bytes: number): void {
    this.#entries.push({ number, bytes });
    this.#bytes += bytes;
  }
}

function keyOf(number: number): string {
  return String(number).padStart(digits, "0");
}
