import { createConnection, type Socket } from "node:net";
import { WebSocket } from "ws";
import {
  BacklogTotal,
  defaultLimits,
  Flusher,
  Ledger,
  Slices,
  systemClock,
  type Clock,
  type Limits,
} from "../../src/core/index.js";
import type { Closing, Connection, Frame, Hello } from "../../src/dialect/index.js";
import type { Pages } from "../../src/websocket/edge/front-page.js";
import { Access, WsEdge, type TlsPair } from "../../src/websocket/edge/index.js";

/** A connection that the edge accepted, and what came on it. */
export interface Accepted {
  readonly connection: Connection;
  readonly hello: Hello;
  readonly frames: Frame[];
  /** Lengths of messages that were too long, bytes. */
  readonly oversized: number[];
  /** How often the backlog was small again. */
  drained: number;
  readonly closed: Promise<Closing>;
}

/** A WebSocket edge on a free port; its receiver records what it hears. */
export class WsWorld {
  readonly ledger = new Ledger();
  readonly flusher = new Flusher();
  readonly accepted: Accepted[] = [];
  readonly logged: { level: string; event: string; fields: Readonly<Record<string, unknown>> | undefined }[] = [];
  readonly limits: Limits;
  readonly total: BacklogTotal;
  readonly edge: WsEdge;
  readonly access = new Access({ origins: [], hosts: [], trustedProxies: [] });
  onFrame: (accepted: Accepted, frame: Frame) => void = () => undefined;
  onPage: Pages = () => undefined;
  readonly #sockets: (WebSocket | Socket)[] = [];
  #waiting: ((accepted: Accepted) => void)[] = [];
  #ids = 0;

  constructor(limits: Partial<Limits> = {}, port = 0, clock: Clock = systemClock, tls?: TlsPair) {
    this.limits = { ...defaultLimits, ...limits };
    this.total = new BacklogTotal(this.limits.backlogTotalMaxBytes, this.ledger);
    this.edge = new WsEdge({
      access: this.access,
      tls,
      listen: [{ host: "127.0.0.1", port }],
      dialects: [
        { name: "pan", paths: ["/pan"], subprotocols: ["pan.v1"] },
        { name: "other", paths: ["/other"], subprotocols: ["other.v1", "other.v2"] },
      ],
      limits: this.limits,
      pages: (request) => this.onPage(request),
      clock,
      flusher: this.flusher,
      endings: new Slices(clock),
      total: this.total,
      ledger: this.ledger,
      newId: () => String((this.#ids += 1)),
      log: (level, event, fields) => this.logged.push({ level, event, fields }),
      accept: (connection, hello) => {
        let close: (closing: Closing) => void = () => undefined;
        const accepted: Accepted = {
          connection,
          hello,
          frames: [],
          oversized: [],
          drained: 0,
          closed: new Promise((resolve) => (close = resolve)),
        };
        this.accepted.push(accepted);
        this.#waiting.shift()?.(accepted);
        return {
          frame: (frame) => {
            accepted.frames.push(frame);
            this.onFrame(accepted, frame);
          },
          oversized: (frame) => {
            accepted.oversized.push(frame.length);
          },
          drained: () => {
            accepted.drained += 1;
          },
          closed: close,
        };
      },
    });
  }

  get url(): string {
    const [url] = this.edge.endpoints;
    if (url === undefined) throw new Error("the edge is not open");
    return url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** A WebSocket client, and the connection that the edge made of it. */
  async connect(
    path = "/pan",
    options: { protocols?: string[]; headers?: Record<string, string>; autoPong?: boolean } = {},
  ): Promise<{ client: WebSocket; accepted: Accepted }> {
    const { protocols = [], ...more } = options;
    const accepted = new Promise<Accepted>((resolve) => this.#waiting.push(resolve));
    const client = this.keep(new WebSocket(`${this.url}${path}`, protocols, more));
    await new Promise<void>((resolve, reject) => {
      client.once("open", resolve);
      client.once("error", reject);
    });
    client.on("error", () => undefined);
    return { client, accepted: await accepted };
  }

  /** The HTTP status with which an upgrade is refused. */
  refused(path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
    const client = this.keep(new WebSocket(`${this.url}${path}`, { headers }));
    return new Promise((resolve, reject) => {
      client.once("open", () => {
        reject(new Error("the upgrade was accepted"));
      });
      client.on("error", () => undefined);
      client.once("unexpected-response", (_request, response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString()));
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, body });
        });
      });
    });
  }

  /** A bare TCP connection to the edge. */
  async bare(): Promise<Socket> {
    const socket = this.keep(createConnection({ host: "127.0.0.1", port: this.port }));
    socket.on("error", () => undefined);
    await new Promise((resolve) => socket.once("connect", resolve));
    return socket;
  }

  keep<T extends WebSocket | Socket>(socket: T): T {
    this.#sockets.push(socket);
    return socket;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) {
      if (socket instanceof WebSocket) socket.terminate();
      else socket.destroy();
    }
    await this.edge.stop();
  }
}

/** Everything that a socket receives until the other side ends it. */
export function wholeAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.once("close", () => {
      resolve(text);
    });
  });
}
