import type { Content, Envelope } from "#dialect";
import type { NegotiationEvent } from "../events.js";
import { negotiationTypes, proposalStatuses, type NegotiationType } from "../schema.js";
import { statusAfter, statusAt, type Proposal, type Step } from "./proposal.js";

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

/** A proposal that is kept, by its id. */
export type FindProposal = (id: string) => Proposal | undefined;

/** A step that has been kept as a core inform to a party: text for people, everything else for programs. */
export function contentOf(event: NegotiationEvent): Content {
  const { type, ...fields } = event;
  return { message: sentence(event), kind: kinds[type], data: fields };
}

/**
 * By which id the inform of a step travels: what is told again is known again, by a mailbox as well (AgentChat §6.4).
 */
export function messageIdOf({ type, proposal_id: id }: NegotiationEvent): string {
  return `${id}-${type.toLowerCase()}`;
}

/**
 * The step that an inform tells of; undefined for everything else. Others may write the like: what is heard as a step is
 * one that is kept, said to the letter by who took it to the other party. It may have waited in a mailbox for long: the
 * event is made anew, and a proposal says where it stands at `now` (wall clock, milliseconds).
 */
export function negotiationEventOf(
  { from, to, content }: Pick<Envelope, "from" | "to" | "content">,
  find: FindProposal,
  now: number,
): NegotiationEvent | undefined {
  const type = typeOf(content.kind);
  if (type === undefined || typeof content.data !== "object" || content.data === null) return undefined;
  const { proposal_id: id, status }: Readonly<Record<string, unknown>> = { ...content.data };
  const proposal = typeof id === "string" ? find(id) : undefined;
  const parties = proposal === undefined ? [] : [proposal.from, proposal.to];
  if (proposal === undefined || from === to || !parties.includes(from) || !parties.includes(to)) return undefined;
  const event = eventIn(proposal, type, now);
  if (event?.from !== `@${from}`) return undefined;
  // Of a proposal all but where it stood when it was told is the same for ever.
  const told = proposalStatuses.find((known) => known === status);
  const expected = contentOf(type === "PROPOSAL" && told !== undefined ? { ...event, status: told } : event);
  return saysTheSame(content, expected) ? event : undefined;
}

function typeOf(kind: unknown): NegotiationType | undefined {
  if (typeof kind !== "string" || !kind.startsWith("proposal")) return undefined;
  return negotiationTypes.find((type) => kinds[type] === kind);
}

/** A proposal, or the step of this type that was taken about it. */
function eventIn(proposal: Proposal, type: NegotiationType, now: number): NegotiationEvent | undefined {
  if (type === "PROPOSAL") return proposalEvent(proposal, now);
  const step = proposal.steps.find((taken) => taken.type === type);
  return step && stepEvent({ ...proposal, status: statusAfter(step) }, step);
}

function saysTheSame(one: Content, other: Content): boolean {
  return one.message === other.message && JSON.stringify(one.data) === JSON.stringify(other.data);
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
