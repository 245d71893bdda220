import { WebSocket } from "ws";
import type { TestBroker } from "./broker.js";
import { patienceMs } from "./patience.js";

/** A message as a viewer hears it. */
export interface ViewerFrame {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

const paths = { agents: "/api/visualisation/agents/ws", graph: "/api/graph/ws", control: "/api/control/ws" } as const;

/** A viewer written from the document: a WebSocket and JSON. */
export class ViewerWire {
  readonly frames: ViewerFrame[] = [];
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) return;
      this.frames.push(JSON.parse(data.toString()) as ViewerFrame);
      for (const look of [...this.#waiting]) look();
    });
  }

  /** Connects to an endpoint and shakes hands. */
  static async open(
    at: Pick<TestBroker, "pan">,
    endpoint: keyof typeof paths,
    token: string,
    handshake: object = {},
  ): Promise<ViewerWire> {
    const socket = new WebSocket(at.pan.replace(/\/pan$/, paths[endpoint]), {
      headers: { authorization: `Bearer ${token}` },
    });
    const wire = new ViewerWire(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    wire.say({ type: "handshake", version: "1.0.0", capabilities: [], clientId: "test", ...handshake });
    await wire.hears(({ type }) => type === "handshake_ack");
    return wire;
  }

  say(frame: object): void {
    this.#socket.send(JSON.stringify({ timestamp: "2024-01-10T12:00:00Z", ...frame }));
  }

  /** The first message that is wanted, whether it has come or not. It is taken. */
  hears(wanted: (frame: ViewerFrame) => boolean): Promise<ViewerFrame> {
    return new Promise((resolve, reject) => {
      const take = (): ViewerFrame | undefined => {
        const at = this.frames.findIndex(wanted);
        return at === -1 ? undefined : this.frames.splice(at, 1)[0];
      };
      const look = (): void => {
        const found = take();
        if (found === undefined) return;
        this.#waiting.delete(look);
        clearTimeout(timer);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`not heard: ${String(wanted)}; heard: ${JSON.stringify(this.frames)}`));
      }, patienceMs);
      this.#waiting.add(look);
      look();
    });
  }

  close(): void {
    this.#socket.close();
  }
}
