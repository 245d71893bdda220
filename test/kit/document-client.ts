import { WebSocket, type ClientOptions } from "ws";
import { DocumentKeys, type PublicKeys, type SealedContent } from "./document-keys.js";
import { Heard } from "./network-clients.js";
import { networkMessage, type NetworkError, type NetworkFrame } from "./network-wire.js";

/** How a {@link DocumentClient} connects. */
export interface DocumentConnection {
  readonly url: string;
  readonly agentId: string;
  readonly token: string;
  /** The document's text sends the token in the header of the upgrade, its example in a first frame. */
  readonly by: "header" | "AUTH";
  readonly options?: ClientOptions;
}

const fields = Object.keys(networkMessage("a", "b"));

/**
 * A client written from the document alone, with the words and the order of its example: AUTH when the socket is open, a
 * heartbeat at once, handlers by `messageType`, what is sent kept until it is acknowledged.
 */
export class DocumentClient {
  readonly agentId: string;
  readonly socket: WebSocket;
  readonly keys = new DocumentKeys();
  readonly knownAgents = new Map<string, PublicKeys>();
  /** What was sent and not acknowledged, by `messageId`. */
  readonly pendingMessages = new Map<string, NetworkFrame>();
  readonly heard = new Heard<NetworkFrame>();
  /** What came sealed and could be opened. */
  readonly opened = new Heard<{ readonly senderId: string; readonly messageType: string; readonly data: object }>();
  /** What came and was none of the document's messages, or could not be opened. */
  readonly problems: string[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #handlers = new Map<string, (message: NetworkFrame) => void>([
    [
      "HANDSHAKE",
      (message) => {
        this.#handshake(message);
      },
    ],
    [
      "ENCRYPTED",
      (message) => {
        this.#encrypted(message);
      },
    ],
    ["ACK", ({ content }) => this.pendingMessages.delete(String(content["messageId"]))],
  ]);
  #sent = 0;

  private constructor({ url, agentId, token, by, options }: DocumentConnection) {
    this.agentId = agentId;
    const headers = { authorization: `Bearer ${token}` };
    this.socket = new WebSocket(url, { ...options, ...(by === "header" && { headers }) });
    this.socket.on("open", () => {
      if (by === "AUTH") this.authenticate(token);
      this.heartbeat();
    });
    this.socket.on("message", (data: Buffer) => {
      this.#incoming(data.toString());
    });
    this.socket.on("error", ({ message }) => this.problems.push(message));
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** A client whose login may fail. */
  static open(how: DocumentConnection): DocumentClient {
    return new DocumentClient(how);
  }

  /** Says who it is, at first or with a newer token. */
  authenticate(token: string): void {
    this.socket.send(JSON.stringify({ type: "AUTH", token, agentId: this.agentId }));
  }

  heartbeat(timestamp = Date.now()): void {
    this.#say("system", "HEARTBEAT", { timestamp }, { priority: "LOW" });
  }

  /** Says something in plain words, or resends `messageId`. @returns the frame */
  send(recipientId: string, messageType: string, content: object, more: Partial<NetworkFrame> = {}): NetworkFrame {
    const frame = this.#say(recipientId, messageType, content, {}, more);
    this.pendingMessages.set(frame.messageId, frame);
    return frame;
  }

  sendHandshake(recipientId: string, requiresResponse: boolean): void {
    const content = { agentId: this.agentId, ...this.keys.published };
    this.#say(recipientId, "HANDSHAKE", content, { priority: "HIGH", requiresResponse });
  }

  /** Says something that only the recipient can read, after the handshake with it. */
  sendEncrypted(recipientId: string, originalType: string, data: object): NetworkFrame {
    const metadata = { priority: "NORMAL", encrypted: true, requiresResponse: true };
    const content = this.keys.seal(originalType, data, metadata, this.#known(recipientId));
    return this.send(recipientId, "ENCRYPTED", content, { metadata });
  }

  disconnect(): NetworkFrame {
    return this.send("system", "DISCONNECT", {});
  }

  hears(wanted: string | ((message: NetworkFrame) => boolean)): Promise<NetworkFrame> {
    return this.heard.next(typeof wanted === "string" ? ({ messageType }) => messageType === wanted : wanted);
  }

  /** The next ERROR's content. */
  async hearsError(): Promise<NetworkError> {
    return (await this.hears("ERROR")).content as unknown as NetworkError;
  }

  /** Asks the broker; the content of its RESPONSE. */
  async asks(queryType: string, parameters: object = {}): Promise<NetworkFrame["content"]> {
    const requestId = `req-${this.#sent}`;
    this.#say("system", "QUERY", { requestId, queryType, parameters });
    return (await this.hears(({ content }) => content["requestId"] === requestId)).content;
  }

  close(): void {
    this.socket.terminate();
  }

  #say(
    recipientId: string,
    messageType: string,
    content: object,
    metadata: object = {},
    more: Partial<NetworkFrame> = {},
  ): NetworkFrame {
    const frame = networkMessage(this.agentId, recipientId, {
      messageId: `${this.agentId}-${this.#sent}`,
      conversationId: recipientId === "system" ? "system" : "conv_abc",
      messageType,
      content: content as NetworkFrame["content"],
      timestamp: Date.now(),
      metadata: { priority: "NORMAL", encrypted: false, requiresResponse: false, ...metadata },
      ...more,
    });
    this.#sent += 1;
    this.socket.send(JSON.stringify(frame));
    return frame;
  }

  #incoming(text: string): void {
    const message = JSON.parse(text) as NetworkFrame;
    if (fields.some((field) => message[field] === undefined)) this.problems.push(text);
    this.#handlers.get(message.messageType)?.(message);
    this.heard.add(message);
  }

  #handshake({ senderId, content, metadata }: NetworkFrame): void {
    const { agentId, publicKey, signingKey } = content as { agentId?: string } & Partial<PublicKeys>;
    if (agentId !== senderId || publicKey === undefined || signingKey === undefined) {
      this.problems.push(`a handshake of ${senderId} that is none`);
      return;
    }
    this.knownAgents.set(agentId, { publicKey, signingKey });
    if (metadata["requiresResponse"] === true) this.sendHandshake(agentId, false);
  }

  #encrypted({ senderId, content, metadata }: NetworkFrame): void {
    const sealed = content as unknown as SealedContent;
    try {
      const data = this.keys.open(sealed, metadata, this.#known(senderId));
      this.opened.add({ senderId, messageType: sealed.originalType, data });
    } catch (error) {
      this.problems.push(String(error));
    }
  }

  #known(agentId: string): PublicKeys {
    const keys = this.knownAgents.get(agentId);
    if (keys === undefined) throw new Error(`no handshake with ${agentId} yet`);
    return keys;
  }
}
