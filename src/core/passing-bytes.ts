/** Looks at messages that ZeroMQ agents send each other as bytes. What it is given is borrowed for the call. */
export interface ByteWatcher {
  /**
   * `count` messages to one topic have passed, with their framing `bytes` bytes.
   * @returns how many of them, from the first on, it wants to see whole; the others it has counted
   */
  passed(topic: string, count: number, bytes: number): number;
  /** One of those that it wanted to see; `bytes` with its framing. Never throws. */
  saw(topic: string, payload: Buffer, bytes: number): void;
  /** Of the others that it has just counted, `count` with `bytes` bytes in a row say that they are of `from`. */
  sender(topic: string, from: string, count: number, bytes: number): void;
}

/**
 * Where the byte path shows what passes while somebody wants to know. While nobody does, it costs one comparison for
 * each run of messages.
 */
export class PassingBytes {
  #watcher: ByteWatcher | undefined;

  /** Undefined while nobody looks. */
  get watcher(): ByteWatcher | undefined {
    return this.#watcher;
  }

  /** Lets `watcher` see what passes, instead of another; the returned function ends it. */
  watch(watcher: ByteWatcher): () => void {
    this.#watcher = watcher;
    return () => {
      if (this.#watcher === watcher) this.#watcher = undefined;
    };
  }
}
