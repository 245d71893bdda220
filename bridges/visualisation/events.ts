import { z } from "zod";
import { agentStates } from "#dialect";
import { algorithms } from "./compression.js";
import { channelPriorities } from "./channels/channel.js";
import { errorCodes } from "./errors.js";
import { streamNames } from "./streams/stream-name.js";

/** What a viewer hears (Visualisation §3–6). */

const id = z.string();
const time = z.string().describe("ISO 8601");
const wholeNumber = z.number().int().nonnegative();
const fraction = z.number().min(0).max(1);
const loose = z.looseObject({});
const stream = z.enum(streamNames);

const metadata = z.object({
  correlationId: z.string().describe("of what it answers").optional(),
  priority: z.enum(["low", "normal", "high", "critical"]).optional(),
  ttl: z.number().optional(),
  sampled: wholeNumber.describe("it stands for so many messages").optional(),
});

/** A message whose fields stand at the top. */
const flat = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ id, type: z.literal(type), timestamp: time, ...shape, metadata: metadata.optional() });

/** A message with its payload. */
const told = <T extends string, P extends z.ZodType>(type: T, payload: P) =>
  z.object({ id, type: z.literal(type), timestamp: time, payload, metadata: metadata.optional() });

const state = z.enum(agentStates);
const trend = z.enum(["improving", "stable", "declining"]).nullable();

const performance = z.object({
  agentId: id,
  metrics: z.object({
    tasksCompleted: wholeNumber.nullable(),
    successRate: fraction.nullable(),
    averageResponseTime: z.number().describe("milliseconds").nullable(),
    resourceUtilization: fraction.nullable(),
    communicationEfficiency: fraction.nullable(),
    uptime: z.number().describe("milliseconds").nullable(),
    messageQueueSize: wholeNumber.nullable(),
    connectionCount: wholeNumber.nullable(),
    memoryUsage: wholeNumber.describe("bytes").nullable(),
    messagesSent: wholeNumber,
    messagesReceived: wholeNumber,
  }),
  trends: z.object({
    successRateTrend: trend,
    responseTrend: z.enum(["improving", "stable", "degrading"]).nullable(),
    loadTrend: z.enum(["decreasing", "stable", "increasing"]).nullable(),
  }),
  since: time,
});

const position = z.object({
  id: wholeNumber.describe("the number that agent.registered announces"),
  agentId: id,
  x: z.number(),
  y: z.number(),
  z: z.number(),
  vx: z.number(),
  vy: z.number(),
  vz: z.number(),
});

const namespaced = z.object({ id, namespace: z.string().describe("the dialect; null: not known").nullable() });

const system = z.object({
  activeAgents: wholeNumber,
  totalAgents: wholeNumber,
  systemLoad: z.object({ cpu: fraction.nullable(), memory: fraction.nullable(), gpu: z.null() }),
  messageMetrics: z.object({
    rate: z.number().describe("messages a second").nullable(),
    queueDepth: wholeNumber,
    averageLatency: z.number().describe("milliseconds").nullable(),
    errorRate: fraction.nullable(),
  }),
  networkHealth: fraction.nullable(),
  coordinationEfficiency: fraction.nullable(),
  alerts: z.array(
    z.object({
      level: z.enum(["info", "warning", "critical"]),
      message: z.string(),
      component: z.string(),
      timestamp: time,
    }),
  ),
});

const flow = z.object({
  flowId: z.string(),
  from: id,
  to: id,
  statistics: z.object({
    messageCount: wholeNumber,
    averageLatency: z.number().describe("milliseconds").nullable(),
    maxLatency: z.number().nullable(),
    minLatency: z.number().nullable(),
    successRate: fraction.nullable(),
    bandwidth: z.number().describe("thousands of bytes a second"),
    lastActivity: time,
  }),
  since: time,
});

const channel = {
  channelId: z.string(),
  priority: z.enum(channelPriorities),
  dedicated: z.boolean(),
  bufferSize: wholeNumber,
  streams: z.array(stream).describe("what it carries"),
};

/** Everything that the broker says, by its `type`. */
export const events = {
  handshake_ack: flat("handshake_ack", {
    sessionId: id,
    protocols: z.array(z.enum(["binary", "json"])),
    heartbeatInterval: wholeNumber.describe("milliseconds"),
    compression: z.literal("zlib").describe("deflate, RFC 1950; null: not granted").nullable(),
    serverTime: time,
    capabilities: z.array(z.enum(["binary", "compression", "multiplexing"])).describe("what is granted"),
    version: z.string(),
    streams: z.array(stream).describe("what comes unasked"),
    positionRate: wholeNumber.describe("times a second"),
  }),
  "version.selected": flat("version.selected", { version: z.string(), features: z.array(z.string()) }),
  "compression.selected": flat("compression.selected", {
    algorithm: z.enum(algorithms).nullable(),
    level: wholeNumber.nullable(),
  }),
  "auth.refreshed": flat("auth.refreshed", { expiresAt: time.describe("null: never").nullable() }),
  "streams.selected": flat("streams.selected", { streams: z.array(stream), positionRate: wholeNumber }),
  "channel.created": flat("channel.created", channel),
  "channel.closed": flat("channel.closed", { channelId: z.string() }),
  "channel.dropped": flat("channel.dropped", {
    channelId: z.string().describe("null: the main stream").nullable(),
    dropped: wholeNumber,
    since: time,
  }),
  heartbeat: told("heartbeat", z.unknown().optional()),
  "agent.registered": told(
    "agent.registered",
    z.object({
      id: wholeNumber.describe("the agent's number in binary frames and positions"),
      agentId: id,
      name: z.string().describe("for people"),
      namespace: z.string().describe("the dialect"),
      trust: z.enum(["claimed", "shared", "proved"]),
      state,
      since: time,
      demo: z.literal(true).optional(),
    }),
  ),
  "agent.positions": told("agent.positions", z.object({ agents: z.array(position) })),
  "agent.state.changed": told(
    "agent.state.changed",
    z.object({
      agentId: id,
      previousState: state.describe("null: told for the first time").nullable(),
      newState: state,
      reason: z.string(),
      metadata: loose,
    }),
  ),
  "agent.performance.update": told("agent.performance.update", performance),
  "agent.capability.update": told(
    "agent.capability.update",
    z.object({
      agentId: id,
      action: z.enum(["add", "remove", "update"]),
      capability: z.looseObject({ name: z.string() }),
    }),
  ),
  "message.sent": told(
    "message.sent",
    z.object({
      messageId: id,
      from: namespaced,
      to: z.array(namespaced),
      messageType: z.enum(["REQUEST", "RESPONSE", "INFORM"]),
      priority: z.string(),
      content: loose.describe("null: not for this viewer; {sealed: true}: nobody can read it").nullable(),
      expiry: time.nullable(),
    }),
  ),
  "message.flow.stats": told("message.flow.stats", flow),
  "coordination.initiated": told("coordination.initiated", z.looseObject({ coordinationId: id, pattern: z.string() })),
  "coordination.progress": told("coordination.progress", z.looseObject({ coordinationId: id, pattern: z.string() })),
  "system.metrics": told("system.metrics", system),
  "control.result": told(
    "control.result",
    z.object({
      targetAgent: id,
      status: z.enum(["completed", "failed"]),
      result: z.looseObject({ message: z.string() }),
      requestId: id,
      durationMs: z.number(),
    }),
  ),
  "control.multi-agent.configured": told(
    "control.multi-agent.configured",
    z.looseObject({ "multi-agentId": id, configuration: loose }),
  ),
  error: told(
    "error",
    z.object({
      code: z.enum(errorCodes),
      message: z.string().describe("for people"),
      details: z.looseObject({
        requestId: z.string().nullable(),
        component: z.string(),
        stackTrace: z.null(),
        retryAfterMs: wholeNumber.optional(),
      }),
      recoverable: z.boolean(),
      suggestedAction: z.string(),
    }),
  ),
} as const;

/** An event in JSON. */
export type ViewerEvent = { [T in keyof typeof events]: z.infer<(typeof events)[T]> }[keyof typeof events];

/** One event of {@link ViewerEvent} by its type. */
export type EventOf<T extends ViewerEvent["type"]> = Extract<ViewerEvent, { readonly type: T }>;

/** What a session is sent: JSON, or a binary frame that answers one. */
export type Event =
  | (ViewerEvent & { readonly format?: never })
  | { readonly type: "heartbeat"; readonly format: "binary"; readonly at: number; readonly metadata?: never }
  | {
      readonly type: "error";
      readonly format: "binary";
      /** Said in its place where it fits no frame. */
      readonly json: EventOf<"error">;
      readonly metadata?: never;
    };
