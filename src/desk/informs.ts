import { z } from "zod";
import { eventsTopic, faultCodes, writtenTime, writtenTrust } from "../core/index.js";
import { ofBroker } from "./answers.js";
import { room } from "./requests.js";

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
 * Whole messages that `$broker` says unasked, by kind: refusals and invitations on an agent's own topic, the rest on
 * `$events`. Clients ignore kinds and fields that they do not know: more may come.
 */
export const deskInforms = {
  fault: inform("fault", fault),
  "room.invited": inform(
    "room.invited",
    z.object({ room, inviteOnly: z.boolean(), by: z.string(), displayName: z.string() }),
  ),
  "agent.online": event("agent.online", z.object(who)),
  "agent.offline": event("agent.offline", z.object(who)),
  "room.created": event("room.created", z.object({ room, inviteOnly: z.boolean() })),
  "room.joined": event("room.joined", membership),
  "room.left": event("room.left", membership),
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
