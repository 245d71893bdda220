import type { Clock } from "../../core/index.js";
import { fileStamp, readRegular } from "../../storage/atomic-file.js";
import { keysMaxBytes } from "./fetch-text.js";
import type { KeySet } from "./key-set.js";
import { keysMissing, type KeySource, type SourceListener } from "./key-source.js";

/** The file is looked at no more often than this; so long after a change it may still be used as it was. */
const lookMs = 1_000;

/** What a source in a file needs. */
export interface FileSourceOptions {
  /** The issuer's name, for the words of refusals. */
  readonly issuer: string;
  readonly path: string;
  readonly clock: Pick<Clock, "monotonic">;
  /** @throws Error with what is wrong */
  readonly read: (text: string) => KeySet;
  readonly told: SourceListener;
}

/** Keys in a file, read again when it changes. A bad change leaves the last good ones. */
export class KeySourceFile implements KeySource {
  readonly #options: FileSourceOptions;
  #keys: KeySet | undefined;
  #stamp: string | undefined;
  #problem: string | undefined;
  #lookedAt = -Infinity;

  constructor(options: FileSourceOptions) {
    this.#options = options;
  }

  keys(): Promise<KeySet> {
    const now = this.#options.clock.monotonic();
    if (now - this.#lookedAt >= lookMs) this.#look();
    if (this.#keys !== undefined) return Promise.resolve(this.#keys);
    return Promise.reject(keysMissing(this.#options.issuer, this.#problem ?? "their file was not read", lookMs));
  }

  again(): Promise<KeySet> {
    this.#look();
    return this.keys();
  }

  close(): void {
    // nothing is open
  }

  #look(): void {
    const { path, read, told, clock } = this.#options;
    this.#lookedAt = clock.monotonic();
    let problem: string | undefined;
    try {
      const stamp = fileStamp(path);
      if (stamp !== undefined && stamp === this.#stamp) return;
      this.#keys = read(readKeysFile(path));
      this.#stamp = stamp;
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
