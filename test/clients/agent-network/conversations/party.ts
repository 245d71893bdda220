import { FakeClock } from "../../../../src/conformance/fake-clock.js";
import {
  Conversations,
  type ConversationsPorts,
} from "../../../../clients/typescript/agent-network/conversations/conversations.js";
import type { Opened } from "../../../../clients/typescript/agent-network/conversations/opened.js";
import type { NetworkFrame } from "../../../../clients/typescript/agent-network/frames.js";
import type {
  ConversationRecords,
  JsonValue,
  OwnKeys,
} from "../../../../clients/typescript/agent-network/conversations/records.js";
import { agreementPair, signingPair } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import type { KeyPair } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import type { Fields } from "../../../../clients/typescript/agent-network/crypto/shape.js";
import { SecurityEvents, type SecurityEvent } from "../../../../clients/typescript/agent-network/security-events.js";

/** Records that outlive a party: what a disk would hold. */
export class MemoryRecords implements ConversationRecords {
  rows = new Map<string, { table: string; value: JsonValue }>();
  identity: OwnKeys | undefined;
  /** `sender id` of messages that were processed. */
  processed = new Set<string>();
  commits = 0;
  /** `table/key` of what the disk has garbled; it is no row any more. */
  readonly damaged = new Set<string>();
  /** The next commits fail with it: a full disk. */
  failure: Error | undefined;
  /** Waited for before each commit. */
  before: Promise<void> = Promise.resolve();

  read(table: string): Promise<readonly (readonly [string, JsonValue])[]> {
    const rows = [...this.rows].filter(([, row]) => row.table === table);
    return Promise.resolve(rows.map(([key, { value }]) => [key, value] as const));
  }

  isDamaged(table: string, key: string): boolean {
    return this.damaged.has(`${table}/${key}`);
  }

  async commit(changes: Parameters<ConversationRecords["commit"]>[0]): Promise<void> {
    await this.before;
    if (this.failure !== undefined) throw this.failure;
    this.commits += 1;
    for (const { table, key, value } of changes) {
      this.damaged.delete(`${table}/${key}`);
      if (value === undefined) this.rows.delete(`${table}/${key}`);
      else this.rows.set(`${table}/${key}`, { table, value });
    }
  }

  saveIdentity(identity: OwnKeys): Promise<void> {
    this.identity = identity;
    return Promise.resolve();
  }

  count(table: string): number {
    return [...this.rows.values()].filter((row) => row.table === table).length;
  }

  /** A backup of the disk as it is now. */
  backup(): MemoryRecords {
    const copy = new MemoryRecords();
    copy.rows = new Map(this.rows);
    copy.identity = this.identity;
    copy.processed = new Set(this.processed);
    return copy;
  }
}

/** A new identity. libsodium is to be loaded. */
export function newIdentity(since: number): OwnKeys {
  return { signing: signingPair(), agreement: { ...agreementPair(), since }, earlier: [] };
}

let ids = 0;

/** One agent, with all that it does told to the test instead of sent. */
export class Party {
  readonly events: SecurityEvent[] = [];
  readonly counts: () => ReturnType<SecurityEvents["counts"]>;
  /** Offers that were wanted: `peer conversation`. */
  readonly wanted: string[] = [];
  readonly released: Opened[] = [];

  private constructor(
    readonly name: string,
    readonly clock: FakeClock,
    readonly records: MemoryRecords,
    readonly conversations: Conversations,
    readonly problems: readonly unknown[],
    events: SecurityEvents,
  ) {
    events.onEvent = (event) => this.events.push(event);
    this.counts = () => events.counts();
    conversations.wantOffer = (peer, id) => this.wanted.push(`${peer} ${id}`);
    conversations.released = (opened) => this.released.push(...opened);
  }

  /** Starts an agent on what its disk holds; a new one on an empty disk. */
  static async start(
    name: string,
    clock: FakeClock,
    records = new MemoryRecords(),
    more: Partial<ConversationsPorts> = {},
  ): Promise<Party> {
    records.identity ??= newIdentity(clock.now());
    const events = new SecurityEvents();
    const problems: unknown[] = [];
    const conversations = await Conversations.open({
      self: name,
      identity: records.identity,
      records,
      clock,
      events,
      isProcessed: (sender, id) => records.processed.has(`${sender} ${id}`),
      problem: (error) => problems.push(error),
      ...more,
    });
    return new Party(name, clock, records, conversations, problems, events);
  }

  /** The same agent after a restart, on the same disk. */
  async restart(records = this.records, more: Partial<ConversationsPorts> = {}): Promise<Party> {
    this.conversations.close();
    return Party.start(this.name, this.clock, records, more);
  }

  /** An offer as a frame. */
  offer(to: string, conversationId = "c"): NetworkFrame {
    const content = this.conversations.offer(to, conversationId);
    if (content === undefined) throw new Error(`${this.name} has nothing to offer to ${to}`);
    return this.handshakeFrame(to, { ...content }, conversationId);
  }

  handshakeFrame(to: string, content: Fields, conversationId = "c"): NetworkFrame {
    return this.frame(to, "HANDSHAKE", content, conversationId, {
      priority: "HIGH",
      encrypted: false,
      requiresResponse: content["answers"] === undefined,
    });
  }

  /** What this agent hears as a handshake; the answer to it as a frame. */
  async hears(frame: NetworkFrame): Promise<NetworkFrame | undefined> {
    const { answer } = await this.conversations.handshake(frame);
    return answer && this.handshakeFrame(frame.senderId, { ...answer }, frame.conversationId);
  }

  /** A sealed frame. */
  says(to: string, data: Fields, more: { id?: string; type?: string; conversationId?: string } = {}): NetworkFrame {
    const { id: messageId = `m${(ids += 1)}`, type: originalType = "INFORM", conversationId = "c" } = more;
    const metadata = { priority: "NORMAL", encrypted: true, requiresResponse: false };
    const head = { messageId, conversationId, senderId: this.name, recipientId: to, timestamp: this.clock.now() };
    const sealed = this.conversations.seal({ ...head, originalType, metadata }, data, originalType !== "RECEIPT");
    return { ...head, messageType: "ENCRYPTED", content: { ...sealed }, metadata };
  }

  /** What comes of sealed frames: their content, in the order of handing over. */
  async opens(...frames: readonly NetworkFrame[]): Promise<readonly Fields[]> {
    const opened: Fields[] = [];
    for (const frame of frames) {
      for (const { frame: plain } of await this.conversations.open(frame)) opened.push(plain.content);
    }
    return opened;
  }

  /** Kinds of the security events so far. */
  get kinds(): readonly string[] {
    return this.events.map(({ kind }) => kind);
  }

  frame(
    to: string,
    messageType: string,
    content: Fields,
    conversationId: string,
    metadata: NetworkFrame["metadata"],
  ): NetworkFrame {
    const messageId = `m${(ids += 1)}`;
    const timestamp = this.clock.now();
    return {
      messageId,
      conversationId,
      senderId: this.name,
      recipientId: to,
      messageType,
      content,
      timestamp,
      metadata,
    };
  }
}

/** Two agents with a key in common, whose frames the test carries. */
export async function met(clock: FakeClock, conversationId = "c"): Promise<{ ada: Party; bob: Party }> {
  const [ada, bob] = await Promise.all([Party.start("ada", clock), Party.start("bob", clock)]);
  await meet(ada, bob, conversationId);
  return { ada, bob };
}

/** One offer, one answer. */
export async function meet(ada: Party, bob: Party, conversationId = "c"): Promise<void> {
  const answer = await bob.hears(ada.offer(bob.name, conversationId));
  if (answer === undefined) throw new Error(`${bob.name} does not answer: ${bob.kinds.join()}`);
  await ada.hears(answer);
}

/** An agent and a copy of it, both running: the same keys, the same counter. */
export async function restored(): Promise<{ bob: Party; ada: Party; copy: Party }> {
  const clock = new FakeClock();
  const pair = agreementPair();
  const ephemeralPair = (): KeyPair => ({ publicKey: pair.publicKey.slice(), privateKey: pair.privateKey.slice() });
  const disk = new MemoryRecords();
  const ada = await Party.start("ada", clock, disk, { ephemeralPair });
  const copy = await Party.start("ada", clock, disk.backup(), { ephemeralPair });
  const bob = await Party.start("bob", clock);
  const [offer] = [ada.offer("bob"), copy.offer("bob")];
  const answer = await bob.hears(offer);
  if (answer === undefined) throw new Error("no answer");
  await Promise.all([ada.hears(answer), copy.hears(answer)]);
  return { bob, ada, copy };
}
