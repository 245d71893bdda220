import type { Clock } from "../../../../src/core/clock.js";
import type { HandshakeContent } from "../crypto/handshake-text.js";
import { agreementPair, random } from "../crypto/key-pairs.js";
import { nonceBytes, seal, type SealedContent, type SealedHead } from "../crypto/sealed.js";
import { sealForSeed } from "../crypto/seed-mode.js";
import type { Fields } from "../crypto/shape.js";
import { sodium, type Bytes, type KeyPair } from "../crypto/sodium.js";
import type { SecurityEvents } from "../security-events.js";
import { ConversationTable, type Conversation } from "./conversation-table.js";
import { Handshakes, type HandshakeOutcome } from "./handshakes.js";
import { HeldRoom } from "./held-room.js";
import type { Taken } from "./in-order.js";
import { KeyRenewal } from "./key-renewal.js";
import type { NetworkFrame } from "../frames.js";
import type { Opened } from "./opened.js";
import { Opening } from "./opening.js";
import { PeerRefused, Peers, type Pin } from "./peers.js";
import type { ConversationRecords, OwnKeys, RecordChange } from "./records.js";
import { SeedPeers } from "./seed-peers.js";
import { Session, type HandshakeKeys } from "./session.js";
import { Turns } from "./turns.js";
import { UsedKeys } from "./used-keys.js";
import { WantedOffers } from "./wanted-offers.js";

/** What conversations need of their surroundings. */
export interface ConversationsPorts {
  /** The own agentId. */
  readonly self: string;
  readonly identity: OwnKeys;
  readonly records: ConversationRecords;
  readonly clock: Clock;
  readonly events: SecurityEvents;
  /** Whether a message of this sender was processed (Agent Network §12.4). */
  isProcessed(this: void, senderId: string, messageId: string): boolean;
  /** Something could not be written while nobody waited for it. */
  problem(this: void, error: unknown): void;
  /** A fresh X25519 pair; the default is a random one. */
  ephemeralPair?(this: void): KeyPair;
  /** Random bytes for nonces. */
  random?(this: void, length: number): Bytes;
}

/** There is no key for a conversation: it has to be offered first. */
export class NotReady extends Error {
  override readonly name = "NotReady";
}

/** What is known of a peer that was met. */
export interface PeerFacts extends Pin {
  /** Its conversations that have a key or wait for one. */
  readonly conversations: number;
}

/** Where a conversation stands. */
export type ConversationState = "none" | "offered" | "ready" | "refused";

/**
 * All conversations of an agent: handshakes, keys, pins, counters, and what is refused (Agent Network §10, §11, §13). It
 * sends nothing: what is to be sent is returned. libsodium has to be loaded before.
 */
export class Conversations {
  /** A new offer is wanted now: keys are to be renewed, or are lost. Called with peer and conversation. */
  wantOffer: (peer: string, conversationId: string) => void = () => undefined;
  /** Messages that waited for one that did not come, in their order: as {@link open} returns them. */
  released: (opened: readonly Opened[]) => void = () => undefined;

  readonly #ports: ConversationsPorts;
  readonly #peers: Peers;
  readonly #usedKeys: UsedKeys;
  readonly #table = new ConversationTable();
  readonly #seedPeers = new SeedPeers();
  readonly #room = new HeldRoom();
  readonly #turns = new Turns();
  readonly #renewal: KeyRenewal;
  readonly #handshakes: Handshakes;
  readonly #opening: Opening;
  readonly #random: (length: number) => Bytes;
  readonly #markKey: Bytes;
  #isClosed = false;

  private constructor(ports: ConversationsPorts, peers: Peers, usedKeys: UsedKeys) {
    this.#ports = ports;
    this.#peers = peers;
    this.#usedKeys = usedKeys;
    this.#random = ports.random ?? random;
    this.#markKey = random(sodium().crypto_shorthash_KEYBYTES);
    const { self, clock, events, records } = ports;
    this.#renewal = new KeyRenewal(ports.identity, {
      clock,
      records,
      problem: ports.problem,
      changed: (what) => {
        if (what === "renewed") this.#renewConversations();
        else this.#seedPeers.close();
      },
    });
    const wanted = new WantedOffers(clock, (peer, id) => {
      this.wantOffer(peer, id);
    });
    const shared = { own: this.#renewal, events, peers, table: this.#table, seedPeers: this.#seedPeers, wanted };
    this.#opening = new Opening(shared);
    this.#handshakes = new Handshakes({
      ...shared,
      self,
      clock,
      records,
      usedKeys,
      ephemeralPair: ports.ephemeralPair ?? agreementPair,
      begin: (conversation, key, handshake) => {
        this.#begin(conversation, key, handshake);
      },
      forget: (peer) => this.#forgetNow(peer),
      background: (changes) => {
        this.#background(changes);
      },
    });
  }

  /** Reads what is known of peers. */
  static async open(ports: ConversationsPorts): Promise<Conversations> {
    const [peers, usedKeys] = await Promise.all([Peers.open(ports.records), UsedKeys.open(ports.records)]);
    return new Conversations(ports, peers, usedKeys);
  }

  /** One's own keys of now. */
  get identity(): OwnKeys {
    return this.#renewal.keys;
  }

  /**
   * What is to be sent so that a conversation gets a key, as often as it is asked for; undefined when it has one that is
   * not to be renewed. Throws {@link PeerRefused}.
   */
  offer(peer: string, conversationId: string): HandshakeContent | undefined {
    this.#check(peer);
    const isRenewing = this.#table.get(peer, conversationId)?.isRenewing === true;
    if (this.state(peer, conversationId) === "ready" && !isRenewing) return undefined; // in seed mode it is both
    return this.#handshakes.offer(peer, conversationId);
  }

  /**
   * A `HANDSHAKE` came. What has to outlive the process (pins, used keys) is kept before it resolves; where it cannot be
   * kept, it rejects, and there is no new key. Refusals are security events.
   */
  async handshake(frame: NetworkFrame): Promise<HandshakeOutcome> {
    if (!this.#isForMe(frame)) return {};
    return this.#turns.run(frame.senderId, () => (this.#isClosed ? {} : this.#handshakes.heard(frame)));
  }

  /** Where a conversation stands; `ready` only where it has a key that is not to be renewed. */
  state(peer: string, conversationId: string): ConversationState {
    if (this.#peers.refusal(peer) !== undefined) return "refused";
    if (this.mode(peer) === "seed" && this.#seedPeers.sealing(peer) !== undefined) return "ready";
    const conversation = this.#table.get(peer, conversationId);
    if (conversation?.current !== undefined && !conversation.isSpent && !conversation.isRenewing) return "ready";
    return conversation?.isOffered === true ? "offered" : "none";
  }

  /** Why nothing is sealed for this peer now: its key has changed, and nobody has accepted one. */
  refusal(peer: string): PeerRefused | undefined {
    const fingerprints = this.#peers.refusal(peer);
    return fingerprints && new PeerRefused(peer, fingerprints);
  }

  /** By what the peer is pinned; undefined where it was never met. */
  mode(peer: string): 2 | "seed" | undefined {
    return this.#peers.get(peer)?.mode;
  }

  /**
   * A place in a conversation was given up, which its peer would wait for in vain: nothing more that has a place is
   * sealed with its key. It is not `ready` until a new handshake is complete.
   */
  renew(peer: string, conversationId: string): void {
    const conversation = this.#table.get(peer, conversationId);
    if (conversation?.current === undefined) return;
    conversation.isRenewing = true;
    conversation.isSpent = true;
  }

  /**
   * Seals a message to a peer. `isKept` is true for what has a place in the conversation, false for a `RECEIPT`. Throws
   * {@link NotReady}, {@link PeerRefused}, and NotCanonical for data that JSON cannot hold; then no place is used up.
   */
  seal(head: SealedHead, data: Fields, isKept: boolean): SealedContent {
    const peer = head.recipientId;
    this.#check(peer);
    if (isKept !== (head.originalType !== "RECEIPT")) {
      throw new RangeError("all but a RECEIPT has a place in its conversation");
    }
    const { privateKey } = this.#renewal.keys.signing;
    const nonce = this.#random(nonceBytes);
    const seedKey = this.mode(peer) === "seed" ? this.#seedPeers.sealing(peer) : undefined;
    if (seedKey !== undefined) {
      if (!isKept) throw new RangeError(`${peer} is in seed mode, which has no receipts`);
      this.#speakTo(peer);
      return sealForSeed(head, data, seedKey, privateKey, nonce);
    }
    const conversation = this.#table.get(peer, head.conversationId);
    const session = conversation?.current;
    if (conversation === undefined || session === undefined) {
      throw new NotReady(`there is no key for this conversation with ${peer}; offer a handshake first`);
    }
    if (isKept && conversation.isSpent) {
      throw new NotReady(`a place in this conversation with ${peer} was given up; offer a new handshake first`);
    }
    this.#table.touch(conversation);
    if (isKept) this.#speakTo(peer);
    const sealBy = (counter: number): SealedContent => seal(head, { counter, data }, session.key, privateKey, nonce);
    return isKept ? session.inTurn(sealBy) : sealBy(0);
  }

  /**
   * An `ENCRYPTED` frame came. Returns what is to be handed over now: none while something before it is missing, several
   * when that has come. What fails is a security event.
   */
  async open(frame: NetworkFrame): Promise<readonly Opened[]> {
    if (!this.#isForMe(frame)) return [];
    return this.#turns.run(frame.senderId, () => (this.#isClosed ? [] : this.#opening.open(frame)));
  }

  /** Whether a plain frame to this agent may be heard: not of a peer that seals what it says. It is told if not. */
  hearsPlain(frame: NetworkFrame): boolean {
    if (this.mode(frame.senderId) !== 2) return true;
    const what = `a plain ${frame.messageType} in the name of ${frame.senderId}, who is pinned at version 2`;
    this.#ports.events.tellOf("plain-from-pinned", frame, what);
    return false;
  }

  /** Makes the long-term pair anew and wants a new handshake of each conversation (Agent Network §10.8). */
  async renewAll(): Promise<void> {
    await this.#renewal.renew();
  }

  /**
   * Decides on a key that has changed: `fingerprint` is the shown one, which is pinned then, or the pinned one, which
   * stays. Case and spaces do not matter. Rejects where it is neither, and where it cannot be kept.
   */
  async acceptKey(peer: string, fingerprint: string): Promise<void> {
    await this.#turns.run(peer, async () => {
      const pin = this.#peers.get(peer);
      if (pin === undefined) throw new Error(`${peer} is not pinned: there is nothing to accept yet`);
      const { shown, ...pinned } = pin;
      const isShown = shown !== undefined && isEqual(shown.fingerprint, fingerprint);
      if (!isShown && !isEqual(pin.fingerprint, fingerprint)) {
        const also = shown === undefined ? "" : `, shown was ${shown.fingerprint}`;
        throw new Error(
          `this is not a fingerprint of ${peer}: pinned is ${pin.fingerprint}${also}; if its key is another by now, and ` +
            "its owner says so, forget it (forget) and meet it anew",
        );
      }
      if (shown === undefined) return;
      const { isSpokenTo } = pin;
      const next: Pin = isShown ? { peer, since: this.#ports.clock.now(), isSpokenTo, ...shown } : pinned;
      await this.#ports.records.commit([this.#peers.record(next)]);
      this.#peers.set(next);
      if (!isShown) return;
      const conversations = this.#table.of(peer).map(({ id }) => id);
      this.#wipe(peer);
      this.#renewal.spread(conversations, (id) => {
        this.wantOffer(peer, id);
      });
    });
  }

  /** Forgets a peer: its pin, its keys. Whoever comes by this name next is met for the first time. */
  async forget(peer: string): Promise<void> {
    await this.#turns.run(peer, () => this.#ports.records.commit(this.#forgetNow(peer)));
  }

  /** All peers that were met. */
  peers(): readonly PeerFacts[] {
    return this.#peers.all().map((pin) => ({ ...pin, conversations: this.#table.of(pin.peer).length }));
  }

  /** Wipes all keys of conversations. One's own keys are their keeper's to wipe. */
  close(): void {
    this.#isClosed = true;
    this.#renewal.close();
    for (const conversation of this.#table.all()) this.#table.drop(conversation);
    this.#seedPeers.close();
  }

  #check(peer: string): void {
    if (this.#isClosed) throw new Error("the conversations are closed");
    this.#peers.check(peer);
  }

  #isForMe(frame: NetworkFrame): boolean {
    const { self, events } = this.#ports;
    if (frame.recipientId === self && frame.senderId !== self) return true;
    events.tellOf("malformed", frame, `a ${frame.messageType} that is not from another to ${self}`);
    return false;
  }

  #begin(conversation: Conversation, key: Bytes, handshake: HandshakeKeys): void {
    const { peer, id } = conversation;
    const { clock, isProcessed } = this.#ports;
    const hand = (taken: Taken<Opened>): void => {
      const opened = this.#opening.tell(taken, peer, id);
      if (opened.length > 0) this.released(opened);
    };
    const session = new Session(key, handshake, {
      clock,
      mark: (messageId) => this.#mark(messageId),
      isProcessed: (messageId) => isProcessed(peer, messageId),
      take: (bytes) => this.#room.take(peer, bytes),
      give: (bytes) => {
        this.#room.give(peer, bytes);
      },
      release: hand,
    });
    conversation.complete(session, clock, (previous) => {
      const isKnown = (messageId: string): boolean => {
        return isProcessed(peer, messageId) || conversation.sessions.some(({ order }) => order.knows(messageId));
      };
      hand(previous.order.end(isKnown));
    });
  }

  /** SipHash by a key of this process, as a number: peers cannot choose ids that look alike. */
  #mark(messageId: string): number {
    const hash = sodium().crypto_shorthash(messageId, this.#markKey);
    const view = new DataView(hash.buffer, hash.byteOffset);
    return view.getUint32(0) * 2 ** 21 + (view.getUint32(4) >>> 11); // the 53 bits that a number holds
  }

  #renewConversations(): void {
    const conversations = this.#table.all();
    for (const peer of new Set(conversations.map((conversation) => conversation.peer))) {
      const isReady = (id: string): boolean => this.state(peer, id) === "ready";
      const withKeys = this.#table.of(peer).filter(({ id, current }) => current !== undefined || isReady(id));
      this.#renewal.spread(withKeys, (conversation) => {
        if (conversation.isClosed) return;
        conversation.isRenewing = true;
        this.wantOffer(peer, conversation.id);
      });
    }
  }

  #speakTo(peer: string): void {
    const pin = this.#peers.get(peer);
    if (pin === undefined || pin.isSpokenTo) return;
    const next = { ...pin, isSpokenTo: true };
    this.#peers.set(next);
    this.#background([this.#peers.record(next)]);
  }

  #forgetNow(peer: string): readonly RecordChange[] {
    this.#wipe(peer);
    return [this.#peers.forget(peer), ...this.#usedKeys.forget(peer)];
  }

  #wipe(peer: string): void {
    for (const conversation of this.#table.of(peer)) this.#table.drop(conversation);
    this.#seedPeers.forget(peer);
  }

  #background(changes: readonly RecordChange[]): void {
    if (changes.length === 0) return;
    this.#ports.records.commit(changes).catch((error: unknown) => {
      this.#ports.problem(error);
    });
  }
}

function isEqual(one: string, other: string): boolean {
  const plain = (text: string): string => text.replaceAll(/\s/g, "").toLowerCase();
  return plain(one) === plain(other);
}
