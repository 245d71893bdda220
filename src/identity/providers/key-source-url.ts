import { Fault, type Clock, type Limits } from "../../core/index.js";
import type { FetchedText } from "./fetch-text.js";
import type { KeySet } from "./key-set.js";
import { keysMissing, lastGoodMs, type KeySource, type SourceListener } from "./key-source.js";

/** Keys are used so long at least before they are asked for again, whatever the answer says. Milliseconds. */
const freshMinMs = 5 * 60_000;
/** … and so long at most. */
const freshMaxMs = lastGoodMs;
/** … if the answer does not say. */
const freshUsualMs = 60 * 60_000;
/** For a key that is not among them they are asked for again no sooner than this after the last time. */
const againMs = 30_000;
/** After a failure they are asked for again no sooner than this, twice as long after each further one … */
const retryMinMs = 1_000;
/** … up to this. */
const retryMaxMs = 30_000;

/** What a source at a URL needs. */
export interface UrlSourceOptions {
  /** The issuer's name, for the words of refusals. */
  readonly issuer: string;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "issuerWaitsMax">;
  /** Asks for the document; must end by itself. */
  readonly fetch: (signal: AbortSignal) => Promise<FetchedText>;
  /** @throws Error with what is wrong */
  readonly read: (text: string) => KeySet;
  readonly told: SourceListener;
}

/** Keys that are fetched, once for all who wait, and kept for a while. The last good ones outlive a failure. */
export class KeySourceUrl implements KeySource {
  readonly #options: UrlSourceOptions;
  readonly #closing = new AbortController();
  #held: { readonly keys: KeySet; readonly at: number; readonly freshUntil: number } | undefined;
  #fetching: Promise<void> | undefined;
  #waiting = 0;
  /** When the last fetch ended. */
  #askedAt = -Infinity;
  /** How the last fetch failed; undefined: it did not. */
  #problem: string | undefined;
  #failures = 0;
  #retryAt = -Infinity;

  constructor(options: UrlSourceOptions) {
    this.#options = options;
  }

  keys(): Promise<KeySet> {
    const held = this.#held;
    return held !== undefined && this.#now() < held.freshUntil ? Promise.resolve(held.keys) : this.#renewed();
  }

  async again(): Promise<KeySet> {
    if (this.#fetching !== undefined || this.#now() - this.#askedAt >= againMs) await this.#renewed();
    // Nobody knows whether the key is a new one.
    if (this.#problem !== undefined) throw this.#missing(this.#problem);
    return this.#lastGood();
  }

  close(): void {
    this.#closing.abort();
  }

  /** As long as it was for others: a key grows old while this process stands still, too. */
  #now(): number {
    const { clock } = this.#options;
    return clock.monotonic() + clock.missed();
  }

  async #renewed(): Promise<KeySet> {
    if (this.#fetching === undefined && this.#now() < this.#retryAt) return this.#lastGood();
    if (this.#waiting >= this.#options.limits.issuerWaitsMax)
      throw this.#missing(`${String(this.#waiting)} logins wait for them`);
    this.#waiting += 1;
    try {
      await (this.#fetching ??= this.#fetch());
    } finally {
      this.#waiting -= 1;
    }
    return this.#lastGood();
  }

  #lastGood(): KeySet {
    const held = this.#held;
    if (held !== undefined && this.#now() - held.at < lastGoodMs) return held.keys;
    const isOver = this.#closing.signal.aborted;
    throw this.#missing(isOver ? "the configuration was read again meanwhile" : (this.#problem ?? "they are too old"));
  }

  #missing(problem: string): Fault {
    return keysMissing(this.#options.issuer, problem, Math.max(retryMinMs, this.#retryAt - this.#now()));
  }

  /** Never rejects: what went wrong is kept for all who wait. */
  async #fetch(): Promise<void> {
    const { fetch, read } = this.#options;
    try {
      const { text, maxAgeMs = freshUsualMs } = await fetch(this.#closing.signal);
      const keys = read(text);
      const at = this.#now();
      this.#held = { keys, at, freshUntil: at + Math.min(Math.max(maxAgeMs, freshMinMs), freshMaxMs) };
      this.#failures = 0;
      this.#retryAt = -Infinity;
      this.#tell(undefined);
    } catch (thrown) {
      this.#retryAt = this.#now() + Math.min(retryMinMs * 2 ** this.#failures, retryMaxMs);
      this.#failures += 1;
      if (!this.#closing.signal.aborted) this.#tell(thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      this.#fetching = undefined;
      this.#askedAt = this.#now();
    }
  }

  #tell(problem: string | undefined): void {
    const isNew = problem !== this.#problem;
    this.#problem = problem;
    if (isNew) this.#options.told(problem);
  }
}
