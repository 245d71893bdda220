import { Lane, type Item } from "./lane.js";
import type { Kept, NewMessage } from "./outbox-ports.js";
import { NotTaken } from "./reports.js";

/** Messages that wait for one recipient (Agent Network §12.2). */
export const perRecipientMax = 1_000;
/** About what all that waits takes in memory, without the frames that are made of it: those take as much again. */
export const waitingMaxBytes = 64 * 1024 * 1024;
/** What a message takes beside its text. */
const itemBytes = 512;
/** Conversations in which a handshake is wanted, though nothing waits. */
const wantedMax = 4_096;
const utf8 = new TextEncoder();

/** A message and where it waits. */
export interface Entry {
  readonly item: Item;
  readonly lane: Lane;
}

interface Recipient {
  // bound: perRecipientMax and twice wantedMax · evicts: a lane with its last message · owner: Waiting
  readonly lanes: Map<string, Lane>;
  messages: number;
}

/** All that is kept and not settled, by its id and by its recipient. */
export class Waiting {
  // bound: waitingMaxBytes, each with itemBytes at least · evicts: one that is delivered or given up; one more is
  // refused · owner: Waiting
  readonly #items = new Map<string, Entry>();
  // bound: as #items, and twice wantedMax · evicts: a recipient with its last lane · owner: Waiting
  readonly #recipients = new Map<string, Recipient>();
  // bound: wantedMax · evicts: when its next message has a receipt; one more is not remembered · owner: Waiting
  readonly #unproved = new Set<Lane>();
  #bytes = 0;
  #wanted = 0;

  /** How many messages wait. */
  get size(): number {
    return this.#items.size;
  }

  /** @throws NotTaken when nothing more is taken, or not under this id */
  check({ messageId, recipientId }: NewMessage, bytes: number): void {
    if (this.#items.has(messageId))
      throw new NotTaken(
        "repeated",
        `a message with the id ${messageId} waits already; leave out the id, or name another`,
      );
    if ((this.#recipients.get(recipientId)?.messages ?? 0) >= perRecipientMax)
      throw new NotTaken(
        "full",
        `${perRecipientMax} messages wait for ${recipientId}; wait until some are delivered, or let them end sooner by expiresAt`,
      );
    if (this.#bytes + bytes > waitingMaxBytes)
      throw new NotTaken(
        "full",
        `messages of ${waitingMaxBytes / 1024 / 1024} MiB wait; wait until some are delivered, or let them end sooner by expiresAt`,
      );
  }

  /** Takes a message in; from disk also more than the bounds, which it may have had to itself before. */
  enter(kept: Kept, bytes: number, isOnDisk: boolean): Entry {
    const item: Item = {
      kept,
      bytes,
      phase: isOnDisk ? "waiting" : "keeping",
      tries: 0,
      dueAt: 0,
      wasSaid: isOnDisk,
      told: undefined,
    };
    const lane = this.#lane(kept.recipientId, kept.conversationId, kept.metadata.encrypted === false);
    lane.push(item);
    const entry = { item, lane };
    this.#items.set(kept.messageId, entry);
    this.#recipient(kept.recipientId).messages += 1;
    this.#bytes += bytes;
    return entry;
  }

  /** A message that is not over yet. */
  find(messageId: string): Entry | undefined {
    const found = this.#items.get(messageId);
    return found?.item.phase === "over" ? undefined : found;
  }

  /** It is off the disk: its id and its place are free. */
  leave({ kept: { messageId, recipientId }, bytes }: Item): void {
    if (!this.#items.delete(messageId)) return;
    this.#bytes -= bytes;
    const recipient = this.#recipients.get(recipientId);
    if (recipient === undefined) return;
    recipient.messages -= 1;
    this.#tidy(recipientId, recipient);
  }

  /** The sealed lane of a conversation, if something waits there. */
  sealed(peer: string, conversationId: string): Lane | undefined {
    return this.#recipients.get(peer)?.lanes.get(keyOf(conversationId, false));
  }

  /** The same, made if there is none, since a handshake is wanted; undefined if it is so in too many. */
  wanted(peer: string, conversationId: string): Lane | undefined {
    const known = this.sealed(peer, conversationId);
    if (known === undefined && this.#wanted >= wantedMax) return undefined;
    const lane = known ?? this.#lane(peer, conversationId, false);
    this.want(lane, "asked-for");
    return lane;
  }

  /** A handshake is wanted in this lane: it is remembered until it is complete, unless there are too many. */
  want(lane: Lane, why: "asked-for" | "counter-lost"): void {
    if (lane.wanted === "no") {
      if (this.#wanted >= wantedMax) return;
      this.#wanted += 1;
    }
    if (lane.wanted !== "counter-lost") lane.wanted = why;
  }

  /** No handshake is wanted there beyond what its messages need. */
  notWanted(lane: Lane): void {
    if (lane.wanted === "no") return;
    lane.wanted = "no";
    this.#wanted -= 1;
  }

  /** True if a lane is of no use any more; it is forgotten then. */
  drop(lane: Lane): boolean {
    if (lane.size > 0 || lane.wanted !== "no" || this.#isUnproved(lane)) return false;
    const recipient = this.#recipients.get(lane.peer);
    const key = keyOf(lane.conversationId, lane.isPlain);
    if (recipient?.lanes.get(key) === lane) recipient.lanes.delete(key);
    if (recipient !== undefined) this.#tidy(lane.peer, recipient);
    return true;
  }

  /** True if something is for this recipient. */
  has(peer: string): boolean {
    return this.#recipients.has(peer);
  }

  lanesOf(peer: string): readonly Lane[] {
    return [...(this.#recipients.get(peer)?.lanes.values() ?? [])];
  }

  lanes(): readonly Lane[] {
    return [...this.#recipients.values()].flatMap(({ lanes }) => [...lanes.values()]);
  }

  /** The messages that are not over yet. */
  *live(): IterableIterator<Entry> {
    for (const found of this.#items.values()) if (found.item.phase !== "over") yield found;
  }

  /** Its next message shows whether its counters have come: until then it is remembered, also while nothing waits. */
  #isUnproved(lane: Lane): boolean {
    if (lane.unproved === undefined) this.#unproved.delete(lane);
    else if (this.#unproved.size < wantedMax) this.#unproved.add(lane);
    return this.#unproved.has(lane);
  }

  #recipient(peer: string): Recipient {
    const known = this.#recipients.get(peer);
    if (known !== undefined) return known;
    const made: Recipient = { lanes: new Map(), messages: 0 };
    this.#recipients.set(peer, made);
    return made;
  }

  #lane(peer: string, conversationId: string, isPlain: boolean): Lane {
    const { lanes } = this.#recipient(peer);
    const key = keyOf(conversationId, isPlain);
    const lane = lanes.get(key) ?? new Lane(peer, conversationId, isPlain);
    lanes.set(key, lane);
    return lane;
  }

  #tidy(peer: string, { lanes, messages }: Recipient): void {
    if (lanes.size === 0 && messages === 0) this.#recipients.delete(peer);
  }
}

/** About what a message takes in memory, bytes. */
export function weigh(message: NewMessage): number {
  return utf8.encode(JSON.stringify(message)).length + itemBytes;
}

function keyOf(conversationId: string, isPlain: boolean): string {
  return `${isPlain ? "plain" : "sealed"} ${conversationId}`;
}
