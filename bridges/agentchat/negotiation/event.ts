import type { Content, Envelope } from "#dialect";
import type { NegotiationEvent } from "../events.js";
import type { NegotiationType } from "../schema.js";
import { statusAt, type Proposal, type Step } from "./proposal.js";

/** What a step is called in the core, so that every dialect can show it (AgentChat §6.6). */
const kinds = {
  PROPOSAL: "proposal",
  ACCEPT: "proposal.accept",
  REJECT: "proposal.reject",
  COMPLETE: "proposal.complete",
  DISPUTE: "proposal.dispute",
} as const satisfies Record<NegotiationType, string>;

/** The field of each step that its signature covers. */
export const stepField = { ACCEPT: "payment_code", REJECT: "reason", COMPLETE: "proof", DISPUTE: "reason" } as const;

/** A proposal as both parties hear it. */
export function proposalEvent(proposal: Proposal, now: number): NegotiationEvent {
  const { id, from, signedTo, task, amount, currency, payment_code, terms, expires, elo_stake } = proposal;
  const { sig, pubkey, at } = proposal;
  return {
    type: "PROPOSAL",
    id,
    proposal_id: id,
    from: `@${from}`,
    to: signedTo,
    status: statusAt(proposal, now),
    task,
    ...(amount !== undefined && { amount }),
    ...(currency !== undefined && { currency }),
    ...(payment_code !== undefined && { payment_code }),
    ...(terms !== undefined && { terms }),
    ...(expires !== undefined && { expires: at + expires * 1_000, expires_in: expires }),
    ...(elo_stake !== undefined && { elo_stake }),
    sig,
    pubkey,
    at,
  };
}

/** A step as both parties hear it. */
export function stepEvent({ id, from, to, status }: Proposal, step: Step): NegotiationEvent {
  const { type, by, field, elo_stake, sig, pubkey, at } = step;
  const speaker = `@${by}`;
  return {
    type,
    proposal_id: id,
    from: speaker,
    to: `@${by === from ? to : from}`,
    status,
    ...(field !== undefined && { [stepField[type]]: field }),
    ...(elo_stake !== undefined && { elo_stake }),
    ...(type === "COMPLETE" && { completed_by: speaker, completed_at: at }),
    ...(type === "DISPUTE" && { disputed_by: speaker, disputed_at: at }),
    sig,
    pubkey,
  };
}

/**
 * Contents that this broker has made of steps that it has kept. Others may write the like; those are messages and no
 * more.
 */
// bound: informs under way · evicts: goes with its message · owner: negotiation/event.ts
const kept = new WeakMap<Content, NegotiationEvent>();

/** A step that has been kept as a core inform: text for people, everything else for programs. */
export function contentOf(event: NegotiationEvent): Content {
  const { type, ...fields } = event;
  const content: Content = { message: sentence(event), kind: kinds[type], data: fields };
  kept.set(content, event);
  return content;
}

/** The step that an inform tells of, if this broker has kept it; undefined for everything else. */
export function negotiationEventOf({ content }: Envelope): NegotiationEvent | undefined {
  return kept.get(content);
}

function sentence(event: NegotiationEvent): string {
  const { type, from, proposal_id: id, task, amount, currency, reason, proof } = event;
  const price = amount === undefined ? "" : ` for ${String(amount)}${currency === undefined ? "" : ` ${currency}`}`;
  switch (type) {
    case "PROPOSAL":
      return `${from} proposes: ${task ?? ""}${price} (proposal ${id}; ACCEPT or REJECT it)`;
    case "ACCEPT":
      return `${from} accepts proposal ${id}`;
    case "REJECT":
      return `${from} rejects proposal ${id}${reason === undefined ? "" : `: ${reason}`}`;
    case "COMPLETE":
      return `${from} has completed proposal ${id}${proof === undefined ? "" : `: ${proof}`}`;
    case "DISPUTE":
      return `${from} disputes proposal ${id}: ${reason ?? ""}`;
  }
}
