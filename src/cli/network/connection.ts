import { randomUUID } from "node:crypto";
import {
  closeSocket,
  connectProblem,
  watchSilence,
  silentMsDefault,
  openSocket,
} from "../../../clients/typescript/shared/socket.js";
import { Fault, type FaultCode } from "../../core/index.js";
import { errorFault, frameOf, systemId, type Content, type NetworkFrame } from "./content.js";

type Socket = ReturnType<typeof openSocket>;

/** Time for the connection and for the login together, milliseconds. */
const loginMs = 10_000;
/** Longer frames of the broker's are not taken, bytes: the broker's own bound for what waits for a client. */
const frameMaxBytes = 1024 * 1024;
/** How often a sign of life is given if the broker names no interval, milliseconds. */
const usualHeartbeatMs = 30_000;

/** What the end of a connection means, by its close code (Agent Network §2.11). */
const closings: Readonly<Record<number, FaultCode>> = {
  4401: "unauthenticated",
  4409: "conflict",
  4429: "rate-limited",
};

/** A message, as far as its speaker decides about it. */
export interface Said {
  readonly to: string;
  readonly type: string;
  readonly content: Content;
  readonly conversationId: string;
  readonly requiresResponse: boolean;
}

/** One agent at a broker over Agent Network: plain, it has no keys. It does not come back when the line is lost. */
export class NetworkConnection {
  /** Rejects with the reason when the connection ends otherwise than by `close`. */
  readonly lost: Promise<never>;
  readonly #socket: Socket;
  readonly #agent: string;
  readonly #onFrame: (frame: NetworkFrame) => void;
  #heartbeat: NodeJS.Timeout | undefined;
  #phase: "open" | "closing" = "open";
  #error: Fault | undefined;

  private constructor(socket: Socket, agent: string, onFrame: (frame: NetworkFrame) => void) {
    this.#socket = socket;
    this.#agent = agent;
    this.#onFrame = onFrame;
    this.lost = new Promise<never>((_resolve, reject) => {
      socket.on("error", (error) => {
        reject(new Fault("unavailable", connectProblem(socket.url, error), { cause: error }));
      });
      socket.once("close", (code, reason) => {
        clearInterval(this.#heartbeat);
        if (this.#phase === "open") reject(this.#ended(code, reason.toString()));
      });
    });
    this.lost.catch(() => undefined); // whoever waits for it hears of it
    socket.on("message", (data, isBinary) => {
      if (!isBinary && Buffer.isBuffer(data)) this.#hear(data.toString());
    });
  }

  /**
   * Connects and logs in.
   * @param onFrame hears every frame from CONNECTED on, in order, but echoes of its heartbeats
   * @throws Fault unavailable, timeout, unauthenticated, full, and what else the broker says
   */
  static async connect(
    url: string,
    agent: string,
    token: string,
    onFrame: (frame: NetworkFrame) => void,
  ): Promise<NetworkConnection> {
    const headers = { authorization: `Bearer ${token}` };
    const socket = openSocket(url, "agent-network.v1", {
      headers,
      handshakeTimeout: loginMs,
      maxPayload: frameMaxBytes,
    });
    let welcomed: (frame: NetworkFrame) => void = () => undefined;
    const welcome = new Promise<NetworkFrame>((resolve) => (welcomed = resolve));
    const connection = new NetworkConnection(socket, agent, (frame) => {
      if (frame.senderId === systemId && frame.messageType === "CONNECTED") welcomed(frame);
      onFrame(frame);
    });
    // A token for several agents waits for the first frame, which says for which (Agent Network §2.2).
    socket.once("open", () => {
      connection.#beat();
    });
    try {
      const { recipientId, content } = await connection.within(loginMs, welcome, `${url} does not answer the login`);
      if (recipientId !== agent)
        throw new Fault("forbidden", `the token is ${recipientId}'s, and proves no other name: not ${agent}`);
      connection.#beats(Number(content["heartbeatInterval"]));
      return connection;
    } catch (thrown) {
      await connection.close();
      throw thrown;
    }
  }

  /** Says something. @returns the frame as it went out */
  say({ to, type, content, conversationId, requiresResponse }: Said): NetworkFrame {
    const frame: NetworkFrame = {
      messageId: `msg_${randomUUID()}`,
      conversationId,
      senderId: this.#agent,
      recipientId: to,
      messageType: type,
      content,
      timestamp: Date.now(),
      metadata: { priority: "NORMAL", encrypted: false, requiresResponse },
    };
    this.#socket.send(JSON.stringify(frame));
    return frame;
  }

  /** What comes, if it comes in time and the connection lives. @throws Fault timeout, and why the connection ended */
  async within<T>(ms: number, wanted: Promise<T>, late: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Fault("timeout", late));
      }, ms);
    });
    try {
      return await Promise.race([wanted, this.lost, over]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes leave, and waits a moment for the end. */
  async close(): Promise<void> {
    if (this.#phase === "closing") return;
    this.#phase = "closing";
    const socket = this.#socket;
    clearInterval(this.#heartbeat);
    if (socket.readyState === socket.OPEN) this.#system("DISCONNECT");
    await closeSocket(socket);
  }

  #hear(text: string): void {
    const frame = frameOf(text);
    if (frame === undefined || (frame.senderId === systemId && frame.messageType === "HEARTBEAT")) return;
    if (frame.senderId === systemId && frame.messageType === "ERROR") this.#error = errorFault(frame);
    this.#onFrame(frame);
  }

  #beats(intervalMs: number): void {
    watchSilence(this.#socket, silentMsDefault);
    this.#heartbeat = setInterval(
      () => {
        this.#beat();
      },
      intervalMs >= 1_000 ? Math.min(intervalMs, usualHeartbeatMs) : usualHeartbeatMs,
    );
  }

  #beat(): void {
    this.#system("HEARTBEAT");
  }

  #system(type: "HEARTBEAT" | "DISCONNECT"): void {
    const content = { timestamp: Date.now() };
    this.say({ to: systemId, type, content, conversationId: systemId, requiresResponse: false });
  }

  /** An ERROR said why, if the broker ended it. */
  #ended(code: number, reason: string): Fault {
    const known = closings[code];
    if (known !== undefined) return this.#error ?? new Fault(known, reason);
    const words = code === 1006 ? "the connection was lost" : `the broker has ended the connection: ${reason}`;
    return code >= 4_000 && this.#error !== undefined ? this.#error : new Fault("unavailable", words);
  }
}
