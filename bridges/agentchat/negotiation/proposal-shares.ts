import { FairShares, type Party, type Share } from "#dialect";
import { isOpen, sizeOf, statusAt, type Proposal } from "./proposal.js";

/** What closed by itself is looked for no more often than this, milliseconds: that goes through all of them. */
const sweepMs = 60 * 1_000;

/** Where a proposal stands when one has to make room. */
type Stage = "settled" | "pending" | "accepted";

/**
 * Whose proposals there are, and which of them makes room for another (AgentChat §6.5). Keys cost nothing: an agreement
 * never makes room for who has as much, and what nobody has answered goes before it, whoever proposed that.
 */
export class ProposalShares {
  // bound: proposalLimits.keptMax · evicts: with its proposal · owner: ProposalShares
  readonly #counted = new Map<string, { readonly stage: Stage; readonly shares: readonly Share<Proposal>[] }>();
  readonly #all = new FairShares<Proposal>();
  readonly #stages: Readonly<Record<Stage, FairShares<Proposal>>> = {
    settled: new FairShares(),
    pending: new FairShares(),
    accepted: new FairShares(),
  };
  /** The accepted ones by number, not by weight. */
  readonly #agreements = new FairShares<Proposal>();
  #sweptAt = -Infinity;

  /** What all take in memory, about, in KiB. */
  get amount(): number {
    return this.#all.amount;
  }

  /** Counts a proposal in its present form. */
  set(proposal: Proposal): void {
    const { status } = proposal;
    this.#set(proposal, status === "pending" || status === "accepted" ? status : "settled");
  }

  delete(id: string): void {
    for (const share of this.#counted.get(id)?.shares ?? []) share.end();
    this.#counted.delete(id);
  }

  /** Which proposal makes room for `wanted`; undefined if none may. */
  excessFor(wanted: Proposal): Proposal | undefined {
    this.#sweep(wanted.at);
    return this.#stages.settled.excess ?? this.#unanswered(wanted) ?? this.#agreed(wanted);
  }

  /** An agreement of who has more, in weight and in number: none is taken for one that is only shorter. */
  #agreed(wanted: Proposal): Proposal | undefined {
    const party = partyOf(wanted);
    const found = this.#stages.accepted.excessBeside(party, sizeOf(wanted));
    if (found === undefined) return undefined;
    const theirs = this.#agreements.amountOf(partyOf(found));
    const isNeighbour = partyOf(found).network === party.network;
    const isMore = isNeighbour ? theirs.ofParty > this.#agreements.amountOf(party).ofParty + 1 : theirs.ofNetwork > 1;
    return isMore ? found : undefined;
  }

  /** What nobody has answered, of a network that has more than the newcomer's, or of its own. */
  #unanswered(wanted: Proposal): Proposal | undefined {
    const { pending } = this.#stages;
    const { network } = partyOf(wanted);
    const found = pending.excess;
    if (found === undefined || partyOf(found).network === network) return found;
    const theirs = this.#all.amountOf(partyOf(found)).ofNetwork;
    const own = this.#all.amountOf(partyOf(wanted)).ofNetwork + sizeOf(wanted);
    return theirs > own ? found : pending.excessOf(network);
  }

  /** Finds what has expired since, or was accepted so long ago that it counts as closed. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < sweepMs) return;
    this.#sweptAt = now;
    for (const { stage, shares } of [...this.#counted.values()]) {
      const [proposal] = shares.map(({ item }) => item);
      if (proposal === undefined || stage === "settled") continue;
      if (statusAt(proposal, now) === "expired" || !isOpen(proposal, now)) this.#set(proposal, "settled");
    }
  }

  #set(proposal: Proposal, stage: Stage): void {
    const amount = sizeOf(proposal);
    const party = partyOf(proposal);
    this.delete(proposal.id);
    const shares = [this.#all, this.#stages[stage]].map((all) => all.add(proposal, party, amount));
    if (stage === "accepted") shares.push(this.#agreements.add(proposal, party));
    this.#counted.set(proposal.id, { stage, shares });
  }
}

function partyOf({ from, network = "" }: Proposal): Party {
  return { network, name: from };
}
