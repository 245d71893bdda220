import type { Clock } from "../../../src/core/clock.js";
import { readContent, type ProposalDetails, type ProposalStatus } from "./contents.js";
import type { Message } from "./message.js";

/** Proposals that are remembered, and of one peer: settled ones go first, then the oldest. */
export const proposalsMax = 1_000;
export const proposalsOfPeerMax = 100;

/** A proposal of either side. */
export interface Proposal {
  readonly proposalId: string;
  readonly peer: string;
  readonly conversationId: string;
  readonly from: "us" | "peer";
  readonly status: ProposalStatus;
  readonly details: ProposalDetails;
  /** It came, or went, sealed: what is said about it in plain text, which the broker could have made up, is none. */
  readonly sealed: boolean;
  /** Why it was declined. */
  readonly reason?: string;
}

interface Kept {
  proposal: Proposal;
  cancel: () => void;
}

const settled: ReadonlySet<ProposalStatus> = new Set(["ACCEPTED", "REJECTED", "EXPIRED"]);

/**
 * The state of proposals, ours and those of peers (Agent Network §12.7): EXPIRED at their `expiresAt`, MODIFIED when one
 * comes again under its id from the same side. It is remembered while the process runs.
 */
export class Proposals {
  readonly #clock: Clock;
  readonly #tell: (proposal: Proposal) => void;
  // bound: proposalsMax, of one peer proposalsOfPeerMax · evicts: settled ones first, then the oldest · owner: Proposals
  readonly #known = new Map<string, Kept>();

  constructor(clock: Clock, tell: (proposal: Proposal) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** One was made: a new one, or another version of a known one, which counts from now on. */
  made(made: Omit<Proposal, "status" | "reason">): void {
    const key = keyOf(made.from, made.peer, made.proposalId);
    const before = this.#known.get(key);
    if (before?.proposal.sealed === true && !made.sealed) return;
    const proposal: Proposal = { ...made, status: before === undefined ? "PENDING" : "MODIFIED" };
    before?.cancel();
    this.#known.delete(key);
    if (before === undefined) this.#makeRoom(made.peer);
    const kept: Kept = { proposal, cancel: () => undefined };
    this.#known.set(key, kept);
    this.#tell(proposal);
    const { expiresAt } = made.details;
    if (expiresAt !== undefined) this.#expire(kept, expiresAt);
  }

  /** It was answered. One that has expired, or was answered before, stays what it is. */
  decided(
    from: Proposal["from"],
    peer: string,
    proposalId: string,
    decision: { readonly status: "ACCEPTED" } | { readonly status: "REJECTED"; readonly reason: string },
  ): void {
    const kept = this.#known.get(keyOf(from, peer, proposalId));
    if (kept !== undefined && !settled.has(kept.proposal.status)) this.#settle(kept, decision);
  }

  /** A peer has said something: maybe a proposal, or what it decides about one of ours. */
  heard({ messageType, senderId, conversationId, content, sealed }: Message): void {
    if (messageType === "PROPOSAL") {
      const read = readContent(messageType, content);
      if ("content" in read) {
        const { proposalId, details } = read.content;
        this.made({ from: "peer", peer: senderId, conversationId, sealed, proposalId, details });
      }
      return;
    }
    const { proposalId: about } = content;
    if (typeof about !== "string" || (this.find("us", senderId, about)?.sealed === true && !sealed)) return;
    if (messageType === "CONFIRMATION") {
      const read = readContent(messageType, content);
      if ("content" in read) this.decided("us", senderId, read.content.proposalId, { status: "ACCEPTED" });
    } else if (messageType === "REJECTION") {
      const read = readContent(messageType, content);
      if ("content" in read) {
        const { proposalId, reason } = read.content;
        this.decided("us", senderId, proposalId, { status: "REJECTED", reason });
      }
    }
  }

  /** One that is remembered. */
  find(from: Proposal["from"], peer: string, proposalId: string): Proposal | undefined {
    return this.#known.get(keyOf(from, peer, proposalId))?.proposal;
  }

  /** All that are remembered, oldest first. */
  all(): readonly Proposal[] {
    return [...this.#known.values()].map(({ proposal }) => proposal);
  }

  close(): void {
    for (const { cancel } of this.#known.values()) cancel();
    this.#known.clear();
  }

  #expire(kept: Kept, expiresAt: number): void {
    const left = expiresAt - this.#clock.now();
    if (left <= 0) this.#settle(kept, { status: "EXPIRED" });
    else
      kept.cancel = this.#clock.after(left, () => {
        this.#expire(kept, expiresAt);
      });
  }

  #settle(kept: Kept, change: Partial<Proposal>): void {
    kept.cancel();
    kept.proposal = { ...kept.proposal, ...change };
    this.#tell(kept.proposal);
  }

  #makeRoom(peer: string): void {
    const ofPeer = [...this.#known].filter(([, { proposal }]) => proposal.peer === peer);
    if (ofPeer.length >= proposalsOfPeerMax) this.#forget(ofPeer);
    else if (this.#known.size >= proposalsMax) this.#forget([...this.#known]);
  }

  #forget(of: readonly (readonly [string, Kept])[]): void {
    const [key, kept] = of.find(([, { proposal }]) => settled.has(proposal.status)) ?? of[0] ?? [];
    if (key === undefined) return;
    kept?.cancel();
    this.#known.delete(key);
  }
}

function keyOf(from: Proposal["from"], peer: string, proposalId: string): string {
  return JSON.stringify([from, peer, proposalId]);
}
