import { z } from "zod";
import { loginMailbox, type SoftFields } from "#dialect";

/**
 * What a PAN client can say (PAN §1–4), and what it hears (PAN §5, §6). Fields beyond the document's are optional and
 * ours: `messageId`, `intent`, `replyTo`, `data`, `priority`, `history`, `mailbox`; so are `ask` and `answer` (PAN §13).
 */
/** Characters of an id at most. */
export const messageIdMax = 256;

const messageId = z.string().min(1).max(messageIdMax);
const agentId = z.string().min(1).max(512);
const room = z.string().min(1).max(512);
const intent = z.enum(["request", "response", "inform"]);

/** PAN §1.1. `name` defaults to the agentId. */
export const auth = z.object({
  type: z.literal("auth"),
  agentId,
  name: z
    .string()
    .max(128)
    .regex(/^\P{Cc}*$/u, "no control characters")
    .optional(),
  /** An opaque one, or a JWT. */
  token: z.string().max(8_192).optional(),
  /** Opens the agent's mailbox: true, or the fields of `mailbox.open` (PAN §14). */
  mailbox: loginMailbox,
});

/** PAN §2: to an agent, to `#room`, to `all`. */
export const chat = z.object({
  type: z.literal("chat"),
  to: z.string().min(1).max(512),
  text: z.string(),
  /** Refused when it is not the speaker's own agentId. */
  from: z.string().optional(),
  messageId: messageId.optional(),
  intent: intent.optional(),
  replyTo: messageId.optional(),
  data: z.unknown().optional(),
  priority: z.string().max(32).optional(),
  /** True: tell me when a mailbox has stored it, and when it is settled. */
  receipt: z.boolean().optional(),
  /** True: it goes into no mailbox. */
  ephemeral: z.boolean().optional(),
  /** Not delivered after it. */
  expiresAt: z.iso.datetime({ offset: true }).max(64).optional(),
});

/** A place in what a durable room remembers. */
const cursor = z.object({ epoch: z.string().max(64), seq: z.int().min(0) });

/**
 * PAN §3.1; `history` asks for the last messages, `after` for those behind a cursor, or behind what was handed over to
 * this agentId ("last").
 */
export const join = z.object({
  type: z.literal("join"),
  room,
  history: z.int().min(0).max(1_000).optional(),
  after: z.union([z.literal("last"), cursor], 'is a cursor {epoch, seq}, or "last"').optional(),
});
/** PAN §3.2 */
export const leave = z.object({ type: z.literal("leave"), room });
/** PAN §4.1 */
export const list = z.object({ type: z.literal("list") });

/** PAN §13: a question to the broker. What kinds there are, and the fields of `data`, says `broker-requests.json`. */
export const ask = z.object({
  type: z.literal("ask"),
  kind: z.string().min(1).max(128),
  data: z.record(z.string(), z.unknown()).optional(),
  messageId: messageId.optional(),
});

/** Every command, by its `type`. */
export const commands = { auth, chat, join, leave, list, ask } as const;

/** What a message or a login can do without: read leniently (PAN §8.4). */
export const soft: SoftFields = {
  name: "hint",
  messageId: "id",
  replyTo: "id",
  priority: "hint",
  receipt: "hint",
  ephemeral: "hint",
  expiresAt: "hint",
};

/** A command as it arrived; one of a type that PAN does not have is refused by the engine. */
export type Command =
  | z.infer<typeof auth>
  | z.infer<typeof chat>
  | z.infer<typeof join>
  | z.infer<typeof leave>
  | z.infer<typeof list>
  | z.infer<typeof ask>;

/** PAN §6, and what the document leaves unnamed: those from `AGENT_NOT_FOUND` on. */
export const errorCodes = [
  "AUTH_FAILED",
  "RATE_LIMIT",
  "INVALID_FORMAT",
  "room_full",
  "AGENT_NOT_FOUND",
  "NOT_INVITED",
  "AGENT_ID_IN_USE",
  "CONFLICT",
  "INTERNAL",
] as const;

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/** The broker's marks on what it has kept, under their own names (PAN §8.5). */
const marks = {
  stored_at: z.string().describe("it waited in a mailbox from then on; ISO 8601, UTC").exactOptional(),
  delivery_id: z.string().describe("by which its receiver settles it").exactOptional(),
  attempt: z.int().describe("how often it was handed out, this time included").exactOptional(),
  room_seq: z.int().describe("its place in the log of a durable room").exactOptional(),
  epoch: z.string().describe("places of different epochs cannot be compared").exactOptional(),
};

/** PAN §5: an incoming message. */
export const chatEvent = z.object({
  type: z.literal("chat"),
  from: z.string(),
  fromName: z.string().describe("for people; never an address"),
  to: z.string(),
  text: z.string(),
  timestamp: z.string().describe("ISO 8601, UTC"),
  messageId: z.string().exactOptional(),
  intent: intent.exactOptional(),
  replyTo: z.string().exactOptional(),
  data: z.unknown().exactOptional(),
  trust: z.string().describe("how sure the broker is of the sender: claimed, shared, proved").exactOptional(),
  replay: z.literal(true).describe("said before the join").exactOptional(),
  ...marks,
});

/** What becomes of a message that a mailbox has stored (PAN §14.3). */
export const deliveryStates = ["stored", "done", "answered", "refused", "expired", "dead"] as const;

/** PAN §5: a notification. */
export const systemEvent = z.object({
  type: z.literal("system"),
  status: z.enum(["success", "joined", "left", "agent_joined", "agent_left", "delivery"]),
  message: z.string(),
  room: z.string().exactOptional(),
  rooms: z
    .array(z.string())
    .readonly()
    .describe("success only: the rooms that it is in already, since its mailbox says rooms: true")
    .exactOptional(),
  agentId: z.string().exactOptional(),
  messageIds: z
    .array(z.string())
    .readonly()
    .describe("delivery only: the messages that it tells of, which asked for receipts")
    .exactOptional(),
  state: z.enum(deliveryStates).describe("delivery only: what became of them").exactOptional(),
  reason: z.string().describe("delivery only: why they are refused, expired or dead").exactOptional(),
  until: z.string().describe("delivery only, stored: until when they are delivered; ISO 8601, UTC").exactOptional(),
  next: cursor.describe("joined a durable room: the cursor behind which the rest follows").exactOptional(),
  gap: z.literal(true).describe("something behind the cursor is not remembered").exactOptional(),
});

/** PAN §4.1 */
export const listEvent = z.object({
  type: z.literal("list"),
  agents: z.array(z.object({ id: z.string(), name: z.string() })).readonly(),
});

/** PAN §13 */
export const answerEvent = z.object({
  type: z.literal("answer"),
  message: z.string().describe("for people"),
  data: z.unknown().describe("what schemas/broker-answers.json says of this kind in content.data").exactOptional(),
  kind: z.string().describe("that of the question"),
  replyTo: z.string().describe("messageId of the question, if it had one").exactOptional(),
});

/** PAN §6 */
export const errorEvent = z.object({
  type: z.literal("error"),
  code: z.enum(errorCodes),
  message: z.string(),
  retryAfter: z.number().describe("when to try again, milliseconds").exactOptional(),
  messageId: z.string().describe("of what was refused or not answered, if it had one").exactOptional(),
});

/** Every event, by its `type`. */
export const events = {
  chat: chatEvent,
  system: systemEvent,
  list: listEvent,
  answer: answerEvent,
  error: errorEvent,
} as const;

/** A message, as a PAN client hears it. */
export type ChatEvent = Readonly<z.infer<typeof chatEvent>>;

/** What has happened to the client or in a room of it. */
export type SystemEvent = Readonly<z.infer<typeof systemEvent>>;

/** Who is online: the answer to `list`. */
export type ListEvent = Readonly<z.infer<typeof listEvent>>;

/** What the broker answers to a question. */
export type AnswerEvent = Readonly<z.infer<typeof answerEvent>>;

/** A refusal. */
export type ErrorEvent = Readonly<z.infer<typeof errorEvent>>;

/** What a PAN client hears. */
export type Event = ChatEvent | SystemEvent | ListEvent | AnswerEvent | ErrorEvent;
