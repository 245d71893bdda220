import type { Lifecycle } from "../core/index.js";

/**
 * Whether the broker takes work. Last in the list of parts: it starts when every door is open and drains before any
 * closes.
 */
export class Readiness implements Lifecycle {
  #missing: string | undefined = "the broker is starting: not all of its doors are open";

  /** Why not; undefined if it does. */
  get missing(): string | undefined {
    return this.#missing;
  }

  start(): Promise<void> {
    this.#missing = undefined;
    return Promise.resolve();
  }

  drain(): Promise<void> {
    this.#missing = "the broker is stopping: it finishes what is under way";
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#missing = "the broker has stopped";
    return Promise.resolve();
  }
}
