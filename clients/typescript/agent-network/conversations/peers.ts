import type { Fingerprints } from "../security-events.js";
import type { ConversationRecords, JsonValue, RecordChange } from "./records.js";

/** Peers that are pinned at most (Agent Network §14.2). */
export const pinsMax = 10_000;

const table = "peers";
/** Stands for the keys of a pin that is damaged: no key is like it. */
const unreadable: PinnedKeys = {
  mode: 2,
  signingKey: "",
  publicKey: "",
  fingerprint: "unreadable, since the store is damaged",
};

/** Keys by which a peer is known; base64. At version 2 it is the signing key, in seed mode both. */
export interface PinnedKeys {
  readonly mode: 2 | "seed";
  /** Ed25519. In seed mode a peer need not have one: then what it says is not verified. */
  readonly signingKey?: string;
  /** Long-term X25519. */
  readonly publicKey: string;
  /** Of the signing key; of the public key where there is none, or where only that has changed. */
  readonly fingerprint: string;
}

/** A peer that was met. */
export interface Pin extends PinnedKeys {
  readonly peer: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Whether something was ever said to it; receipts aside. */
  readonly isSpokenTo: boolean;
  /** A changed key, which waits for the application's word: until then the peer is refused (Agent Network §10.4). */
  readonly shown?: PinnedKeys;
}

/** What a handshake's keys are, beside what is pinned. */
export type Judgement = "new" | "pinned" | "changed" | "downgrade";

/** A pinned peer's key has changed: nothing is said to it until the application has accepted a key. */
export class PeerRefused extends Error {
  override readonly name = "PeerRefused";

  constructor(
    readonly peer: string,
    /** Compare them with the agent's owner, by another road. */
    readonly fingerprints: Fingerprints,
  ) {
    super(
      `the key of ${peer} has changed: pinned is ${fingerprints.pinned}, shown was ${fingerprints.shown}; ` +
        "compare them with the agent's owner by another road, then accept one of them (acceptKey)",
    );
  }
}

/** Trust on first use: whose key is whose (Agent Network §10.4, §13.5). What changes is committed by the caller. */
export class Peers {
  // bound: pinsMax · evicts: the longest unused to which nothing was ever said, then the longest unused · owner: Peers
  readonly #pins = new Map<string, Pin>();
  readonly #max: number;
  readonly #isDamaged: (peer: string) => boolean;

  private constructor(max: number, isDamaged: (peer: string) => boolean) {
    this.#max = max;
    this.#isDamaged = isDamaged;
  }

  /** Reads what was kept. */
  static async open(records: Pick<ConversationRecords, "isDamaged" | "read">, max = pinsMax): Promise<Peers> {
    const peers = new Peers(max, (peer) => records.isDamaged?.(table, peer) === true);
    const pins = (await records.read(table)).flatMap(([, value]) => pinOf(value) ?? []);
    for (const pin of pins.sort((one, other) => one.since - other.since)) peers.#pins.set(pin.peer, pin);
    return peers;
  }

  /**
   * What is pinned for this name. Where the pin is damaged, it is one that no key is like: the peer is not met for the
   * first time, it is refused until the application accepts its key or forgets it (Agent Network §14.5).
   */
  get(peer: string): Pin | undefined {
    const pin = this.#pins.get(peer);
    if (pin !== undefined || !this.#isDamaged(peer)) return pin;
    return { peer, since: 0, isSpokenTo: true, ...unreadable };
  }

  /** All of them, the longest unused first. */
  all(): readonly Pin[] {
    return [...this.#pins.values()];
  }

  /** Looks at the keys that were shown. */
  judge(peer: string, keys: Omit<PinnedKeys, "fingerprint">): Judgement {
    const pin = this.get(peer);
    if (pin === undefined) return "new";
    if (pin.mode === 2 && keys.mode === "seed") return "downgrade";
    if (pin.signingKey !== keys.signingKey) return "changed";
    // At version 2 the long-term key is renewed as its owner likes: the signing key stands for it.
    return keys.mode === "seed" && pin.publicKey !== keys.publicKey ? "changed" : "pinned";
  }

  /** The two fingerprints of a peer that is refused. */
  refusal(peer: string): Fingerprints | undefined {
    const pin = this.#pins.get(peer);
    return pin?.shown && { pinned: pin.fingerprint, shown: pin.shown.fingerprint };
  }

  /** Throws {@link PeerRefused} for a peer that is refused. */
  check(peer: string): void {
    const refusal = this.refusal(peer);
    if (refusal !== undefined) throw new PeerRefused(peer, refusal);
  }

  /** What is to be committed for a pin. */
  record(pin: Pin): RecordChange {
    return { table, key: pin.peer, value: jsonOf(pin) };
  }

  /** Sets a pin, as the last used. Returns the peer that goes for it. */
  set(pin: Pin): string | undefined {
    this.#pins.delete(pin.peer);
    this.#pins.set(pin.peer, pin);
    if (this.#pins.size <= this.#max) return undefined;
    const others = [...this.#pins.values()].filter(({ peer }) => peer !== pin.peer);
    return (others.find(({ isSpokenTo }) => !isSpokenTo) ?? others[0])?.peer;
  }

  /** Marks a peer as the last used. */
  touch(peer: string): void {
    const pin = this.#pins.get(peer);
    if (pin === undefined) return;
    this.#pins.delete(peer);
    this.#pins.set(peer, pin);
  }

  /** Forgets a peer. Returns what of the records goes. */
  forget(peer: string): RecordChange {
    this.#pins.delete(peer);
    return { table, key: peer };
  }
}

function jsonOf(pin: Pin): JsonValue {
  const { peer, since, isSpokenTo, shown } = pin;
  return { peer, since, isSpokenTo, ...keysJson(pin), ...(shown === undefined ? {} : { shown: keysJson(shown) }) };
}

function keysJson({ mode, signingKey, publicKey, fingerprint }: PinnedKeys): Readonly<Record<string, JsonValue>> {
  return { mode, publicKey, fingerprint, ...(signingKey === undefined ? {} : { signingKey }) };
}

function pinOf(value: JsonValue): Pin | undefined {
  const keys = keysOf(value);
  if (keys === undefined) return undefined;
  const { peer, since, isSpokenTo, shown } = value as Readonly<Record<string, JsonValue>>;
  if (typeof peer !== "string" || typeof since !== "number" || typeof isSpokenTo !== "boolean") return undefined;
  const changed = shown === undefined ? undefined : keysOf(shown);
  return { peer, since, isSpokenTo, ...keys, ...(changed === undefined ? {} : { shown: changed }) };
}

function keysOf(value: JsonValue): PinnedKeys | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { mode, signingKey, publicKey, fingerprint } = value as Readonly<Record<string, JsonValue>>;
  if ((mode !== 2 && mode !== "seed") || typeof publicKey !== "string" || typeof fingerprint !== "string") return;
  return { mode, publicKey, fingerprint, ...(typeof signingKey === "string" ? { signingKey } : {}) };
}
