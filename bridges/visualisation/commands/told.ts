import { Fault, type DialectTypes, type FaultCode, type Session } from "#dialect";
import { errorPayload } from "../errors.js";
import { outletOf } from "../streams/outlet.js";
import type { StreamSession } from "../streams/stream-session.js";
import type { Answer, Place } from "./answers.js";
import { answersOf, type CommandSession } from "./command-session.js";

/** A message of the broker's whose payload is written already, as JSON text. */
export function messageText(
  session: Pick<Session<DialectTypes>, "newId" | "now">,
  { type, payload }: Answer,
  metadata?: Readonly<Record<string, unknown>>,
): string {
  const head = JSON.stringify({ id: session.newId(), type, timestamp: new Date(session.now()).toISOString() });
  const tail = metadata === undefined ? "" : `,"metadata":${JSON.stringify(metadata)}`;
  return `${head.slice(0, -1)},"payload":${payload}${tail}}`;
}

/** Tells a session a message, given as text: in a channel, in the one that carries its type, or in the main stream. */
export function tellText(session: StreamSession, type: string, text: string, channel?: string): void {
  const outlet = outletOf(session);
  const at = channel ?? outlet.carrierOf(type);
  // What is said of commands passes all buffers (Visualisation §4.3).
  if (at === undefined || !outlet.channels.say(at, text, true)) session.sendFrame(text);
}

/** Tells what a command was answered. */
export function tellAnswer(
  session: CommandSession,
  id: string,
  answer: Answer,
  { channel, correlationId }: Place,
): void {
  const { backlog, limits } = session;
  // A session that does not read has no more of this waiting for it than of anything else.
  const fits = backlog + answer.payload.length <= limits.wsBacklogMaxBytes;
  const told = fits ? answer : errorAnswer(id, unread(answer.payload.length));
  const text = messageText(session, told, { correlationId, priority: "critical" });
  tellText(session, told.type, text, channel);
}

/** A command is over: all who wait for it are told. `isOver` as in {@link Answers.settle}. */
export function settle(session: CommandSession, id: string, answer: Answer, isOver = true): void {
  for (const place of answersOf(session).settle(id, answer, isOver)) tellAnswer(session, id, answer, place);
}

/** Faults of the desk before it has done anything: the same id may be said again. */
const refusals: ReadonlySet<FaultCode> = new Set([
  "malformed",
  "unsupported",
  "too-large",
  "unauthenticated",
  "forbidden",
  "rate-limited",
]);

/** True for a question that was refused before anything was done. */
export function isRefusal({ code }: Fault): boolean {
  return refusals.has(code);
}

/** An error as the answer to a command (Visualisation §6.1). */
export function errorAnswer(id: string, fault: Fault): Answer {
  return { type: "error", payload: JSON.stringify(errorPayload(fault, { requestId: id, component: "control" })) };
}

function unread(length: number): Fault {
  return new Fault(
    "full",
    `the answer is there, and its ${String(length)} characters are more than may wait for this session: ` +
      "read what is sent to it, then send the command again under the same id",
  );
}
