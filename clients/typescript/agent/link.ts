import type { Trust } from "../../../src/core/index.js";

/** How an agent reaches its broker: by sockets, or directly in the broker's own process. */
export interface Link {
  /** Hears `topic` from now on. @returns false if it was subscribed already */
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): void;
  /**
   * Publishes one payload; resolves when the transport has taken it, in the order of the calls. It is not sent if
   * `isWanted` says no before that.
   * @throws Fault unavailable (no broker), slow-consumer (the queue stays full), timeout (no longer wanted)
   */
  publish(topic: string, payload: string, isWanted?: () => boolean): Promise<void>;
  /** Ends the link; what was published before is sent first, as far as possible within `withinMs`. */
  close(withinMs: number): Promise<void>;
  /** True if the broker has read what was published as soon as `publish` resolves. */
  readonly isDirect?: boolean;
}

/** Takes what arrives. `trust`: what the broker knows of the sender, where the link can tell. */
export type MessageListener = (topic: string, payload: Buffer, trust?: Trust) => void;
