import type { Clock } from "../../../src/core/clock.js";
import { BoundedTurns } from "./bounded-turns.js";
import type { OpenCalls } from "./calls.js";
import type { HandshakeContent } from "./crypto/handshake-text.js";
import { isForMany, type NetworkFrame } from "./frames.js";
import type { Message } from "./message.js";
import type { SecurityEvents } from "./security-events.js";

/** What was opened of a sealed frame: `messageType` and `content` are those that were sealed. */
export interface Opened {
  readonly frame: NetworkFrame;
  readonly mode: 2 | "seed";
  readonly verified: boolean;
  readonly late?: true;
}

/** What the way in stands on. */
export interface IncomingPorts {
  readonly agentId: string;
  readonly clock: Clock;
  readonly conversations: {
    handshake(frame: NetworkFrame): Promise<{
      readonly answer?: HandshakeContent;
      readonly ready?: { readonly mode: 2 | "seed"; readonly isNew: boolean };
    }>;
    open(frame: NetworkFrame): Promise<readonly Opened[]>;
    mode(peer: string): 2 | "seed" | undefined;
    /** False, and told: of a peer that seals what it says. */
    hearsPlain(frame: NetworkFrame): boolean;
  };
  /** Peers that speak without version 2 are not heard. */
  readonly refusesSeedMode: boolean;
  readonly processed: {
    has(sender: string, id: string): boolean;
    /** On disk, where there is one, when it resolves. */
    add(sender: string, id: string): Promise<void>;
  };
  readonly events: SecurityEvents;
  readonly calls: OpenCalls;
  /** A handshake is to be answered. */
  answer(peer: string, conversationId: string, content: HandshakeContent): void;
  /** A conversation has a key. */
  ready(frame: NetworkFrame, isNew: boolean): void;
  receipt(peer: string, messageIds: readonly string[]): void;
  /** A message of a peer at version 2 was processed: now or before. */
  toReceipt(peer: string, conversationId: string, messageId: string): void;
  /** Before anybody hears it: the state of proposals. Does not throw. */
  note(message: Message): void;
  /** The application. What it returns is waited for. */
  hear(message: Message): Promise<void>;
  /** It was processed. Does not throw. */
  record(message: Message): void;
  failed(what: string, thrown: unknown): void;
}

const mega = 1_048_576;
/** A peer's frames that are not opened yet. */
const framesOfPeer = { count: 1_024, bytes: 4 * mega };
const framesInAll = { count: 8_192, bytes: 32 * mega };
/** A conversation's messages whose handlers have not ended: as many as its sender keeps (Agent Network §12.2). */
const messagesOfConversation = { count: 1_000, bytes: 16 * mega };
const messagesInAll = { count: 16_384, bytes: 64 * mega };
/** So many are named in one RECEIPT at most (Agent Network §12.1), with some room for others' programs. */
const receiptMax = 1_000;
/** How long handlers that run are waited for at the end, milliseconds. */
const closeMs = 5_000;

/**
 * The way of what agents say: frames of one peer one after the other; what comes of them, in the order of each
 * conversation, to the application. A message counts as processed when its handler has ended and its id is kept. If the
 * handler throws, the message is not: there is no receipt, and when the sender says it again, the handler hears it again.
 */
export class Incoming {
  readonly #ports: IncomingPorts;
  readonly #frames = new BoundedTurns(framesOfPeer, framesInAll);
  readonly #messages = new BoundedTurns(messagesOfConversation, messagesInAll);
  // bound: messagesInAll, and answers whose id is being kept · evicts: when it was processed, or its handler has thrown ·
  // owner: Incoming
  readonly #inWork = new Set<string>();
  // bound: calls that wait (callsMax) · evicts: when the answer's id is kept · owner: Incoming
  readonly #finishing = new Set<Promise<void>>();
  #isOpen = true;

  constructor(ports: IncomingPorts) {
    this.#ports = ports;
  }

  /** Takes a frame of an agent. @param bytes what it costs to keep it */
  take(frame: NetworkFrame, bytes: number): void {
    if (!this.#isOpen) return;
    const { senderId, recipientId, messageType } = frame;
    const isDirect = recipientId === this.#ports.agentId;
    if (isDirect && senderId === recipientId) {
      // It would look like something that this agent has said.
      this.#ports.events.tellOf("malformed", frame, `a ${messageType} in this agent's own name`.slice(0, 200));
      return;
    }
    const work =
      messageType === "HANDSHAKE"
        ? isDirect && (() => this.#handshake(frame))
        : messageType === "ENCRYPTED"
          ? isDirect && (() => this.#sealed(frame))
          : (isDirect || isForMany(recipientId)) && (() => this.#plain(frame, bytes, isDirect));
    if (work === false) {
      this.#ports.events.tellOf("malformed", frame, `a ${messageType} that is for ${recipientId}`.slice(0, 200));
      return;
    }
    const safely = async (): Promise<void> => {
      try {
        await work();
      } catch (thrown) {
        this.#ports.failed(`a ${messageType} of ${senderId}`, thrown);
      }
    };
    if (!this.#frames.add(senderId, bytes, safely)) this.#flood(frame, "frames that are not opened yet");
  }

  /** What was opened: several, where something before them was waited for. */
  takeOpened(opened: readonly Opened[]): void {
    for (const one of opened) this.#opened(one, JSON.stringify(one.frame.content).length);
  }

  /**
   * Takes nothing more, and hands nothing more over; resolves when the handlers that run have ended, and what they have
   * processed is kept. A handler that hangs is not waited for without end.
   */
  async close(): Promise<void> {
    this.#isOpen = false;
    await new Promise<void>((resolve) => {
      const cancel = this.#ports.clock.after(closeMs, resolve);
      const done = async (): Promise<void> => {
        await this.#frames.done();
        await this.#messages.done();
        await Promise.all(this.#finishing);
        cancel();
        resolve();
      };
      void done();
    });
  }

  async #handshake(frame: NetworkFrame): Promise<void> {
    const { senderId, conversationId, content } = frame;
    if (this.#ports.refusesSeedMode && !Object.hasOwn(content, "v")) {
      this.#ports.events.tellOf(
        "downgrade",
        frame,
        `${senderId} shows a handshake of seed mode, which is refused here`,
      );
      return;
    }
    const { answer, ready } = await this.#ports.conversations.handshake(frame);
    if (answer !== undefined) this.#ports.answer(senderId, conversationId, answer);
    if (ready !== undefined) this.#ports.ready(frame, ready.isNew);
  }

  async #sealed(frame: NetworkFrame): Promise<void> {
    if (this.#ports.refusesSeedMode && this.#ports.conversations.mode(frame.senderId) === "seed")
      this.#ports.events.tellOf("downgrade", frame, `${frame.senderId} speaks in seed mode, which is refused here`);
    else this.takeOpened(await this.#ports.conversations.open(frame));
  }

  #plain(frame: NetworkFrame, bytes: number, isDirect: boolean): Promise<void> {
    if (!isDirect || this.#ports.conversations.hearsPlain(frame))
      this.#deliver({ ...frame, sealed: false, verified: false }, undefined, bytes);
    return Promise.resolve();
  }

  #opened({ frame, mode, verified, late }: Opened, bytes: number): void {
    if (mode === 2 && frame.messageType === "RECEIPT") this.#receipt(frame);
    else this.#deliver({ ...frame, sealed: true, verified, ...(late && { late }) }, mode, bytes);
  }

  #receipt(frame: NetworkFrame): void {
    const { messageIds } = frame.content;
    if (Array.isArray(messageIds) && messageIds.length <= receiptMax)
      this.#ports.receipt(
        frame.senderId,
        messageIds.filter((id) => typeof id === "string"),
      );
    else this.#ports.events.tellOf("malformed", frame, "a RECEIPT without messageIds");
  }

  #deliver(message: Message, mode: 2 | "seed" | undefined, bytes: number): void {
    const { messageId, conversationId, senderId } = message;
    const sender = senderOf(message);
    const key = JSON.stringify([sender, messageId]);
    if (this.#inWork.has(key)) return;
    if (this.#ports.processed.has(sender, messageId)) {
      if (mode === 2) this.#ports.toReceipt(senderId, conversationId, messageId);
      return;
    }
    this.#inWork.add(key);
    const finish = async (): Promise<void> => {
      await this.#ports.processed.add(sender, messageId);
      this.#ports.record(message);
      if (mode === 2) this.#ports.toReceipt(senderId, conversationId, messageId);
    };
    const safely = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (thrown) {
        this.#ports.failed(`${message.messageType} ${messageId} of ${senderId}`, thrown);
      } finally {
        this.#inWork.delete(key);
      }
    };
    // Whoever waits for an answer may be a handler of this very conversation: it must not wait behind itself.
    if (this.#ports.calls.answer(message)) {
      this.#ports.note(message);
      const finishing = safely(finish).finally(() => this.#finishing.delete(finishing));
      this.#finishing.add(finishing);
      return;
    }
    const conversation = JSON.stringify([senderId, conversationId]);
    const work = (): Promise<void> =>
      safely(async () => {
        if (!this.#isOpen) return; // no receipt: its sender says it again
        this.#ports.note(message);
        await this.#ports.hear(message);
        await finish();
      });
    if (this.#messages.add(conversation, bytes, work)) return;
    this.#inWork.delete(key);
    this.#flood(message, "messages whose handlers have not ended; it is processed when the sender says it again");
  }

  #flood(frame: NetworkFrame, of: string): void {
    this.#ports.events.tellOf("flood", frame, `too many ${of}`);
  }
}

/** Plain text can be anybody's: what is forged there must not hide what is sealed under the same id. */
function senderOf({ senderId, sealed }: Message): string {
  return sealed ? senderId : `plain\n${senderId}`;
}
