import type { Envelope, Message, MessageType, Priority, Trust } from "../core/index.js";

/** Heads that are remembered. */
const headsMax = 10_000;

/** The head of a message that the broker has looked at; never what it says. */
export interface TracedHead {
  /** When it came, wall clock, milliseconds. */
  readonly at: number;
  readonly messageId: string;
  readonly from: string;
  /** The topic that it went to. */
  readonly to: string;
  readonly type: MessageType;
  readonly priority: Priority;
  readonly inReplyTo: string | undefined;
  readonly conversationId: string | undefined;
  readonly trust: Trust | undefined;
}

/** Which heads are asked for: those that fit all of what is given. */
export interface TraceQuery {
  /** Its own id, or that of what it answers. */
  readonly messageId?: string | undefined;
  /** Who said it, or to whom. */
  readonly agent?: string | undefined;
  /** The newest, so many at most. */
  readonly count: number;
}

/**
 * The heads of the last 10,000 messages that the broker has looked at and passed on. Messages between ZeroMQ agents that
 * passed as bytes are not among them, nor is anything sealed, nor what the broker itself says.
 */
export class MessageTrace {
  // bound: 10,000, two names and three ids each · evicts: the oldest · owner: MessageTrace
  readonly #heads: TracedHead[] = [];
  #next = 0;

  /** Follows the exchange. Nothing of the content is kept. */
  take(
    { message_id: messageId, from, type, priority, in_reply_to: inReplyTo, conversation_id: conversationId }: Envelope,
    { receivedAt: at, topic: to, trust }: Pick<Message, "receivedAt" | "topic" | "trust">,
  ): void {
    this.#heads[this.#next] = { at, messageId, from, to, type, priority, inReplyTo, conversationId, trust };
    this.#next = (this.#next + 1) % headsMax;
  }

  /** Newest last. */
  find({ messageId, agent, count }: TraceQuery): readonly TracedHead[] {
    const found: TracedHead[] = [];
    const { length } = this.#heads;
    for (let back = 1; back <= length && found.length < count; back += 1) {
      const head = this.#heads[(this.#next - back + length) % length];
      if (head === undefined) continue;
      if (messageId !== undefined && head.messageId !== messageId && head.inReplyTo !== messageId) continue;
      if (agent !== undefined && head.from !== agent && head.to !== agent) continue;
      found.push(head);
    }
    return found.reverse();
  }
}
