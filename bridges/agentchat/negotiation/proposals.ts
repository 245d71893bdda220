import type { Table } from "#dialect";
import { ProposalShares } from "./proposal-shares.js";
import {
  after,
  endOf,
  isOpen,
  refused,
  sizeOf,
  withParty,
  withPresentIds,
  type Proposal,
  type Step,
} from "./proposal.js";

/** How many proposals are kept, and for how long. */
export const proposalLimits = Object.freeze({
  /** Proposals that one agent has made and that are still open. */
  openPerAgentMax: 100,
  /** All that are kept. */
  keptMax: 20_000,
  /** What they take in memory, about. */
  keptMaxBytes: 64 * 1024 * 1024,
  /** Closed ones go this long after their last step, milliseconds. */
  keptMs: 30 * 24 * 60 * 60 * 1_000,
});

/** Numbers of {@link proposalLimits}. */
export type ProposalLimits = Readonly<Record<keyof typeof proposalLimits, number>>;

/** All proposals of a broker: each step is decided at once, kept on disk, and only then told. */
export class Proposals {
  readonly #table: Table<Proposal>;
  readonly #limits: ProposalLimits;
  // bound: proposalLimits.keptMax, and keptMaxBytes in all · evicts: closed ones after 30 days; when it is full, of the
  // busiest proposer of the busiest network, settled ones first, then unanswered ones, then accepted ones of who has
  // more than the newcomer; if there are none it is refused as full · owner: Proposals
  readonly #byId = new Map<string, Proposal>();
  readonly #shares = new ProposalShares();
  /** Ids by who made them, oldest first. */
  // bound: proposalLimits.keptMax ids in all · evicts: with its proposal, an agent with its last one · owner: Proposals
  readonly #byAgent = new Map<string, Set<string>>();
  // bound: proposalLimits.keptMax, those with a change on its way to the disk · evicts: one goes when that is kept, or
  // could not be · owner: Proposals
  readonly #writing = new Map<string, Promise<void>>();
  /**
   * States that could not be kept, with the one before: a step that was decided upon one of them must not bring it
   * back.
   */
  // bound: steps under way upon a state that was lost · evicts: goes with the last of them · owner: Proposals
  readonly #lost = new WeakMap<Proposal, { readonly before: Proposal | undefined }>();

  /** Which connection has heard that a step was taken. */
  // bound: steps of this run · evicts: goes with its step · owner: Proposals
  readonly #speakers = new WeakMap<Step, object>();

  constructor(table: Table<Proposal>, limits: ProposalLimits = proposalLimits) {
    this.#table = table;
    this.#limits = limits;
    const found = [...table.range("", "\uffff")].map(([, proposal]) => proposal);
    const kept = found.map(withPresentIds);
    for (const proposal of kept.toSorted((one, other) => one.at - other.at)) this.#add(proposal);
    const changed = kept.filter((proposal, at) => proposal !== found[at]);
    if (changed.length > 0) {
      // All at once or none. What could not be written is told by whoever keeps the tables, and is found the next time.
      table.batch(changed.map((value) => ({ put: value.id, value }))).catch(() => undefined);
    }
  }

  /** Proposals kept now. */
  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Proposal | undefined {
    return this.#byId.get(id);
  }

  /** What they take in memory, about. */
  get bytes(): number {
    return this.#shares.amount * 1024;
  }

  /**
   * Keeps a new proposal. One that its proposer has said before, and that is still open, is the same one: a client that
   * does not know whether it was taken may say it again. Other terms, which its signature does not cover, make it
   * another one. Resolves when it is on disk.
   * @param isProved the speaker has proved its key just now. Who has not may have overheard the signature: nothing old
   * is taken for new
   * @throws Fault full, conflict with the code INVALID_PROPOSAL, unavailable
   */
  async propose(proposal: Proposal, isProved: boolean): Promise<Proposal> {
    let open = 0;
    for (const known of this.#by(proposal.from)) {
      const isKnownOpen = isOpen(known, proposal.at);
      if (known.sig === proposal.sig) {
        if (isKnownOpen && known.terms === proposal.terms) return this.#kept(known);
        if (!isProved)
          throw refused(
            "conflict",
            "INVALID_PROPOSAL",
            `this has been said before, as proposal ${known.id}; prove your key (VERIFY_IDENTITY) to say it anew`,
          );
      }
      if (isKnownOpen) open += 1;
    }
    if (open >= this.#limits.openPerAgentMax)
      throw refused(
        "full",
        "INVALID_PROPOSAL",
        `you have ${String(open)} open proposals, which is as many as you can have; wait until some are settled`,
      );
    if (this.#byId.has(proposal.id))
      throw refused("conflict", "INVALID_PROPOSAL", "this was said in the same millisecond before; say it again");
    const gone = this.#makeRoom(proposal);
    this.#add(proposal);
    await this.#keep(proposal, undefined, gone);
    return proposal;
  }

  /**
   * Takes a step. Resolves when it is on disk. Who says its last step again on another connection, or after a restart,
   * does not know whether it was taken: it is told anew.
   * @param speaker the connection
   * @param formerId of the speaker's key: a proposal to that is one to the speaker
   * @returns the proposal, with the step as it was kept as its last
   * @throws Fault with a code of the negotiation, unavailable
   */
  async step(id: string, step: Step, speaker: object, formerId?: string): Promise<Proposal> {
    const known = this.#byId.get(id);
    if (known === undefined)
      throw refused(
        "not-found",
        "PROPOSAL_NOT_FOUND",
        `there is no proposal ${id}; it may have been settled more than 30 days ago`,
      );
    const last = known.steps.at(-1);
    if (last !== undefined && isSameStep(last, step) && this.#speakers.get(last) !== speaker) {
      this.#speakers.set(last, speaker);
      return this.#kept(known);
    }
    const next = after(withParty(known, step.by, formerId), step);
    this.#speakers.set(step, speaker);
    this.#replace(next);
    await this.#keep(next, known, []);
    return next;
  }

  /** The other party could not be told of a step: whoever took it may say it again, on the same connection, too. */
  untold(step: Step): void {
    this.#speakers.delete(step);
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
        if (last === undefined) this.#remove(next);
        else this.#replace(last);
      }
      throw thrown;
    } finally {
      if (this.#writing.get(next.id) === writing) this.#writing.delete(next.id);
    }
  }

  #lastKept(proposal: Proposal | undefined): Proposal | undefined {
    let last = proposal;
    for (let lost = last && this.#lost.get(last); lost !== undefined; lost = last && this.#lost.get(last))
      last = lost.before;
    return last;
  }

  /**
   * Lets closed proposals go that are old, and one of the busiest where there is no room for `wanted`. Keys and names
   * cost nothing: who makes a few proposals must not lose them to who makes thousands.
   * @throws Fault full
   */
  #makeRoom(wanted: Proposal): readonly string[] {
    const { keptMax, keptMaxBytes, keptMs } = this.#limits;
    const now = wanted.at;
    const gone: Proposal[] = [];
    for (const proposal of this.#byId.values()) {
      if (now - proposal.at < keptMs) break;
      if (!isOpen(proposal, now) && now - endOf(proposal) >= keptMs) gone.push(proposal);
    }
    for (const proposal of gone) this.#remove(proposal);
    while (this.#byId.size >= keptMax || (this.#shares.amount + sizeOf(wanted)) * 1024 > keptMaxBytes) {
      const proposal = this.#shares.excessFor(wanted);
      if (proposal === undefined) throw closed();
      this.#remove(proposal);
      gone.push(proposal);
    }
    return gone.map(({ id }) => id);
  }

  #by(agent: string): readonly Proposal[] {
    return [...(this.#byAgent.get(agent) ?? [])].flatMap((id) => this.#byId.get(id) ?? []);
  }

  #add(proposal: Proposal): void {
    const { id, from } = proposal;
    this.#replace(proposal);
    const ids = this.#byAgent.get(from);
    if (ids === undefined) this.#byAgent.set(from, new Set([id]));
    else ids.add(id);
  }

  /** Takes a proposal in its present form, and counts what it takes. */
  #replace(proposal: Proposal): void {
    this.#byId.set(proposal.id, proposal);
    this.#shares.set(proposal);
  }

  #remove({ id, from }: Proposal): void {
    this.#byId.delete(id);
    this.#shares.delete(id);
    const ids = this.#byAgent.get(from);
    ids?.delete(id);
    if (ids?.size === 0) this.#byAgent.delete(from);
  }
}

function closed(): Error {
  return refused(
    "full",
    "INVALID_PROPOSAL",
    "this server keeps as many agreements as it can, and nobody has more than you would have; try again later",
  );
}

function isSameStep(one: Step, other: Step): boolean {
  return (
    one.type === other.type &&
    one.by === other.by &&
    one.field === other.field &&
    (one.elo_stake ?? 0) === (other.elo_stake ?? 0)
  );
}
