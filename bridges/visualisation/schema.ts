import { z } from "zod";
import type { SoftFields } from "#dialect";
import { channelPriorities } from "./channels/channel.js";

/** What a viewer can say (Visualisation §1, §4, §5). Unknown fields are ignored. */

const id = z.string().min(1).max(256);
/** Names of streams, capabilities, versions, algorithms: more of them than there are say nothing. */
const words = z.array(z.string().max(64)).max(64);

/** What every message may say of itself (Visualisation §2.1). */
const metadata = z.object({
  /** What the answer has as its own `correlationId`; without it the message's `id`. */
  correlationId: id.optional(),
  /** low, normal, high or critical; another word counts as normal. */
  priority: z.string().max(64).optional(),
  /** Milliseconds from receipt; a command that has not reached its agent by then has failed. */
  ttl: z.number().nonnegative().optional(),
});

/** What stands at the top of a message, beside `type`. */
const head = { id: id.optional(), timestamp: z.string().max(64).optional(), metadata: metadata.optional() };

/** The login (Visualisation §1.5). */
export const handshake = z.object({
  type: z.literal("handshake"),
  ...head,
  /** The client's own; it restricts nothing. */
  version: z.string().max(64).optional(),
  capabilities: words.default([]),
  clientId: z.string().max(256).optional(),
  token: z
    .string()
    .min(1)
    .max(16 * 1024)
    .optional(),
  streams: words.optional(),
  positionRate: z.number().positive().optional(),
});

/** Which version is spoken (Visualisation §1.6). */
export const versionNegotiate = z.object({
  type: z.literal("version.negotiate"),
  ...head,
  supported: words.default([]),
  preferred: z.string().max(64).optional(),
  /** What the client has in each version; it decides nothing. */
  features: z.record(z.string(), words).optional(),
});

/** How batches are compressed (Visualisation §1.7). */
export const compressionNegotiate = z.object({
  type: z.literal("compression.negotiate"),
  ...head,
  algorithms: words,
  preferredLevel: z.number().optional(),
});

/** A newer token of the same owner (Visualisation §1.8). */
export const authRefresh = z.object({
  type: z.literal("auth.refresh"),
  ...head,
  token: z
    .string()
    .min(1)
    .max(16 * 1024),
});

/** What comes unasked from now on (Visualisation §3.1). */
export const streamsSelect = z.object({
  type: z.literal("streams.select"),
  ...head,
  streams: words,
  /** Times a second; what is beyond 1–30 becomes 1 or 30. */
  positionRate: z.number().positive().optional(),
});

/** Opens a channel (Visualisation §4.1). */
export const channelCreate = z.object({
  type: z.literal("channel.create"),
  ...head,
  channelId: z.string(),
  priority: z.enum(channelPriorities).optional(),
  dedicated: z.boolean().optional(),
  /** Messages that wait at most. */
  bufferSize: z.number().optional(),
  streams: words.optional(),
});

/** Closes a channel. */
export const channelClose = z.object({ type: z.literal("channel.close"), ...head, channelId: z.string() });

/** A sign of life, which is echoed (Visualisation §1.8). */
export const heartbeat = z.object({
  type: z.literal("heartbeat"),
  ...head,
  payload: z.unknown().describe("anything; it comes back").optional(),
});

/** Has an agent, or the broker, do something (Visualisation §5.1, §5.2). */
export const controlExecute = z.object({
  type: z.literal("control.execute"),
  ...head,
  id,
  payload: z.object({
    /** An agent's name, or `$broker`. */
    targetAgent: z.string().min(1).max(128),
    command: z.string().min(1).max(256),
    parameters: z.record(z.string(), z.unknown()).optional(),
    /** Milliseconds. */
    timeout: z.number().positive().optional(),
    callback: z.object({ type: z.literal("webhook"), url: z.string().min(1).max(2048) }).optional(),
  }),
});

/** Sets a multi-agent up (Visualisation §5.5). */
export const multiAgentConfigure = z.object({
  type: z.literal("control.multi-agent.configure"),
  ...head,
  id,
  payload: z.object({
    "multi-agentId": z.string().min(1).max(256),
    configuration: z.record(z.string(), z.unknown()),
  }),
});

/** What a client could not read. It is taken note of, and never answered. */
export const clientError = z.object({
  type: z.literal("error"),
  ...head,
  payload: z.looseObject({}).optional(),
});

/** Every message of a client's, by its `type`. */
export const commands = {
  handshake,
  "version.negotiate": versionNegotiate,
  "compression.negotiate": compressionNegotiate,
  "auth.refresh": authRefresh,
  "streams.select": streamsSelect,
  "channel.create": channelCreate,
  "channel.close": channelClose,
  heartbeat,
  "control.execute": controlExecute,
  "control.multi-agent.configure": multiAgentConfigure,
  error: clientError,
} as const;

/** The messages whose fields stand at the top, as the document writes them, or in `payload` (Visualisation §2.1). */
export const flat: ReadonlySet<string> = new Set([
  "handshake",
  "version.negotiate",
  "compression.negotiate",
  "auth.refresh",
  "streams.select",
  "channel.create",
  "channel.close",
]);

/** What a message can do without: read leniently. */
export const soft: SoftFields = { id: "id", timestamp: "hint" };

type JsonCommand = { [T in keyof typeof commands]: z.infer<(typeof commands)[T]> }[keyof typeof commands];

/** A binary frame of a client's (Visualisation §2.6). */
export type BinaryCommand =
  /** `at`: milliseconds since the epoch. */
  | { readonly type: "heartbeat"; readonly format: "binary"; readonly at: number }
  | { readonly type: "error"; readonly format: "binary" };

/** A message as it arrived. `via`: the channel that it came in. */
export type Command = (JsonCommand & { readonly format?: "json"; readonly via?: string | undefined }) | BinaryCommand;

/** One command of {@link Command} by its type. */
export type CommandOf<T extends Command["type"]> = Extract<Command, { readonly type: T }>;
