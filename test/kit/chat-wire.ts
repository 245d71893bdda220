import { WebSocket } from "ws";
import { events } from "../../bridges/agentchat/events.js";
import type { TestKey } from "./agentchat-keys.js";
import { patienceMs } from "./patience.js";

/** A message of AgentChat as it stands on the wire. */
export interface ChatFrame {
  type: string;
  [field: string]: unknown;
}

/**
 * An AgentChat client written from the document: a WebSocket and JSON. What it hears must be as
 * `schemas/agentchat-events.json` says, and no more.
 */
export class ChatWire {
  readonly socket: WebSocket;
  readonly frames: ChatFrame[] = [];
  /** With `@`; empty before WELCOME. */
  id = "";
  #waiting: { wanted: (frame: ChatFrame) => boolean; found: (frame: ChatFrame) => void }[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString().split("\n")) this.#take(JSON.parse(line) as ChatFrame);
    });
  }

  /** Connects, and says nothing. */
  static async open(url: string): Promise<ChatWire> {
    const wire = new ChatWire(new WebSocket(url));
    await new Promise<void>((resolve, reject) => {
      wire.socket.once("open", resolve);
      wire.socket.once("error", reject);
    });
    return wire;
  }

  /** Connects, and says who it is; resolves after the welcome. */
  static async enter(url: string, name: string): Promise<ChatWire> {
    const wire = await ChatWire.open(url);
    wire.say({ type: "IDENTIFY", name });
    wire.id = String((await wire.hears((frame) => frame.type === "WELCOME"))["agent_id"]);
    return wire;
  }

  /** Says who it is, and proves it by this key; resolves after VERIFY_SUCCESS. `more`: fields of IDENTIFY. */
  async identifies(name: string, key: TestKey, more: Readonly<Record<string, unknown>> = {}): Promise<this> {
    this.say({ type: "IDENTIFY", name, pubkey: key.pem, ...more });
    return this.proves(key);
  }

  /** Answers the challenge that comes; resolves after VERIFY_SUCCESS. */
  async proves(key: TestKey): Promise<this> {
    const { challenge_id, nonce } = await this.hears(({ type }) => type === "CHALLENGE");
    const timestamp = Date.now();
    const signature = key.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(challenge_id)}|${timestamp}`);
    this.say({ type: "VERIFY_IDENTITY", challenge_id, signature, timestamp });
    await this.hears(({ type }) => type === "VERIFY_SUCCESS");
    return this;
  }

  say(frame: ChatFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The first frame that fits and has not been taken yet, now or within `withinMs`. */
  hears(wanted: (frame: ChatFrame) => boolean, withinMs = patienceMs): Promise<ChatFrame> {
    const at = this.frames.findIndex(wanted);
    const [known] = at === -1 ? [] : this.frames.splice(at, 1);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no such frame within ${withinMs} ms; heard: ${JSON.stringify(this.frames.slice(-5))}`));
      }, withinMs);
      const found = (frame: ChatFrame): void => {
        clearTimeout(timer);
        resolve(frame);
      };
      this.#waiting.push({ wanted, found });
    });
  }

  /** A MSG with this text. */
  text(content: string): Promise<ChatFrame> {
    return this.hears((frame) => frame.type === "MSG" && frame["content"] === content);
  }

  /** Resolves when everything said before has been handled. */
  async settled(): Promise<void> {
    this.say({ type: "PING" });
    await this.hears(({ type }) => type === "PONG");
  }

  close(): void {
    this.socket.terminate();
  }

  #take(frame: ChatFrame): void {
    events[frame.type as keyof typeof events].strict().parse(frame);
    const at = this.#waiting.findIndex(({ wanted }) => wanted(frame));
    if (at === -1) this.frames.push(frame);
    else this.#waiting.splice(at, 1)[0]?.found(frame);
  }
}
