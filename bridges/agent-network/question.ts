import { brokerTopic, Fault, jsonText, shapeProblemText, type FaultCode } from "#dialect";
import { isFields, mustBeContentOf } from "./contents.js";
import { errorContent, networkFault } from "./errors.js";
import { acknowledge } from "./pass.js";
import { readableText } from "./readable.js";
import { query, type ErrorCode, type NetworkEvent, type NetworkMessage } from "./schema.js";
import type { NetworkSession } from "./state.js";
import { systemEvent, systemHead } from "./system.js";
import { isSealed } from "./translate.js";

/** Other words for kinds of the broker's desk (Agent Network §5.2). */
const aliases = { ROOM_JOIN: "room.join", ROOM_LEAVE: "room.leave" } as const;

const opensNone =
  "a session of Agent Network opens no mailbox, since what network agents say to each other passes it by; open it in " +
  "another dialect, or by broker mailbox open";

/** Why a question is not answered, in the words of a RESPONSE (Agent Network §5.3). */
export const answerCodes: Readonly<
  Record<FaultCode, ErrorCode | "UNAVAILABLE_DATA" | "PERMISSION_DENIED" | "INVALID_PARAMETERS" | "INTERNAL_ERROR">
> = {
  malformed: "INVALID_PARAMETERS",
  unsupported: "INVALID_PARAMETERS",
  "too-large": "INVALID_PARAMETERS",
  unauthenticated: "PERMISSION_DENIED",
  forbidden: "PERMISSION_DENIED",
  "not-found": "UNAVAILABLE_DATA",
  conflict: "UNAVAILABLE_DATA",
  full: "UNAVAILABLE_DATA",
  "rate-limited": "RATE_LIMIT_EXCEEDED",
  timeout: "TIMEOUT_ERROR",
  unavailable: "SERVER_ERROR",
  "slow-consumer": "SERVER_ERROR",
  "going-away": "SERVER_ERROR",
  internal: "INTERNAL_ERROR",
};

/**
 * A question to the broker, whose answer is a RESPONSE (Agent Network §5). The desk alone takes its price.
 * @throws Fault unsupported, malformed, and why the broker does not answer
 */
export function ask(session: NetworkSession, message: NetworkMessage): void | Promise<void> {
  const { header } = message;
  if (isSealed(header))
    throw networkFault("unsupported", "ENCRYPTION_ERROR", "the broker has no keys; ask it in plain words");
  if (header.messageType === "RESPONSE") {
    answer(session, message);
    return undefined;
  }
  if (header.messageType !== "QUERY")
    throw new Fault(
      "unsupported",
      "system takes AUTH, HEARTBEAT, DISCONNECT, QUERY, and RESPONSE to a QUERY of its own; address messages to an agent",
    );
  const content = message.content();
  const parsed = query.safeParse(content);
  if (!parsed.success) throw new Fault("malformed", `content.${shapeProblemText(parsed.error, content)}`);
  const { requestId, queryType, parameters } = parsed.data;
  const kind = kindOf(queryType);
  if (kind === "mailbox.open") throw new Fault("unsupported", opensNone);
  return session.ask(kind, parameters, ({ json }) => {
    session.send({
      ...systemHead(session, "RESPONSE", header),
      contentJson: answerJson(requestId, json),
    });
  });
}

/**
 * The answer to a QUERY that came from `system`, such as a vote: `data` is what the broker reads, be it an object or a
 * text (Agent Network §5.6).
 */
function answer(session: NetworkSession, message: NetworkMessage): void {
  const { header } = message;
  const content = message.content();
  mustBeContentOf("RESPONSE", content);
  const { requestId: inReplyTo, data } = content;
  session.publish({
    to: brokerTopic,
    type: "response",
    messageId: header.messageId,
    inReplyTo,
    content: { message: readableText("RESPONSE", content), ...(isFields(data) && { data }) },
  });
  acknowledge(session, message);
}

function kindOf(queryType: string): string {
  return Object.hasOwn(aliases, queryType) ? aliases[queryType as keyof typeof aliases] : queryType;
}

/** Tells that a question is refused, by its `requestId`; undefined if it is none that has one. */
export function refusedAnswer(fault: Fault, asked: NetworkMessage, session: NetworkSession): NetworkEvent | undefined {
  const { header } = asked;
  if (header.messageType !== "QUERY" || isSealed(header)) return undefined;
  const requestId = requestIdOf(asked);
  if (requestId === undefined) return undefined;
  const { message, details, recoverable, retryAfter } = errorContent(fault, header.messageId, true);
  const again = { recoverable, ...(retryAfter !== undefined && { retryAfter }) };
  const error = { code: answerCodes[fault.code], message, details: { ...details, ...again } };
  return systemEvent(session, "RESPONSE", { requestId, data: null, error }, header);
}

function requestIdOf(asked: NetworkMessage): string | undefined {
  try {
    const parsed = query.shape.requestId.safeParse(asked.content()["requestId"]);
    return parsed.success ? parsed.data : undefined;
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined; // it was refused for that
    throw thrown;
  }
}

/** The desk's answer as the content of a RESPONSE: `requestId, message, data, kind, error`. */
function answerJson(requestId: string, json: string): string {
  // It begins with the text for people; only what stands behind that can be `data`.
  const hasData = /^\{"message":"(?:[^"\\]|\\.)*","data":/.test(json);
  return `{"requestId":${jsonText(requestId)},${json.slice(1, -1)}${hasData ? "" : ',"data":null'},"error":null}`;
}
