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
import { negotiationTypes, type NegotiationType, type ProposalStatus } from "../../../bridges/agentchat/schema.js";

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

/** What a server says: {@link Event}, with the codes of any server. Unknown fields are kept. */
export type ServerEvent = Exclude<Event, { readonly type: "ERROR" }> | ErrorEvent;

/** One event of {@link ServerEvent} by its type. */
export type ServerEventOf<T extends ServerEvent["type"]> = Extract<ServerEvent, { readonly type: T }>;

/** Other servers have codes of their own, and say less about a challenge. */
const shapes: Readonly<Record<ServerEvent["type"], z.ZodType>> = {
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
  name: "hint",
  names: "hint",
  server: "hint",
  ref: "id",
  retry_after: "hint",
};

const statusAfter: Readonly<Record<NegotiationType, ProposalStatus>> = {
  PROPOSAL: "pending",
  ACCEPT: "accepted",
  REJECT: "rejected",
  COMPLETE: "completed",
  DISPUTE: "disputed",
};

/**
 * Reads a frame: one message, or several, each on its own line. Messages of unknown types are left out; for one that
 * cannot be read there is an error in its place.
 * @param now fills in `ts` where a server gives none
 */
export function readFrame(frame: string, now: number): readonly (ServerEvent | AgentChatError)[] {
  const whole = parsed(frame);
  if (whole !== undefined) return listOf(eventOf(whole, now));
  return frame
    .split("\n")
    .filter((line) => line.trim() !== "")
    .flatMap((line) => {
      const value = parsed(line);
      return value === undefined ? [garbage("something that is not a JSON object")] : listOf(eventOf(value, now));
    });
}

function eventOf(value: object, now: number): ServerEvent | AgentChatError | undefined {
  const raw: Readonly<Record<string, unknown>> = { ...value };
  const { type } = raw;
  if (typeof type !== "string") return garbage("a message without a type");
  if (!Object.hasOwn(shapes, type)) return undefined;
  const known = type as ServerEvent["type"]; // a key of shapes
  const whole = { ts: now, ...missing(known, raw), ...raw };
  const strict = shapes[known].safeParse(whole);
  if (strict.success) return whole as unknown as ServerEvent;
  const sane = withoutNonsense(strict.error, raw, soft);
  const filled = { ts: now, ...missing(known, sane), ...sane };
  const checked = shapes[known].safeParse(filled);
  if (checked.success) return filled as unknown as ServerEvent;
  return garbage(`a ${type} with a wrong or missing ${checked.error.issues[0]?.path.join(".") ?? "field"}`);
}

/** What our server always says and the original does not. */
function missing(
  type: ServerEvent["type"],
  { from, id, proposal_id: proposalId }: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (type === "MSG") return { from_name: typeof from === "string" ? from.replace(/^@/, "") : "", msg_id: "" };
  if (type === "WELCOME") return { server: "" };
  if (type === "ERROR") return { message: "the server did not say why" };
  const step = negotiationTypes.find((known) => known === type);
  return step === undefined ? {} : { status: statusAfter[step], sig: "", id: proposalId, proposal_id: id };
}

/** A JSON object without its nulls; undefined for everything else. */
function parsed(line: string): object | undefined {
  if (isNestedDeeper(line, jsonDepthMax)) return undefined;
  try {
    const value: unknown = JSON.parse(repairSurrogates(line), (_key, inner: unknown) =>
      inner === null ? undefined : inner,
    );
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // readFrame reports it: it knows whether a part of the frame can be read
  }
}

function listOf<T>(one: T | undefined): readonly T[] {
  return one === undefined ? [] : [one];
}

function garbage(what: string): AgentChatError {
  return new AgentChatError("INVALID_MSG", `the server sent ${what}; it was ignored: is it an AgentChat server?`);
}
