import type { Lane } from "./lane.js";
import type { OutboxPorts } from "./outbox-ports.js";
import type { NetworkFrame } from "../frames.js";
import { triesMax, waitMs } from "./retry.js";

/** Offers of handshakes, which are said until they are answered (Agent Network §10.2, §10.6). */
export class Offers {
  readonly #ports: Pick<OutboxPorts, "agentId" | "clock" | "conversations" | "newId" | "now">;
  /** The lanes whose last offer has this id. */
  // bound: one of each lane of Waiting · evicts: the next offer of the lane, its handshake, or its end · owner: Offers
  readonly #lanes = new Map<string, Lane>();

  constructor(ports: Pick<OutboxPorts, "agentId" | "clock" | "conversations" | "newId" | "now">) {
    this.#ports = ports;
  }

  /** The lane whose last offer has this id. */
  find(id: string): Lane | undefined {
    return this.#lanes.get(id);
  }

  /** True if an offer is to be said now. One for which no message waits is not said for ever. */
  isDue({ offer, size }: Lane): boolean {
    if (offer === undefined) return true;
    return offer.dueAt <= this.#ports.clock.monotonic() && (size > 0 || offer.said < triesMax);
  }

  /** The offer to be said; undefined if there is a key after all. @throws what the conversations say of a refused peer */
  make({ peer, conversationId }: Lane): NetworkFrame | undefined {
    const { agentId, conversations, newId, now } = this.#ports;
    const content = conversations.offer(peer, conversationId);
    if (content === undefined) return undefined;
    return {
      messageId: newId(),
      conversationId,
      senderId: agentId,
      recipientId: peer,
      messageType: "HANDSHAKE",
      content: { ...content },
      timestamp: now(),
      metadata: { priority: "HIGH", encrypted: false, requiresResponse: true },
    };
  }

  /** It is on the line. Returns when the next one is due, monotonic milliseconds. */
  said(lane: Lane, { messageId }: NetworkFrame): number {
    const before = lane.offer?.said ?? 0;
    this.end(lane);
    const dueAt = this.#ports.clock.monotonic() + waitMs(before);
    lane.offer = { id: messageId, said: before + 1, dueAt };
    this.#lanes.set(messageId, lane);
    return dueAt;
  }

  /** It is to be said again, when that can be. */
  again({ offer }: Lane): void {
    if (offer !== undefined) offer.dueAt = this.#ports.clock.monotonic();
  }

  /** No offer of this lane is open any more. */
  end(lane: Lane): void {
    if (lane.offer !== undefined) this.#lanes.delete(lane.offer.id);
    lane.offer = undefined;
  }
}
