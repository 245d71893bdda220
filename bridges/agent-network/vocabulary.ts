import { z } from "zod";
import type { Vocabulary } from "#dialect";
import { auth, errorCodes, header, idMax, query } from "./schema.js";

/** A frame of a type, with this content. */
const frame = <T extends string, C extends z.ZodType>(messageType: T, content: C) =>
  z.object({ ...header.shape, messageType: z.literal(messageType), content });

/** A frame to the broker. */
const toSystem = <T extends string, C extends z.ZodType>(messageType: T, content: C) =>
  frame(messageType, content).extend({ recipientId: z.literal("system") });

/** A frame from the broker. */
const ofSystem = <T extends string, C extends z.ZodType>(messageType: T, content: C) =>
  frame(messageType, content).extend({ senderId: z.literal("system") });

const id = z.string().min(1).max(idMax);

/** A frame between agents: what `content` holds is theirs. */
const message = z
  .object({ ...header.shape, content: z.looseObject({}) })
  .describe("any other type, to an agent, a #room or all; between agents of this dialect it passes as it is");

/** What a refusal says. */
const error = z.object({
  errorCode: z.enum(errorCodes),
  message: z.string().describe("for people"),
  details: z.looseObject({
    originalMessageId: id.describe("of what is refused, if it could be read").exactOptional(),
    reason: z.string(),
  }),
  recoverable: z.boolean().describe("true: the same frame may pass later"),
  retryAfter: z.number().describe("after how many milliseconds; only of what is recoverable").exactOptional(),
});

const answer = z.object({
  requestId: id,
  message: z.string().describe("for people").exactOptional(),
  data: z.unknown().describe("what schemas/broker-answers.json says of this kind in content.data"),
  kind: z.string().describe("that of the question").exactOptional(),
  error: z
    .object({ code: z.string(), message: z.string(), details: z.looseObject({}) })
    .nullable()
    .describe("null: it is answered"),
});

/** Everything that can be said and heard (Agent Network §2–6). */
export const vocabulary: Vocabulary = {
  description:
    "Agent Network, see bridges/agent-network/README.md. JSON text, one frame per WebSocket message, 64 KiB at most. " +
    "The login is Authorization: Bearer, or AUTH as the first frame within 5 s; else ERROR AUTHENTICATION_FAILED and close 4401.",
  commands: {
    AUTH: auth,
    HEARTBEAT: toSystem("HEARTBEAT", z.looseObject({ timestamp: z.number().exactOptional() })),
    DISCONNECT: toSystem("DISCONNECT", z.looseObject({})),
    QUERY: toSystem("QUERY", query.loose()),
    message,
  },
  events: {
    CONNECTED: ofSystem(
      "CONNECTED",
      z.object({
        connectionId: z.string(),
        heartbeatInterval: z.number().describe("milliseconds"),
        serverTime: z.number(),
        messagesPerSecond: z.number().describe("what this agent may say in the long run; 0: as much as it likes"),
        messageBurst: z.number().describe("what it may say at once before that counts"),
      }),
    ),
    ACK: ofSystem("ACK", z.object({ messageId: id.describe("it was routed") })),
    HEARTBEAT: ofSystem("HEARTBEAT", z.object({ timestamp: z.number() })),
    PRESENCE: ofSystem("PRESENCE", z.object({ agentId: z.string(), status: z.literal("online") })),
    RESPONSE: ofSystem("RESPONSE", answer),
    ERROR: ofSystem("ERROR", error),
    message,
  },
  refused: "ERROR",
  answers: {
    AUTH: ["CONNECTED"],
    HEARTBEAT: ["HEARTBEAT"],
    DISCONNECT: ["ACK"],
    QUERY: ["RESPONSE"],
    message: ["ACK"],
  },
};
