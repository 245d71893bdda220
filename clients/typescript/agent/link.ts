import type { ListedAgent, ListedRoom, Trust } from "../../../src/core/index.js";

/** How an agent reaches its broker: sockets, or a direct line in the broker's own process. */
export interface Link {
  /** Hears `topic` from now on. @returns false if it does already */
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): void;
  /**
   * Publishes one payload; resolves when the transport has taken it, in order of the calls. While it waits for its turn
   * `isWanted` may call it off.
   * @throws Fault unavailable (no broker), slow-consumer (the queue stays full), timeout (called off), and on a direct
   * line what the broker says at once
   */
  publish(topic: string, payload: string, isWanted?: () => boolean): Promise<void>;
  /** Ends the link; what was published before goes out first, as far as possible within `withinMs`. */
  close(withinMs: number): Promise<void>;
  /** Rooms and lists without a request to `$broker`, where the link is a direct line. */
  readonly house?: House;
}

/** What `$broker` answers, asked directly. */
export interface House {
  join(room: string): Promise<void>;
  leave(room: string): Promise<void>;
  rooms(): Promise<readonly ListedRoom[]>;
  agents(): Promise<readonly ListedAgent[]>;
}

/** Hears what arrives. `trust`: what the broker knows of the sender, where the link can tell. */
export type MessageListener = (topic: string, payload: Buffer, trust?: Trust) => void;
