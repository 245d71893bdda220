import { z } from "zod";
import {
  isNestedDeeper,
  jsonDepthMax,
  repairSurrogates,
  withoutNonsense,
  type SoftFields,
} from "../../../src/core/index.js";
import { AgentChatError } from "./error.js";
import { events, type Event } from "../../../bridges/agentchat/events.js";
import { inOurWords } from "./other-servers.js";

/** A refusal; other servers have codes of their own. */
export interface ErrorEvent {
  readonly type: "ERROR";
  readonly ts: number;
  readonly code: string;
  readonly message: string;
  readonly ref?: string;
  /** Milliseconds. */
  readonly retry_after?: number;
}

/** Something of a type that we do not know, as another server said it, but for what is null. */
export interface OtherEvent {
  readonly type: "OTHER";
  readonly ts: number;
  readonly said: Readonly<Record<string, unknown>> & { readonly type: string };
}

/** What a server says: {@link Event}, with the codes and the types of any server. Unknown fields are kept. */
export type ServerEvent = Exclude<Event, { readonly type: "ERROR" }> | ErrorEvent | OtherEvent;

/** One event of {@link ServerEvent} by its type. */
export type ServerEventOf<T extends ServerEvent["type"]> = Extract<ServerEvent, { readonly type: T }>;

/** Other servers have codes of their own, and say less about a challenge. */
const shapes: Readonly<Record<Exclude<ServerEvent["type"], "OTHER">, z.ZodType>> = {
  ...events,
  ERROR: events.ERROR.extend({ code: z.string() }),
  CHALLENGE: events.CHALLENGE.partial({ expires_at: true }),
};

/** What an event can do without: it is filled in or left out where it makes no sense (protocols §3.18). */
const soft: SoftFields = {
  ts: "hint",
  from_name: "hint",
  msg_id: "id",
  in_reply_to: "id",
  sig: "hint",
  pubkey: "hint",
  verified: "hint",
  replay: "hint",
  stored_at: "hint",
  delivery_id: "hint",
  attempt: "hint",
  room_seq: "hint",
  epoch: "hint",
  name: "hint",
  names: "hint",
  away: "hint",
  channels: "hint",
  next: "hint",
  gap: "hint",
  reason: "hint",
  until: "hint",
  server: "hint",
  ref: "id",
  retry_after: "hint",
};

/**
 * Reads a frame: one message, or several, each on its own line. For a message that cannot be read there is an error in
 * its place.
 * @param now fills in `ts` where a server gives none
 * @param self the `@agent-id` of whoever hears it, once it is known
 */
export function readFrame(frame: string, now: number, self?: string): readonly (ServerEvent | AgentChatError)[] {
  const whole = parsed(frame);
  if (whole !== undefined) return [eventOf(whole, now, self)];
  return frame
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const value = parsed(line);
      return value === undefined ? garbage("something that is not a JSON object") : eventOf(value, now, self);
    });
}

function eventOf(value: object, now: number, self: string | undefined): ServerEvent | AgentChatError {
  const raw: Readonly<Record<string, unknown>> = { ...value };
  const { type: said } = raw;
  if (typeof said !== "string") return garbage("a message without a type");
  const whole = withTime(inOurWords(said, raw, self), now);
  const { type } = whole;
  if (typeof type !== "string" || !Object.hasOwn(shapes, type) || isOther(type, raw))
    return { type: "OTHER", ts: now, said: { ...raw, type: said } };
  const shape = shapes[type as keyof typeof shapes]; // a key of shapes
  const strict = shape.safeParse(whole);
  if (strict.success) return whole as unknown as ServerEvent;
  const sane = withTime(inOurWords(said, withoutNonsense(strict.error, raw, soft), self), now);
  const checked = shape.safeParse(sane);
  if (checked.success) return sane as unknown as ServerEvent;
  return garbage(`a ${type} with a wrong or missing ${checked.error.issues[0]?.path.join(".") ?? "field"}`);
}

/** Other servers say by this type, too, that an agent has proved its key to another agent. */
function isOther(type: string, raw: Readonly<Record<string, unknown>>): boolean {
  return type === "VERIFY_SUCCESS" && raw["agent_id"] === undefined;
}

function withTime(event: Readonly<Record<string, unknown>>, now: number): Readonly<Record<string, unknown>> {
  return event["ts"] === undefined ? { ...event, ts: now } : event;
}

/** A JSON object without its nulls, but those in the data of an answer; undefined for everything else. */
function parsed(line: string): object | undefined {
  if (isNestedDeeper(line, jsonDepthMax)) return undefined;
  try {
    const text = repairSurrogates(line);
    const value: unknown = JSON.parse(text, (_key, inner: unknown) => (inner === null ? undefined : inner));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    // What the broker answers is the application's, with its nulls.
    return "type" in value && value.type === "ANSWER" ? { ...value, data: dataIn(text) } : value;
  } catch {
    return undefined; // readFrame reports it: it knows whether a part of the frame can be read
  }
}

function dataIn(text: string): unknown {
  return (JSON.parse(text) as { readonly data?: unknown }).data;
}

function garbage(what: string): AgentChatError {
  return new AgentChatError("INVALID_MSG", `the server sent ${what}; it was ignored: is it an AgentChat server?`);
}
