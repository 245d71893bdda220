import type { NetworkFrame } from "../../clients/typescript/agent-network/frames.js";
import { nextNumber, OutboxWorld, self } from "./outbox-world.js";

/** What comes back to the client. */
type Back =
  | { readonly is: "ack"; readonly id: string }
  | { readonly is: "refused"; readonly id: string; readonly code: string }
  | { readonly is: "presence"; readonly peer: string }
  | { readonly is: "receipt"; readonly peer: string; readonly ids: readonly string[] }
  | {
      readonly is: "handshake";
      readonly peer: string;
      readonly conversationId: string;
      readonly key: number;
      readonly asks: boolean;
    };

interface Hearing {
  /** The key of now, and its next counter. */
  key: number | undefined;
  next: number;
  readonly early: Map<number, string>;
  /** The offer that was answered by `key`. */
  answered: number | undefined;
  /** The own offer that waits for its answer. */
  asked: number | undefined;
  failures: number;
}

/** A peer at version 2 without cryptography: what is processed in which order, whatever the line does. */
export class FakePeer {
  isHere = true;
  /** Kept over its restarts. */
  readonly processed = new Set<string>();
  readonly order: string[] = [];
  readonly #hearing = new Map<string, Hearing>();

  constructor(readonly name: string) {}

  /** All keys are lost. */
  restart(): void {
    this.#hearing.clear();
  }

  /** What it says to a frame. */
  hear({ messageId, conversationId, messageType, content, metadata }: NetworkFrame): readonly Back[] {
    const hearing = this.#hearingOf(conversationId);
    if (messageType === "HANDSHAKE") return this.#handshake(hearing, conversationId, content);
    if (metadata.encrypted === false) return this.#process(messageId);
    const { key, counter } = content as { readonly key: number; readonly counter: number };
    if (key !== hearing.key) {
      hearing.failures += 1;
      // Of a key before or after this one. Three of them make it ask (Agent Network §11.4).
      if (hearing.key !== undefined && hearing.failures % 3 !== 0) return [];
      hearing.asked ??= nextNumber();
      return [{ is: "handshake", peer: this.name, conversationId, key: hearing.asked, asks: true }];
    }
    if (counter >= hearing.next) hearing.early.set(counter, messageId);
    const said: Back[] = counter < hearing.next ? [...this.#process(messageId)] : [];
    for (;;) {
      const id = hearing.early.get(hearing.next);
      if (id === undefined) return said;
      hearing.early.delete(hearing.next);
      hearing.next += 1;
      said.push(...this.#process(id));
    }
  }

  #handshake(hearing: Hearing, conversationId: string, content: NetworkFrame["content"]): readonly Back[] {
    const { offer, answers } = content as { readonly offer?: number; readonly answers?: number };
    if (answers !== undefined) {
      if (answers === hearing.asked) this.#begin(hearing, answers, undefined);
      return [];
    }
    if (hearing.answered !== offer) this.#begin(hearing, nextNumber(), offer);
    return [{ is: "handshake", peer: this.name, conversationId, key: hearing.key ?? 0, asks: false }];
  }

  #begin(hearing: Hearing, key: number, offer: number | undefined): void {
    Object.assign(hearing, { key, next: 1, answered: offer, asked: undefined, failures: 0 });
    hearing.early.clear();
  }

  #process(id: string): readonly Back[] {
    if (!this.processed.has(id)) this.order.push(id);
    this.processed.add(id);
    return [{ is: "receipt", peer: this.name, ids: [id] }];
  }

  #hearingOf(conversationId: string): Hearing {
    const known = this.#hearing.get(conversationId);
    if (known !== undefined) return known;
    const made = { key: undefined, next: 1, early: new Map(), answered: undefined, asked: undefined, failures: 0 };
    this.#hearing.set(conversationId, made);
    return made;
  }
}

/** A client's outbox, a broker and peers, and a line between them that does its worst. */
export class OutboxNetwork {
  world = new OutboxWorld();
  readonly peers = new Map(["bob", "eve", "kim"].map((name) => [name, new FakePeer(name)]));
  #line: "up" | "down" = "down";
  /** On the way. */
  #out: NetworkFrame[] = [];
  #back: Back[] = [];
  #waitedFor = new Set<string>();
  /** Messages whose add has resolved, in their order, by recipient and conversation. */
  readonly added: { readonly id: string; readonly peer: string; readonly lane: string }[] = [];
  /** What was told in all processes. */
  readonly ends = new Map<string, string>();
  #recovered = 0;
  #here = 0;

  async open(): Promise<void> {
    this.#recovered = this.world.disk.rows.size;
    this.#here = 0;
    this.world.takes = (frame) => {
      if (this.#line === "down") return false;
      this.#out.push(frame);
      return true;
    };
    await this.world.outbox.open();
    this.world.outbox.rate({ messagesPerSecond: 0 });
  }

  async add(peer: string, conversationId: string, isPlain: boolean): Promise<void> {
    const messageId = `m${this.added.length}`;
    const metadata = isPlain ? { encrypted: false } : { priority: this.added.length % 3 === 0 ? "HIGH" : "NORMAL" };
    this.added.push({ id: messageId, peer, lane: `${peer} ${conversationId} ${String(isPlain)}` });
    await this.world.add(messageId, { recipientId: peer, conversationId, metadata });
    this.#here += 1;
  }

  up(): void {
    if (this.#line === "up") return;
    this.#line = "up";
    this.world.outbox.lineUp();
  }

  /** What was on the way in either direction is lost. */
  cut(): void {
    if (this.#line === "down") return;
    this.#line = "down";
    this.#out = [];
    this.#back = [];
    this.#waitedFor.clear();
    this.world.outbox.lineDown();
  }

  /** The client ends without a word, and starts on what is on its disk. */
  async restart(): Promise<void> {
    this.cut();
    this.world.outbox.close();
    await this.#settle();
    const { disk, clock } = this.world;
    this.world = new OutboxWorld(disk, clock);
    await this.open();
  }

  gone(name: string): void {
    this.#peer(name).isHere = false;
  }

  come(name: string): void {
    this.#peer(name).isHere = true;
    if (this.#waitedFor.delete(name)) this.#back.push({ is: "presence", peer: name });
  }

  /** The broker takes the next frame. @param fate what becomes of it there, and behind it */
  pass(fate: "passed" | "lost behind" | "twice" | "refused" | "too fast"): void {
    const frame = this.#out.shift();
    if (frame === undefined) return;
    const { messageId: id, recipientId } = frame;
    const peer = this.#peer(recipientId);
    if (fate === "refused" || fate === "too fast") {
      this.#back.push({ is: "refused", id, code: fate === "refused" ? "SERVER_ERROR" : "RATE_LIMIT_EXCEEDED" });
    } else if (!peer.isHere) {
      this.#waitedFor.add(recipientId);
      this.#back.push({ is: "refused", id, code: "RECIPIENT_NOT_FOUND" });
    } else {
      this.#back.push({ is: "ack", id });
      // What has no receipt is the broker's to bring once it has acknowledged it.
      if (fate !== "lost behind" || frame.metadata.encrypted === false) this.#back.push(...peer.hear(frame));
      if (fate === "twice") this.#back.push(...peer.hear(frame));
    }
  }

  /** The client hears the next thing. @param at which of those on the way, for a line that mixes them up */
  hear(fate: "heard" | "lost" | "twice", at = 0): void {
    const [back] = this.#back.splice(at % Math.max(1, this.#back.length), 1);
    if (back === undefined || fate === "lost") return;
    this.#tell(back);
    if (fate === "twice") this.#tell(back);
  }

  /** Lets all that was begun come to its end, and looks at the books. */
  async check(): Promise<string | undefined> {
    await this.#settle();
    const ended = this.world.reports.filter(({ state }) => state === "delivered" || state === "failed");
    for (const { messageId, state } of ended) this.ends.set(messageId, state);
    const sent = this.#recovered + this.#here;
    const told = this.world.reports.filter(({ state }) => state === "kept").length;
    if (told !== sent) return `${sent} were kept, ${told} were told so`;
    if (sent !== ended.length + this.world.outbox.size)
      return `${sent} were kept, ${ended.length} have ended, ${this.world.outbox.size} wait`;
    return this.world.disk.rows.size === this.world.outbox.size ? undefined : "the disk does not have what waits";
  }

  /** Everything works from now on, until nothing waits. */
  async heal(): Promise<void> {
    this.up();
    for (const name of this.peers.keys()) this.come(name);
    for (let round = 0; round < 2_000 && this.world.outbox.size > 0; round += 1) {
      while (this.#out.length + this.#back.length > 0) {
        while (this.#out.length > 0) this.pass("passed");
        while (this.#back.length > 0) this.hear("heard");
        await this.#settle();
      }
      if (this.world.outbox.size > 0) this.world.clock.advance(1_000);
    }
  }

  #tell(back: Back): void {
    const { outbox } = this.world;
    switch (back.is) {
      case "ack":
        outbox.acked(back.id);
        break;
      case "refused":
        outbox.refused(back.id, back.code, {}, true, 1_000);
        break;
      case "presence":
        outbox.present(back.peer);
        break;
      case "receipt":
        outbox.receipt(back.peer, back.ids);
        break;
      case "handshake":
        this.#handshake(back);
        break;
    }
  }

  #handshake({ peer, conversationId, key, asks }: Back & { readonly is: "handshake" }): void {
    const { outbox, keys } = this.world;
    const isNew = keys.of(peer, conversationId).key < key;
    if (isNew) keys.complete(peer, conversationId, key);
    if (asks)
      outbox.answer({
        messageId: `answer-${nextNumber()}`,
        conversationId,
        senderId: self,
        recipientId: peer,
        messageType: "HANDSHAKE",
        content: { answers: key },
        timestamp: 0,
        metadata: { encrypted: false },
      });
    outbox.ready(peer, conversationId, isNew);
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
    await this.world.outbox.settled();
  }

  #peer(name: string): FakePeer {
    const peer = this.peers.get(name);
    if (peer === undefined) throw new Error(`no peer ${name}`);
    return peer;
  }
}
