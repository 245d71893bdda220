import { Slices, type Clock, type Lifecycle } from "../core/index.js";
import type { Identity } from "./identity.js";

/** Claims are judged again this often at most, milliseconds. */
const roundMs = 1_000;
/** Judging them takes at most one part in so many of the time. */
const restFactor = 10;
/** So many are judged in one piece of work. */
const pieceSize = 50;

/** A name that somebody bears now who does not prove it. */
export interface Claim {
  readonly name: string;
  /** The name has an owner: whoever claims it bears it no more. */
  lose(): void;
}

/** A part of the broker with connections that may claim names. */
export interface Claimants {
  /** All claims of now. Some may come or go while they are looked through. */
  claims(): Iterable<Claim>;
  /** Somebody has proved this very name: whoever claims it loses it at once. */
  proved(name: string): void;
}

/**
 * Takes names from whoever bears them and does not prove them, when they get an owner, or look like a name that gets
 * one (protocols §1.17): the one place for all dialects. A name that is proved here is taken at once; what other
 * processes issue tokens for, and what looks like it, within a second or two.
 */
export class ClaimWatch implements Lifecycle {
  readonly #clock: Clock;
  readonly #identity: Pick<Identity, "isProtected" | "protections">;
  readonly #claimants: readonly Claimants[];
  readonly #failed: (thrown: unknown) => void;
  /** Thousands of claims are more than one turn has time for. */
  readonly #slices: Slices;
  #judgedAt = 0;
  #isStopped = false;
  #cancel: (() => void) | undefined;

  /** @param failed is told what a claim threw that was to be lost; the others are judged all the same */
  constructor(
    clock: Clock,
    identity: Pick<Identity, "isProtected" | "protections">,
    claimants: readonly Claimants[],
    failed: (thrown: unknown) => void,
  ) {
    this.#clock = clock;
    this.#identity = identity;
    this.#claimants = claimants;
    this.#failed = failed;
    this.#slices = new Slices(clock);
  }

  start(): Promise<void> {
    this.#judgedAt = this.#identity.protections;
    this.#roundLater(roundMs);
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    return Promise.resolve();
  }

  /** A name has just been proved. */
  proved(name: string): void {
    for (const claimants of this.#claimants) claimants.proved(name);
  }

  #roundLater(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => void this.#round());
  }

  async #round(): Promise<void> {
    const began = this.#clock.monotonic();
    const { protections } = this.#identity;
    if (protections !== this.#judgedAt) {
      this.#judgedAt = protections;
      for (const claimants of this.#claimants) await this.#judge(claimants);
    }
    if (!this.#isStopped) this.#roundLater(Math.max(roundMs, restFactor * (this.#clock.monotonic() - began)));
  }

  async #judge(claimants: Claimants): Promise<void> {
    const claims = claimants.claims()[Symbol.iterator]();
    await this.#slices.run(() => {
      for (let at = 0; at < pieceSize && !this.#isStopped; at += 1) {
        const next = claims.next();
        if (next.done === true) return undefined;
        this.#loseIfProtected(next.value);
      }
      return this.#isStopped ? undefined : "more";
    });
  }

  #loseIfProtected(claim: Claim): void {
    try {
      if (this.#identity.isProtected(claim.name)) claim.lose();
    } catch (thrown) {
      this.#failed(thrown);
    }
  }
}
