import type { Clock } from "../../../src/core/clock.js";
import type { OpenCalls } from "./calls.js";
import { newId } from "./composing.js";
import { Conversations, type PeerFacts } from "./conversations/conversations.js";
import type { HandshakeContent } from "./crypto/handshake-text.js";
import { ready } from "./crypto/sodium.js";
import { Outbox, type DeliveryReport } from "./delivery/outbox.js";
import type { ConversationKeys } from "./delivery/outbox-ports.js";
import { Receipts } from "./delivery/receipts.js";
import { networkError } from "./error.js";
import type { NetworkFrame } from "./frames.js";
import { Incoming } from "./incoming.js";
import type { Message } from "./message.js";
import type { Records } from "./records.js";
import type { SecurityEvents } from "./security-events.js";

/** What the parts of a client tell, and what they are given. */
export interface PartsPorts {
  readonly agentId: string;
  readonly clock: Clock;
  readonly seedMode: "accept" | "refuse";
  readonly events: SecurityEvents;
  readonly calls: OpenCalls;
  /** False: there is no line now. */
  write(frame: NetworkFrame): boolean;
  /** What is said has got further, or not. Does not throw. */
  reported(report: DeliveryReport): void;
  /** A conversation has a key, or its handshake was said again. Does not throw. */
  handshaken(frame: NetworkFrame, isNew: boolean): void;
  /** A new handshake is needed in a conversation that had a key. */
  offerWanted(): void;
  note(message: Message): void;
  hear(message: Message): Promise<void>;
  record(message: Message): void;
  /** Something that nobody waits for has failed. Does not throw. */
  failed(what: string, thrown: unknown): void;
}

/** What a client is made of, when its keys and all that it keeps are read. */
export interface Parts {
  readonly records: Records;
  readonly conversations: Conversations;
  readonly outbox: Outbox;
  readonly incoming: Incoming;
  /** Hears nothing more: handlers that run come to their end, and what was processed has its receipts. */
  drain(): Promise<void>;
  /** Wipes keys. What is kept stays kept. */
  close(): Promise<void>;
}

/** Reads what is kept and puts the parts together. @throws what the store throws */
export async function openParts(open: () => Promise<Records>, ports: PartsPorts): Promise<Parts> {
  if ((globalThis.crypto as { readonly subtle?: unknown }).subtle === undefined)
    throw networkError(
      "ENCRYPTION_ERROR",
      "a page can encrypt in a secure context only: serve it by https://, or from http://127.0.0.1 or localhost",
    );
  await ready();
  const { agentId, clock, events, calls, seedMode } = ports;
  const records = await open();
  const problem = (thrown: unknown): void => {
    ports.failed("what is kept", thrown);
  };
  const conversations = await Conversations.open({
    self: agentId,
    identity: records.identity,
    records: records.conversations,
    clock,
    events,
    isProcessed: (sender, id) => records.processed.has(sender, id),
    problem,
  });
  const outbox = new Outbox({
    agentId,
    clock,
    conversations: seedMode === "refuse" ? withoutSeedMode(conversations) : conversations,
    kept: records.kept,
    now: () => clock.now(),
    newId: () => newId("msg"),
    write: (frame) => ports.write(frame),
    tell: (report) => {
      ports.reported(report);
    },
    problem,
  });
  const frameTo = (
    peer: string,
    conversationId: string,
    more: Pick<NetworkFrame, "messageType" | "content">,
  ): NetworkFrame => ({
    messageId: newId("msg"),
    conversationId,
    senderId: agentId,
    recipientId: peer,
    timestamp: clock.now(),
    metadata: { priority: "HIGH", encrypted: more.messageType === "ENCRYPTED", requiresResponse: false },
    ...more,
  });
  const receipts = new Receipts(clock, (peer, conversationId, take) => {
    outbox.answer(() => {
      const messageIds = take();
      if (messageIds.length === 0) return undefined;
      const frame = frameTo(peer, conversationId, { messageType: "ENCRYPTED", content: {} });
      try {
        const content = conversations.seal({ ...frame, originalType: "RECEIPT" }, { messageIds }, false);
        return { ...frame, content: { ...content } };
      } catch {
        return undefined; // no key of now: the sender says them again after the next handshake, and hears it then
      }
    });
  });
  const incoming = new Incoming({
    agentId,
    clock,
    conversations,
    refusesSeedMode: seedMode === "refuse",
    processed: records.processed,
    events,
    calls,
    answer: (peer, conversationId, content: HandshakeContent) => {
      outbox.answer(frameTo(peer, conversationId, { messageType: "HANDSHAKE", content: { ...content } }));
    },
    ready: (frame, isNew) => {
      ports.handshaken(frame, isNew);
      outbox.ready(frame.senderId, frame.conversationId, isNew);
    },
    receipt: (peer, ids) => {
      outbox.receipt(peer, ids);
    },
    toReceipt: (peer, conversationId, id) => {
      receipts.processed(peer, conversationId, id);
    },
    note: (message) => {
      ports.note(message);
    },
    hear: (message) => ports.hear(message),
    record: (message) => {
      ports.record(message);
    },
    failed: (what, thrown) => {
      ports.failed(what, thrown);
    },
  });
  conversations.wantOffer = (peer, conversationId) => {
    ports.offerWanted();
    outbox.offerWanted(peer, conversationId);
  };
  conversations.released = (opened) => {
    incoming.takeOpened(opened);
  };
  await outbox.open();
  return {
    records,
    conversations,
    outbox,
    incoming,
    drain: async () => {
      await incoming.close();
      receipts.flush();
    },
    close: async () => {
      receipts.close();
      outbox.close();
      conversations.close();
      await outbox.settled();
      await records.close();
    },
  };
}

/** What an application may know of a peer. */
export type { PeerFacts };

/** Peers in seed mode are as good as refused: nothing is said to them. */
function withoutSeedMode(conversations: Conversations): ConversationKeys {
  const isSeed = (peer: string): boolean => conversations.mode(peer) === "seed";
  return {
    offer: (peer, id) => {
      if (!isSeed(peer)) return conversations.offer(peer, id);
      throw networkError(
        "ENCRYPTION_ERROR",
        `${peer} speaks in seed mode only, which this client refuses; let it use a client of version 2, or say ` +
          'seedMode: "accept"',
      );
    },
    state: (peer, id) => (isSeed(peer) ? "refused" : conversations.state(peer, id)),
    mode: (peer) => conversations.mode(peer),
    seal: (head, data, kept) => conversations.seal(head, data, kept),
    renew: (peer, id) => {
      conversations.renew(peer, id);
    },
  };
}
