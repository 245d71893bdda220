import type { ConsensusPlan } from "../telemetry.js";
import type { Initiated, Progressed } from "./announcements.js";
import { decisionOf, neededOf, type Decision, type Tally, type Vote } from "./vote.js";

/** What is known of one voter. */
type Said =
  | { readonly vote: "pending" | "absent" }
  | { readonly vote: Vote; readonly at: number; readonly isUnreadable: boolean };

/** The kind of what voters are asked. */
export const voteKind = "coordination.vote";

/** One vote about one proposal, from its first word to what it has decided. No clock, nothing that is sent. */
export class Consensus {
  readonly id: string;
  readonly plan: ConsensusPlan;
  /** Wall clock, milliseconds. */
  readonly endsAt: number;
  // bound: coordinationParticipantsMax · evicts: with the vote · owner: Consensus
  readonly #said = new Map<string, Said>();

  constructor(id: string, plan: ConsensusPlan, now: number) {
    this.id = id;
    this.plan = plan;
    this.endsAt = now + plan.timeoutMs;
    for (const { id: agent, role } of plan.participants)
      if (role === "voter") this.#said.set(agent, { vote: "pending" });
  }

  get voters(): readonly string[] {
    return [...this.#said.keys()];
  }

  /** Voters that nobody could ask. */
  get absent(): readonly string[] {
    return [...this.#said].filter(([, { vote }]) => vote === "absent").map(([agent]) => agent);
  }

  /** Nobody can ask this voter. */
  miss(agent: string): void {
    this.#said.set(agent, { vote: "absent" });
  }

  /** @param vote undefined: the answer cannot be read as one, and counts as an abstention */
  hear(agent: string, vote: Vote | undefined, now: number): void {
    this.#said.set(agent, { vote: vote ?? "abstain", at: now, isUnreadable: vote === undefined });
  }

  /** Undefined while it is open. */
  get decision(): Decision | undefined {
    return decisionOf(this.#tally, this.plan.consensusThreshold);
  }

  get #tally(): Tally {
    const tally = { voters: this.#said.size, approve: 0, reject: 0, abstain: 0, absent: 0 };
    for (const { vote } of this.#said.values()) if (vote !== "pending") tally[vote] += 1;
    return tally;
  }

  /** The document's `coordination.initiated`. */
  get initiated(): Initiated {
    const { initiator, participants, consensusThreshold, timeoutMs, proposal } = this.plan;
    return {
      coordinationId: this.id,
      pattern: "CONSENSUS",
      initiator: { id: initiator },
      participants: participants.map(({ id, role }) => ({ id, role })),
      parameters: { consensusThreshold, timeout: timeoutMs, proposal },
    };
  }

  /** The document's `coordination.progress`; with `status`, the last one. */
  progressed(now: number, status: Decision | "TIMED_OUT" | "VOTING"): Progressed {
    const tally = this.#tally;
    const { voters, absent, ...counted } = tally;
    const cast = counted.approve + counted.reject + counted.abstain;
    // Names are strangers' words, and `__proto__` is one.
    const votes = Object.create(null) as Record<string, object>;
    for (const [agent, said] of this.#said) votes[agent] = written(said);
    const isOver = status !== "VOTING";
    return {
      coordinationId: this.id,
      pattern: "CONSENSUS",
      progress: (cast + absent) / voters,
      status,
      votes,
      estimatedCompletion: new Date(isOver ? Math.min(now, this.endsAt) : this.endsAt).toISOString(),
      ...(isOver && {
        result: {
          decision: status,
          ...counted,
          absent,
          pending: voters - cast - absent,
          voters,
          needed: neededOf(voters, this.plan.consensusThreshold),
        },
      }),
    };
  }

  /** What has become of it, in a sentence. */
  outcome(status: Decision | "TIMED_OUT"): string {
    const { approve, voters } = this.#tally;
    const needed = neededOf(voters, this.plan.consensusThreshold);
    const became = { APPROVED: "is approved", REJECTED: "is rejected", TIMED_OUT: "was not decided in time" }[status];
    const counted = `${String(approve)} of ${String(voters)} voters approve, and ${String(needed)} must`;
    return `the proposal of ${this.plan.initiator} ${became}: ${counted}`;
  }

  /** What a participant hears: text for people and models, and the same for programs. */
  asking(role: "voter" | "observer"): { readonly message: string; readonly kind: string; readonly data: object } {
    const { initiator, trust, consensusThreshold, timeoutMs, proposal } = this.plan;
    const needed = neededOf(this.#said.size, consensusThreshold);
    const what = JSON.stringify(proposal); // whole: some dialects tell the text alone
    const rule = `${String(needed)} of ${String(this.#said.size)} voters must approve within ${String(timeoutMs / 1_000)} s`;
    return {
      message:
        role === "voter"
          ? `${initiator} asks for your vote on a proposal of its own: ${what} – begin your answer with approve, ` +
            `reject or abstain; ${rule}.`
          : `${initiator} has a proposal of its own voted on, and you observe: ${what} – ${rule}.`,
      kind: voteKind,
      data: {
        coordinationId: this.id,
        pattern: "CONSENSUS",
        role,
        initiator: { id: initiator, trust },
        proposal,
        threshold: consensusThreshold,
        options: role === "voter" ? ["approve", "reject", "abstain"] : [],
        timeout: timeoutMs,
        until: new Date(this.endsAt).toISOString(),
      },
    };
  }
}

function written(said: Said): object {
  if (!("at" in said)) return { vote: said.vote };
  const { vote, at, isUnreadable } = said;
  return { vote, timestamp: new Date(at).toISOString(), ...(isUnreadable && { unreadable: true }) };
}

/** True if `votes` of the document's `coordination.progress` has a vote of this agent, and not only that it is asked. */
export function hasVoted(votes: unknown, agent: string): boolean {
  if (typeof votes !== "object" || votes === null || !Object.hasOwn(votes, agent)) return false;
  const said = (votes as Readonly<Record<string, unknown>>)[agent];
  return typeof said === "object" && said !== null && "timestamp" in said;
}
