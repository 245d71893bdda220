import { z } from "zod";
import { errorCodes, proposalStatuses, type NegotiationType } from "./schema.js";

/**
 * What an AgentChat client hears (AgentChat §2.2); every event has `ts`. The descriptions go into the JSON Schema.
 */

const ts = z.number().describe("milliseconds since 1970; in a signed MSG the sender's own, as it was signed");
const channel = z.string().describe("#channel");
const agent = z.string().describe("@agent-id");
const sig = z.string().describe("Ed25519, base64, as the sender gave it");
const names = z
  .record(agent, z.string())
  .readonly()
  .describe("what those are called who have another name than their id; for people")
  .exactOptional();

const away = z
  .array(agent)
  .readonly()
  .describe("of these agents those who are not connected, and are members all the same; absent: none")
  .exactOptional();

/** The broker's marks on what it has kept, under their own names. */
const marks = {
  stored_at: z.string().describe("it waited in a mailbox from then on; ISO 8601, UTC").exactOptional(),
  delivery_id: z.string().describe("by which its receiver settles it").exactOptional(),
  attempt: z.int().describe("how often it was handed out, this time included").exactOptional(),
  room_seq: z.int().describe("its place in the log of a durable channel").exactOptional(),
  epoch: z.string().describe("places of different epochs cannot be compared").exactOptional(),
};

/** Fields of a step of a negotiation: what it said, and where the proposal stands now. */
const step = {
  ts,
  id: z.string().describe("PROPOSAL only, the same as proposal_id").exactOptional(),
  proposal_id: z.string(),
  from: agent.describe("@agent-id of whoever took the step"),
  to: agent.describe("@agent-id of the other party; in PROPOSAL as it was signed"),
  status: z.enum(proposalStatuses),
  sig,
  pubkey: z.string().describe("base64 of SPKI: the key of from, by which sig verifies").exactOptional(),
  at: ts.describe("PROPOSAL only: when the server took it, milliseconds since 1970").exactOptional(),
  task: z.string().exactOptional(),
  amount: z.number().exactOptional(),
  currency: z.string().exactOptional(),
  payment_code: z.string().exactOptional(),
  terms: z.string().describe("not covered by the signature").exactOptional(),
  expires: ts.describe("until when it can be accepted, milliseconds since 1970").exactOptional(),
  expires_in: z.number().describe("seconds from at, as they were signed").exactOptional(),
  elo_stake: z.number().describe("as it was signed; the server holds nothing").exactOptional(),
  ...marks,
  reason: z.string().exactOptional(),
  proof: z.string().exactOptional(),
  completed_by: agent.describe("COMPLETE only, the same as from").exactOptional(),
  completed_at: ts.describe("COMPLETE only: when the server took it, milliseconds since 1970").exactOptional(),
  disputed_by: agent.describe("DISPUTE only, the same as from").exactOptional(),
  disputed_at: ts.describe("DISPUTE only: when the server took it, milliseconds since 1970").exactOptional(),
};

/** Every event, by its `type`. */
export const events = {
  WELCOME: z.object({
    type: z.literal("WELCOME"),
    ts,
    agent_id: agent,
    server: z.string().describe("what the server calls itself"),
  }),
  CHALLENGE: z.object({
    type: z.literal("CHALLENGE"),
    ts,
    challenge_id: z.string(),
    nonce: z.string(),
    expires_at: ts.describe("milliseconds since 1970"),
  }),
  VERIFY_SUCCESS: z.object({
    type: z.literal("VERIFY_SUCCESS"),
    ts,
    agent_id: agent,
    channels: z
      .array(channel)
      .readonly()
      .describe("the channels that it is in already: those of before, if its mailbox says rooms: true")
      .exactOptional(),
  }),
  MSG: z.object({
    type: z.literal("MSG"),
    ts,
    from: agent,
    from_name: z.string().describe("for people; never an address"),
    to: z.string().describe("#channel, @agent-id, or #all"),
    content: z.string(),
    msg_id: z.string(),
    in_reply_to: z.string().exactOptional(),
    sig: sig.exactOptional(),
    pubkey: z.string().describe("base64 of SPKI").exactOptional(),
    verified: z
      .boolean()
      .describe("the server found the signature good for pubkey, and pubkey to be that of from")
      .exactOptional(),
    replay: z.literal(true).describe("said before JOIN").exactOptional(),
    ...marks,
  }),
  JOINED: z.object({
    type: z.literal("JOINED"),
    ts,
    channel,
    agents: z.array(agent).readonly(),
    names,
    away,
    next: z
      .object({ epoch: z.string(), seq: z.int().nonnegative() })
      .describe("a durable channel: the cursor behind which the rest follows")
      .exactOptional(),
    gap: z.literal(true).describe("something behind the cursor is not remembered").exactOptional(),
  }),
  LEFT: z.object({ type: z.literal("LEFT"), ts, channel, agent }),
  AGENT_JOINED: z.object({ type: z.literal("AGENT_JOINED"), ts, channel, agent, name: z.string().exactOptional() }),
  AGENT_LEFT: z.object({ type: z.literal("AGENT_LEFT"), ts, channel, agent }),
  CHANNELS: z.object({
    type: z.literal("CHANNELS"),
    ts,
    list: z
      .array(
        z.object({
          name: channel,
          agents: z.int().nonnegative().describe("those who are away included"),
          away: z.int().positive().describe("so many of them are away; absent: none").exactOptional(),
        }),
      )
      .readonly(),
  }),
  AGENTS: z.object({ type: z.literal("AGENTS"), ts, channel, list: z.array(agent).readonly(), names, away }),
  ANSWER: z.object({
    type: z.literal("ANSWER"),
    ts,
    message: z.string().describe("for people"),
    data: z.unknown().describe("what schemas/broker-answers.json says of this kind in content.data").exactOptional(),
    kind: z.string().describe("that of the question"),
    ref: z.string().describe("msg_id of the question, if it had one").exactOptional(),
  }),
  ERROR: z.object({
    type: z.literal("ERROR"),
    ts,
    code: z.enum(errorCodes),
    message: z.string().describe("for people: what is wrong and how to mend it"),
    ref: z.string().describe("the msg_id, or else the type, of what was refused").exactOptional(),
    retry_after: z.int().nonnegative().describe("milliseconds").exactOptional(),
  }),
  SESSION_DISPLACED: z.object({
    type: z.literal("SESSION_DISPLACED"),
    ts,
    reason: z.string().describe("for people; an ERROR of this code and the end of the connection follow"),
  }),
  PONG: z.object({ type: z.literal("PONG"), ts }),
  DELIVERY: z.object({
    type: z.literal("DELIVERY"),
    ts,
    msg_ids: z.array(z.string()).readonly().describe("the messages that it tells of, which asked for receipts"),
    state: z.enum(["stored", "done", "answered", "refused", "expired", "dead"]).describe("what became of them"),
    message: z.string().describe("for people"),
    reason: z.string().describe("why they are refused, expired or dead").exactOptional(),
    until: ts.describe("stored: until when they are delivered, milliseconds since 1970").exactOptional(),
  }),
  PROPOSAL: z.object({ type: z.literal("PROPOSAL"), ...step }),
  ACCEPT: z.object({ type: z.literal("ACCEPT"), ...step }),
  REJECT: z.object({ type: z.literal("REJECT"), ...step }),
  COMPLETE: z.object({ type: z.literal("COMPLETE"), ...step }),
  DISPUTE: z.object({ type: z.literal("DISPUTE"), ...step }),
} as const;

/** What an AgentChat client hears. */
export type Event = { [T in keyof typeof events]: Readonly<z.infer<(typeof events)[T]>> }[keyof typeof events];

/** One event of {@link Event} by its type. */
export type EventOf<T extends Event["type"]> = Extract<Event, { readonly type: T }>;

/** A message in a channel or for this agent alone. */
export type MsgEvent = EventOf<"MSG">;

/** A step of a negotiation as both parties hear it, but for its time. */
export type NegotiationEvent = { readonly type: NegotiationType } & Readonly<
  Omit<EventOf<NegotiationType>, "type" | "ts">
>;
