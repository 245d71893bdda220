import { fromBase64 } from "../crypto/base64.js";
import { CryptoProblem } from "../crypto/problem.js";
import { open, readSealed, verify, type SealedParts, type SealedText } from "../crypto/sealed.js";
import { openForSeed, verifyForSeed } from "../crypto/seed-mode.js";
import type { Bytes } from "../crypto/sodium.js";
import { isReserved } from "../message.js";
import type { SecurityEvents } from "../security-events.js";
import type { Conversation, ConversationTable } from "./conversation-table.js";
import { gapMs, type Taken } from "./in-order.js";
import type { NetworkFrame } from "../frames.js";
import { headOf, type Opened } from "./opened.js";
import type { Peers, Pin } from "./peers.js";
import type { OwnKeys } from "./records.js";
import type { SeedPeers } from "./seed-peers.js";
import type { Session } from "./session.js";
import type { WantedOffers } from "./wanted-offers.js";

/** So many openings that fail in a conversation make a new offer wanted (Agent Network §11.4). */
export const failuresMax = 3;
/** What holding a message costs beside its ciphertext, bytes. */
const heldExtraBytes = 1_024;

/** What opening needs of its surroundings. */
export interface OpeningParts {
  readonly own: { readonly keys: OwnKeys };
  readonly events: SecurityEvents;
  readonly peers: Peers;
  readonly table: ConversationTable;
  readonly seedPeers: SeedPeers;
  readonly wanted: WantedOffers;
}

/** Opens what others have sealed, in the order of the checks of Agent Network §11.4. What fails is told, and dropped. */
export class Opening {
  readonly #parts: OpeningParts;

  constructor(parts: OpeningParts) {
    this.#parts = parts;
  }

  /** An `ENCRYPTED` frame came. Returns what is to be handed over now, in its order. One at a time of a peer. */
  async open(frame: NetworkFrame): Promise<readonly Opened[]> {
    const { peers, events, wanted } = this.#parts;
    const peer = frame.senderId;
    const pin = peers.get(peer);
    if (pin === undefined) {
      events.tellOf("not-opened", frame, `a sealed frame of ${peer}, who is not known here`);
      wanted.ofStranger(peer, frame.conversationId);
      return [];
    }
    const refusal = peers.refusal(peer);
    if (refusal !== undefined) {
      events.tellOf("key-changed", frame, `nothing of ${peer} is opened before a changed key is decided on`, refusal);
      return [];
    }
    try {
      return pin.mode === 2 ? this.#second(frame, keyOf(pin.signingKey)) : await this.#seed(frame, pin);
    } catch (error) {
      if (!(error instanceof CryptoProblem)) throw error;
      this.#failed(frame, error);
      return [];
    }
  }

  /** Tells what was missing. Returns what is to be handed over. */
  tell(taken: Taken<Opened>, peer: string, conversationId: string): readonly Opened[] {
    for (const { from, to } of taken.gaps) {
      const what = from === to ? `message ${from}` : `messages ${from} to ${to}`;
      const within = `did not come within ${gapMs / 1_000} s or before too many others`;
      this.#parts.events.tellOf("gap", { senderId: peer, conversationId }, `${what} of ${peer} ${within}`);
    }
    return taken.handed.map(({ item, late, repeated }) => ({
      ...item,
      ...(late === undefined ? {} : { late }),
      ...(repeated === undefined ? {} : { repeated }),
    }));
  }

  #second(frame: NetworkFrame, signingKey: Bytes): readonly Opened[] {
    const { table, events, wanted } = this.#parts;
    const parts = readSealed(frame.content);
    const head = headOf(frame, parts.originalType);
    verify(head, parts, signingKey);
    const conversation = table.get(frame.senderId, frame.conversationId);
    if (conversation?.current === undefined) {
      events.tellOf("not-opened", frame, `there is no key for this conversation with ${frame.senderId}`);
      wanted.of(table.make(frame.senderId, frame.conversationId));
      return [];
    }
    const { session, text } = openByAny(conversation, (key) => open(head, parts, key));
    conversation.failures = 0;
    table.touch(conversation);
    return this.#inOrder(frame, parts, session, text);
  }

  #inOrder(frame: NetworkFrame, parts: SealedParts, session: Session, text: SealedText): readonly Opened[] {
    const { originalType } = parts;
    const opened: Opened = {
      frame: { ...frame, messageType: originalType, content: text.data },
      mode: 2,
      verified: true,
    };
    mayBeSealed(originalType);
    if (frame.metadata.encrypted !== true) throw new CryptoProblem("malformed", "metadata.encrypted is not true");
    if ((originalType === "RECEIPT") !== (text.counter === 0)) {
      throw new CryptoProblem("malformed", "a RECEIPT with a counter, or another message without one");
    }
    if (text.counter === 0) return [opened];
    // The next one has to be a whole number, too.
    if (!Number.isSafeInteger(text.counter + 1)) throw new CryptoProblem("malformed", "the counter is at its end");
    const item = { ...opened, counter: text.counter };
    const bytes = parts.encryptedData.length + heldExtraBytes;
    const taken = session.order.take(text.counter, frame.messageId, item, bytes);
    if (taken.refused === "counter-reused") {
      this.#parts.events.tellOf("counter-reused", frame, `place ${text.counter} was another message's`);
    } else if (taken.refused === "replayed") {
      this.#parts.events.tellOf("replayed", frame, "the identical frame came more often than it was sent");
    }
    return this.tell(taken, frame.senderId, frame.conversationId);
  }

  async #seed(frame: NetworkFrame, pin: Pin): Promise<readonly Opened[]> {
    const { seedPeers, own, table } = this.#parts;
    const parts = readSealed(frame.content, "seed");
    // The type is not signed: a broker could make a receipt of anything.
    if (parts.originalType === "RECEIPT") throw new CryptoProblem("malformed", "a RECEIPT, which seed mode has not");
    mayBeSealed(parts.originalType);
    const verified = pin.signingKey !== undefined;
    if (verified) verifyForSeed(frame, parts, keyOf(pin.signingKey));
    const keys = await seedPeers.opening(pin.peer, keyOf(pin.publicKey), own.keys);
    const content = firstThatOpens(keys, (key) => openForSeed(parts, key));
    const conversation = table.get(frame.senderId, frame.conversationId);
    if (conversation !== undefined) conversation.failures = 0;
    return [{ frame: { ...frame, messageType: parts.originalType, content }, mode: "seed", verified }];
  }

  #failed(frame: NetworkFrame, problem: CryptoProblem): void {
    const { events, table, wanted } = this.#parts;
    const conversation = table.get(frame.senderId, frame.conversationId);
    // While a handshake is under way the peer may have the new key already.
    const isEarly = problem.kind === "bad-tag" && conversation?.isOffered === true;
    events.tellOf(
      isEarly ? "not-opened" : problem.kind,
      frame,
      `a sealed frame of ${frame.senderId}: ${problem.message}`,
    );
    if (conversation === undefined || problem.kind === "malformed") return;
    conversation.failures += 1;
    if (conversation.failures >= failuresMax) wanted.of(conversation);
  }
}

/** Whoever looks at the type of what was opened must not take it for a frame of the broker, or one that is not sealed. */
function mayBeSealed(originalType: string): void {
  if (originalType !== "RECEIPT" && isReserved(originalType))
    throw new CryptoProblem("malformed", `a sealed ${originalType}`);
}

interface OpenedBy {
  readonly session: Session;
  readonly text: SealedText;
}

/** By the key of now, else by one before it (Agent Network §10.7). */
function openByAny({ sessions }: Conversation, openBy: (key: Bytes) => SealedText): OpenedBy {
  return firstThatOpens(sessions, (session) => ({ session, text: openBy(session.key) }));
}

/** The first that opens; where none does, what the first one said is thrown. */
function firstThatOpens<By, Result>(candidates: readonly By[], openBy: (candidate: By) => Result): Result {
  let first: CryptoProblem | undefined;
  for (const candidate of candidates) {
    try {
      return openBy(candidate);
    } catch (error) {
      if (!(error instanceof CryptoProblem) || error.kind !== "bad-tag") throw error;
      first ??= error;
    }
  }
  throw first ?? new CryptoProblem("bad-tag", "there is no key");
}

/** A pinned key: base64 that was made here. */
function keyOf(text: string | undefined): Bytes {
  const bytes = text === undefined ? undefined : fromBase64(text);
  if (bytes === undefined) throw new TypeError("a pinned key is no base64");
  return bytes;
}
