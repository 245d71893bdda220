import { z } from "zod";

/** What a PAN client can say (PAN §1–4). Fields beyond the seed are optional and ours: `messageId`, `intent`, `replyTo`, `data`, `priority`, `history`. */
const agentId = z.string().min(1).max(512);
const room = z.string().min(1).max(512);
const intent = z.enum(["request", "response", "inform"]);

/** PAN §1.1. `name` defaults to the agentId. */
export const auth = z.object({
  type: z.literal("auth"),
  agentId,
  name: z.string().max(128).regex(/^\P{Cc}*$/u, "no control characters").optional(),
  token: z.string().max(4096).optional(),
});

/** PAN §2: to an agent, to `#room`, to `all`. */
export const chat = z.object({
  type: z.literal("chat"),
  to: z.string().min(1).max(512),
  text: z.string(),
  /** Refused when it is not the speaker's own agentId. */
  from: z.string().optional(),
  messageId: z.string().min(1).max(256).optional(),
  intent: intent.optional(),
  replyTo: z.string().min(1).max(256).optional(),
  data: z.unknown().optional(),
  priority: z.string().max(32).optional(),
});

/** PAN §3.1; `history` asks for the last messages. */
export const join = z.object({ type: z.literal("join"), room, history: z.int().min(0).max(1_000).optional() });
/** PAN §3.2 */
export const leave = z.object({ type: z.literal("leave"), room });
/** PAN §4.1 */
export const list = z.object({ type: z.literal("list") });

/** Every command, by its `type`. */
export const commands = { auth, chat, join, leave, list } as const;

/** A command as it arrived; one of a type that PAN does not have is refused by the engine. */
export type Command = z.infer<typeof auth> | z.infer<typeof chat> | z.infer<typeof join> | z.infer<typeof leave> | z.infer<typeof list>;

/** PAN §6, and what the seed leaves unnamed: `AGENT_NOT_FOUND`, `NOT_INVITED`, `AGENT_ID_IN_USE`, `INTERNAL`. */
export const errorCodes = ["AUTH_FAILED", "RATE_LIMIT", "INVALID_FORMAT", "room_full", "AGENT_NOT_FOUND", "NOT_INVITED", "AGENT_ID_IN_USE", "INTERNAL"] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** PAN §5: an incoming message. */
export interface ChatEvent {
  readonly type: "chat";
  readonly from: string;
  readonly fromName: string;
  readonly to: string;
  readonly text: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  readonly messageId?: string;
  readonly intent?: z.infer<typeof intent>;
  readonly replyTo?: string;
  readonly data?: unknown;
  readonly trust?: string;
  readonly replay?: true;
}

/** PAN §5: a notification. */
export interface SystemEvent {
  readonly type: "system";
  readonly status: "success" | "joined" | "left" | "agent_joined" | "agent_left";
  readonly message: string;
  readonly room?: string;
  readonly agentId?: string;
}

/** PAN §4.1 */
export interface ListEvent {
  readonly type: "list";
  readonly agents: readonly { readonly id: string; readonly name: string }[];
}

/** PAN §6 */
export interface ErrorEvent {
  readonly type: "error";
  readonly code: ErrorCode;
  readonly message: string;
  /** When to try again, milliseconds. */
  readonly retryAfter?: number;
  /** `messageId` of the chat that was refused or not answered. */
  readonly messageId?: string;
}

/** What a PAN client hears. */
export type Event = ChatEvent | SystemEvent | ListEvent | ErrorEvent;
