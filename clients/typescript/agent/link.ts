import type { ListedAgent, ListedRoom, Trust } from "../../../src/core/index.js";

/** How an agent reaches its broker: by sockets, or directly in the broker's own process. */
export interface Link {
  /** Hears `topic` from now on. @returns false if it was subscribed already */
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): void;
  /**
   * Publishes one payload; resolves when the transport has taken it, in the order of the calls. It is not sent if
   * `isWanted` says no before that.
   * @throws Fault unavailable (no broker), slow-consumer (the queue stays full), timeout (no longer wanted), and in the
   * broker's own process what the broker answers at once
   */
  publish(topic: string, payload: string, isWanted?: () => boolean): Promise<void>;
  /** Ends the link; what was published before is sent first, as far as possible within `withinMs`. */
  close(withinMs: number): Promise<void>;
  /** Rooms and lists without a request to `$broker`, in the broker's own process. */
  readonly house?: House;
}

/** What `$broker` answers, asked by calls. */
export interface House {
  join(room: string): Promise<void>;
  leave(room: string): Promise<void>;
  rooms(): Promise<readonly ListedRoom[]>;
  agents(): Promise<readonly ListedAgent[]>;
}

/** Takes what arrives. `trust`: what the broker knows of the sender, where the link can tell. */
export type MessageListener = (topic: string, payload: Buffer, trust?: Trust) => void;
