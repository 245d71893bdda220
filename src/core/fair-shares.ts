import { networkOf } from "./address.js";
import { isIssued, type Principal } from "./principal.js";
import { Ranking } from "./ranking.js";

/** Whose share something counts against: a party, and the network it is at. */
export interface Party {
  readonly network: string;
  readonly name: string;
}

/** The connection or session of somebody who uses up what all share. */
export interface Origin {
  readonly id: string;
  readonly remote: string;
  readonly principal: Principal | undefined;
}

/** True for the connection or session that a message came from. */
export function isOrigin(origin: object | undefined): origin is Origin {
  return origin !== undefined && "id" in origin && "remote" in origin && "principal" in origin;
}

/**
 * The party of a speaker. Who proves its name by what the operator issued is apart from all others. Keys, and names
 * that are not proved, cost nothing: those who have no more share with everybody at their address (in IPv6: network),
 * where each key and each connection has a part of its own.
 */
export function partyOf({ id, remote, principal }: Origin): Party {
  if (principal !== undefined && isIssued(principal)) {
    const owner = `token of ${principal.agent}`;
    return { network: owner, name: owner };
  }
  return { network: networkOf(remote), name: principal?.proof ?? id };
}

/** Something that counts against the share of a party, until `end`. */
export interface Share<T = unknown> {
  readonly item: T;
  readonly party: Party;
  /** It was used just now: others of the same party make room first. */
  touch(): void;
  end(): void;
}

/**
 * What many parties use up together. When there is too much of it the busiest makes room: of the network with the most,
 * the party with the most loses what it has used longest ago. Who has little keeps it, however many others come.
 */
export class FairShares<T> {
  // bound: what its owner adds, at least one item each · evicts: a network goes with its last item · owner: FairShares
  readonly #networks = new Map<string, NetworkShares<T>>();
  readonly #byNetwork = new Ranking<string>();
  #size = 0;
  #amount = 0;

  /** Items. */
  get size(): number {
    return this.#size;
  }

  /** What all items count together. */
  get amount(): number {
    return this.#amount;
  }

  /** An item of a party. `amount`: what it counts, a whole number from 1. */
  add(item: T, party: Party, amount = 1): Share<T> {
    let network = this.#networks.get(party.network);
    if (network === undefined) this.#networks.set(party.network, (network = new NetworkShares<T>()));
    const share = new ItemShare(item, amount, network.of(party), this);
    share.touch();
    this.#count(share, 1);
    return share;
  }

  /** Takes an item out. Called by its share. */
  remove(share: ItemShare<T>): void {
    this.#count(share, -1);
  }

  /** Which item makes room for others; undefined if there is none. */
  get excess(): T | undefined {
    const { first } = this.#byNetwork;
    return first === undefined ? undefined : this.#networks.get(first)?.excess;
  }

  /** Which item makes room for one more of `party`; undefined if nobody has more than that party has already. */
  excessBeside({ network, name }: Party): T | undefined {
    const own = this.#networks.get(network);
    const isBeyondOwn =
      this.#byNetwork.most > this.#byNetwork.amountOf(network) || (own !== undefined && own.most > own.amountOf(name));
    return isBeyondOwn ? this.excess : undefined;
  }

  #count({ amount, owned: { party } }: ItemShare<T>, sign: 1 | -1): void {
    const { network: name } = party;
    const network = this.#networks.get(name);
    this.#size += sign;
    this.#amount += sign * amount;
    this.#byNetwork.add(name, sign * amount);
    network?.count(party, sign * amount);
    if (this.#byNetwork.amountOf(name) === 0) this.#networks.delete(name);
  }
}

/** The items of one party, the one that was used longest ago first. */
interface PartyShares<T> {
  readonly party: Party;
  readonly items: Set<ItemShare<T>>;
}

/** The items of one network, by party. */
class NetworkShares<T> {
  // bound: the parties of one network, at least one item each · evicts: a party goes with its last item · owner:
  // NetworkShares
  readonly #parties = new Map<string, PartyShares<T>>();
  readonly #byParty = new Ranking<string>();

  /** What a party has, which may be nothing yet. */
  of(party: Party): PartyShares<T> {
    let owned = this.#parties.get(party.name);
    if (owned === undefined) this.#parties.set(party.name, (owned = { party, items: new Set() }));
    return owned;
  }

  count({ name }: Party, change: number): void {
    this.#byParty.add(name, change);
    if (this.#byParty.amountOf(name) === 0) this.#parties.delete(name);
  }

  get most(): number {
    return this.#byParty.most;
  }

  amountOf(party: string): number {
    return this.#byParty.amountOf(party);
  }

  get excess(): T | undefined {
    const { first } = this.#byParty;
    for (const { item } of (first === undefined ? undefined : this.#parties.get(first))?.items ?? []) return item;
    return undefined;
  }
}

/** One item and whose it is: a plain object of few words, because there are a hundred thousand of them. */
class ItemShare<T> implements Share<T> {
  readonly item: T;
  readonly amount: number;
  readonly owned: PartyShares<T>;
  readonly #all: FairShares<T>;
  #isOver = false;

  constructor(item: T, amount: number, owned: PartyShares<T>, all: FairShares<T>) {
    this.item = item;
    this.amount = amount;
    this.owned = owned;
    this.#all = all;
  }

  get party(): Party {
    return this.owned.party;
  }

  touch(): void {
    if (this.#isOver) return;
    const { items } = this.owned;
    items.delete(this);
    items.add(this);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.owned.items.delete(this);
    this.#all.remove(this);
  }
}
