import {
  Outbox,
  type DeliveryReport,
  type Kept,
  type KeptMessages,
} from "../../clients/typescript/agent-network/delivery/outbox.js";
import type { ConversationKeys, NewMessage } from "../../clients/typescript/agent-network/delivery/outbox-ports.js";
import type { NetworkFrame } from "../../clients/typescript/agent-network/frames.js";
import type { SealedHead } from "../../clients/typescript/agent-network/crypto/sealed.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

/** The own name in these worlds. */
export const self = "ada";

/**
 * Messages that wait, as a disk would have them: what is not written when the process ends is not there. A fake of the
 * port, because the real one needs a vault.
 */
export class DiskOfMessages implements KeptMessages {
  readonly rows = new Map<string, Kept>();
  /** How the next writes fail. */
  failure: Error | undefined;
  /** Called when a write has come. Writes end in their order, when this has resolved. */
  before: () => Promise<void> = () => Promise.resolve();

  all(): readonly Kept[] {
    return [...this.rows.values()].reverse();
  }

  async put(kept: Kept): Promise<void> {
    const { failure } = this;
    await this.before();
    if (failure !== undefined) throw failure;
    this.rows.set(kept.messageId, kept);
  }

  async remove(ids: readonly string[]): Promise<void> {
    const { failure } = this;
    await this.before();
    if (failure !== undefined) throw failure;
    for (const id of ids) this.rows.delete(id);
  }
}

interface FakeSession {
  state: "none" | "offered" | "ready" | "refused";
  key: number;
  counter: number;
  isRenewing: boolean;
}

/** What a frame of these worlds has in its place of a sealed content. */
export interface FakeSealed {
  readonly key: number;
  readonly counter: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Keys without cryptography: a key is a number, and whoever reads sees the counter. A fake of the port. */
export class NumberedKeys implements ConversationKeys {
  readonly sessions = new Map<string, FakeSession>();
  readonly modes = new Map<string, 2 | "seed">();
  renewals = 0;
  /** Of the offer that is open, by conversation; another one after each handshake. */
  readonly #offers = new Map<string, number>();

  offer(peer: string, conversationId: string): object | undefined {
    const session = this.of(peer, conversationId);
    if (session.state === "refused") throw new Error(`${peer} shows another key; accept its fingerprint`);
    if (session.state === "ready") {
      if (!session.isRenewing) return undefined;
    } else session.state = "offered";
    const offer = this.#offers.get(keyOf(peer, conversationId)) ?? nextNumber();
    this.#offers.set(keyOf(peer, conversationId), offer);
    return { agentId: self, publicKey: "key", offer };
  }

  state(peer: string, conversationId: string): FakeSession["state"] {
    return this.of(peer, conversationId).state;
  }

  mode(peer: string): 2 | "seed" | undefined {
    return this.modes.get(peer);
  }

  seal(head: SealedHead, data: Readonly<Record<string, unknown>>): FakeSealed & { readonly originalType: string } {
    const session = this.of(head.recipientId, head.conversationId);
    if (session.state !== "ready") throw new Error("no key");
    if (data["odd"] === true) throw new Error("half a character");
    session.counter += 1;
    return { key: session.key, counter: session.counter, data, originalType: head.originalType };
  }

  renew(peer: string, conversationId: string): void {
    this.renewals += 1;
    this.of(peer, conversationId).isRenewing = true;
  }

  /** The handshake is complete. @param key what both sides have now */
  complete(peer: string, conversationId: string, key = nextNumber()): void {
    this.modes.set(peer, this.modes.get(peer) ?? 2);
    this.#offers.delete(keyOf(peer, conversationId));
    this.sessions.set(keyOf(peer, conversationId), { state: "ready", key, counter: 0, isRenewing: false });
  }

  of(peer: string, conversationId: string): FakeSession {
    const session = this.sessions.get(keyOf(peer, conversationId)) ?? {
      state: "none",
      key: 0,
      counter: 0,
      isRenewing: false,
    };
    this.sessions.set(keyOf(peer, conversationId), session);
    return session;
  }
}

/** An outbox with a fake clock, and all that it says and tells. */
export class OutboxWorld {
  readonly clock: FakeClock;
  readonly keys = new NumberedKeys();
  readonly disk: DiskOfMessages;
  /** What was said since it was looked at last. */
  #said: NetworkFrame[] = [];
  readonly reports: DeliveryReport[] = [];
  readonly problems: unknown[] = [];
  readonly outbox: Outbox;
  /** What the line does with a frame. */
  takes: (frame: NetworkFrame) => boolean = () => true;
  #ids = 0;

  constructor(disk = new DiskOfMessages(), clock = new FakeClock()) {
    this.disk = disk;
    this.clock = clock;
    this.outbox = new Outbox({
      agentId: self,
      clock: this.clock,
      conversations: this.keys,
      kept: disk,
      now: () => this.clock.now(),
      newId: () => `frame-${(this.#ids += 1)}`,
      write: (frame) => {
        if (!this.takes(frame)) return false;
        this.#said.push(frame);
        return true;
      },
      tell: (report) => this.reports.push(report),
      problem: (error) => this.problems.push(error),
    });
  }

  /** An outbox that is open, has a line, no pace to speak of, and a key for each of these peers, who are here. */
  static async ready(...peers: readonly string[]): Promise<OutboxWorld> {
    const world = new OutboxWorld();
    await world.outbox.open();
    world.outbox.rate({ messagesPerSecond: 0 });
    world.outbox.lineUp();
    for (const peer of peers) world.keys.complete(peer, "talk");
    return world;
  }

  /** The same, and what was said to these peers before has shown that they are here. */
  static async here(...peers: readonly string[]): Promise<OutboxWorld> {
    const world = await OutboxWorld.ready(...peers);
    for (const peer of peers) {
      await world.add(`first-${peer}`, { recipientId: peer });
      // A conversation in which something else waits for good keeps the recipient known.
      await world.add(`stays-${peer}`, { recipientId: peer, conversationId: "aside" });
      world.outbox.acked(`first-${peer}`);
      world.outbox.receipt(peer, [`first-${peer}`]);
    }
    await world.outbox.settled();
    world.said();
    return world;
  }

  /** Keeps a message to `bob` in `talk`, unless something else is said. */
  async add(messageId: string, more: Partial<NewMessage> = {}): Promise<void> {
    await this.outbox.add({
      messageId,
      recipientId: "bob",
      conversationId: "talk",
      messageType: "INFORM",
      content: { text: messageId },
      timestamp: this.clock.now(),
      metadata: { priority: "NORMAL" },
      ...more,
    });
  }

  /** What was said since this was asked last. */
  said(): readonly NetworkFrame[] {
    const said = this.#said;
    this.#said = [];
    return said;
  }

  /** The ids of the same. */
  saidIds(): readonly string[] {
    return this.said().map(({ messageId }) => messageId);
  }

  /** The states that were told of a message, in their order. */
  told(messageId: string): readonly string[] {
    return this.reports
      .filter((report) => report.messageId === messageId)
      .map(({ state, reason }) => (reason === undefined ? state : `${state}: ${reason}`));
  }

  /** The broker refuses what was said under this id. */
  refuse(
    id: string,
    errorCode: string,
    { details = {}, recoverable = true, retryAfterMs = 5_000 }: RefusalOptions = {},
  ): void {
    this.outbox.refused(id, errorCode, details, recoverable, retryAfterMs);
  }
}

interface RefusalOptions {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly recoverable?: boolean;
  readonly retryAfterMs?: number;
}

let lastNumber = 0;

/** A number that no other process of these tests has had. */
export function nextNumber(): number {
  lastNumber += 1;
  return lastNumber;
}

function keyOf(peer: string, conversationId: string): string {
  return `${peer} ${conversationId}`;
}

/** The counters of sealed frames. */
export function countersOf(frames: readonly NetworkFrame[]): readonly unknown[] {
  return frames.filter(({ messageType }) => messageType === "ENCRYPTED").map(({ content }) => content["counter"]);
}
