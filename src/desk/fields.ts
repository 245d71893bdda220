import { z } from "zod";
import { Fault, writtenTime, writtenTrust, type Content, type ListedAgent, type ListedRoom } from "../core/index.js";

/*
 * Fields of requests and answers. A schema says what the desk takes; its `meta` says what is published in its place,
 * where clients should write less than that.
 */

/** A request that has no fields. */
export const noFields = z.strictObject({});
/** The length of an answer that lists nothing. */
export const noList = (): number => 0;

const noText = "is missing; it is a text";
const noCount = "is a whole number from 0";

/** A room's name. Any text is taken: the directory refuses a wrong one in its own words. */
export const room = z
  .string(noText)
  .refine((text) => text !== "", noText)
  .meta({
    pattern: "^(?!#[Aa][Ll][Ll]$)#[A-Za-z0-9_\\-.]{0,63}[A-Za-z0-9_-]$",
    description: "# and 1 to 64 of A-Z a-z 0-9 _ - . ; not ending in . and not #all",
  });
/** An agent's name. Any text is taken, as for {@link room}. */
export const agent = z.string(noText).min(1, noText).describe("an agent's name");
/** Yes or no. */
export const flag = z.boolean("is true or false");
/** How many past messages an agent asks for. */
export const pastCount = z
  .number(noCount)
  .refine((count) => Number.isInteger(count) && count >= 0, noCount)
  .meta({
    type: "integer",
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: "how many past messages follow the answer, at most; informs with replay: true",
  });

/** One agent in `agents.list`. */
export const listedAgent = z.object({
  name: z.string(),
  display_name: z.string().describe("for people; never an address"),
  dialect: z.string().describe("zmq, pan, agentchat …"),
  trust: writtenTrust,
  via: z.literal("proxy").describe("it is behind somebody else's socket").exactOptional(),
  since: writtenTime,
  connections: z.int().min(2).describe("so many connections use the name, and all hear it").exactOptional(),
}) satisfies z.ZodType<ListedAgent>;
/** One room in `rooms.list`. */
export const listedRoom = z.object({
  name: room,
  members: z.int().min(0).describe("those who are away included"),
  away: z.int().min(1).describe("so many of them are away; absent: none").exactOptional(),
  invite_only: z.boolean(),
  durable: z.literal(true).describe("it remembers what is said").exactOptional(),
}) satisfies z.ZodType<ListedRoom>;
/** Members of a room. */
export const members = z.array(z.string()).describe("names of those who are in it, and of those who are away");
/** Who of them is away. */
export const away = z
  .array(z.string())
  .describe("of these names those without a connection, whose mailbox says rooms: true; absent: none")
  .exactOptional();

/**
 * What a request gives for the fields of `schema`. Each stands in `content.data` or, failing that, in `content` itself;
 * null counts as absent, and what the schema does not name is ignored.
 * @returns Fault malformed where a field is missing or wrong
 */
export function readFields<S extends z.ZodObject>(schema: S, content: Content): z.output<S> | Fault {
  const given = Object.keys(schema.shape).flatMap((name) => {
    const value = fieldOf(content, name);
    return value === undefined || value === null ? [] : [[name, value]];
  });
  const { data, error } = schema.safeParse(Object.fromEntries(given));
  if (error === undefined) return data;
  const [issue] = error.issues;
  return new Fault("malformed", `data.${issue?.path.join(".") ?? ""} ${issue?.message ?? "is wrong"}`);
}

function fieldOf(content: Content, name: string): unknown {
  const { data } = content;
  if (typeof data === "object" && data !== null && Object.hasOwn(data, name))
    return (data as Readonly<Record<string, unknown>>)[name];
  return Object.hasOwn(content, name) ? content[name] : undefined;
}
