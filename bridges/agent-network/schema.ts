import { z } from "zod";
import type { Frame } from "#dialect";

/**
 * What an Agent Network client can say and hear (Agent Network §1). Every frame but `AUTH` has the eight fields of
 * {@link header} and `content`; what `content` says is the agents' own business, and is read only where the broker is
 * the one who is spoken to, or has to put it into another dialect's words.
 */
/** Characters of an id at most. */
export const idMax = 256;

/** Characters of `metadata` at most, as it is spelt. */
export const metadataMax = 4_096;

/** Characters of a token at most. */
export const tokenMax = 8_192;

const halfCharacter = /\p{Cs}/u;

const id = z
  .string()
  .min(1)
  .max(idMax)
  .refine((text) => !halfCharacter.test(text), "holds half a character");

/** True for what `id` takes, without its words for what it does not. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= idMax && !halfCharacter.test(value);
}

/** Agent Network §2.2: the first frame, and again to renew the token. */
export const auth = z.object({
  type: z.literal("AUTH"),
  token: z.string().max(tokenMax).describe("an opaque token or a JWT"),
  agentId: z.string().min(1).max(idMax),
});

/** Agent Network §1.1: what is known of a message beside its content. Further fields are kept. */
export const metadata = z.looseObject({
  priority: z.string().max(32).describe("HIGH, NORMAL or LOW; other words pass").exactOptional(),
  encrypted: z.boolean().describe("true: content is for its recipient alone").exactOptional(),
  requiresResponse: z.boolean().exactOptional(),
});

/** Agent Network §1.1: the fields of a frame between agents, without its content. */
export const header = z.object({
  messageId: id,
  conversationId: id,
  senderId: id,
  recipientId: id,
  messageType: id,
  timestamp: z.number().describe("milliseconds since 1970; neither old nor repeated ones are refused"),
  metadata,
});

/** A frame's header, as the scanner has read it. */
export type Header = Readonly<z.infer<typeof header>>;

/** A frame as it came. `content` is read when somebody needs it, which between network agents is nobody. */
export interface NetworkMessage {
  readonly header: Header;
  readonly raw: Frame;
  /** @throws Fault malformed */
  content(): Readonly<Record<string, unknown>>;
}

/** Agent Network §5: a question to the broker. */
export const query = z.object({
  requestId: id,
  queryType: z.string().min(1).max(128).describe("a kind of the broker's desk, ROOM_JOIN or ROOM_LEAVE"),
  parameters: z.record(z.string(), z.unknown()).exactOptional(),
});

/** A frame that is for the broker itself, for another agent, or the login. */
export type Command =
  | z.infer<typeof auth>
  | { readonly type: "HEARTBEAT"; readonly message: NetworkMessage }
  | { readonly type: "DISCONNECT"; readonly message: NetworkMessage }
  /** `recipientId: "system"`, and none of the above. */
  | { readonly type: "system"; readonly message: NetworkMessage }
  /** To an agent, a room, everybody. */
  | { readonly type: "message"; readonly message: NetworkMessage };

/** Agent Network §6: the codes of the document's tables, and `SENDER_MISMATCH` of its server. */
export const errorCodes = [
  "CONNECTION_ERROR",
  "AUTHENTICATION_ERROR",
  "TIMEOUT_ERROR",
  "MESSAGE_ERROR",
  "ENCRYPTION_ERROR",
  "INVALID_MESSAGE_FORMAT",
  "AUTHENTICATION_FAILED",
  "CONNECTION_LIMIT_EXCEEDED",
  "RATE_LIMIT_EXCEEDED",
  "RECIPIENT_NOT_FOUND",
  "SERVER_ERROR",
  "SENDER_MISMATCH",
] as const;

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/** What this dialect's clients hear: the eight fields, whoever says it. */
export interface NetworkEvent {
  readonly messageId: string;
  readonly conversationId: string;
  /** `system`: the broker. */
  readonly senderId: string;
  readonly recipientId: string;
  readonly messageType: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly timestamp: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The same with its content written as JSON already: a long list is written once for all who ask. */
export interface WrittenEvent extends Omit<NetworkEvent, "content"> {
  readonly contentJson: string;
}

/** What is encoded for a client. */
export type Event = NetworkEvent | WrittenEvent;
