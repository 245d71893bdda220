import { WebSocket, type ClientOptions } from "ws";
import { networkFields, type NetworkFrame } from "./network-wire.js";
import { patienceMs } from "./patience.js";

/** An Agent Network client written from the document: a WebSocket and JSON. What it hears has all eight fields. */
export class NetworkTalker {
  readonly agent: string;
  readonly socket: WebSocket;
  /** What was heard and not taken yet, and each as it came. */
  readonly frames: NetworkFrame[] = [];
  readonly texts: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #waiting: { wanted: (frame: NetworkFrame) => boolean; found: (frame: NetworkFrame) => void }[] = [];
  #said = 0;

  private constructor(agent: string, socket: WebSocket) {
    this.agent = agent;
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      this.#take(data.toString());
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** Connects with a token in the header; resolves after CONNECTED. */
  static async enter(url: string, agent: string, token: string, options: ClientOptions = {}): Promise<NetworkTalker> {
    const wire = new NetworkTalker(
      agent,
      new WebSocket(url, { ...options, headers: { authorization: `Bearer ${token}` } }),
    );
    await wire.hears(({ messageType }) => messageType === "CONNECTED");
    return wire;
  }

  /** Says something to somebody. @returns the frame */
  say(recipientId: string, messageType: string, content: object, more: Partial<NetworkFrame> = {}): NetworkFrame {
    this.#said += 1;
    const frame: NetworkFrame = {
      messageId: `${this.agent}-${this.#said}`,
      conversationId: `conv-${this.agent}`,
      senderId: this.agent,
      recipientId,
      messageType,
      content: content as Record<string, unknown>,
      timestamp: Date.now(),
      metadata: { priority: "NORMAL", encrypted: false, requiresResponse: messageType === "QUERY" },
      ...more,
    };
    this.socket.send(JSON.stringify(frame));
    return frame;
  }

  /** The first frame that fits and has not been taken yet, now or within `withinMs`. */
  hears(wanted: (frame: NetworkFrame) => boolean, withinMs = patienceMs): Promise<NetworkFrame> {
    const at = this.frames.findIndex(wanted);
    const [known] = at === -1 ? [] : this.frames.splice(at, 1);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no such frame within ${withinMs} ms; heard: ${JSON.stringify(this.frames.slice(-5))}`));
      }, withinMs);
      const found = (frame: NetworkFrame): void => {
        clearTimeout(timer);
        resolve(frame);
      };
      this.#waiting.push({ wanted, found });
    });
  }

  /** The next frame of a type that is not the broker's own, or of `system`'s. */
  hearsOf(senderId: string, messageType: string): Promise<NetworkFrame> {
    return this.hears((frame) => frame.senderId === senderId && frame.messageType === messageType);
  }

  /** Asks the broker something; resolves with the content of its RESPONSE. */
  async asks(queryType: string, parameters: object = {}): Promise<Record<string, unknown>> {
    const requestId = `ask-${this.#said}`;
    this.say("system", "QUERY", { requestId, queryType, parameters });
    const answer = await this.hears(
      ({ senderId, messageType, content }) =>
        senderId === "system" && messageType === "RESPONSE" && content["requestId"] === requestId,
    );
    return answer.content;
  }

  /** Resolves when everything said before has been handled: heartbeats are echoed in their turn. */
  async settled(): Promise<void> {
    const { messageId } = this.say("system", "HEARTBEAT", { timestamp: Date.now() });
    await this.hears(({ messageType }) => messageType === "HEARTBEAT").catch((cause: unknown) => {
      throw new Error(`no echo of ${messageId}`, { cause });
    });
  }

  close(): void {
    this.socket.terminate();
  }

  #take(text: string): void {
    const frame = JSON.parse(text) as NetworkFrame;
    const known = Object.keys(frame).sort();
    if (networkFields.some((field) => !known.includes(field))) throw new Error(`not all of the eight fields: ${text}`);
    this.texts.push(text);
    const at = this.#waiting.findIndex(({ wanted }) => wanted(frame));
    if (at === -1) this.frames.push(frame);
    else this.#waiting.splice(at, 1)[0]?.found(frame);
  }
}
