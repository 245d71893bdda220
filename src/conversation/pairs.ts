import { FairShares, type Share } from "../core/fair-shares.js";
import type { Limits } from "../core/limits.js";
import { isOrigin, partyOf, type Origin } from "../core/party.js";

/** A pair of agents whose conversation is followed. */
export interface Pair {
  /** Bytes of what strangers have chosen in it, beside the names. */
  bytes: number;
}

interface Known<P> {
  readonly key: string;
  readonly pair: P;
  /** What the pair took in memory when it was measured last. */
  bytes: number;
}

/** Objects, ids of open requests and of answers: more than a pair takes beside its names and what was said. */
const pairBytes = 3_400;
/** Who spoke first where nobody did: the broker. */
const broker: Origin = { id: "$broker", remote: "", principal: undefined };

/**
 * The pairs that are followed, each counted as the first speaker's. When there are too many, or they take too much
 * memory, the busiest speaker's longest silent one is forgotten: whoever invents names forgets its own pairs.
 */
export class Pairs<P extends Pair> {
  // bound: conversationsMax, and conversationsMaxBytes in all · evicts: the longest silent one that the busiest party
  // of the busiest network began · owner: Pairs
  readonly #byKey = new Map<string, Share<Known<P>>>();
  readonly #shares = new FairShares<Known<P>>();
  readonly #limits: Pick<Limits, "conversationsMax" | "conversationsMaxBytes">;
  readonly #make: () => P;
  /** The pair looked up last, which is the youngest: it is looked up twice per text, and often again for the next. */
  #lastFrom = "";
  #lastTo = "";
  #last: Known<P> | undefined;
  #bytes = 0;

  constructor(limits: Pick<Limits, "conversationsMax" | "conversationsMaxBytes">, make: () => P) {
    this.#limits = limits;
    this.#make = make;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** What all pairs take in memory, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True if this pair was looked up last, in this direction. */
  isLast(from: string, to: string): boolean {
    return this.#last !== undefined && from === this.#lastFrom && to === this.#lastTo;
  }

  /** The pair of two names, made if need be; `origin`, the connection or session that spoke, has begun it then. */
  of(from: string, to: string, origin: object | undefined): P {
    if (this.#last !== undefined && from === this.#lastFrom && to === this.#lastTo) return this.#last.pair;
    this.#measure();
    const key = keyOf(from, to);
    const share = this.#byKey.get(key) ?? this.#begin(key, isOrigin(origin) ? origin : broker);
    share.touch();
    this.#lastFrom = from;
    this.#lastTo = to;
    this.#last = share.item;
    this.#makeRoom();
    return share.item.pair;
  }

  /** The pair of two names, if it is followed. */
  find(from: string, to: string): P | undefined {
    return this.isLast(from, to) ? this.#last?.pair : this.#byKey.get(keyOf(from, to))?.item.pair;
  }

  #begin(key: string, origin: Origin): Share<Known<P>> {
    const share = this.#shares.add({ key, pair: this.#make(), bytes: pairBytes + 2 * key.length }, partyOf(origin));
    this.#byKey.set(key, share);
    this.#bytes += share.item.bytes;
    return share;
  }

  /** Counts what was said since in the pair that was looked up last. */
  #measure(): void {
    const last = this.#last;
    if (last === undefined) return;
    const bytes = pairBytes + 2 * last.key.length + last.pair.bytes;
    this.#bytes += bytes - last.bytes;
    last.bytes = bytes;
  }

  #makeRoom(): void {
    const { conversationsMax, conversationsMaxBytes } = this.#limits;
    while (this.#byKey.size > conversationsMax || this.#bytes > conversationsMaxBytes) {
      const known = this.#shares.excess;
      if (known === undefined) return;
      this.#byKey.get(known.key)?.end();
      this.#byKey.delete(known.key);
      this.#bytes -= known.bytes;
      if (known === this.#last) this.#last = undefined;
    }
  }
}

function keyOf(from: string, to: string): string {
  return from < to ? `${from}\n${to}` : `${to}\n${from}`;
}
