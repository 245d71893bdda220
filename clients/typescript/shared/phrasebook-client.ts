import { WebSocket } from "ws";
import { Fault } from "../../../src/core/index.js";
import { closeSocket, connectProblem } from "./socket.js";

type Frame = string | Buffer;

/** How a client speaks a dialect, as far as this one needs it; a dialect's phrasebook is one. */
export interface SpokenDialect {
  login(name: string, token?: string): readonly Frame[];
  welcomed(frame: Frame, name: string): string | undefined;
  say(to: string, text: string): Frame;
  spokenBy?(frame: Frame, name: string): Frame;
  textOf(frame: Frame): string | undefined;
  refusalOf(frame: Frame): { readonly code: string; readonly message: string } | undefined;
}

/** How a {@link PhrasebookClient} reaches the broker, and what it hears. */
export interface PhrasebookClientOptions {
  readonly url: string;
  readonly dialect: SpokenDialect;
  readonly name: string;
  readonly token?: string | undefined;
  /** Time for the connection and for the login, milliseconds. */
  readonly timeoutMs: number;
  readonly onText?: (text: string) => void;
  /** A refusal after the login, in the dialect's words. */
  readonly onRefusal?: (reason: string) => void;
  /** The connection ended, and not because of `close`. */
  readonly onLost?: (reason: string) => void;
}

/** Speaks any dialect by its phrasebook. It does not reconnect: it is for tools that ask once. */
export class PhrasebookClient {
  /** The name by which others address it. */
  readonly name: string;
  readonly #socket: WebSocket;
  readonly #dialect: SpokenDialect;
  #phase: "open" | "closing" = "open";

  private constructor(socket: WebSocket, dialect: SpokenDialect, name: string) {
    this.#socket = socket;
    this.#dialect = dialect;
    this.name = name;
  }

  /**
   * Connects and logs in.
   * @throws Fault unavailable, timeout; unauthenticated with `detail.refusal`, the dialect's code
   */
  static async connect(options: PhrasebookClientOptions): Promise<PhrasebookClient> {
    const { url, dialect, name, token, timeoutMs } = options;
    const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: timeoutMs });
    let client: PhrasebookClient | undefined = undefined as PhrasebookClient | undefined; // set once it is welcomed
    const welcomed = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => {
        fail(new Fault("timeout", `no answer to the login from ${url} within ${timeoutMs} ms`));
      }, timeoutMs * 2);
      const fail = (fault: Fault): void => {
        clearTimeout(late);
        socket.terminate();
        reject(fault);
      };
      socket.on("error", (error) => {
        fail(new Fault("unavailable", connectProblem(url, error), { cause: error }));
      });
      socket.once("open", () => {
        for (const frame of dialect.login(name, token)) socket.send(frame);
      });
      socket.on("close", (code, reason) => {
        const words = `closed: ${code} ${reason.toString()}`.trimEnd();
        if (client === undefined) fail(new Fault("unavailable", `${url} ${words}`));
        else if (client.#phase === "open") options.onLost?.(words);
      });
      socket.on("message", (data, isBinary) => {
        if (!Buffer.isBuffer(data)) return;
        const frame = isBinary ? data : data.toString();
        const refusal = dialect.refusalOf(frame);
        if (client === undefined) {
          const own = dialect.welcomed(frame, name);
          if (own !== undefined) {
            clearTimeout(late);
            resolve(own);
          } else if (refusal !== undefined) {
            const detail = { refusal: refusal.code };
            fail(new Fault("unauthenticated", `${refusal.code}: ${refusal.message}`, { detail }));
          }
        } else if (refusal !== undefined) options.onRefusal?.(`${refusal.code}: ${refusal.message}`);
        else {
          const text = dialect.textOf(frame);
          if (text !== undefined) options.onText?.(text);
        }
      });
    });
    client = new PhrasebookClient(socket, dialect, welcomed);
    return client;
  }

  /** Sends text to an agent or a room. Resolves when it is written. @throws Error if the connection is lost */
  say(to: string, text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const said = this.#dialect.say(to, text);
      this.#socket.send(this.#dialect.spokenBy?.(said, this.name) ?? said, (error) => {
        if (error instanceof Error) reject(error);
        else resolve();
      });
    });
  }

  async close(): Promise<void> {
    this.#phase = "closing";
    await closeSocket(this.#socket);
  }
}
