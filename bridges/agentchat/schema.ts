import { z } from "zod";
import { loginMailbox, type SoftFields } from "#dialect";

/**
 * What an AgentChat client can say (AgentChat §2.1). Unknown fields are ignored: the document's frame has `from`, `ts`
 * and `sig` everywhere.
 */

/** 1–32 of `A-Z a-z 0-9 _ -`, not unique; checked by its handler, since it has an error code of its own. */
const name = z.string();
const channel = z.string().min(1).max(128);
/** An `@agent-id`. */
const agent = z.string().min(1).max(160);
const id = z.string().min(1).max(256);
const signature = z.string().max(512);
/** A PEM is the longest form. */
const pubkey = z.string().max(1024);
/** Milliseconds since 1970. */
const ts = z.number().int().nonnegative();
/** A field of a signed text: `|` in any but the last is refused by the handler. */
const field = z.string().max(4096);
const currency = z.string().max(32);
const code = z.string().max(1024);
/** What some clients put at stake. It is told as it was signed; nothing is held here. */
const stake = z.number().nonnegative();

/** Who the client is (AgentChat §3.1). */
export const identify = z.object({
  type: z.literal("IDENTIFY"),
  name,
  pubkey: pubkey.nullish(),
  /** False: neither channel messages nor direct ones come back to their sender. */
  echo: z.boolean().optional(),
  /** Opens the agent's mailbox: true, or the fields of `mailbox.open`; keyed agents only (AgentChat §14). */
  mailbox: loginMailbox,
});

/** The answer to a CHALLENGE: its nonce, signed by the key (AgentChat §3.2). */
export const verifyIdentity = z.object({
  type: z.literal("VERIFY_IDENTITY"),
  challenge_id: id,
  signature,
  timestamp: ts,
});

/** A place in what a durable channel remembers. */
const cursor = z.object({ epoch: z.string().max(64), seq: z.number().int().min(0) });

/**
 * Hears a channel from now on, and its last messages if `replay` says how many; or those behind the cursor `after`, or
 * behind what was handed over to this client ("last").
 */
export const join = z.object({
  type: z.literal("JOIN"),
  channel,
  /** So many past messages are told again; 20 are kept, of a durable channel as many as it remembers. */
  replay: z.number().int().min(0).max(1_000).optional(),
  after: z.union([z.literal("last"), cursor], 'is a cursor {epoch, seq}, or "last"').optional(),
});

/** No longer hears a channel. */
export const leave = z.object({ type: z.literal("LEAVE"), channel });

/** Text to a `#channel` or an `@agent-id`. */
export const msg = z.object({
  type: z.literal("MSG"),
  /** `#channel` or `@agent-id`. */
  to: z.string().min(1).max(160),
  content: z.string(),
  msg_id: id.optional(),
  in_reply_to: id.optional(),
  /** The client's own time, part of what is signed. */
  ts: ts.optional(),
  sig: signature.nullish(),
  /** True: tell me when a mailbox has stored it, and when it is settled. */
  receipt: z.boolean().optional(),
});

/** Asks which channels there are. */
export const listChannels = z.object({ type: z.literal("LIST_CHANNELS") });

/** Asks who is in a channel. */
export const listAgents = z.object({ type: z.literal("LIST_AGENTS"), channel });

/** Makes a channel and joins it. */
export const createChannel = z.object({
  type: z.literal("CREATE_CHANNEL"),
  channel,
  invite_only: z.boolean().optional(),
});

/** Lets an agent into an invite-only channel. */
export const invite = z.object({ type: z.literal("INVITE"), channel, agent });

/** Asks for a PONG. */
export const ping = z.object({ type: z.literal("PING") });

/** Offers an agreement to an agent; the first step of a negotiation (AgentChat §6). */
export const proposal = z.object({
  type: z.literal("PROPOSAL"),
  to: agent,
  task: field.min(1),
  amount: z.number().nonnegative().optional(),
  currency: currency.optional(),
  payment_code: code.optional(),
  terms: field.optional(),
  /** Seconds from its receipt. */
  expires: z.number().positive().max(31_536_000).optional(),
  elo_stake: stake.optional(),
  sig: signature.optional(),
});

/** Takes an offer. */
export const accept = z.object({
  type: z.literal("ACCEPT"),
  proposal_id: id,
  payment_code: code.optional(),
  elo_stake: stake.optional(),
  sig: signature.optional(),
});

/** Refuses an offer. */
export const reject = z.object({
  type: z.literal("REJECT"),
  proposal_id: id,
  reason: field.optional(),
  sig: signature.optional(),
});

/** Says that what was agreed is done. */
export const complete = z.object({
  type: z.literal("COMPLETE"),
  proposal_id: id,
  proof: field.optional(),
  sig: signature.optional(),
});

/** Says that the other party has not done what was agreed. */
export const dispute = z.object({
  type: z.literal("DISPUTE"),
  proposal_id: id,
  reason: field.min(1),
  sig: signature.optional(),
});

/** A question to the broker (AgentChat §13). What kinds there are, and the fields of `data`, says `broker-requests.json`. */
export const ask = z.object({
  type: z.literal("ASK"),
  kind: z.string().min(1).max(128),
  data: z.record(z.string(), z.unknown()).optional(),
  msg_id: id.optional(),
});

/** Every command, by its `type`. */
export const commands = {
  IDENTIFY: identify,
  VERIFY_IDENTITY: verifyIdentity,
  JOIN: join,
  LEAVE: leave,
  MSG: msg,
  LIST_CHANNELS: listChannels,
  LIST_AGENTS: listAgents,
  CREATE_CHANNEL: createChannel,
  INVITE: invite,
  PING: ping,
  PROPOSAL: proposal,
  ACCEPT: accept,
  REJECT: reject,
  COMPLETE: complete,
  DISPUTE: dispute,
  ASK: ask,
} as const;

/** What a message can do without: read leniently (AgentChat §2.6). */
export const soft: SoftFields = { msg_id: "id", in_reply_to: "id", receipt: "hint" };

/** A command as it arrived. */
export type Command = { [T in keyof typeof commands]: z.infer<(typeof commands)[T]> }[keyof typeof commands];

/** One command of {@link Command} by its type. */
export type CommandOf<T extends Command["type"]> = Extract<Command, { readonly type: T }>;

/**
 * The document's codes and ours (AgentChat §2.3), among these `SESSION_DISPLACED` (another session of the same key has
 * taken over), `INTERNAL`.
 */
export const errorCodes = [
  "AUTH_REQUIRED",
  "CHANNEL_NOT_FOUND",
  "NOT_INVITED",
  "INVALID_MSG",
  "RATE_LIMITED",
  "AGENT_NOT_FOUND",
  "CHANNEL_EXISTS",
  "INVALID_NAME",
  "VERIFICATION_FAILED",
  "VERIFICATION_EXPIRED",
  "PROPOSAL_NOT_FOUND",
  "PROPOSAL_EXPIRED",
  "INVALID_PROPOSAL",
  "SIGNATURE_REQUIRED",
  "NOT_PROPOSAL_PARTY",
  "SESSION_DISPLACED",
  "INTERNAL",
] as const;

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/** Where a proposal stands. */
export const proposalStatuses = ["pending", "accepted", "rejected", "completed", "disputed", "expired"] as const;

/** One of {@link proposalStatuses}. */
export type ProposalStatus = (typeof proposalStatuses)[number];

/** What a negotiation step is called; an event of the same type goes to both parties. */
export const negotiationTypes = ["PROPOSAL", "ACCEPT", "REJECT", "COMPLETE", "DISPUTE"] as const;

/** One of {@link negotiationTypes}. */
export type NegotiationType = (typeof negotiationTypes)[number];
