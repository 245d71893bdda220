import { createConnection, type Socket } from "node:net";
import { bodyStart, commandFlag, encodeFrame, frameEnd, moreFlag } from "../../../src/zeromq/wire/codec.js";
import { encodeCommand, encodeProperty } from "../../../src/zeromq/wire/commands.js";

/** A client that says exactly the bytes it is told to. */
export class RawPeer {
  /** Resolves when the line is gone. */
  readonly closed: Promise<void>;
  isClosed = false;
  readonly socket: Socket;
  #heard: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.isClosed = true;
        this.#wake();
        resolve();
      });
    });
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, chunk]);
      this.#wake();
    });
  }

  /** Connects to `tcp://…` or `ipc://…`. */
  static async connect(url: string): Promise<RawPeer> {
    const socket = url.startsWith("ipc://")
      ? createConnection(url.slice("ipc://".length))
      : createConnection({ host: "127.0.0.1", port: Number(new URL(url).port) });
    const peer = new RawPeer(socket);
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return peer;
  }

  /**
   * Connected and through the NULL handshake as ZMTP 3.`minor`; our READY, and the door's `00 01 01`, have been read.
   */
  static async open(
    url: string,
    socketType: string,
    properties: Readonly<Record<string, string>> = {},
    minor = 1,
  ): Promise<RawPeer> {
    const peer = await RawPeer.connect(url);
    peer.send(greeting("NULL", { minor }), ready(socketType, properties));
    await peer.read(64);
    await peer.frame();
    if (socketType.endsWith("PUB")) await peer.read(3);
    return peer;
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next `count` bytes. */
  async read(count: number): Promise<Buffer> {
    while (this.#heard.length < count) await this.#more(`${count} bytes`);
    const bytes = this.#heard.subarray(0, count);
    this.#heard = this.#heard.subarray(count);
    return bytes;
  }

  /** The next frame. */
  async frame(): Promise<{ readonly flags: number; readonly body: Buffer }> {
    for (;;) {
      const end = frameEnd(this.#heard, 0, Number.MAX_SAFE_INTEGER);
      if (end <= this.#heard.length) {
        const bytes = await this.read(end);
        return { flags: bytes[0] ?? 0, body: bytes.subarray(bodyStart(bytes, 0)) };
      }
      await this.#more("a frame");
    }
  }

  /** The next message, its parts as text. */
  async message(): Promise<string[]> {
    const parts: string[] = [];
    for (;;) {
      const { flags, body } = await this.frame();
      parts.push(body.toString("latin1"));
      if ((flags & moreFlag) === 0) return parts;
    }
  }

  /** What has been heard and not read. */
  get unread(): Buffer {
    return this.#heard;
  }

  close(): void {
    this.socket.destroy();
  }

  async #more(what: string): Promise<void> {
    if (this.isClosed) throw new Error(`closed while ${what} was awaited; heard ${this.#heard.toString("hex")}`);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A greeting of 64 bytes as a client sends it. */
export function greeting(mechanism: string, more: { major?: number; minor?: number; asServer?: boolean } = {}): Buffer {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes[8] = 1;
  bytes[9] = 0x7f;
  bytes[10] = more.major ?? 3;
  bytes[11] = more.minor ?? 0;
  bytes.write(mechanism, 12, "latin1");
  bytes[32] = more.asServer === true ? 1 : 0;
  return bytes;
}

/** READY, or INITIATE, with a Socket-Type and other properties. */
export function ready(
  socketType: string,
  properties: Readonly<Record<string, string>> = {},
  command = "READY",
): Buffer {
  const all = Object.entries({ "Socket-Type": socketType, ...properties }).map(([name, value]) =>
    encodeProperty(name, value),
  );
  return encodeCommand(command, Buffer.concat(all));
}

/** HELLO of PLAIN. */
export function hello(user: string, password: string): Buffer {
  return encodeCommand(
    "HELLO",
    Buffer.concat([
      Buffer.from([user.length]),
      Buffer.from(user),
      Buffer.from([password.length]),
      Buffer.from(password),
    ]),
  );
}

/** A message as bytes. */
export function message(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part, at) => encodeFrame(at < parts.length - 1 ? moreFlag : 0, Buffer.from(part))));
}

/** A subscription in the form of ZMTP 3.0. */
export function subscribe(topic: string): Buffer {
  return encodeFrame(0, Buffer.from(`\x01${topic}`));
}

export { commandFlag };
