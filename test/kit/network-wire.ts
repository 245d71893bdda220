import { WebSocket, type ClientOptions } from "ws";
import { patienceMs } from "./patience.js";

/** A frame of Agent Network as it stands on the wire. */
export interface NetworkFrame extends Readonly<Record<string, unknown>> {
  readonly messageId: string;
  readonly conversationId: string;
  readonly senderId: string;
  readonly recipientId: string;
  readonly messageType: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly timestamp: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The eight fields of {@link NetworkFrame}, in their order as words. */
export const networkFields: readonly string[] = [
  "content",
  "conversationId",
  "messageId",
  "messageType",
  "metadata",
  "recipientId",
  "senderId",
  "timestamp",
];

/** The error of an ERROR. */
export interface NetworkError {
  readonly errorCode: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly recoverable: boolean;
  readonly retryAfter?: number;
}

/** A message of an agent, with whatever is to be different. */
export function networkMessage(
  senderId: string,
  recipientId: string,
  more: Partial<NetworkFrame> & Readonly<Record<string, unknown>> = {},
): NetworkFrame {
  return {
    messageId: "msg_1",
    conversationId: "conv_1",
    senderId,
    recipientId,
    messageType: "INFORM",
    content: { text: "hello" },
    timestamp: 1_622_548_800_000,
    metadata: { priority: "NORMAL", encrypted: false, requiresResponse: false },
    ...more,
  };
}

/** An Agent Network client written from the document: a WebSocket and JSON. */
export class NetworkWire {
  readonly socket: WebSocket;
  /** What was heard and not asked for yet, as it came. */
  readonly heard: string[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #waiting: { readonly wanted: (frame: NetworkFrame) => boolean; readonly found: (text: string) => void }[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      const text = data.toString();
      const frame = JSON.parse(text) as NetworkFrame;
      const at = this.#waiting.findIndex(({ wanted }) => wanted(frame));
      if (at === -1) this.heard.push(text);
      else this.#waiting.splice(at, 1)[0]?.found(text);
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  static async open(url: string, options: ClientOptions = {}, protocols: string[] = []): Promise<NetworkWire> {
    const wire = new NetworkWire(new WebSocket(url, protocols, { perMessageDeflate: false, ...options }));
    await new Promise<void>((resolve, reject) => {
      wire.socket.once("open", resolve);
      wire.socket.once("error", reject);
    });
    return wire;
  }

  /** Connects and logs in by AUTH; resolves after CONNECTED. */
  static async login(url: string, agentId: string, token: string, options: ClientOptions = {}): Promise<NetworkWire> {
    const wire = await NetworkWire.open(url, options);
    wire.say({ type: "AUTH", token, agentId });
    await wire.hears("CONNECTED");
    return wire;
  }

  say(frame: object): void {
    this.raw(JSON.stringify(frame));
  }

  raw(text: string): void {
    this.socket.send(text);
  }

  /** The text of the first frame that fits and has not been taken yet, now or within `patienceMs`. */
  hearsText(wanted: ((frame: NetworkFrame) => boolean) | string): Promise<string> {
    const fits = typeof wanted === "string" ? (frame: NetworkFrame) => frame.messageType === wanted : wanted;
    const at = this.heard.findIndex((text) => fits(JSON.parse(text) as NetworkFrame));
    const [known] = at === -1 ? [] : this.heard.splice(at, 1);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no such frame within ${patienceMs} ms; heard: ${JSON.stringify(this.heard.slice(-5))}`));
      }, patienceMs);
      this.#waiting.push({
        wanted: fits,
        found: (text) => {
          clearTimeout(timer);
          resolve(text);
        },
      });
    });
  }

  async hears(wanted: ((frame: NetworkFrame) => boolean) | string): Promise<NetworkFrame> {
    return JSON.parse(await this.hearsText(wanted)) as NetworkFrame;
  }

  /** The next ERROR's content. */
  async hearsError(): Promise<NetworkError> {
    return (await this.hears("ERROR")).content as unknown as NetworkError;
  }

  /** Asks the broker something; the content of its answer. */
  async asks(
    senderId: string,
    queryType: string,
    parameters?: object,
    requestId = "req_1",
  ): Promise<Readonly<Record<string, unknown>>> {
    const content = { requestId, queryType, ...(parameters && { parameters }) };
    this.say(networkMessage(senderId, "system", { messageType: "QUERY", content }));
    const isIt = ({ messageType, content: told }: NetworkFrame): boolean =>
      messageType === "RESPONSE" && told["requestId"] === requestId;
    return (await this.hears(isIt)).content;
  }

  /** Resolves when everything said before has been handled: the answer comes after it. */
  async settled(agentId: string): Promise<void> {
    await this.asks(agentId, "ping", undefined, "settled");
  }

  close(): void {
    this.socket.terminate();
  }
}

/** Where Agent Network answers on a listener. */
export function networkUrl(panUrl: string): string {
  return panUrl.replace(/\/pan$/, "/agent-network/v1/connect");
}
