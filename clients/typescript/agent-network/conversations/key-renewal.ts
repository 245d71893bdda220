import type { Clock } from "../../../../src/core/clock.js";
import { agreementPair, wipe } from "../crypto/key-pairs.js";
import type { ConversationRecords, OwnKeys } from "./records.js";

const dayMs = 24 * 60 * 60 * 1_000;
/** Keys are renewed so long after they were made, milliseconds (Agent Network §10.8). */
export const renewAfterMs = 30 * dayMs;
/** The long-term pair before opens for so much longer, milliseconds (Agent Network §10.8). */
export const earlierMs = 7 * dayMs;
/** Conversations of a peer that are renewed at once; then one a second, which is what it looks at (Agent Network §14.2). */
export const renewAtOnce = 5;
const renewEveryMs = 1_000;
/** Whether it is time is looked at this often, milliseconds: a clock may be set, and a machine may sleep. */
const lookEveryMs = 60 * 60 * 1_000;

/** What renewal does. */
export interface RenewalPorts {
  readonly clock: Clock;
  readonly records: Pick<ConversationRecords, "saveIdentity">;
  /** A pair was made anew, or one before it opens no longer. */
  changed(what: "renewed" | "ended"): void;
  /** The renewal that was due could not be kept; it is tried again in an hour. */
  problem(error: unknown): void;
}

/** One's own keys, and when they are made anew. */
export class KeyRenewal {
  readonly #ports: RenewalPorts;
  #keys: OwnKeys;
  #cancel: (() => void) | undefined;
  // bound: renewals of conversations that wait for their second, conversationsMax · evicts: when it has come · owner:
  // KeyRenewal
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(keys: OwnKeys, ports: RenewalPorts) {
    this.#keys = keys;
    this.#ports = ports;
    this.#look();
  }

  /** The keys of now. */
  get keys(): OwnKeys {
    return this.#keys;
  }

  /** Makes the long-term pair anew; the signing pair stays. Rejects where it cannot be kept: then nothing has changed. */
  async renew(): Promise<void> {
    const now = this.#ports.clock.now();
    const { signing, agreement, earlier } = this.#keys;
    const pair = agreementPair();
    const next: OwnKeys = {
      signing,
      agreement: { ...pair, since: now },
      earlier: [
        { publicKey: agreement.publicKey, privateKey: agreement.privateKey, until: now + earlierMs },
        ...earlier,
      ],
    };
    try {
      await this.#ports.records.saveIdentity(next);
    } catch (error) {
      wipe(pair.privateKey);
      throw error;
    }
    if (this.#isClosed) return; // whoever keeps them wipes them
    this.#keys = next;
    this.#ports.changed("renewed");
  }

  /** Calls `renewOne` for each, the first few at once and the others one a second. */
  spread<Of>(of: readonly Of[], renewOne: (one: Of) => void): void {
    of.forEach((one, index) => {
      if (index < renewAtOnce) {
        renewOne(one);
        return;
      }
      const cancel = this.#ports.clock.after((index - renewAtOnce + 1) * renewEveryMs, () => {
        this.#waiting.delete(cancel);
        renewOne(one);
      });
      this.#waiting.add(cancel);
    });
  }

  /** Waits for nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    for (const cancel of this.#waiting) cancel();
    this.#waiting.clear();
  }

  #look(): void {
    this.#cancel = this.#ports.clock.after(lookEveryMs, () => {
      this.#lookNow().catch((error: unknown) => {
        this.#ports.problem(error);
      });
      this.#look();
    });
  }

  async #lookNow(): Promise<void> {
    const now = this.#ports.clock.now();
    if (now >= this.#keys.agreement.since + renewAfterMs) await this.renew();
    const ended = this.#keys.earlier.filter(({ until }) => until <= now);
    if (ended.length === 0 || this.#isClosed) return;
    const next = { ...this.#keys, earlier: this.#keys.earlier.filter(({ until }) => until > now) };
    await this.#ports.records.saveIdentity(next);
    this.#keys = next;
    for (const { privateKey } of ended) wipe(privateKey);
    this.#ports.changed("ended");
  }
}
