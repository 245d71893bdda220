/** A part of the broker with a beginning and an end. Parts start in the order listed and drain in reverse. */
export interface Lifecycle {
  /** Resolves when the part is ready to serve. Throws when it cannot; nothing of it is left then. */
  start(): Promise<void>;
  /** Stops taking new work and finishes what is under way, at the latest when `deadline` aborts. */
  drain(deadline: AbortSignal): Promise<void>;
  /** Releases everything at once. May follow `start` or `drain`; a second call does nothing. */
  stop(): Promise<void>;
}
