import { Fault, jsonText, readJson } from "#dialect";
import { textEnd } from "../scan.js";
import { stringIn } from "./json-string.js";

/** The only namespace. */
const mainNamespace = "/";
/** Characters of a namespace that a refusal names. */
const namespaceMax = 128;
/** Digits of a packet id at most: as many as a double holds exactly. */
const idDigitsMax = 15;

/** What a client says on Socket.IO 5, without what is refused. */
export type SocketPacket =
  | { readonly type: "connect"; readonly auth: Readonly<Record<string, unknown>> }
  | { readonly type: "disconnect" }
  | {
      readonly type: "event";
      readonly name: string;
      /** The JSON text that the event carries; undefined: nothing. */
      readonly payload: string | undefined;
      /** The client wants an answer under this number. */
      readonly id: string | undefined;
    };

/**
 * A packet of Socket.IO: `TYPE[/NAMESPACE,][ID][JSON]`.
 * @throws Fault malformed, unsupported; its detail names the `namespace` if there is no such one, and the `packetId` if there is one
 */
export function socketPacket(data: string): SocketPacket {
  const [, type = "", named, id = ""] = /^(\d?)(?:(\/[^,]*)(?:,|$))?(\d*)/.exec(data) ?? [];
  const rest = data.slice(type.length + (named === undefined ? 0 : named.length + 1) + id.length);
  const namespace = named === undefined ? mainNamespace : (named.split("?", 1)[0] ?? mainNamespace);
  if (namespace !== mainNamespace)
    throw new Fault("unsupported", "Invalid namespace", { detail: { namespace: namespace.slice(0, namespaceMax) } });
  if (id.length > idDigitsMax) throw new Fault("malformed", `the id of a packet has ${idDigitsMax} digits at most`);
  switch (type) {
    case "0":
      return { type: "connect", auth: authIn(rest) };
    case "1":
      return { type: "disconnect" };
    case "2":
      return eventIn(rest, id === "" ? undefined : id);
    case "5":
    case "6":
      throw new Fault("unsupported", "binary packets are not taken: emit the message as JSON text or as an object");
    default:
      throw new Fault("unsupported", "a client sends CONNECT, DISCONNECT and EVENT packets (Socket.IO 5)");
  }
}

function authIn(json: string): Readonly<Record<string, unknown>> {
  if (json === "") return {};
  const read = readJson(json);
  if ("problem" in read) throw new Fault("malformed", `auth is ${read.problem}`);
  const { value } = read;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Fault("malformed", "auth is an object: { token, agentId }");
  return value as Readonly<Record<string, unknown>>; // an object, just checked
}

/** `["NAME"]` or `["NAME",PAYLOAD]`: a payload is a text, which is taken as it is, or an object, as it is written. */
function eventIn(json: string, id: string | undefined): SocketPacket {
  const [beginning = "", name = "", mark] = /^\[\s*"([\w.-]{1,64})"\s*([,\]])\s*/.exec(json) ?? [];
  if (name === "" || !/\]\s*$/.test(json))
    throw new Fault("malformed", 'an event is ["message", MESSAGE] or ["heartbeat"]', idDetail(id));
  if (mark === "]") return { type: "event", name, payload: undefined, id };
  const rest = json.slice(beginning.length, json.lastIndexOf("]")).trimEnd();
  return { type: "event", name, payload: payloadIn(rest, id), id };
}

function payloadIn(json: string, id: string | undefined): string {
  if (json.startsWith("{")) return json;
  if (!json.startsWith('"') || textEnd(json, 0) !== json.length)
    throw new Fault("malformed", "an event carries one message: its JSON text, or an object", idDetail(id));
  return stringIn(json);
}

function idDetail(id: string | undefined): { readonly detail?: { readonly packetId: string } } {
  return id === undefined ? {} : { detail: { packetId: id } };
}

/** The client is connected; `sid` is its `socket.id`. */
export function connected(sid: string): string {
  return `40{"sid":${jsonText(sid)}}`;
}

/** The client is not connected: its `connect_error`. */
export function refused(message: string, data: Readonly<Record<string, unknown>>, namespace = mainNamespace): string {
  const at = namespace === mainNamespace ? "" : `${namespace},`;
  return `44${at}${JSON.stringify({ message, data })}`;
}

/** The server ends the client's connection; it does not connect again by itself. */
export const disconnected = "41";

/** A message, as the text that it is. */
export function emittedMessage(text: string): string {
  return emitted("message", jsonText(text));
}

/** An event with what it carries, as JSON text. */
export function emitted(name: "message" | "ack" | "error" | "heartbeat", json: string): string {
  return `42["${name}",${json}]`;
}

/** The answer to an event whose sender gave a callback. */
export function acknowledged(id: string, json: string): string {
  return `43${id}[${json}]`;
}
