import { z } from "zod";
import { brokerTopic, writtenEnvelope } from "../core/index.js";

/** A room's name, as `isRoom` has it. */
export const room = z
  .string()
  .regex(/^(?!#[Aa][Ll][Ll]$)#[A-Za-z0-9_\-.]{0,63}[A-Za-z0-9_-]$/)
  .describe("# and 1 to 64 of A-Z a-z 0-9 _ - . ; not ending in . and not #all");
const agent = z.string().min(1).describe("an agent's name");
const messages = z
  .int()
  .min(0)
  .describe("how many past messages follow the answer, at most; informs with replay: true");

/** What `content.data` holds, by kind; undefined where there is nothing to say. */
const data = {
  ping: undefined,
  "agents.list": undefined,
  "rooms.list": undefined,
  "room.join": z.strictObject({ room, history: messages.exactOptional() }),
  "room.leave": z.strictObject({ room }),
  "room.create": z.strictObject({ room, invite_only: z.boolean().describe("needs a proved name").exactOptional() }),
  "room.invite": z.strictObject({ room, agent }),
  "room.members": z.strictObject({ room }),
  "room.history": z.strictObject({ room, count: messages.exactOptional() }),
} as const;

/** A kind of request that every agent may make; `broker.status` is the operator's alone and no contract. */
export type DeskKind = keyof typeof data;

/** The kinds of {@link DeskKind}. */
export const deskRequestKinds = Object.keys(data) as readonly DeskKind[]; // its own keys

/**
 * Whole messages to `$broker`, by kind, as a client should write them. The desk also takes the fields of `data` from
 * `content` itself.
 */
export const deskRequests: Readonly<Record<DeskKind, z.ZodObject>> = byKind((kind) => {
  const asked: z.ZodObject | undefined = data[kind];
  return writtenEnvelope.extend({
    to: z.literal(brokerTopic),
    type: z.literal("request"),
    content: z.looseObject({ message: z.string(), kind: z.literal(kind), ...(asked !== undefined && { data: asked }) }),
  });
});

/** A record over every kind. */
export function byKind<T>(of: (kind: DeskKind) => T): Readonly<Record<DeskKind, T>> {
  // one entry for each kind
  return Object.fromEntries(deskRequestKinds.map((kind) => [kind, of(kind)])) as Record<DeskKind, T>;
}
