import { randomUUID } from "node:crypto";
import { Fault, readJson, type FaultCode } from "../../core/index.js";

/** The broker, as Agent Network calls it. */
export const systemId = "system";

/** The types that this client says: it has no keys, so nothing that is sealed. */
export const spokenTypes = ["INFORM", "QUERY", "RESPONSE", "PROPOSAL", "CONFIRMATION", "REJECTION"] as const;

/** One of {@link spokenTypes}. */
export type SpokenType = (typeof spokenTypes)[number];

/** The content of a frame. */
export type Content = Readonly<Record<string, unknown>>;

/** A frame of Agent Network, which has these fields at least (Agent Network §1.1). */
export interface NetworkFrame {
  readonly messageId: string;
  readonly conversationId: string;
  readonly senderId: string;
  readonly recipientId: string;
  readonly messageType: string;
  readonly content: Content;
  readonly timestamp: number;
  readonly metadata: Content;
}

/** The fields by which an answer names what it answers, by the type of the question. */
const references: Readonly<Record<SpokenType, "requestId" | "proposalId" | undefined>> = {
  INFORM: undefined,
  QUERY: "requestId",
  RESPONSE: "requestId",
  PROPOSAL: "proposalId",
  CONFIRMATION: "proposalId",
  REJECTION: "proposalId",
};

/** The same as a text: {@link contentOf} of what a person types. */
function textContent(type: SpokenType, text: string): Content {
  switch (type) {
    case "INFORM":
      return { text };
    case "QUERY":
      return { queryType: "CUSTOM", parameters: { text } };
    case "RESPONSE":
      return { data: { text }, error: null };
    case "PROPOSAL":
      return { details: { title: text, status: "PENDING" } };
    case "CONFIRMATION":
      return { status: "ACCEPTED", text };
    case "REJECTION":
      return { reason: "OTHER", details: text };
  }
}

/**
 * The content of a message: of a text, or the JSON that was typed, with the id that its type needs.
 * @param said either a text, or the content as JSON
 * @param replyTo `requestId` or `proposalId` of what is answered
 * @throws Fault malformed, naming the option
 */
export function contentOf(
  type: SpokenType,
  said: { readonly text: string } | { readonly json: string },
  replyTo: string | undefined,
): Content {
  const content = "text" in said ? textContent(type, said.text) : jsonContent(said.json);
  const reference = references[type];
  const isQuestion = type === "QUERY" || type === "PROPOSAL";
  if (replyTo !== undefined && (reference === undefined || isQuestion))
    throw new Fault("malformed", `--reply-to: ${type} answers nothing; say --type RESPONSE, CONFIRMATION or REJECTION`);
  if (reference === undefined) return content;
  const named = replyTo ?? content[reference] ?? (isQuestion ? randomUUID() : undefined);
  if (named === undefined)
    throw new Fault("malformed", `a ${type} names what it answers: --reply-to ID, the ${reference} of that`);
  if (typeof named !== "string") throw new Fault("malformed", `--content: ${reference} is a text`);
  return { [reference]: named, ...content, ...(replyTo !== undefined && { [reference]: replyTo }) };
}

function jsonContent(text: string): Content {
  const json = readJson(text);
  if ("problem" in json) throw new Fault("malformed", `--content: ${json.problem}`);
  if (!isFields(json.value)) throw new Fault("malformed", '--content is a JSON object, such as {"text": "hello"}');
  return json.value;
}

/** True if `heard` answers `asked` (Agent Network §4): also in plain words, as agents of other dialects answer. */
export function isAnswer(asked: NetworkFrame, heard: NetworkFrame): boolean {
  if (heard.senderId !== asked.recipientId) return false;
  const { requestId, proposalId } = asked.content;
  // Agents that keep no requestId name the message.
  if (heard.messageType === "RESPONSE")
    return [requestId ?? proposalId, asked.messageId].includes(heard.content["requestId"]);
  const decides = heard.messageType === "CONFIRMATION" || heard.messageType === "REJECTION";
  return decides && proposalId !== undefined && heard.content["proposalId"] === proposalId;
}

/** What a frame says, for a person: its text where it has one, else its content as JSON. */
export function textOf({ messageType, content, metadata }: NetworkFrame): string {
  if (messageType === "ENCRYPTED" || metadata["encrypted"] === true) return "(sealed: this client has no keys)";
  if (messageType === "HANDSHAKE") return "(offers its key: this client has none)";
  const error = content["error"];
  if (isFields(error)) return `${textIn(error, "code")}: ${textIn(error, "message")}`;
  for (const part of [content, content["parameters"], content["data"]])
    if (isFields(part) && typeof part["text"] === "string") return part["text"];
  const { message } = content;
  return typeof message === "string" ? message : JSON.stringify(content);
}

const faultCodes: Readonly<Record<string, FaultCode>> = {
  AUTHENTICATION_FAILED: "unauthenticated",
  CONNECTION_LIMIT_EXCEEDED: "full",
  ENCRYPTION_ERROR: "forbidden",
  INVALID_MESSAGE_FORMAT: "malformed",
  MESSAGE_ERROR: "forbidden",
  RATE_LIMIT_EXCEEDED: "rate-limited",
  RECIPIENT_NOT_FOUND: "not-found",
  SENDER_MISMATCH: "forbidden",
  SERVER_ERROR: "internal",
  TIMEOUT_ERROR: "timeout",
};

/** An ERROR of the broker's as it is told at the end of a command. */
export function errorFault({ content }: NetworkFrame): Fault {
  const code = textIn(content, "errorCode");
  return new Fault(faultCodes[code] ?? "internal", `${code}: ${textIn(content, "message")}`);
}

/** A text among the fields of an object, or "". */
export function textIn(fields: Content, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

/** A text as a frame; undefined: it is none. */
export function frameOf(text: string): NetworkFrame | undefined {
  const json = readJson(text);
  if ("problem" in json || !isFields(json.value)) return undefined;
  const { content, metadata, timestamp, ...rest } = json.value;
  if (!isFields(content) || !isFields(metadata) || typeof timestamp !== "number") return undefined;
  const ids = ["messageId", "conversationId", "senderId", "recipientId", "messageType"];
  return ids.every((name) => typeof rest[name] === "string") ? (json.value as unknown as NetworkFrame) : undefined;
}

function isFields(value: unknown): value is Content {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
