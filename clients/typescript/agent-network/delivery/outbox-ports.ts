import type { Clock } from "../../../../src/core/clock.js";
import type { SealedHead } from "../crypto/sealed.js";
import type { Metadata, NetworkFrame } from "../frames.js";
import type { DeliveryReport } from "./reports.js";

/**
 * A message that waits for its receipt, as it is on disk: not sealed, since keys of a conversation never touch one. It
 * is sealed unless its `metadata.encrypted` is false, which only the application's `plain: true` makes it.
 */
export interface Kept {
  /** Its place in the order of what this agent says. */
  readonly seq: number;
  readonly messageId: string;
  readonly recipientId: string;
  readonly conversationId: string;
  readonly messageType: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970, as the three below. */
  readonly timestamp: number;
  readonly metadata: Metadata;
  readonly keptAt: number;
  readonly expiresAt: number;
}

/** What the application says; `expiresAt` where it is to end before the seven days. */
export type NewMessage = Omit<Kept, "seq" | "keptAt" | "expiresAt"> & { readonly expiresAt?: number };

/** Where messages wait. Both promises resolve when it is on disk, where there is one. */
export interface KeptMessages {
  all(): readonly Kept[];
  put(kept: Kept): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
}

/** The part of the conversations that the outbox asks: it has no keys itself. */
export interface ConversationKeys {
  /**
   * The content of an offer, the same until its handshake is complete; undefined: there is a key that is not to be
   * renewed. Throws where the peer is refused.
   */
  offer(peer: string, conversationId: string): object | undefined;
  state(peer: string, conversationId: string): "none" | "offered" | "ready" | "refused";
  mode(peer: string): 2 | "seed" | undefined;
  /** Takes the next counter and seals; throws where there is no key, or the content is no JSON. */
  seal(head: SealedHead, data: Readonly<Record<string, unknown>>, kept: boolean): object;
  /**
   * A counter is given up: nothing more will be sealed with this key, and the next `offer` is for a new one, though the
   * conversation has one until then.
   */
  renew(peer: string, conversationId: string): void;
}

/** What an {@link Outbox} stands on. */
export interface OutboxPorts {
  /** In whose name all is said. */
  readonly agentId: string;
  readonly clock: Clock;
  readonly conversations: ConversationKeys;
  readonly kept: KeptMessages;
  /** Wall clock, milliseconds since 1970. */
  now(this: void): number;
  /** A new id of a frame. */
  newId(this: void): string;
  /** False: there is no line now. */
  write(this: void, frame: NetworkFrame): boolean;
  /** Does not throw. */
  tell(this: void, report: DeliveryReport): void;
  /** The store has failed, or what was to go ahead could not be made. Does not throw. */
  problem(this: void, error: unknown): void;
}
