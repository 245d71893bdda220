import { WebSocket } from "ws";
import { Fault } from "../../../src/core/index.js";
import { decodeEvent } from "../../../bridges/echo/codec.js";
import type { EchoCommand, EchoEvent } from "../../../bridges/echo/schema.js";

/** How an echo client reaches its server, and whom it tells what it hears. */
export interface EchoClientOptions {
  /** `ws://host:port/echo` */
  readonly url: string;
  readonly name: string;
  readonly onEvent: (event: EchoEvent) => void;
  /** Time until the welcome, milliseconds. */
  readonly timeoutMs?: number;
}

/** A client of the echo dialect: the smallest that is of use. */
export class EchoClient {
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /**
   * Connects and logs in; resolves after the welcome. Rejects with what the broker refused, or when it takes too long.
   */
  static async connect({ url, name, onEvent, timeoutMs = 10_000 }: EchoClientOptions): Promise<EchoClient> {
    const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: timeoutMs });
    const client = new EchoClient(socket);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        socket.terminate();
        reject(new Error(`no welcome from ${url} within ${timeoutMs} ms`));
      }, timeoutMs);
      socket.on("error", reject);
      socket.once("open", () => {
        client.send({ type: "login", name });
      });
      socket.once("close", (code, reason) => {
        clearTimeout(timer);
        reject(new Error(`closed before the welcome: ${code} ${reason.toString()}`));
      });
      socket.on("message", (data, isBinary) => {
        if (isBinary || !Buffer.isBuffer(data)) return;
        const event = heardIn(data.toString());
        if (event.type === "welcome") {
          clearTimeout(timer);
          resolve();
        } else if (event.type === "refused") reject(new Error(`${event.code}: ${event.message}`));
        onEvent(event);
      });
    });
    return client;
  }

  /** Says one command. */
  send(command: EchoCommand): void {
    this.#socket.send(JSON.stringify(command));
  }

  /** Says goodbye; resolves when the connection is closed. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.readyState === WebSocket.CLOSED) resolve();
      else {
        this.#socket.once("close", () => {
          resolve();
        });
        this.#socket.close(1000);
      }
    });
  }
}

/** What the server said; what is no event is told as a refusal, and the next is heard. */
function heardIn(frame: string): EchoEvent {
  try {
    return decodeEvent(frame);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    return { type: "refused", code: thrown.code, message: `${thrown.message}: is it a broker's echo door?` };
  }
}
