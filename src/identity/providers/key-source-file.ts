import type { Clock } from "../../core/index.js";
import { fileStamp, readRegular } from "../../storage/atomic-file.js";
import { keysMaxBytes } from "./fetch-text.js";
import type { KeySet } from "./key-set.js";
import { keysMissing, lastGoodMs, type KeySource, type SourceListener } from "./key-source.js";

/** The file is looked at no more often than this; so long after a change it may still be used as it was. */
const lookMs = 1_000;

/** What a source in a file needs. */
export interface FileSourceOptions {
  /** The issuer's name, for the words of refusals. */
  readonly issuer: string;
  readonly path: string;
  readonly clock: Pick<Clock, "monotonic" | "missed">;
  /** @throws Error with what is wrong */
  readonly read: (text: string) => KeySet;
  readonly told: SourceListener;
}

/** Keys in a file, read again when it changes. A bad change leaves the last good ones, for a while. */
export class KeySourceFile implements KeySource {
  readonly #options: FileSourceOptions;
  #keys: KeySet | undefined;
  #stamp: string | undefined;
  #problem: string | undefined;
  #lookedAt = -Infinity;
  /** When the file was last seen to hold the keys. */
  #goodAt = -Infinity;

  constructor(options: FileSourceOptions) {
    this.#options = options;
  }

  keys(): Promise<KeySet> {
    if (this.#isLookDue()) this.#look();
    if (this.#keys !== undefined && this.#now() - this.#goodAt < lastGoodMs) return Promise.resolve(this.#keys);
    return Promise.reject(keysMissing(this.#options.issuer, this.#problem ?? "their file was not read", lookMs));
  }

  again(): Promise<KeySet> {
    // A good file costs a look at its stamp; a bad one would be read for each stranger who names a key.
    if (this.#problem === undefined || this.#isLookDue()) this.#look();
    return this.keys();
  }

  close(): void {
    // nothing is open
  }

  /** As long as it was for others: a file may have gone while this process stood still. */
  #now(): number {
    const { clock } = this.#options;
    return clock.monotonic() + clock.missed();
  }

  #isLookDue(): boolean {
    return this.#now() - this.#lookedAt >= lookMs;
  }

  #look(): void {
    const { path, read, told } = this.#options;
    this.#lookedAt = this.#now();
    let problem: string | undefined;
    try {
      const stamp = fileStamp(path);
      if (stamp === undefined || stamp !== this.#stamp) this.#keys = read(readKeysFile(path));
      this.#stamp = stamp;
      this.#goodAt = this.#lookedAt;
    } catch (thrown) {
      problem = `${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    }
    const isNew = problem !== this.#problem;
    this.#problem = problem;
    if (isNew) told(problem);
  }
}

/** The text of a file of keys. @throws Error, Fault: it is not there, no regular file, too large */
export function readKeysFile(path: string): string {
  const bytes = readRegular(path);
  if (bytes.length > keysMaxBytes) throw new Error(`it has more than ${String(keysMaxBytes / 1_024)} KiB`);
  return bytes.toString("utf8");
}
