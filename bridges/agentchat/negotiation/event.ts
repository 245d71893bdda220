import { createHash } from "node:crypto";
import type { Content, Envelope } from "#dialect";
import type { NegotiationEvent } from "../events.js";
import { negotiationTypes, type NegotiationType } from "../schema.js";
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

/** So many of the last steps are known by their hashes. */
const hashesMax = 20_000;

/**
 * Hashes of the informs that have been said of late: from a mailbox comes what was read anew from bytes. One that is not
 * among them, as after a restart, is heard as its text.
 */
// bound: hashesMax, 22 characters each · evicts: the oldest · owner: negotiation/event.ts
const hashes = new Set<string>();

/** A step that has been kept as a core inform `to` a party: text for people, everything else for programs. */
export function contentOf(event: NegotiationEvent, to: string): Content {
  const { type, ...fields } = event;
  const content: Content = { message: sentence(event), kind: kinds[type], data: fields };
  kept.set(content, event);
  const hash = hashOf({ from: event.from.slice(1), to, content });
  hashes.delete(hash);
  hashes.add(hash);
  for (const oldest of hashes) {
    if (hashes.size <= hashesMax) break;
    hashes.delete(oldest);
  }
  return content;
}

/** The step that an inform tells of, if this broker has kept it; undefined for everything else. */
export function negotiationEventOf(envelope: Envelope): NegotiationEvent | undefined {
  const { content } = envelope;
  const known = kept.get(content);
  if (known !== undefined || typeof content.kind !== "string" || !content.kind.startsWith("proposal")) return known;
  const type = negotiationTypes.find((one) => kinds[one] === content.kind);
  if (type === undefined || !hashes.has(hashOf(envelope))) return undefined;
  return { type, ...(content.data as Omit<NegotiationEvent, "type">) }; // its hash is that of an event
}

/** Of who says what to whom: nobody else can say the same, and nobody else than its addressee hears it as a step. */
function hashOf({ from, to, content }: Pick<Envelope, "from" | "to" | "content">): string {
  const said = JSON.stringify([from, to, content.message, content.kind, content.data]);
  return createHash("sha256").update(said).digest("base64url").slice(0, 22);
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
