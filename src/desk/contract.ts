import { z } from "zod";
import { brokerTopic, eventsTopic, faultCodes, writtenEnvelope, writtenTime, writtenTrust } from "../core/index.js";
import { multiAgentConfiguration, multiAgentId } from "../telemetry/multi-agents.js";
import { room } from "./fields.js";
import { askedVote, coordinationResult } from "./kinds/coordination.js";
import { deskKinds, type DeskKind } from "./kinds.js";

/** A kind that every agent may ask for. Only these are published: what the operator asks may change at any time. */
export type PublicKind = {
  [K in DeskKind]: (typeof deskKinds)[K]["right"] extends undefined ? K : never;
}[DeskKind];

/** The kinds of {@link PublicKind}. */
export const publicKinds = Object.entries(deskKinds)
  .filter(([, { right }]) => right === undefined)
  .map(([kind]) => kind) as readonly PublicKind[]; // chosen as the type chooses them

/** Every message of the broker's own. */
const ofBroker = z.object({
  ...writtenEnvelope.shape,
  from: z.literal(brokerTopic),
  priority: z.literal("NORMAL"),
  trust: z.literal("proved"),
});

/**
 * Whole messages to `$broker`, by kind, as a client should write them. The desk also takes the fields of `data` from
 * `content` itself.
 */
export const deskRequests = byKind((kind) => {
  const { request } = deskKinds[kind];
  return writtenEnvelope.extend({
    to: z.literal(brokerTopic),
    type: z.literal("request"),
    content: z.looseObject({
      message: z.string(),
      kind: z.literal(kind),
      ...(Object.keys(request.shape).length > 0 && {
        data: request.safeParse({}).success ? request.exactOptional() : request,
      }),
    }),
  });
});

/**
 * Whole answers from `$broker`, by kind, on the asker's own topic. Clients ignore fields that they do not know: more
 * may come.
 */
export const deskAnswers = byKind((kind) => {
  const { answer } = deskKinds[kind];
  return ofBroker.extend({
    type: z.literal("response"),
    in_reply_to: z.string().describe("message_id of the request"),
    content: z.object({ message: z.string(), kind: z.literal(kind), ...(answer !== undefined && { data: answer }) }),
  });
});

const who = {
  agent: z.string(),
  displayName: z.string().describe("for people; never an address"),
  dialect: z.string(),
  trust: writtenTrust,
};
const membership = z.object({ room, ...who });
const fault = z.looseObject({
  code: z
    .enum([...faultCodes, "loop"])
    .describe("loop: two agents have answered each other without a pause; nothing is refused by it"),
  message: z.string().describe("the same as content.message").exactOptional(),
  retry_after_ms: z.number().describe("when the same thing may be tried again").exactOptional(),
  to: z.string().describe("where the refused message was to go").exactOptional(),
  count: z.int().describe("further messages refused within a second, of which nothing else is said").exactOptional(),
});

/**
 * Whole messages that `$broker` sends without being asked, by kind: refusals and invitations on an agent's own topic,
 * the rest on `$events`. Clients ignore kinds and fields that they do not know: more may come.
 */
export const deskInforms = {
  fault: inform("fault", fault),
  "room.invited": inform(
    "room.invited",
    z.object({ room, inviteOnly: z.boolean(), by: z.string(), displayName: z.string() }),
  ),
  "coordination.vote": inform("coordination.vote", askedVote)
    .extend({ type: z.enum(["request", "inform"]) })
    .describe("request: a vote, whose response is the vote; inform: for observers"),
  "coordination.result": inform("coordination.result", coordinationResult),
  "agent.online": event("agent.online", z.object(who)),
  "agent.offline": event("agent.offline", z.object(who)),
  "agent.doubled": event(
    "agent.doubled",
    z
      .object({ ...who, connections: z.int().min(2) })
      .describe("several ZeroMQ connections use one name, and all of them hear what is for it"),
  ),
  "room.created": event("room.created", z.object({ room, inviteOnly: z.boolean() })),
  "room.joined": event("room.joined", membership),
  "room.left": event("room.left", membership),
  "multi-agent.configured": event(
    "multi-agent.configured",
    z.object({
      "multi-agentId": multiAgentId,
      configuration: multiAgentConfiguration,
      at: writtenTime,
      by: z.string().describe("who has said it"),
    }),
  ),
  "multi-agent.removed": event("multi-agent.removed", z.object({ "multi-agentId": multiAgentId, by: z.string() })),
  dropped: event(
    "dropped",
    z
      .object({ agent: z.string().exactOptional(), count: z.int().min(1), since: writtenTime })
      .describe("somebody is too slow and loses messages; at most one a second"),
  ),
} as const;

function inform(kind: string, data: z.ZodObject): z.ZodObject {
  return ofBroker.extend({
    type: z.literal("inform"),
    content: z.object({ message: z.string(), kind: z.literal(kind), data }),
  });
}

function event(kind: string, data: z.ZodObject): z.ZodObject {
  return inform(kind, data).extend({ to: z.literal(eventsTopic) });
}

function byKind(of: (kind: PublicKind) => z.ZodObject): Readonly<Record<PublicKind, z.ZodObject>> {
  // one entry for each kind
  return Object.fromEntries(publicKinds.map((kind) => [kind, of(kind)])) as Record<PublicKind, z.ZodObject>;
}
