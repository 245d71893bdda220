import type { ZmtpPeer } from "../wire/index.js";

/** A connection that bears names. */
export interface Bearer {
  readonly peer: ZmtpPeer;
}

/** Which connections bear which name. */
export class Roll<B extends Bearer = Bearer> {
  // bound: agentsMax · evicts: a name leaves with its last connection · owner: Roll
  readonly #byName = new Map<string, Set<B>>();

  add(bearer: B, name: string): void {
    const bearers = this.#byName.get(name);
    if (bearers === undefined) this.#byName.set(name, new Set([bearer]));
    else bearers.add(bearer);
  }

  remove(bearer: B, name: string): void {
    const bearers = this.#byName.get(name);
    if (bearers?.delete(bearer) === true && bearers.size === 0) this.#byName.delete(name);
  }

  bearers(name: string): ReadonlySet<B> {
    return this.#byName.get(name) ?? new Set();
  }

  /**
   * The connections under `name` that may belong to the agent behind a publishing connection: both proved, or both
   * claimed and on one
   * machine. What the broker has to say to a claimed sender goes to these or to nobody, so that a name is no weapon
   * against its bearer.
   */
  ownBy(name: string, publisher: ZmtpPeer): readonly B[] {
    return [...this.bearers(name)].filter(({ peer }) =>
      publisher.principal === undefined
        ? peer.principal === undefined && (peer.remote === publisher.remote || (peer.isLocal && publisher.isLocal))
        : peer.principal !== undefined,
    );
  }
}
