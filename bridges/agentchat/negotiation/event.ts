import type { Content, Envelope } from "#dialect";
import { readPublicKey, verifies } from "../keys.js";
import type { NegotiationEvent, NegotiationType } from "../schema.js";
import { proposalText, stepText } from "../signed-text.js";
import { statusAt, type Proposal, type Step } from "./proposal.js";

/** What a step is called in the core, so that every dialect can show it (design §4, `content.kind`). */
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
  const { id, from, signedTo, task, amount, currency, payment_code, terms, expires, sig } = proposal;
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
    ...(expires !== undefined && { expires }),
    sig,
  };
}

/** A step as both parties hear it. */
export function stepEvent({ id, from, to, status }: Proposal, { type, by, field, sig }: Step): NegotiationEvent {
  return {
    type,
    proposal_id: id,
    from: `@${by}`,
    to: `@${by === from ? to : from}`,
    status,
    ...(field !== undefined && { [stepField[type]]: field }),
    sig,
  };
}

/** A step as a core inform: text for people, everything else for programs. `pubkey` lets every receiver verify it. */
export function contentOf({ type, ...fields }: NegotiationEvent, pubkey: string): Content {
  return { message: sentence({ type, ...fields }), kind: kinds[type], data: { ...fields, pubkey } };
}

/**
 * The step that an inform tells of, if it is signed by its sender; undefined for everything else. The signature is looked at anew: agents of other
 * dialects can write such an inform themselves.
 */
export function negotiationEventOf({ from, content: { kind, data } }: Envelope): NegotiationEvent | undefined {
  const type = (Object.keys(kinds) as NegotiationType[]).find((known) => kinds[known] === kind);
  if (type === undefined || typeof data !== "object" || data === null) return undefined;
  const { pubkey, ...fields } = data as NegotiationEvent & { readonly pubkey?: unknown };
  const event = { ...fields, type };
  const key = typeof pubkey === "string" ? readPublicKey(pubkey) : undefined;
  if (key?.agentId !== from || event.from !== `@${from}` || typeof event.sig !== "string" || typeof event.proposal_id !== "string") return undefined;
  const text = type === "PROPOSAL" ? proposalText({ ...event, to: event.to, task: event.task ?? "" }) : stepText(type, event.proposal_id, event[stepField[type]]);
  return verifies(key, text, event.sig) ? event : undefined;
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
