import { createHash } from "node:crypto";
import { Fault, type FaultCode } from "#dialect";
import { agentIdOf, formerIdOf } from "../keys.js";
import type { ErrorCode, NegotiationType, ProposalStatus } from "../schema.js";

/** What one agent says without `expires` can be accepted so long, milliseconds. */
const pendingMaxMs = 30 * 24 * 60 * 60 * 1_000;
/** What was accepted and never spoken of again counts as open so long, milliseconds. */
const acceptedMaxMs = 365 * 24 * 60 * 60 * 1_000;

/** More than a proposal or a step takes beside its texts: the object, names and keys. */
const objectBytes = 1_024;

/** What one agent offers another, and where it stands. Names are without `@`. */
export interface Proposal {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** `to` as its proposer wrote and signed it. */
  readonly signedTo: string;
  readonly task: string;
  readonly amount?: number;
  readonly currency?: string;
  readonly payment_code?: string;
  readonly terms?: string;
  /** Seconds from `at`, as signed. */
  readonly expires?: number;
  /** As signed. */
  readonly elo_stake?: number;
  readonly sig: string;
  /** The proposer's key, base64 of SPKI: what is kept can be verified without anybody online. */
  readonly pubkey: string;
  /** The network that it was made from. Told to nobody: it says whose share of all proposals it counts against. */
  readonly network?: string;
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly status: ProposalStatus;
  /** What has been said about it, oldest first. */
  readonly steps: readonly Step[];
}

/** What a party said about a proposal. */
export interface Step {
  readonly type: Exclude<NegotiationType, "PROPOSAL">;
  readonly by: string;
  /** `payment_code`, `reason` or `proof`. */
  readonly field?: string;
  /** ACCEPT only, as signed. */
  readonly elo_stake?: number;
  readonly sig: string;
  /** The key of `by`, base64 of SPKI. */
  readonly pubkey: string;
  /** Wall clock, milliseconds. */
  readonly at: number;
}

/** Who may take a step, from where, and where it leads. Everything else is refused. */
const rules: Readonly<
  Record<
    Step["type"],
    { readonly from: ProposalStatus; readonly to: ProposalStatus; readonly by: "proposee" | "either" }
  >
> = {
  ACCEPT: { from: "pending", to: "accepted", by: "proposee" },
  REJECT: { from: "pending", to: "rejected", by: "proposee" },
  COMPLETE: { from: "accepted", to: "completed", by: "either" },
  DISPUTE: { from: "accepted", to: "disputed", by: "either" },
};

/**
 * The proposal after a step. Pure.
 * @throws Fault with the code NOT_PROPOSAL_PARTY, PROPOSAL_EXPIRED or INVALID_PROPOSAL
 */
export function after(proposal: Proposal, step: Step): Proposal {
  const rule = rules[step.type];
  if (step.by !== proposal.to && step.by !== proposal.from)
    throw refused("forbidden", "NOT_PROPOSAL_PARTY", "this proposal is between two others");
  if (rule.by === "proposee" && step.by !== proposal.to)
    throw refused("forbidden", "NOT_PROPOSAL_PARTY", `only @${proposal.to} can ${step.type} this proposal`);
  const status = statusAt(proposal, step.at);
  if (status === "expired") throw refused("timeout", "PROPOSAL_EXPIRED", "the proposal has expired; ask for a new one");
  if (status !== rule.from)
    throw refused(
      "conflict",
      "INVALID_PROPOSAL",
      `${step.type} is for a proposal that is ${rule.from}; this one is ${status}`,
    );
  return { ...proposal, status: rule.to, steps: [...proposal.steps, step] };
}

/**
 * The id of a proposal: it binds what was signed, so that a step that names it agrees to these very terms (AgentChat
 * §6.1).
 * @param at when it was taken, wall clock, milliseconds
 */
export function proposalId(sig: string, at: number): string {
  return createHash("sha256").update(`${sig}|${at}`).digest("hex").slice(0, 32);
}

/**
 * A proposal as it was kept, with the ids that its parties have now where their keys are known (AgentChat §3.9); itself
 * if nothing has changed. A party that has signed nothing yet is found when it does: {@link withParty}. Pure.
 */
export function withPresentIds(proposal: Proposal): Proposal {
  const { from, to, pubkey, steps } = proposal;
  const keys = [pubkey, ...steps.map((step) => step.pubkey)];
  const former = keys.map(formerIdOf);
  const present = (id: string): string => {
    const key = keys[former.indexOf(id)];
    return key === undefined ? id : agentIdOf(key);
  };
  if ([from, to, ...steps.map(({ by }) => by)].every((id) => present(id) === id)) return proposal;
  return {
    ...proposal,
    from: present(from),
    to: present(to),
    steps: steps.map((step) => ({ ...step, by: present(step.by) })),
  };
}

/** The proposal with the present id of a party that has just shown its key, if it was made to the key's former one. */
export function withParty(proposal: Proposal, agentId: string, formerId: string | undefined): Proposal {
  return proposal.to === formerId ? { ...proposal, to: agentId } : proposal;
}

/** Where a proposal stands once this step is taken. */
export function statusAfter({ type }: Pick<Step, "type">): ProposalStatus {
  return rules[type].to;
}

/** Where it stands at a moment: what is pending may have expired. */
export function statusAt({ status, at, expires }: Proposal, nowMs: number): ProposalStatus {
  return status === "pending" && nowMs >= at + (expires === undefined ? pendingMaxMs : expires * 1_000)
    ? "expired"
    : status;
}

/** True while its parties may be expected to say more. */
export function isOpen(proposal: Proposal, nowMs: number): boolean {
  const status = statusAt(proposal, nowMs);
  return status === "pending" || (status === "accepted" && nowMs - endOf(proposal) < acceptedMaxMs);
}

/** When something was last said about it. */
export function endOf({ at, steps }: Proposal): number {
  return steps.at(-1)?.at ?? at;
}

/** What it takes in memory, about, in KiB. */
export function sizeOf({ task, terms = "", payment_code = "", steps, ...rest }: Proposal): number {
  const texts = [
    task,
    terms,
    payment_code,
    rest.currency ?? "",
    rest.sig,
    ...steps.flatMap(({ field = "", sig }) => [field, sig]),
  ];
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  return Math.ceil((objectBytes * (1 + steps.length) + 2 * length) / 1024);
}

/** A refusal in the words of the negotiation. */
export function refused(code: FaultCode, agentchat: ErrorCode, message: string): Fault {
  return new Fault(code, message, { detail: { agentchat } });
}
