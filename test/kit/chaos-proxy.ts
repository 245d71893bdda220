import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

/** How bad a line is; shares of frames, but for the delay. */
export interface Chaos {
  readonly cut: number;
  readonly duplicate: number;
  readonly reorder: number;
  /** Longest, milliseconds. */
  readonly delayMs: number;
}

/** A line between clients and a broker that cuts, delays, repeats and swaps frames, in both directions. */
export class ChaosProxy {
  readonly url: string;
  /** What it has done. */
  readonly done = { cut: 0, duplicate: 0, reorder: 0 };
  chaos: Chaos;
  readonly #server: WebSocketServer;
  readonly #random: () => number;

  private constructor(server: WebSocketServer, to: string, chaos: Chaos, random: () => number) {
    this.#server = server;
    this.chaos = chaos;
    this.#random = random;
    this.url = to.replace(/:\d+\//, `:${(server.address() as AddressInfo).port}/`);
    server.on("connection", (client) => {
      const broker = new WebSocket(to, { perMessageDeflate: false });
      const end = (): void => {
        client.terminate();
        broker.terminate();
      };
      for (const socket of [client, broker]) {
        socket.on("error", end);
        socket.on("close", end);
      }
      const isOpen = once(broker, "open").catch(() => undefined);
      this.#pass(client, broker, isOpen, end);
      this.#pass(broker, client, isOpen, end);
    });
  }

  /** @param seed of what happens: the same one makes the same choices */
  static async start(to: string, chaos: Chaos, seed: number): Promise<ChaosProxy> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
    await once(server, "listening");
    return new ChaosProxy(server, to, chaos, randomFrom(seed));
  }

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #pass(from: WebSocket, to: WebSocket, isOpen: Promise<unknown>, end: () => void): void {
    let line = isOpen;
    let held: string | undefined;
    const say = (text: string): void => {
      if (to.readyState === WebSocket.OPEN) to.send(text);
    };
    const one = async (text: string): Promise<void> => {
      const { cut, duplicate, reorder, delayMs } = this.chaos;
      // The login passes as it is: a line that breaks it is a line that is cut.
      if (/^{"type":"AUTH"|"CONNECTED"/.test(text)) {
        say(text);
        return;
      }
      if (this.#random() < cut) {
        this.done.cut += 1;
        end();
        return;
      }
      if (this.#random() < 0.02) await new Promise((resolve) => setTimeout(resolve, this.#random() * delayMs));
      if (held === undefined && this.#random() < reorder) {
        held = text;
        setTimeout(flush, delayMs); // also when nothing comes behind it
        return;
      }
      say(text);
      if (this.#random() < duplicate) {
        this.done.duplicate += 1;
        say(text);
      }
      if (held !== undefined) this.done.reorder += 1;
      flush();
    };
    const flush = (): void => {
      if (held !== undefined) say(held);
      held = undefined;
    };
    from.on("message", (data: Buffer) => {
      const text = data.toString();
      line = line.then(() => one(text));
    });
  }
}

/** Numbers from 0 to 1 that look random, the same ones for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
