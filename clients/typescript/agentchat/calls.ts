import { commands, type ErrorCode } from "../../../bridges/agentchat/schema.js";
import { OpenCalls, type OpenCall } from "../shared/open-calls.js";
import type { CallKind, CommandFrame } from "./command-frames.js";
import { AgentChatError } from "./error.js";
import type { ErrorEvent, ServerEvent } from "./events.js";

/** What may be open on a connection: a call, or a message that was said and may still be refused. */
export type OpenKind = CallKind | "MSG";

/**
 * What was said on one connection and is not answered yet. A server answers the commands of one connection in order, so
 * an answer belongs to the oldest call that it fits: by channel, by proposal, or by turn. A refusal belongs to what its
 * `ref` names; one without `ref`, from a server of other makers, to the oldest that it can be about.
 */
export type Calls = OpenCalls<OpenKind, ServerEvent>;

type Open = OpenCall<OpenKind, ServerEvent>;

/** No calls yet. */
export function noCalls(): Calls {
  return new OpenCalls(
    (call, timeoutMs) =>
      new AgentChatError(
        "TIMEOUT",
        `no answer to ${call} within ${timeoutMs} ms: is it an AgentChat server, and is the connection alive?`,
        { call },
      ),
  );
}

/**
 * Whether the answer is also the answer to others behind it: INVITE and MSG, which are silent on success, end with the
 * PONG to a PING behind them; IDENTIFY with a WELCOME that answers a proof, too.
 */
function isShared(kind: OpenKind, { type }: ServerEvent): boolean {
  return kind === "INVITE" || kind === "IDENTIFY" || (kind === "MSG" && type === "PONG");
}

/** Gives an event to what it answers, if there is something. */
export function answerCall(calls: Calls, event: ServerEvent): void {
  const older: Open[] = [];
  for (const call of calls) {
    if (call.offer(event) && !isShared(call.kind, event)) {
      endMessages(older, event.ts);
      calls.forgetLate(older);
      return;
    }
    older.push(call);
  }
}

/**
 * Fails what a refusal is about.
 * @returns the error for the application, if nothing is open that it can be about
 */
export function refuseCall(calls: Calls, event: ErrorEvent): AgentChatError | undefined {
  const all = [...calls];
  const able = all.filter((one) => canBeAbout(event, one));
  // A question may wait long for its answer, and what refuses it names it.
  const call = able.find(({ kind }) => kind !== "ASK") ?? able[0];
  if (call === undefined) return refusalError(event);
  const older = all.slice(0, all.indexOf(call));
  // The PING was answered, by a refusal: the server has taken what was said before it.
  if (call.kind === "PING")
    for (const one of older) if (one.kind === "INVITE") one.offer({ type: "PONG", ts: event.ts });
  if (call.kind === "PING" || event.ref !== undefined) endMessages(older, event.ts);
  call.reject(refusalError(event, call));
  return undefined;
}

/** Something behind these messages was answered, so they were taken. */
function endMessages(older: readonly Open[], ts: number): void {
  for (const one of older) if (one.kind === "MSG") one.offer({ type: "PONG", ts });
}

/**
 * Whether an event shows that a message was taken: it is the message itself, come back to its sender, or the PONG to a
 * PING behind it. Other servers give it an id and a time of their own, and may mask a part of its text.
 * @param self the sender's `@agent-id`
 */
export function showsTaken(event: ServerEvent, said: CommandFrame<"MSG">, self: string | undefined): boolean {
  if (event.type === "PONG") return true;
  if (event.type !== "MSG" || event.replay === true || event.from !== self || event.to !== said["to"]) return false;
  if (event.msg_id === said["msg_id"]) return true;
  return event.sig === undefined ? event.content === said["content"] : event.sig === said["sig"];
}

const steps: readonly OpenKind[] = ["ACCEPT", "REJECT", "COMPLETE", "DISPUTE"];
const inChannels: readonly OpenKind[] = ["JOIN", "LEAVE", "MSG", "LIST_AGENTS", "INVITE"];

/** What a code can be about; a code of other makers can be about anything. */
const about: Readonly<Record<ErrorCode, readonly OpenKind[] | "anything">> = {
  AUTH_REQUIRED: "anything",
  CHANNEL_NOT_FOUND: inChannels,
  NOT_INVITED: inChannels,
  INVALID_MSG: "anything",
  RATE_LIMITED: "anything",
  AGENT_NOT_FOUND: ["MSG", "INVITE", "PROPOSAL"],
  CHANNEL_EXISTS: ["CREATE_CHANNEL"],
  INVALID_NAME: ["IDENTIFY", "CREATE_CHANNEL"],
  VERIFICATION_FAILED: ["VERIFY_IDENTITY", "MSG", "PROPOSAL", ...steps],
  VERIFICATION_EXPIRED: ["VERIFY_IDENTITY"],
  PROPOSAL_NOT_FOUND: steps,
  PROPOSAL_EXPIRED: steps,
  NOT_PROPOSAL_PARTY: steps,
  INVALID_PROPOSAL: ["PROPOSAL", ...steps],
  SIGNATURE_REQUIRED: ["MSG", "PROPOSAL", ...steps],
  SESSION_DISPLACED: [],
  INTERNAL: "anything",
};

function kindsOf(code: string): readonly OpenKind[] | "anything" {
  return Object.hasOwn(about, code) ? about[code as ErrorCode] : "anything"; // a key of about
}

/**
 * Whether a refusal can be about what is open: by its `ref`; without one, by the type with which its text begins (`MSG:
 * content: …`); without that, by its code.
 */
function canBeAbout({ code, message, ref }: ErrorEvent, { kind, id }: Open): boolean {
  if (ref !== undefined) return ref === id || ref === kind;
  const type = typeIn(message);
  if (type !== undefined) return type === kind;
  if (kind === "ASK") return code === "INVALID_MSG"; // from a server that knows no questions
  const kinds = kindsOf(code);
  return kinds === "anything" || kinds.includes(kind);
}

/**
 * A refusal as an error. `open` is what it ends; without it nothing is open that it can be about. `ref` is what the
 * server said, or absent.
 */
export function refusalError(
  { code, message, ref, retry_after: retryAfterMs }: ErrorEvent,
  open?: Pick<Open, "kind" | "id">,
): AgentChatError {
  return new AgentChatError(code, message, {
    ...(open !== undefined && { call: open.kind }),
    ...(open?.id !== undefined && { msgId: open.id }),
    ...(ref !== undefined && { ref }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function typeIn(message: string): string | undefined {
  const type = /^([A-Z_]+):/.exec(message)?.[1];
  return type !== undefined && Object.hasOwn(commands, type) ? type : undefined;
}
