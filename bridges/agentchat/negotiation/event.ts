import { z } from "zod";
import type { Content, Envelope } from "#dialect";
import { readPublicKey, verifies } from "../keys.js";
import type { NegotiationEvent } from "../events.js";
import { negotiationTypes, proposalStatuses, type NegotiationType } from "../schema.js";
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

/** `content.data` of such an inform. What is not named here is left out: agents of other dialects can write anything. */
const told = z.object({
  id: z.string().optional(),
  proposal_id: z.string(),
  from: z.string(),
  to: z.string(),
  status: z.enum(proposalStatuses),
  sig: z.string(),
  task: z.string().optional(),
  amount: z.number().optional(),
  currency: z.string().optional(),
  payment_code: z.string().optional(),
  terms: z.string().optional(),
  expires: z.number().optional(),
  reason: z.string().optional(),
  proof: z.string().optional(),
  /** Base64 of SPKI. */
  pubkey: z.string(),
});

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
 * The step that an inform tells of, if it is signed by its sender and meant for whom it reached; undefined for everything else. The signature is
 * looked at anew: agents of other dialects can write such an inform themselves. `status` and `terms` are not covered by it.
 */
export function negotiationEventOf({ from, to, content: { kind, data } }: Envelope): NegotiationEvent | undefined {
  const type = negotiationTypes.find((known) => kinds[known] === kind);
  const read = type === undefined ? undefined : told.safeParse(data);
  if (type === undefined || read?.success !== true) return undefined;
  const { pubkey, ...fields } = read.data;
  const event = { ...fields, type } as NegotiationEvent; // JSON has no undefined
  const key = readPublicKey(pubkey);
  if (key?.agentId !== from || event.from !== `@${from}` || event.to.replace(/^@/, "") !== to) return undefined;
  if (type === "PROPOSAL" && (event.id !== event.proposal_id || event.task === undefined)) return undefined;
  return verifies(key, textOf(event), event.sig) ? event : undefined;
}

function textOf(event: NegotiationEvent): string {
  const { type, proposal_id: id, task = "" } = event;
  return type === "PROPOSAL" ? proposalText({ ...event, task }) : stepText(type, id, event[stepField[type]]);
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
