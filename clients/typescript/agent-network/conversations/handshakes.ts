import { fromBase64, toBase64 } from "../crypto/base64.js";
import { conversationKey } from "../crypto/derive.js";
import { fingerprint } from "../crypto/fingerprint.js";
import { makeHandshake, readHandshake, type Handshake, type HandshakeContent } from "../crypto/handshake-text.js";
import { CryptoProblem } from "../crypto/problem.js";
import { wipe } from "../crypto/key-pairs.js";
import type { Bytes, KeyPair } from "../crypto/sodium.js";
import type { Clock } from "../../../../src/core/clock.js";
import type { SecurityEvents } from "../security-events.js";
import { Allowance } from "./allowance.js";
import type { Conversation, ConversationTable } from "./conversation-table.js";
import type { NetworkFrame } from "../frames.js";
import type { PinnedKeys, Peers } from "./peers.js";
import type { ConversationRecords, OwnKeys, RecordChange } from "./records.js";
import type { SeedPeers } from "./seed-peers.js";
import type { HandshakeKeys } from "./session.js";
import type { UsedKeys } from "./used-keys.js";
import type { WantedOffers } from "./wanted-offers.js";

/** Offers of one peer that are looked at (Agent Network §14.2). */
export const offersOfPeer = Object.freeze({ burst: 10, everyMs: 1_000 });
/** An offer that comes once more is answered this often at most, milliseconds (Agent Network §10.6). */
export const answerEveryMs = 1_000;
/** The same of a peer in seed mode, which may take every answer for a new offer. */
export const seedAnswerEveryMs = 10_000;

/** What comes of a handshake. */
export interface HandshakeOutcome {
  /** To be sent to the peer, in the same conversation; it asks for no response. */
  readonly answer?: HandshakeContent;
  /** The conversation has a key; a new one if `isNew`, and what has no receipt is to be sealed anew then. */
  readonly ready?: { readonly mode: 2 | "seed"; readonly isNew: boolean };
}

type Second = Extract<Handshake, { mode: 2 }>;
type Seed = Extract<Handshake, { mode: "seed" }>;

/** What handshakes need of their surroundings. */
export interface HandshakeParts {
  /** The own agentId. */
  readonly self: string;
  readonly own: { readonly keys: OwnKeys };
  readonly clock: Clock;
  readonly events: SecurityEvents;
  readonly records: Pick<ConversationRecords, "commit">;
  readonly peers: Peers;
  readonly usedKeys: UsedKeys;
  readonly table: ConversationTable;
  readonly seedPeers: SeedPeers;
  readonly wanted: WantedOffers;
  /** A fresh X25519 pair. */
  ephemeralPair(this: void): KeyPair;
  /** A handshake is complete: the conversation has this key from now on. */
  begin(conversation: Conversation, key: Bytes, handshake: HandshakeKeys): void;
  /** Wipes and forgets all of a peer. Returns what of the records goes. */
  forget(peer: string): readonly RecordChange[];
  /** Commits what nobody has to wait for. */
  background(changes: readonly RecordChange[]): void;
}

/** Offers, and what comes of those of others (Agent Network §10). Nothing of it is sent here. */
export class Handshakes {
  readonly #parts: HandshakeParts;
  readonly #offers: Allowance;

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
    this.#offers = new Allowance(parts.clock, offersOfPeer);
  }

  /** An offer of the open pair; a new pair where there is none. */
  offer(peer: string, id: string): HandshakeContent {
    const conversation = this.#parts.table.make(peer, id);
    const { pair } = conversation.opened(this.#parts.ephemeralPair);
    conversation.isOffered = true;
    return this.#make(conversation, pair.publicKey);
  }

  /** A `HANDSHAKE` came. One at a time of a peer. Rejects where it cannot be kept; then nothing has changed. */
  async heard(frame: NetworkFrame): Promise<HandshakeOutcome> {
    const { peers, events } = this.#parts;
    const peer = frame.senderId;
    if (!this.#isAwaited(frame) && !this.#offers.take(peer)) {
      events.tellOf("flood", frame, `more than ${offersOfPeer.burst} handshakes of ${peer} at once, one a second`);
      return {};
    }
    let shown: Handshake;
    try {
      shown = readHandshake(frame, frame.content);
    } catch (error) {
      return this.#failed(frame, error);
    }
    const keys = keysOf(shown);
    const judgement = peers.judge(peer, keys);
    if (judgement === "downgrade") {
      events.tellOf("downgrade", frame, `${peer} is pinned at version 2 and shows a handshake of seed mode`);
      return {};
    }
    const changes = judgement === "changed" ? await this.#changed(peer, keys) : [];
    const refusal = peers.refusal(peer);
    if (refusal !== undefined) {
      events.tellOf("key-changed", frame, `a changed key of ${peer} waits for a decision`, refusal);
      if (changes.length > 0) await this.#parts.records.commit(changes);
      return {};
    }
    const conversation = this.#parts.table.make(peer, frame.conversationId);
    return shown.mode === 2 ? this.#second(frame, conversation, shown) : this.#seed(frame, conversation, shown);
  }

  /** Version 2: an offer, one that is said again, or an answer. */
  #second(
    frame: NetworkFrame,
    conversation: Conversation,
    shown: Second,
  ): Promise<HandshakeOutcome> | HandshakeOutcome {
    const { usedKeys, events, wanted, clock } = this.#parts;
    const peer = frame.senderId;
    const ephemeralKey = toBase64(shown.ephemeralKey);
    const answers = shown.answers === undefined ? undefined : toBase64(shown.answers);
    const done = conversation.current?.handshake;
    const isDone = done?.peer === ephemeralKey;
    if (answers !== undefined) {
      // Two offers that crossed are answered both, and each answer finds its handshake complete.
      if (isDone && done.own === answers) return { ready: { mode: 2, isNew: false } };
      if (conversation.open?.publicKey === answers) return this.#complete(frame, conversation, shown);
      events.tellOf("unbound-answer", frame, `${peer} answers an offer that is not open`);
      return {};
    }
    if (isDone) {
      if (clock.monotonic() - conversation.answeredAt < answerEveryMs) return { ready: { mode: 2, isNew: false } };
      conversation.answeredAt = clock.monotonic();
      const answer = this.#make(conversation, bytesOf(done.own), shown.ephemeralKey);
      return { answer, ready: { mode: 2, isNew: false } };
    }
    if (!usedKeys.has(peer, ephemeralKey)) return this.#complete(frame, conversation, shown);
    events.tellOf("used-ephemeral", frame, `${peer} offers an ephemeral key that it has used before`);
    // Its answer may have been lost with a restart of this side: then only an offer of our own helps both.
    wanted.of(conversation);
    return {};
  }

  async #complete(frame: NetworkFrame, conversation: Conversation, shown: Second): Promise<HandshakeOutcome> {
    const { clock, table, usedKeys, records, seedPeers } = this.#parts;
    const peer = frame.senderId;
    const { pair, publicKey: own } = conversation.opened(this.#parts.ephemeralPair);
    const ephemeralKey = toBase64(shown.ephemeralKey);
    let key: Bytes;
    try {
      key = await conversationKey(pair.privateKey, shown.ephemeralKey, conversation.id);
    } catch (error) {
      return this.#failed(frame, error);
    }
    let isBegun = false;
    try {
      const pinned = await this.#pin(peer, keysOf(shown));
      await records.commit([...pinned.changes, usedKeys.record(peer, ephemeralKey, clock.now())]);
      pinned.apply();
      this.#parts.background(usedKeys.add(peer, ephemeralKey));
      // Meanwhile others may have needed its place, or the pair was wiped with everything.
      if (conversation.isClosed || table.get(peer, conversation.id) !== conversation) return {};
      const isOffer = shown.answers === undefined;
      const answer = isOffer ? this.#make(conversation, pair.publicKey, shown.ephemeralKey) : undefined;
      seedPeers.forget(peer); // it has learnt version 2
      this.#parts.begin(conversation, key, { own, peer: ephemeralKey });
      isBegun = true;
      if (answer === undefined) return { ready: { mode: 2, isNew: true } };
      conversation.answeredAt = clock.monotonic();
      return { answer, ready: { mode: 2, isNew: true } };
    } finally {
      if (!isBegun) wipe(key);
    }
  }

  /** Seed mode: the offer and the answer look alike, so it is an answer where there was an offer. */
  async #seed(frame: NetworkFrame, conversation: Conversation, shown: Seed): Promise<HandshakeOutcome> {
    const { clock, seedPeers, records, own } = this.#parts;
    const peer = frame.senderId;
    const isNew = seedPeers.sealing(peer) === undefined || conversation.isRenewing;
    try {
      await seedPeers.met(peer, shown.publicKey, own.keys);
    } catch (error) {
      return this.#failed(frame, error);
    }
    const pinned = await this.#pin(peer, keysOf(shown));
    if (pinned.changes.length > 0) await records.commit(pinned.changes);
    pinned.apply();
    const ready = { mode: "seed", isNew } as const;
    const isAnswer = conversation.isOffered;
    conversation.endHandshake();
    conversation.isRenewing = false;
    conversation.failures = 0;
    const isSoon = clock.monotonic() - conversation.answeredAt < seedAnswerEveryMs;
    if (isAnswer || isSoon || frame.metadata.requiresResponse === false) return { ready };
    conversation.answeredAt = clock.monotonic();
    const { agreement, signing } = own.keys;
    const answer: HandshakeContent = {
      agentId: this.#parts.self,
      publicKey: toBase64(agreement.publicKey),
      signingKey: toBase64(signing.publicKey),
    };
    return { answer, ready };
  }

  /** What is to be committed so that a peer is pinned by these keys, and what is to be done when it is. */
  async #pin(
    peer: string,
    keys: Keys,
  ): Promise<{ readonly changes: readonly RecordChange[]; apply(this: void): void }> {
    const { peers, clock } = this.#parts;
    const pin = peers.get(peer);
    if (isSame(pin, keys)) {
      return {
        changes: [],
        apply: () => {
          peers.touch(peer);
        },
      };
    }
    const { since, isSpokenTo } = pin ?? { since: clock.now(), isSpokenTo: false };
    const next = { peer, since, isSpokenTo, ...(await withFingerprint(keys, undefined)) };
    return {
      changes: [peers.record(next)],
      apply: () => {
        const gone = peers.set(next);
        if (gone !== undefined) this.#parts.background(this.#parts.forget(gone));
      },
    };
  }

  /** Refuses the peer until the application has decided. Returns what is to be committed. */
  async #changed(peer: string, keys: Keys): Promise<readonly RecordChange[]> {
    const { peers } = this.#parts;
    const pin = peers.get(peer);
    if (pin === undefined || isSame(pin.shown, keys)) return [];
    const next = { ...pin, shown: await withFingerprint(keys, pin) };
    peers.set(next);
    return [peers.record(next)];
  }

  /** An answer to one's own offer costs the peer nothing: it was asked for. */
  #isAwaited({ senderId, conversationId, content }: NetworkFrame): boolean {
    const conversation = this.#parts.table.get(senderId, conversationId);
    if (conversation?.open === undefined || !conversation.isOffered) return false;
    return content["answers"] === conversation.open.publicKey;
  }

  #make(conversation: Conversation, ephemeralKey: Bytes, answers?: Bytes): HandshakeContent {
    const { self, own } = this.#parts;
    const facts = { conversationId: conversation.id, senderId: self, recipientId: conversation.peer };
    const { signing, agreement } = own.keys;
    const side = { signing, publicKey: agreement.publicKey, ephemeralKey };
    return makeHandshake(facts, answers === undefined ? side : { ...side, answers });
  }

  #failed(frame: NetworkFrame, error: unknown): HandshakeOutcome {
    if (!(error instanceof CryptoProblem)) throw error;
    this.#parts.events.tellOf(error.kind, frame, `a handshake of ${frame.senderId}: ${error.message}`);
    return {};
  }
}

type Keys = Omit<PinnedKeys, "fingerprint">;

function keysOf({ mode, publicKey, signingKey }: Handshake): Keys {
  const keys = { mode, publicKey: toBase64(publicKey) };
  return signingKey === undefined ? keys : { ...keys, signingKey: toBase64(signingKey) };
}

function isSame(pinned: Keys | undefined, keys: Keys): boolean {
  if (pinned?.mode !== keys.mode) return false;
  return pinned.signingKey === keys.signingKey && pinned.publicKey === keys.publicKey;
}

/** A text that was made by {@link toBase64}. */
function bytesOf(text: string): Bytes {
  const bytes = fromBase64(text);
  if (bytes === undefined) throw new TypeError("an ephemeral key that is kept is no base64");
  return bytes;
}

/** People compare the key that matters: the signing key, or the public key where there is none or only that changed. */
async function withFingerprint(keys: Keys, pinned: PinnedKeys | undefined): Promise<PinnedKeys> {
  const isSigningKept = pinned !== undefined && pinned.signingKey === keys.signingKey;
  const text = isSigningKept ? keys.publicKey : (keys.signingKey ?? keys.publicKey);
  return { ...keys, fingerprint: await fingerprint(bytesOf(text)) };
}
