import { z } from "zod";
import { isFields, type Fields, type NetworkFrame } from "./frames.js";

/** What the broker says when the login is done (Agent Network §2.5), with the agent's rate (Agent Network §12.5). */
export interface Connected {
  readonly connectionId: string;
  /** Milliseconds; from 1 s to 10 min, whatever the broker says. */
  readonly heartbeatInterval: number;
  /** Milliseconds since 1970. */
  readonly serverTime: number;
  /** 0: no limit. Undefined: a broker that does not tell. */
  readonly messagesPerSecond?: number | undefined;
  readonly messageBurst?: number | undefined;
}

/** What the broker refuses (Agent Network §6.1). */
export interface Refusal {
  readonly errorCode: string;
  /** For people; names the remedy. */
  readonly message: string;
  readonly details: Fields;
  readonly recoverable: boolean;
  /** Milliseconds; an hour at most. */
  readonly retryAfter?: number | undefined;
}

/** What a question to the broker is answered by (Agent Network §5.1). */
export interface DeskAnswer {
  readonly requestId: string;
  readonly message?: string | undefined;
  readonly data: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly details: Fields } | undefined;
}

/** A frame of the broker, read. */
export type SystemFrame =
  | { readonly type: "CONNECTED"; readonly connected: Connected }
  | { readonly type: "ACK"; readonly messageId: string }
  | { readonly type: "HEARTBEAT"; readonly timestamp: number | undefined }
  | { readonly type: "PRESENCE"; readonly agentId: string; readonly status: string }
  | { readonly type: "RESPONSE"; readonly answer: DeskAnswer }
  | { readonly type: "ERROR"; readonly refusal: Refusal; readonly originalMessageId: string | undefined }
  /** What this client does not know, or cannot read: the application's. */
  | { readonly type: "other" };

const retryMaxMs = 3_600_000;
const rateMax = 1_000_000;
const rate = z
  .number()
  .min(0)
  .transform((told) => Math.min(told, rateMax))
  .optional()
  .catch(undefined);
const clamped = (least: number, most: number, usual: number) =>
  z
    .number()
    .catch(usual)
    .transform((ms) => Math.min(Math.max(ms, least), most));

const connected = z.object({
  connectionId: z.string().max(256),
  heartbeatInterval: clamped(1_000, 600_000, 30_000),
  serverTime: z.number(),
  messagesPerSecond: rate,
  messageBurst: rate,
});
const ack = z.object({ messageId: z.string() });
const presence = z.object({ agentId: z.string(), status: z.string() });
const anyFields = z.record(z.string(), z.unknown()).catch({});
const error = z.object({
  errorCode: z.string(),
  message: z.string().catch(""),
  details: anyFields,
  recoverable: z.boolean().catch(false),
  retryAfter: clamped(0, retryMaxMs, 0).optional(),
});
const response = z.object({
  requestId: z.string(),
  message: z.string().optional().catch(undefined),
  data: z.unknown(),
  error: z
    .object({ code: z.string(), message: z.string().catch(""), details: anyFields })
    .nullish()
    .transform((found) => found ?? undefined),
});

/** Reads what came from `system`. Nothing here throws, whatever the broker says. */
export function readSystem({ messageType, content }: NetworkFrame): SystemFrame {
  switch (messageType) {
    case "CONNECTED":
      return read(connected, content, (told) => ({ type: "CONNECTED", connected: told }));
    case "ACK":
      return read(ack, content, ({ messageId }) => ({ type: "ACK", messageId }));
    case "HEARTBEAT": {
      const { timestamp } = content;
      return { type: "HEARTBEAT", timestamp: typeof timestamp === "number" ? timestamp : undefined };
    }
    case "PRESENCE":
      return read(presence, content, (told) => ({ type: "PRESENCE", ...told }));
    case "RESPONSE":
      return read(response, content, (answer) => ({ type: "RESPONSE", answer: { ...answer, data: answer.data } }));
    case "ERROR":
      return read(error, content, (refusal) => {
        const id = isFields(refusal.details) ? refusal.details["originalMessageId"] : undefined;
        return { type: "ERROR", refusal, originalMessageId: typeof id === "string" ? id : undefined };
      });
    default:
      return { type: "other" };
  }
}

function read<T>(schema: z.ZodType<T>, content: Fields, made: (told: T) => SystemFrame): SystemFrame {
  const parsed = schema.safeParse(content);
  return parsed.success ? made(parsed.data) : { type: "other" };
}
