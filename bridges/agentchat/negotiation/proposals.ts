import { Fault, type Table } from "#dialect";
import { after, isOpen, refused, type Proposal, type Step } from "./proposal.js";

/** How many proposals are kept, and for how long. */
export const proposalLimits = Object.freeze({
  /** Proposals that one agent has made and that are still open. */
  openPerAgentMax: 100,
  /** All that are kept. */
  keptMax: 50_000,
  /** Closed ones go this long after their last step, milliseconds. */
  keptMs: 30 * 24 * 60 * 60 * 1_000,
});

/** All proposals of a broker: each step is decided at once, kept on disk, and only then told. */
export class Proposals {
  readonly #table: Table<Proposal>;
  readonly #limits: typeof proposalLimits;
  // bound: proposalLimits.keptMax · evicts: closed ones after 30 days, the oldest first when it is full; if all are open, one more is refused · owner: Proposals
  readonly #byId = new Map<string, Proposal>();

  constructor(table: Table<Proposal>, limits = proposalLimits) {
    this.#table = table;
    this.#limits = limits;
    const kept = [...table.range("", "\uffff")].map(([, proposal]) => proposal).sort((one, other) => one.at - other.at);
    for (const proposal of kept) this.#byId.set(proposal.id, proposal);
  }

  /** Proposals kept now. */
  get size(): number {
    return this.#byId.size;
  }

  /**
   * Keeps a new proposal. One that its proposer has said before, and that is still open, is the same one: a client that does not know whether it was
   * taken may say it again. Resolves when it is on disk. @throws Fault full, unavailable
   */
  async propose(proposal: Proposal): Promise<Proposal> {
    let open = 0;
    for (const known of this.#byId.values()) {
      if (known.from !== proposal.from || !isOpen(known, proposal.at)) continue;
      if (known.sig === proposal.sig) return known;
      open += 1;
    }
    if (open >= this.#limits.openPerAgentMax) throw new Fault("full", `you have ${String(open)} open proposals, which is as many as you can have; wait until some are settled`);
    const gone = this.#makeRoom(proposal.at);
    this.#byId.set(proposal.id, proposal);
    await this.#keep(proposal, undefined, gone);
    return proposal;
  }

  /** Takes a step. Resolves when it is on disk. @throws Fault with a code of the negotiation, unavailable */
  async step(id: string, step: Step): Promise<Proposal> {
    const before = this.#byId.get(id);
    if (before === undefined) throw refused("not-found", "PROPOSAL_NOT_FOUND", `there is no proposal ${id}; it may have been settled more than 30 days ago`);
    const next = after(before, step);
    this.#byId.set(id, next);
    await this.#keep(next, before, []);
    return next;
  }

  /** What cannot be kept has not happened, unless something has happened since. */
  async #keep(next: Proposal, before: Proposal | undefined, gone: readonly string[]): Promise<void> {
    try {
      await this.#table.batch([{ put: next.id, value: next }, ...gone.map((id) => ({ delete: id }))]);
    } catch (thrown) {
      if (this.#byId.get(next.id) === next) {
        if (before === undefined) this.#byId.delete(next.id);
        else this.#byId.set(next.id, before);
      }
      throw thrown;
    }
  }

  /** Lets closed proposals go that are old, or the oldest if there is no room. @throws Fault full */
  #makeRoom(now: number): readonly string[] {
    const gone: string[] = [];
    for (const [id, proposal] of this.#byId) {
      const isFull = this.#byId.size - gone.length >= this.#limits.keptMax;
      if (!isFull && now - proposal.at < this.#limits.keptMs) break;
      if (!isOpen(proposal, now) && (isFull || now - endOf(proposal) >= this.#limits.keptMs)) gone.push(id);
    }
    if (this.#byId.size - gone.length >= this.#limits.keptMax) throw new Fault("full", "this server keeps as many open proposals as it can; try again later");
    for (const id of gone) this.#byId.delete(id);
    return gone;
  }
}

/** When something was last said about it. */
function endOf({ at, steps }: Proposal): number {
  return steps.at(-1)?.at ?? at;
}
