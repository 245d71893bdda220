import type { Table } from "#dialect";
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

/** Numbers of {@link proposalLimits}. */
export type ProposalLimits = Readonly<Record<keyof typeof proposalLimits, number>>;

/** All proposals of a broker: each step is decided at once, kept on disk, and only then told. */
export class Proposals {
  readonly #table: Table<Proposal>;
  readonly #limits: ProposalLimits;
  // bound: proposalLimits.keptMax · evicts: closed ones after 30 days, the oldest first when it is full; if all are open, one more is refused · owner: Proposals
  readonly #byId = new Map<string, Proposal>();
  // bound: proposalLimits.keptMax, those with a change on its way to the disk · evicts: one goes when that is kept, or could not be · owner: Proposals
  readonly #writing = new Map<string, Promise<void>>();
  /** States that could not be kept, with the one before: a step that was decided upon one of them must not bring it back. */
  // bound: steps under way upon a state that was lost · evicts: goes with the last of them · owner: Proposals
  readonly #lost = new WeakMap<Proposal, { readonly before: Proposal | undefined }>();

  constructor(table: Table<Proposal>, limits: ProposalLimits = proposalLimits) {
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
   * taken may say it again. Other terms, which its signature does not cover, make it another one. Resolves when it is on disk.
   * @throws Fault full with the code INVALID_PROPOSAL, unavailable
   */
  async propose(proposal: Proposal): Promise<Proposal> {
    let open = 0;
    for (const known of this.#byId.values()) {
      if (known.from !== proposal.from || !isOpen(known, proposal.at)) continue;
      if (known.sig === proposal.sig && known.terms === proposal.terms) return this.#kept(known);
      open += 1;
    }
    if (open >= this.#limits.openPerAgentMax) throw refused("full", "INVALID_PROPOSAL", `you have ${String(open)} open proposals, which is as many as you can have; wait until some are settled`);
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

  /** A proposal as it stands once it is on disk: nobody is told of what may yet be lost. */
  async #kept(proposal: Proposal): Promise<Proposal> {
    await this.#writing.get(proposal.id);
    return proposal;
  }

  /** What cannot be kept has not happened, unless a later step has carried it to the disk. */
  async #keep(next: Proposal, before: Proposal | undefined, gone: readonly string[]): Promise<void> {
    const writing = this.#table.batch([{ put: next.id, value: next }, ...gone.map((id) => ({ delete: id }))]);
    this.#writing.set(next.id, writing);
    try {
      await writing;
    } catch (thrown) {
      this.#lost.set(next, { before });
      if (this.#byId.get(next.id) === next) {
        const last = this.#lastKept(before);
        if (last === undefined) this.#byId.delete(next.id);
        else this.#byId.set(next.id, last);
      }
      throw thrown;
    } finally {
      if (this.#writing.get(next.id) === writing) this.#writing.delete(next.id);
    }
  }

  #lastKept(proposal: Proposal | undefined): Proposal | undefined {
    let last = proposal;
    for (let lost = last && this.#lost.get(last); lost !== undefined; lost = last && this.#lost.get(last)) last = lost.before;
    return last;
  }

  /** Lets closed proposals go that are old, or the oldest if there is no room. @throws Fault full */
  #makeRoom(now: number): readonly string[] {
    const gone: string[] = [];
    for (const [id, proposal] of this.#byId) {
      const isFull = this.#byId.size - gone.length >= this.#limits.keptMax;
      if (!isFull && now - proposal.at < this.#limits.keptMs) break;
      if (!isOpen(proposal, now) && (isFull || now - endOf(proposal) >= this.#limits.keptMs)) gone.push(id);
    }
    if (this.#byId.size - gone.length >= this.#limits.keptMax) throw refused("full", "INVALID_PROPOSAL", "this server keeps as many open proposals as it can; try again later");
    for (const id of gone) this.#byId.delete(id);
    return gone;
  }
}

/** When something was last said about it. */
function endOf({ at, steps }: Proposal): number {
  return steps.at(-1)?.at ?? at;
}
