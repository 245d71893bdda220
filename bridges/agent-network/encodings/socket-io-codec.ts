import { Fault, readJson, type Codec, type FaultCode, type Frame } from "#dialect";
import { codec as json, systemId } from "../codec.js";
import { auth, idMax, type Command, type Event, type NetworkEvent, type NetworkMessage } from "../schema.js";
import type { NetworkSession } from "../state.js";
import { Callbacks, keyOf } from "./callbacks.js";
import { enginePacket, probed } from "./engine-io.js";
import {
  acknowledged,
  connected,
  emittedMessage,
  emitted,
  refused,
  socketPacket,
  type SocketPacket,
} from "./socket-io.js";

/** Why a client is not connected, in the words of the document's example. */
const words = {
  token: "Authentication token required",
  agent: "Invalid agent ID for user",
  other: "Authentication failed",
} as const;

type Content = NetworkEvent["content"];

/**
 * Socket.IO for clients of the document's example: events that carry messages as JSON text. It remembers what the client
 * has said last, and which callbacks wait, for the answers.
 */
export class SocketIoCodec implements Codec<Command, Event> {
  readonly #session: NetworkSession;
  readonly #callbacks = new Callbacks();
  #isProbed = false;
  /** A CONNECT packet waits for its answer, which is one, too. */
  #isConnecting = false;
  /** The message that the last frame held, until it is acknowledged or refused. */
  #last: { readonly messageId: string; readonly text: string } | undefined;

  constructor(session: NetworkSession) {
    this.#session = session;
  }

  decode(frame: Frame): readonly (Command | Fault)[] {
    const packet = enginePacket(frame);
    switch (packet.type) {
      case "pong":
      case "upgrade":
        return [];
      case "probe":
        this.#probe();
        return [];
      case "close":
        return [this.#own("DISCONNECT", {})];
      case "message":
        return this.#commandsOf(socketPacket(packet.data));
    }
  }

  encode(event: Event): Frame {
    if (event.senderId !== systemId) return this.#message(event);
    if ("contentJson" in event || event.messageType === "RESPONSE") return this.#response(event);
    const { content } = event;
    switch (event.messageType) {
      case "CONNECTED":
        if (!this.#isConnecting) return this.#answer("message", keyOf.auth, json.encode(event));
        this.#isConnecting = false;
        return connected(String(content["connectionId"]));
      case "ACK":
        return this.#acknowledge(content);
      case "HEARTBEAT":
        return this.#answer("heartbeat", keyOf.heartbeat, JSON.stringify(content));
      case "ERROR":
        return this.#error(content);
      default:
        return this.#message(event);
    }
  }

  #commandsOf(packet: SocketPacket): readonly (Command | Fault)[] {
    switch (packet.type) {
      case "connect":
        return [this.#connect(packet.auth)];
      case "disconnect":
        return [this.#own("DISCONNECT", {})];
      case "event":
        return this.#event(packet);
    }
  }

  /** Before a client has connected it may ask whether the line carries anything: an upgrade of a poll that never was. */
  #probe(): void {
    if (this.#isProbed) throw new Fault("unsupported", "there is nothing to upgrade: this is a WebSocket");
    this.#isProbed = true;
    this.#session.sendFrame(probed);
  }

  /** The login. The token may be that of the upgrade's header; what stands in the address is not read. */
  #connect({ token = this.#session.state.bearer, agentId }: Readonly<Record<string, unknown>>): Command {
    if (token === undefined || token === "") throw new Fault("unauthenticated", words.token);
    const read = auth.safeParse({ type: "AUTH", token, agentId });
    if (!read.success)
      throw new Fault("unauthenticated", auth.shape.token.safeParse(token).success ? words.agent : words.other);
    this.#isConnecting = true;
    return read.data;
  }

  #event({ name, payload, id }: Extract<SocketPacket, { type: "event" }>): readonly (Command | Fault)[] {
    try {
      if (name === "heartbeat") {
        this.#callbacks.wait(id, keyOf.heartbeat);
        return [this.#own("HEARTBEAT", { timestamp: this.#session.now() })];
      }
      if (name !== "message") throw new Fault("unsupported", `a client emits message and heartbeat, not ${name}`);
      if (payload === undefined)
        throw new Fault("malformed", "message carries nothing; give it the message as JSON text");
      const commands = json.decode(payload);
      for (const command of commands) if (!(command instanceof Fault)) this.#heard(command, payload, id);
      return commands;
    } catch (thrown) {
      if (!(thrown instanceof Fault) || id === undefined) throw thrown;
      const { code, message, detail } = thrown;
      throw new Fault(code, message, { detail: { ...detail, packetId: id } });
    }
  }

  /** Remembers what answers to a message need. */
  #heard(command: Command, text: string, id: string | undefined): void {
    if (command.type === "AUTH") {
      this.#isConnecting = false;
      this.#callbacks.wait(id, keyOf.auth);
      return;
    }
    const { messageId } = command.message.header;
    if (command.type === "DISCONNECT") this.#session.state.staysAway = true;
    if (command.type === "HEARTBEAT") this.#callbacks.wait(id, keyOf.heartbeat, keyOf.message(messageId));
    else if (command.type === "system" && id !== undefined)
      this.#callbacks.wait(id, keyOf.message(messageId), keyOf.request(requestIdOf(command.message)));
    else this.#callbacks.wait(id, keyOf.message(messageId));
    if (command.type === "message") this.#last = { messageId, text };
  }

  /** What the protocol says without a message. */
  #own(type: "DISCONNECT" | "HEARTBEAT", content: Content): Command {
    const { principal } = this.#session;
    const header = {
      messageId: this.#session.newId(),
      conversationId: systemId,
      senderId: principal?.agent ?? "",
      recipientId: systemId,
      messageType: type,
      timestamp: this.#session.now(),
      metadata: {},
    };
    return { type, message: { header, raw: "", content: () => content } };
  }

  #message(event: Event): string {
    return emittedMessage(String(json.encode(event)));
  }

  /** An answer to a question to the broker. */
  #response(event: Event): string {
    const requestId = this.#callbacks.isEmpty ? undefined : answeredBy(event);
    const id = requestId === undefined ? undefined : this.#callbacks.take(keyOf.request(requestId));
    const text = String(json.encode(event));
    return id === undefined ? emittedMessage(text) : acknowledged(id, JSON.stringify(text));
  }

  #acknowledge(content: Content): string {
    const messageId = String(content["messageId"]);
    this.#takeLast(messageId);
    return this.#answer("ack", keyOf.message(messageId), JSON.stringify(content));
  }

  /** By the callback that waits for it, else as an event. */
  #answer(name: "message" | "ack" | "heartbeat", key: string, text: Frame): string {
    const payload = name === "message" ? JSON.stringify(String(text)) : String(text);
    const id = this.#callbacks.take(key);
    return id === undefined ? emitted(name, payload) : acknowledged(id, payload);
  }

  #error(content: Content): string {
    const { namespace, packetId, ...details } = detailsOf(content);
    const told = { ...content, details };
    if (typeof namespace === "string") return refused(String(content["message"]), told, namespace);
    if (this.#session.principal === undefined) {
      this.#isConnecting = false;
      return refused(connectError(content, this.#session.state.refusedAs), told);
    }
    const { originalMessageId, displaced } = details;
    if (displaced === true) this.#session.state.staysAway = true;
    const about = typeof originalMessageId === "string" ? originalMessageId : undefined;
    const waiting = about === undefined ? undefined : this.#callbacks.take(keyOf.message(about));
    const id = typeof packetId === "string" ? packetId : waiting;
    const last = this.#takeLast(about);
    const text = withOriginal(JSON.stringify(told), content["errorCode"] === "RECIPIENT_NOT_FOUND" ? last : undefined);
    return id === undefined ? emitted("error", text) : acknowledged(id, text);
  }

  /** The text of the last message, if it is this one: it has its answer. */
  #takeLast(messageId: string | undefined): string | undefined {
    const last = this.#last;
    if (last === undefined || last.messageId !== messageId) return undefined;
    this.#last = undefined;
    return last.text;
  }
}

/** The example sends back a message that could not be delivered. */
function withOriginal(json: string, original: string | undefined): string {
  // It stands in the packet as it came, so it must be JSON to the letter.
  if (original === undefined || "problem" in readJson(original)) return json;
  return `${json.slice(0, -1)},"originalMessage":${original}}`;
}

function detailsOf({ details }: Content): Readonly<Record<string, unknown>> {
  return typeof details === "object" && details !== null ? (details as Readonly<Record<string, unknown>>) : {};
}

/** The example's three words, or why it may succeed later. */
function connectError({ errorCode, message }: Content, code: FaultCode | undefined): string {
  const said = String(message);
  if (errorCode !== "AUTHENTICATION_FAILED" || said === words.token || said === words.agent) return said;
  return code === "forbidden" || code === "malformed" ? words.agent : words.other;
}

/** What the answer will be known by; what is no id is refused anyway. */
function requestIdOf(message: NetworkMessage): string {
  try {
    const { requestId } = message.content();
    return typeof requestId === "string" && requestId.length <= idMax ? requestId : "";
  } catch (thrown) {
    if (thrown instanceof Fault) return ""; // it is refused for that
    throw thrown;
  }
}

/** The `requestId` of an answer. */
function answeredBy(event: Event): string | undefined {
  if (!("contentJson" in event)) return String(event.content["requestId"]);
  const written = /^\{"requestId":("(?:[^"\\]|\\.)*")/.exec(event.contentJson)?.[1];
  return written === undefined ? undefined : String(JSON.parse(written));
}
