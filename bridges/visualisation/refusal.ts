import type { Fault, Refusal } from "#dialect";
import { answerTo, type Asked } from "./answers.js";
import { unreadIn, type Unread } from "./codec.js";
import { closingOf, codes, errorPayload, isOurs, type ErrorPayload } from "./errors.js";
import type { Event, EventOf } from "./events.js";
import type { Command } from "./schema.js";
import type { ViewerSession } from "./state.js";
import { tell } from "./streams/outlet.js";

/** What may be said before the login, and said again where something is wrong with it. */
const beforeLogin: ReadonlySet<string> = new Set(["handshake", "version.negotiate", "compression.negotiate"]);

/** A fault as the session is told it: in the channel of what is refused, in binary where that was binary. */
export function refusal(fault: Fault, command: Command | undefined, session: ViewerSession): Refusal<Event> {
  const hasLoggedIn = session.principal !== undefined;
  const unread = unreadIn(fault);
  const type = command?.type ?? unread.type;
  const mayGoOn = !hasLoggedIn && !fault.fatal && isShape(fault) && type !== undefined && beforeLogin.has(type);
  const close = mayGoOn ? undefined : closingOf(fault, hasLoggedIn);
  if (close !== undefined && (fault.code === "slow-consumer" || fault.code === "going-away")) return { close };
  const asked = command === undefined || command.format === "binary" ? unread : command;
  const event = errorEvent(session, askedOf(asked), payloadOf(fault, asked, type, hasLoggedIn || mayGoOn));
  const end = close === undefined ? {} : { close };
  const isBinary = command?.format === "binary" || unread.format === "binary";
  if (isBinary && session.state.binary) return { reply: { type: "error", format: "binary", json: event }, ...end };
  const via = asked.via;
  if (via === undefined) return { reply: event, ...end };
  tell(session, event, via);
  return end;
}

function errorEvent(session: ViewerSession, asked: Asked, payload: ErrorPayload): EventOf<"error"> {
  const event = answerTo<"error">(session, asked, { type: "error", payload });
  return { ...event, metadata: { ...event.metadata, priority: "critical" } };
}

type Refused = Asked | Unread;

function askedOf(refused: Refused): Asked {
  if (!("requestId" in refused || "correlationId" in refused)) return refused;
  const { requestId, correlationId } = refused;
  return { id: requestId, metadata: { correlationId } };
}

function payloadOf(fault: Fault, asked: Refused, type: string | undefined, hasLoggedIn: boolean): ErrorPayload {
  const requestId = ("requestId" in asked ? asked.requestId : "id" in asked ? asked.id : undefined) ?? null;
  const payload = errorPayload(fault, { requestId, component: hasLoggedIn ? componentOf(type) : "login" });
  // Whatever is said in the place of a login is one that failed (Visualisation §1.2).
  if (hasLoggedIn || isOurs(fault.code) || fault.code === "rate-limited") return payload;
  const { code, recoverable, suggestedAction } = codes.unauthenticated;
  return { ...payload, code, recoverable, suggestedAction };
}

/** Something is wrong with how a message is written, not with who says it. */
function isShape({ code }: Fault): boolean {
  return code === "malformed" || code === "unsupported" || code === "too-large";
}

/** Which part of the broker refuses a message of this type. */
function componentOf(type: string | undefined): string {
  if (type === undefined) return "connection";
  if (type.startsWith("control.")) return "control";
  if (type.startsWith("channel.")) return "channels";
  if (type === "streams.select") return "streams";
  if (type === "auth.refresh" || type === "handshake") return "login";
  return type.endsWith(".negotiate") ? "negotiation" : "connection";
}
