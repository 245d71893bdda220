import { Ranking } from "./ranking.js";
import { standings, standingsUpTo, type Party, type Standing } from "./party.js";

/** Something that counts against the share of a party, until `end`. */
export interface Share<T = unknown> {
  readonly item: T;
  readonly party: Party;
  /** It was used just now: others of the same party make room first. */
  touch(): void;
  end(): void;
}

/** What a party has, and what all of its network have. */
interface Amounts {
  readonly ofParty: number;
  readonly ofNetwork: number;
}

/**
 * What many parties use up together. When there is too much of it the busiest makes room: of the network with the most,
 * the party with the most loses what it has used longest ago. Who has little keeps it, however many others come. What
 * parties of each standing have is apart (protocols §1.19).
 */
export class FairShares<T> {
  readonly #kinds: Readonly<Record<Standing, KindShares<T>>> = {
    free: new KindShares<T>(),
    shared: new KindShares<T>(),
    issued: new KindShares<T>(),
  };

  /** Items. */
  get size(): number {
    return this.#sum(({ size }) => size);
  }

  /** What all items count together. */
  get amount(): number {
    return this.#sum(({ amount }) => amount);
  }

  /** An item of a party. `amount`: what it counts, a whole number from 1. */
  add(item: T, party: Party, amount = 1): Share<T> {
    return this.#kinds[party.standing ?? "free"].add(item, party, amount);
  }

  /** What a party and its network have, of whatever standing. */
  amountOf({ network, name }: Party): Amounts {
    return {
      ofParty: this.#sum((kind) => kind.amountOf(network, name)),
      ofNetwork: this.#sum((kind) => kind.amountOfNetwork(network)),
    };
  }

  /**
   * Which item makes room in what is only remembered; undefined if there is none. The standing that has the most
   * together makes room, the lowest of equals: each keeps a third in any case.
   */
  get excess(): T | undefined {
    let most = this.#kinds.free;
    for (const standing of standings) if (this.#kinds[standing].amount > most.amount) most = this.#kinds[standing];
    return most.excess;
  }

  /**
   * Which item makes room for `more` of `party` in what is to last; undefined if nobody may lose one: none of a better
   * standing, and none of a network, or a party at the same network, that has no more than this one would have then.
   * Only who has a token of its own takes from those whose names cost nothing, however little they have.
   * @param counted where to look up how much somebody has, if not here
   */
  excessBeside(party: Party, more = 1, counted: FairShares<unknown> = this): T | undefined {
    const { standing = "free" } = party;
    const own = counted.amountOf(party);
    for (const kind of standingsUpTo(standing)) {
      const shares = this.#kinds[kind];
      const isOwed = standing === "issued" && kind === "free";
      const found = isOwed ? shares.excess : shares.excessBeyond(party.network, own, more, counted);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Which item of a network makes room: of the party there with the most; the lowest standing first. */
  excessOf(network: string): T | undefined {
    for (const standing of standings) {
      const found = this.#kinds[standing].excessOf(network);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #sum(count: (kind: KindShares<T>) => number): number {
    return count(this.#kinds.free) + count(this.#kinds.shared) + count(this.#kinds.issued);
  }
}

/** What parties of one standing have. */
class KindShares<T> {
  // bound: what its owner adds, at least one item each · evicts: a network goes with its last item · owner: FairShares
  readonly #networks = new Map<string, NetworkShares<T>>();
  readonly #byNetwork = new Ranking<string>();
  size = 0;
  amount = 0;

  add(item: T, party: Party, amount: number): Share<T> {
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

  amountOf(network: string, party: string): number {
    return this.#networks.get(network)?.amountOf(party) ?? 0;
  }

  amountOfNetwork(network: string): number {
    return this.#byNetwork.amountOf(network);
  }

  get excess(): T | undefined {
    const { first } = this.#byNetwork;
    return first === undefined ? undefined : this.excessOf(first);
  }

  excessOf(network: string): T | undefined {
    return this.#networks.get(network)?.excess;
  }

  /** What makes room for `more` of somebody at `network` who has `own`; `counted` says how much others have. */
  excessBeyond(network: string, own: Amounts, more: number, counted: FairShares<unknown>): T | undefined {
    const { first } = this.#byNetwork;
    if (first === undefined) return undefined;
    if (counted.amountOf({ network: first, name: "" }).ofNetwork > own.ofNetwork + more) return this.excess;
    const neighbours = this.#networks.get(network);
    const busiest = neighbours?.first;
    if (neighbours === undefined || busiest === undefined) return undefined;
    const { ofParty } = counted.amountOf({ network, name: busiest });
    return ofParty > own.ofParty + more ? neighbours.excess : undefined;
  }

  #count({ amount, owned: { party } }: ItemShare<T>, sign: 1 | -1): void {
    const { network: name } = party;
    const network = this.#networks.get(name);
    this.size += sign;
    this.amount += sign * amount;
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

  /** The party with the most. */
  get first(): string | undefined {
    return this.#byParty.first;
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
  readonly #all: KindShares<T>;
  #isOver = false;

  constructor(item: T, amount: number, owned: PartyShares<T>, all: KindShares<T>) {
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
