/** Callbacks that one session waits for at most; the answers of further ones come as events. */
const callbacksMax = 16;

/** What an answer is known by. */
export const keyOf = {
  auth: "auth",
  heartbeat: "heartbeat",
  message: (messageId: string) => `message ${messageId}`,
  request: (requestId: string) => `request ${requestId}`,
} as const;

interface Waiting {
  readonly id: string;
  readonly keys: readonly string[];
}

/** Events whose sender gave a callback, by what their answer is known by. */
export class Callbacks {
  // bound: 2 keys for each of callbacksMax · evicts: the oldest · owner: Callbacks
  #waiting: Map<string, Waiting> | undefined; // most clients give none

  get isEmpty(): boolean {
    return this.#waiting === undefined || this.#waiting.size === 0;
  }

  /** The first answer of one of these keys goes to packet `id`; undefined: nobody waits. */
  wait(id: string | undefined, ...keys: readonly string[]): void {
    if (id === undefined) return;
    const waiting = (this.#waiting ??= new Map<string, Waiting>());
    for (const key of keys) this.take(key);
    const [oldest] = waiting.keys();
    if (waiting.size >= 2 * callbacksMax && oldest !== undefined) this.take(oldest);
    const entry = { id, keys };
    for (const key of keys) waiting.set(key, entry);
  }

  /** The packet that waits for this; it waits no longer. */
  take(key: string): string | undefined {
    const entry = this.#waiting?.get(key);
    for (const each of entry?.keys ?? []) this.#waiting?.delete(each);
    return entry?.id;
  }
}
