import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "ws";
import { patienceMs } from "./patience.js";

/** A frame of PAN as it stands on the wire. */
export interface PanFrame {
  type: string;
  [field: string]: unknown;
}

/** The shared PAN token of a broker's data directory. */
export function panToken(dataDir: string): string {
  return readFileSync(join(dataDir, "pan-token"), "utf8").trim();
}

/** A PAN client written from the document: a WebSocket and JSON. */
export class PanWire {
  readonly socket: WebSocket;
  readonly frames: PanFrame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #waiting: { wanted: (frame: PanFrame) => boolean; found: (frame: PanFrame) => void }[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as PanFrame;
      const at = this.#waiting.findIndex(({ wanted }) => wanted(frame));
      if (at === -1) this.frames.push(frame);
      else this.#waiting.splice(at, 1)[0]?.found(frame);
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  static async open(url: string): Promise<PanWire> {
    const wire = new PanWire(new WebSocket(url));
    await new Promise<void>((resolve, reject) => {
      wire.socket.once("open", resolve);
      wire.socket.once("error", reject);
    });
    return wire;
  }

  /** Connects and authenticates with `token`; resolves after the welcome. */
  static async login(url: string, agentId: string, token: string, name = agentId): Promise<PanWire> {
    const wire = await PanWire.open(url);
    wire.say({ type: "auth", agentId, name, token });
    await wire.hears((frame) => frame.type === "system" && frame["status"] === "success");
    return wire;
  }

  say(frame: PanFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  raw(text: string): void {
    this.socket.send(text);
  }

  /** The first frame that fits and has not been taken yet, now or within `withinMs`. */
  hears(wanted: ((frame: PanFrame) => boolean) | string, withinMs = patienceMs): Promise<PanFrame> {
    const fits = typeof wanted === "string" ? (frame: PanFrame) => frame.type === wanted : wanted;
    const at = this.frames.findIndex(fits);
    const [known] = at === -1 ? [] : this.frames.splice(at, 1);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no such frame within ${withinMs} ms; heard: ${JSON.stringify(this.frames.slice(-5))}`));
      }, withinMs);
      this.#waiting.push({
        wanted: fits,
        found: (frame) => {
          clearTimeout(timer);
          resolve(frame);
        },
      });
    });
  }

  /** Resolves when everything said before has been handled: the answer to a list comes after it. */
  async settled(): Promise<void> {
    this.say({ type: "list" });
    await this.hears("list");
  }

  close(): void {
    this.socket.terminate();
  }
}
