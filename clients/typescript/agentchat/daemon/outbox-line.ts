import {
  commands,
  negotiationTypes,
  type CommandOf,
  type NegotiationType,
} from "../../../../bridges/agentchat/schema.js";
import { shapeProblemText } from "../../../../src/core/index.js";
import { isUtf16, utf16Remedy, withoutHalfNewline } from "./outbox-encoding.js";

/** Something said in a channel or to an agent. */
export interface Message {
  readonly type: "MSG";
  /** `#channel` or `@agent-id`. */
  readonly to: string;
  readonly content: string;
  readonly inReplyTo?: string;
  /** The inbox is told what a mailbox does with it. */
  readonly receipt?: true;
}

/** A step of a negotiation; the daemon signs it. */
export type Step = CommandOf<NegotiationType>;

/** What a line of the outbox asks to be said. */
export type Outgoing = Message | CommandOf<"JOIN" | "LEAVE" | "CREATE_CHANNEL" | "INVITE"> | Step;

/** A MSG frame of that many bytes still fits the 64 KiB of a server with its id, time and signature. */
const maxFrameBytes = 64 * 1024 - 1_024;
/** Types besides MSG; everything else is the daemon's own business, or is asked by other means. */
const types = ["JOIN", "LEAVE", "CREATE_CHANNEL", "INVITE", ...negotiationTypes] as const;

/**
 * Reads a line: `{"to": "#channel" or "@agent-id", "content": "…", "in_reply_to"?: "…", "receipt"?: true}`, with or
 * without `"type": "MSG"`, or one of {@link types} with the fields of that command. Other fields are ignored, and so is null. A string
 * says what is wrong with it.
 */
export function readOutboxLine(bytes: Uint8Array): Outgoing | string {
  if (isUtf16(bytes)) return utf16Remedy;
  let line: unknown;
  try {
    // A mark of UTF-8 at its beginning is left out.
    line = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(withoutHalfNewline(bytes)));
  } catch (thrown) {
    return thrown instanceof SyntaxError ? "this is not JSON" : "this is not UTF-8";
  }
  if (typeof line !== "object" || line === null || Array.isArray(line))
    return 'this is no object {"to": …, "content": …} or {"type": …, …}';
  const fields: Readonly<Record<string, unknown>> = Object.fromEntries(
    Object.entries(line).filter(([, value]) => value !== null),
  );
  const outgoing = fields["type"] === undefined || fields["type"] === "MSG" ? messageOf(fields) : commandOf(fields);
  if (typeof outgoing !== "string" && Buffer.byteLength(JSON.stringify(outgoing)) > maxFrameBytes)
    return `it is too long: a message may have ${maxFrameBytes} bytes`;
  return outgoing;
}

/** True for a line of white space, which is no message; half a newline of UTF-16 and a mark of UTF-8 are none either. */
export function isBlank(bytes: Uint8Array): boolean {
  const rest = isMark(bytes) ? bytes.subarray(3) : bytes;
  return rest.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0);
}

function isMark([first, second, third]: Uint8Array): boolean {
  return first === 0xef && second === 0xbb && third === 0xbf;
}

function messageOf({
  to,
  content,
  in_reply_to: inReplyTo,
  receipt,
}: Readonly<Record<string, unknown>>): Message | string {
  if (typeof to !== "string" || !/^[#@][^\n]{1,159}$/u.test(to))
    return "to: it must be #channel or @agent-id, at most 160 characters";
  if (typeof content !== "string") return "content: it must be a string";
  if (inReplyTo !== undefined && (typeof inReplyTo !== "string" || inReplyTo === "" || inReplyTo.length > 256))
    return "in_reply_to: it must be a message id of at most 256 characters";
  return {
    type: "MSG",
    to,
    content,
    ...(inReplyTo !== undefined && { inReplyTo }),
    ...(receipt === true && { receipt }),
  };
}

function commandOf(fields: Readonly<Record<string, unknown>>): Exclude<Outgoing, Message> | string {
  const type = types.find((known) => known === fields["type"]);
  if (type === undefined)
    return `type: it must be MSG, ${types.join(", ")}, or be left out for a message {"to": …, "content": …}`;
  const read = commands[type].safeParse(fields);
  return read.success ? read.data : `${type}: ${shapeProblemText(read.error, fields)}`;
}

/** Types that mean something else, or are refused, when they are sent twice. */
export type Unrepeatable = Step | CommandOf<"CREATE_CHANNEL">;

/** True for a line that must not be repeated before it is known what became of it. */
export function isUnrepeatable(line: Outgoing): line is Unrepeatable {
  return line.type !== "MSG" && line.type !== "JOIN" && line.type !== "LEAVE" && line.type !== "INVITE";
}

/**
 * What the last line of the inbox that tells of this step calls it; "" if there is none. Another word than before the
 * step was said: it was taken, and need not be said again.
 * @param self whose step it is, an `@agent-id`
 */
export function lastHeard(line: Unrepeatable, inbox: readonly string[], self: string | undefined): string {
  const type = line.type === "CREATE_CHANNEL" ? "JOINED" : line.type;
  for (const text of inbox.toReversed()) {
    if (!text.includes(`"${type}"`)) continue;
    const event = parsed(text);
    if (event["type"] === type && tellsOf(line, event, self))
      return String(line.type === "CREATE_CHANNEL" ? event["ts"] : event["proposal_id"]);
  }
  return "";
}

function tellsOf(line: Unrepeatable, event: Readonly<Record<string, unknown>>, self: string | undefined): boolean {
  if (line.type === "CREATE_CHANNEL") return event["channel"] === line.channel;
  if (event["from"] !== self) return false;
  if (line.type !== "PROPOSAL") return event["proposal_id"] === line.proposal_id;
  const to = line.to.startsWith("@") ? line.to : `@${line.to}`;
  return (
    event["to"] === to &&
    (["task", "amount", "currency", "payment_code", "terms", "expires"] as const).every(
      (field) => event[field] === line[field],
    )
  );
}

/** A line of the inbox; undefined if something else was written there. */
function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null ? { ...read } : {};
  } catch {
    return {};
  }
}
