import type { Clock } from "../../../../src/core/clock.js";
import { toBase64 } from "../crypto/base64.js";
import { wipe } from "../crypto/key-pairs.js";
import type { KeyPair } from "../crypto/sodium.js";
import type { Session } from "./session.js";

/** Conversations that have keys at a time (Agent Network §14.2). */
export const conversationsMax: Readonly<Record<"ofPeer" | "inAll", number>> = Object.freeze({
  ofPeer: 64,
  inAll: 4_096,
});
/** So long the key before the last handshake still opens, milliseconds (Agent Network §10.7). */
export const previousMs = 60_000;
/** Keys before the last handshake that open at a time; a peer may offer a new one each second. */
export const previousMax = 4;

interface Previous {
  readonly session: Session;
  cancel(this: void): void;
}

/** One conversation with one peer, and where its handshake stands. */
export class Conversation {
  readonly peer: string;
  readonly id: string;
  /** One's own ephemeral pair, until the handshake is complete (Agent Network §10.6). */
  open: { readonly pair: KeyPair; readonly publicKey: string } | undefined;
  /** Whether the open pair was ever offered. */
  isOffered = false;
  /** A new handshake is wanted though there is a key. */
  isRenewing = false;
  /** A counter of this key was given up: nothing more that has a place is sealed with it. */
  isSpent = false;
  /** Openings that failed since the last that did not. */
  failures = 0;
  /** By the monotonic clock, milliseconds. */
  wantedAt = -Infinity;
  answeredAt = -Infinity;
  #current: Session | undefined;
  /** The newest last; previousMax at most. */
  #previous: Previous[] = [];
  #isClosed = false;

  constructor(peer: string, id: string) {
    this.peer = peer;
    this.id = id;
  }

  /** What seals, and opens first. */
  get current(): Session | undefined {
    return this.#current;
  }

  /** All that open: the current one, and those before it for a while, the newest first. */
  get sessions(): readonly Session[] {
    const previous = this.#previous.map(({ session }) => session).reverse();
    return this.#current === undefined ? previous : [this.#current, ...previous];
  }

  /** Nothing may be done for it any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The open pair; the one of `make` where there is none yet. */
  opened(make: () => KeyPair): NonNullable<Conversation["open"]> {
    if (this.open === undefined) {
      const pair = make();
      this.open = { pair, publicKey: toBase64(pair.publicKey) };
    }
    return this.open;
  }

  /**
   * The handshake is complete: the open pair is wiped, and the key before the new one opens for {@link previousMs} more.
   * `ended` is called with it then, before it is wiped.
   */
  complete(session: Session, clock: Clock, ended: (previous: Session) => void): void {
    this.endHandshake();
    this.isRenewing = false;
    this.isSpent = false;
    this.failures = 0;
    const before = this.#current;
    this.#current = session;
    if (before === undefined) return;
    before.order.replaced();
    const previous: Previous = {
      session: before,
      cancel: clock.after(previousMs, () => {
        this.#endPrevious(previous, ended);
      }),
    };
    this.#previous.push(previous);
    const [oldest] = this.#previous;
    if (oldest !== undefined && this.#previous.length > previousMax) this.#endPrevious(oldest, ended);
  }

  /** Wipes the open pair. */
  endHandshake(): void {
    if (this.open !== undefined) wipe(this.open.pair.privateKey);
    this.open = undefined;
    this.isOffered = false;
  }

  /** Wipes all its keys. */
  close(): void {
    this.#isClosed = true;
    this.endHandshake();
    for (const previous of this.#previous) this.#endPrevious(previous, () => undefined);
    this.#current?.close();
    this.#current = undefined;
  }

  #endPrevious(previous: Previous, ended: (previous: Session) => void): void {
    this.#previous = this.#previous.filter((other) => other !== previous);
    previous.cancel();
    ended(previous.session);
    previous.session.close();
  }
}

/** The conversations that have keys or wait for them: the longest unused of a peer go first. */
export class ConversationTable {
  readonly #limits: typeof conversationsMax;
  /** The longest unused first. */
  // bound: peers of the conversations below, inAll at most · evicts: goes with its last conversation · owner:
  // ConversationTable
  readonly #ofPeer = new Map<string, Map<string, Conversation>>();
  #size = 0;

  constructor(limits: typeof conversationsMax = conversationsMax) {
    this.#limits = limits;
  }

  /** Conversations in all. */
  get size(): number {
    return this.#size;
  }

  /** The conversation, if there is one. */
  get(peer: string, id: string): Conversation | undefined {
    return this.#ofPeer.get(peer)?.get(id);
  }

  /** A peer's conversations, the longest unused first. */
  of(peer: string): readonly Conversation[] {
    return [...(this.#ofPeer.get(peer)?.values() ?? [])];
  }

  /** All of them. */
  all(): readonly Conversation[] {
    return [...this.#ofPeer.values()].flatMap((conversations) => [...conversations.values()]);
  }

  /** Marks a conversation as the last used, of its peer and of all. */
  touch(conversation: Conversation): void {
    const conversations = this.#ofPeer.get(conversation.peer);
    if (conversations?.get(conversation.id) !== conversation) return;
    conversations.delete(conversation.id);
    conversations.set(conversation.id, conversation);
    this.#ofPeer.delete(conversation.peer);
    this.#ofPeer.set(conversation.peer, conversations);
  }

  /** The conversation, made where there is none: then one of the same peer may go, or of the peer that has most. */
  make(peer: string, id: string): Conversation {
    const known = this.get(peer, id);
    if (known !== undefined) {
      this.touch(known);
      return known;
    }
    const conversations = this.#ofPeer.get(peer) ?? new Map<string, Conversation>();
    if (conversations.size >= this.#limits.ofPeer) this.#dropOldest(conversations);
    else if (this.#size >= this.#limits.inAll) this.#dropOldest(this.#most());
    const conversation = new Conversation(peer, id);
    // What was dropped may have been the peer's last one, and its map with it.
    this.#ofPeer.delete(peer);
    this.#ofPeer.set(peer, conversations.set(id, conversation));
    this.#size += 1;
    return conversation;
  }

  /** Wipes a conversation and forgets it. */
  drop(conversation: Conversation): void {
    conversation.close();
    const conversations = this.#ofPeer.get(conversation.peer);
    if (conversations?.get(conversation.id) !== conversation) return;
    conversations.delete(conversation.id);
    this.#size -= 1;
    if (conversations.size === 0) this.#ofPeer.delete(conversation.peer);
  }

  #most(): ReadonlyMap<string, Conversation> {
    let most: ReadonlyMap<string, Conversation> = new Map();
    for (const conversations of this.#ofPeer.values()) if (conversations.size > most.size) most = conversations;
    return most;
  }

  #dropOldest(conversations: ReadonlyMap<string, Conversation>): void {
    const [oldest] = conversations.values();
    if (oldest !== undefined) this.drop(oldest);
  }
}
