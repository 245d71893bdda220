import type { Closing, Fault, FaultCode, Refusal } from "#dialect";
import type { Event } from "./events.js";
import { errorCodes, type ErrorCode, type Command } from "./schema.js";

/**
 * Every fault in AgentChat's words, where nothing says it better. Total: a new fault code does not compile without one.
 */
export const codes: Readonly<Record<FaultCode, ErrorCode>> = {
  malformed: "INVALID_MSG",
  unsupported: "INVALID_MSG",
  "too-large": "INVALID_MSG",
  unauthenticated: "AUTH_REQUIRED",
  forbidden: "NOT_INVITED",
  "not-found": "AGENT_NOT_FOUND",
  conflict: "AUTH_REQUIRED",
  full: "INVALID_MSG",
  "rate-limited": "RATE_LIMITED",
  timeout: "INTERNAL",
  "slow-consumer": "INTERNAL",
  "going-away": "INTERNAL",
  unavailable: "INTERNAL",
  internal: "INTERNAL",
};

const closings: Readonly<Partial<Record<FaultCode, Closing>>> = {
  "slow-consumer": { code: 1013, reason: "too slow" },
  "going-away": { code: 1001, reason: "the broker is stopping" },
};

/** A fault told to an AgentChat client: `ref` is the `msg_id` or the type of what was refused. */
export function refusal(fault: Fault, said: Command | undefined, now: number): Refusal<Event> {
  const ref = textIn(fault.detail, "ref") ?? refOf(said);
  const code = codeOf(fault, said);
  const reply: Event = {
    type: "ERROR",
    ts: now,
    code,
    message:
      code === "CHANNEL_NOT_FOUND"
        ? `there is no channel ${channelOf(said)}; CREATE_CHANNEL makes one, LIST_CHANNELS tells which there are`
        : fault.message,
    ...(ref !== undefined && { ref }),
    ...(fault.retryAfterMs !== undefined && { retry_after: Math.ceil(fault.retryAfterMs) }),
  };
  const close = closings[fault.code];
  return close === undefined ? { reply } : { close };
}

/**
 * The code of a fault: its own if it names one (`detail.agentchat`), else what fits the command, else what fits the
 * fault.
 */
function codeOf({ code, detail }: Fault, said: Command | undefined): ErrorCode {
  const own = errorCodes.find((known) => known === detail?.["agentchat"]);
  if (own !== undefined) return own;
  if (isDisplaced({ detail })) return "SESSION_DISPLACED";
  if (code === "not-found" && said !== undefined && isAboutChannel(said)) return "CHANNEL_NOT_FOUND";
  if (said?.type === "CREATE_CHANNEL" && code === "malformed") return "INVALID_NAME";
  if (said !== undefined && makesChannel(said) && code === "conflict") return "CHANNEL_EXISTS";
  // What stands against a question is a channel or a mailbox, never who asks (AgentChat §13.2).
  if (said?.type === "ASK" && code === "conflict") return "INVALID_MSG";
  return codes[code];
}

/** True if it tells a session that its name is another's from now on. */
export function isDisplaced({ detail }: Pick<Fault, "detail">): boolean {
  return detail?.["displaced"] === true;
}

function makesChannel(said: Command): boolean {
  return said.type === "CREATE_CHANNEL" || (said.type === "ASK" && said.kind === "room.create");
}

/** Whether what is not found is a channel. */
function isAboutChannel(said: Command): boolean {
  if (said.type === "MSG") return said.to.startsWith("#");
  return said.type === "ASK" ? roomOf(said) !== undefined && said.data?.["agent"] === undefined : "channel" in said;
}

function channelOf(said: Command | undefined): string {
  const unknown = "of this name";
  if (said === undefined) return unknown;
  if (said.type === "ASK") return roomOf(said) ?? unknown;
  return said.type === "MSG" ? said.to : "channel" in said ? said.channel : unknown;
}

/** The channel that a question is about. */
function roomOf({ data }: Extract<Command, { readonly type: "ASK" }>): string | undefined {
  const room = data?.["room"];
  return typeof room === "string" ? room : undefined;
}

function textIn(detail: Fault["detail"], field: string): string | undefined {
  const value = detail?.[field];
  return typeof value === "string" ? value : undefined;
}

function refOf(said: Command | undefined): string | undefined {
  if (said === undefined) return undefined;
  return said.type === "MSG" || said.type === "ASK" ? (said.msg_id ?? said.type) : said.type;
}
