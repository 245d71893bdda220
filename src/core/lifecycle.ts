/** A part of the broker that is started and stopped. Parts start in the order listed and drain in reverse. */
export interface Lifecycle {
  /** Resolves when the part is ready to serve. If it throws, it has cleaned up after itself. */
  start(): Promise<void>;
  /** Takes no new work and finishes what it has begun, at the latest when `deadline` aborts. */
  drain(deadline: AbortSignal): Promise<void>;
  /** Releases everything at once. May follow `start` or `drain`; a second call does nothing. */
  stop(): Promise<void>;
}
