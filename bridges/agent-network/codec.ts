import { Fault, jsonText, readJson, shapeProblemText, type Codec, type Frame } from "#dialect";
import { isUsual, metadataJson, usualMetadata } from "./metadata.js";
import { depthMax, scanFrame, type FrameKey, type Scanned } from "./scan.js";
import {
  auth,
  header as headerSchema,
  idMax,
  isId,
  metadataMax,
  type Command,
  type Event,
  type Header,
  type NetworkEvent,
  type NetworkMessage,
} from "./schema.js";

/** The broker, as it is called here. */
export const systemId = "system";

const binaryWords =
  "frames of agent-network.v1 are JSON text, not binary; for MessagePack name the subprotocol agent-network.v1.msgpack";

/** JSON text, one frame per WebSocket message. Pure. */
export const codec: Codec<Command, Event> = {
  decode(frame: Frame): readonly Command[] {
    if (typeof frame !== "string") throw new Fault("malformed", binaryWords);
    const scanned = scanFrame(frame);
    if (typeof scanned === "string") throw new Fault("malformed", scanned);
    const isMessage = scanned.json("messageType") !== undefined;
    const type = textAt(scanned, "type");
    if (type === "AUTH") {
      if (!isMessage) return [authOf(frame)];
      throw new Fault("malformed", "a frame is either AUTH or a message: leave out type or messageType");
    }
    // A login of another dialect, most likely. What has an id is refused under that, for what a message lacks.
    if (type !== undefined && !isMessage && scanned.json("messageId") === undefined)
      throw new Fault("malformed", "type: only a login has it, as AUTH {token, agentId}; a message has messageType");
    return [commandOf(messageOf(scanned))];
  },

  // Put together from parts, at half the price of stringifying it whole: each message is acknowledged by one.
  encode(event) {
    const { messageId, conversationId, senderId, recipientId, messageType, timestamp, metadata } = event;
    const content = "contentJson" in event ? event.contentJson : contentJson(event);
    return (
      `{"messageId":${jsonText(messageId)},"conversationId":${jsonText(conversationId)},` +
      `"senderId":${jsonText(senderId)},"recipientId":${jsonText(recipientId)},"messageType":${jsonText(messageType)},` +
      `"content":${content},"timestamp":${String(timestamp)},"metadata":${metadataJson(metadata)}}`
    );
  },
};

/** Of an ACK, which follows each message, without stringifying an object. */
function contentJson({ messageType, content }: NetworkEvent): string {
  const { messageId } = content;
  const isAck = messageType === "ACK" && typeof messageId === "string";
  return isAck ? `{"messageId":${jsonText(messageId)}}` : JSON.stringify(content);
}

/** What a frame is for, by its header. */
export function commandOf(message: NetworkMessage): Command {
  const { recipientId, messageType } = message.header;
  if (recipientId !== systemId) return { type: "message", message };
  return { type: messageType === "HEARTBEAT" || messageType === "DISCONNECT" ? messageType : systemId, message };
}

function authOf(frame: string): Command {
  const json = readJson(frame);
  if ("problem" in json) throw new Fault("malformed", json.problem);
  const parsed = auth.safeParse(json.value);
  if (parsed.success) return parsed.data;
  throw new Fault("malformed", `AUTH: ${shapeProblemText(parsed.error, json.value)}`);
}

function messageOf(scanned: Scanned): NetworkMessage {
  const header = {
    messageId: textAt(scanned, "messageId"),
    conversationId: textAt(scanned, "conversationId"),
    senderId: textAt(scanned, "senderId"),
    recipientId: textAt(scanned, "recipientId"),
    messageType: textAt(scanned, "messageType"),
    timestamp: numberAt(scanned),
    metadata: metadataAt(scanned),
  };
  const known = isPlain(header) ? header : checked(header);
  const content = scanned.json("content");
  if (content?.startsWith("{") !== true) {
    const problem = content === undefined ? "is missing; it is an object" : "must be an object";
    throw new Fault("malformed", `content ${problem}`, { detail: aboutOf(header) });
  }
  return new ScannedMessage(known, scanned.text, content);
}

/**
 * True for the headers of nearly all frames, at a tenth of the price of {@link checked}, which would take them as they
 * are.
 */
function isPlain(header: Readonly<Record<keyof Header, unknown>>): header is Header {
  const { messageId, conversationId, senderId, recipientId, messageType, timestamp, metadata } = header;
  const ids = isId(messageId) && isId(conversationId) && isId(senderId) && isId(recipientId) && isId(messageType);
  return ids && typeof timestamp === "number" && Number.isFinite(timestamp) && isUsual(metadata);
}

/** @throws Fault malformed */
function checked(header: Readonly<Record<string, unknown>>): Header {
  const parsed = headerSchema.safeParse(header);
  if (parsed.success) return parsed.data;
  throw new Fault("malformed", shapeProblemText(parsed.error, header), { detail: aboutOf(header) });
}

/** A frame whose content is read when it is asked for; `content` is its JSON text. */
export class ScannedMessage implements NetworkMessage {
  readonly header: Header;
  readonly raw: string;
  readonly #content: string;

  constructor(header: Header, raw: string, content: string) {
    this.header = header;
    this.raw = raw;
    this.#content = content;
  }

  content(): Readonly<Record<string, unknown>> {
    const json = readJson(this.#content, depthMax);
    if ("problem" in json) throw new Fault("malformed", `content: ${json.problem}`);
    return json.value as Readonly<Record<string, unknown>>; // it begins with a brace
  }
}

/** A field that should be a text. What is much too long stays as it is spelt: it is refused anyway. */
function textAt(scanned: Scanned, key: FrameKey): unknown {
  const json = scanned.json(key);
  if (json === undefined) return undefined;
  if (!json.startsWith('"')) return otherThanText(json);
  // An escape of six characters stands for one.
  if (json.length > 6 * idMax + 2) return json;
  try {
    // A copy, 0.05 µs: a part of the frame's text would keep all of it in memory for as long as somebody keeps the id.
    return JSON.parse(json);
  } catch {
    throw new Fault("malformed", `${key}: not a JSON text`);
  }
}

function numberAt(scanned: Scanned): unknown {
  const json = scanned.json("timestamp");
  if (json === undefined) return undefined;
  const value = Number(json);
  if (!Number.isNaN(value)) return value;
  return json.startsWith('"') ? "" : otherThanText(json);
}

/** A value of another type, for the words that refuse it. */
function otherThanText(json: string): unknown {
  return json.startsWith("{") ? {} : json.startsWith("[") ? [] : JSON.parse(json);
}

function metadataAt(scanned: Scanned): unknown {
  const json = scanned.json("metadata");
  if (json === undefined) return undefined;
  const usual = usualMetadata(json);
  if (usual !== undefined) return usual;
  if (json.length > metadataMax)
    throw new Fault("malformed", `metadata: ${String(metadataMax)} characters at most; put more into content`);
  const read = readJson(json);
  if ("problem" in read) throw new Fault("malformed", `metadata: ${read.problem}`);
  return read.value;
}

/** What is refused names its message all the same, so that its sender knows what was refused. */
function aboutOf({ messageId, conversationId }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { ...(isId(messageId) && { messageId }), ...(isId(conversationId) && { conversationId }) };
}
