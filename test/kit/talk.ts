import { ConversationsMemory, RequestsMemory, type Turn, type TurnIntent } from "../../src/conversation/index.js";
import { defaultLimits, type Envelope, type Limits, type MessageType } from "../../src/core/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

/** A talk between agents, without a broker. */
export interface Talk {
  readonly clock: FakeClock;
  readonly requests: RequestsMemory;
  readonly conversations: ConversationsMemory;
  /** Says a text as a session does: asks for its meaning, then routes it. @returns type, and what it is a reply to */
  readonly says: (from: string, to: string, said?: TurnIntent) => string;
  /** A typed message of another dialect is routed. @returns its id */
  readonly routed: (from: string, to: string, type: MessageType, inReplyTo?: string) => string;
  readonly turns: Turn[];
}

/** Begins one. */
export function talk(limits: Partial<Limits> = {}): Talk {
  const clock = new FakeClock();
  const all = { ...defaultLimits, ...limits };
  const requests = new RequestsMemory({ limits: all, clock });
  const conversations = new ConversationsMemory({ limits: all, clock, requests });
  const turns: Turn[] = [];
  let ids = 0;
  const routed: Talk["routed"] = (from, to, type, inReplyTo) => {
    ids += 1;
    const envelope: Envelope = {
      message_id: `m${String(ids)}`,
      timestamp: "",
      from,
      to,
      type,
      priority: "NORMAL",
      content: { message: "" },
      ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
    };
    requests.answer(envelope);
    conversations.heard(envelope);
    return envelope.message_id;
  };
  return {
    clock,
    requests,
    conversations,
    turns,
    routed,
    says(from, to, said = {}) {
      const turn = conversations.turn(from, to, said);
      turns.push(turn);
      routed(from, to, turn.type, turn.in_reply_to);
      return [turn.type, turn.in_reply_to].filter((word) => word !== undefined).join(" ");
    },
  };
}
