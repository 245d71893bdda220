import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HelloTurns } from "../../../src/websocket/edge/hello-turns.js";

describe("the turns of TLS handshakes", () => {
  let server: Server;
  let took: (socket: Socket, what: "begun" | "refused", waitedMs?: number) => void;
  let turns: HelloTurns;
  let now: number;
  const clients: Socket[] = [];
  beforeEach(async () => {
    now = 0;
    turns = new HelloTurns({ monotonic: () => now });
    server = createServer((socket) => {
      turns.wait(
        socket,
        (waitedMs) => {
          took(socket, "begun", waitedMs);
        },
        () => {
          took(socket, "refused");
        },
      );
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
    server.close();
  });

  async function client(): Promise<Socket> {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    clients.push(socket);
    await once(socket, "connect");
    return socket;
  }

  /** What a TLS client says first. */
  async function recorded(): Promise<Buffer> {
    const recorder = createServer().listen(0, "127.0.0.1");
    await once(recorder, "listening");
    const speaker = connectTls({ port: (recorder.address() as AddressInfo).port, host: "127.0.0.1" });
    speaker.on("error", () => undefined);
    const [heard] = (await once(recorder, "connection")) as [Socket];
    const [hello] = (await once(heard, "data")) as [Buffer];
    heard.destroy();
    recorder.close();
    return hello;
  }

  it("knows who waits, and tells for how long", async () => {
    const hello = await recorded();
    const all: Socket[] = [];
    for (let n = 0; n < 10; n += 1) {
      const accepted = once(server, "connection");
      all.push(await client());
      await accepted;
    }
    const waited: number[] = [];
    let others = 0;
    const done = new Promise<void>((resolve) => {
      took = (socket, _what, waitedMs = 0) => {
        others += turns.waits(socket) ? 1 : 0;
        now += 500;
        if (waited.push(waitedMs) === all.length) resolve();
      };
    });
    for (const one of all) one.write(hello);
    await done;
    expect(others, "its turn is here").toBe(0);
    expect(waited[0]).toBe(0);
    expect(Math.max(...waited)).toBeGreaterThan(2_000);
  });

  it("begins one in a turn of the loop", async () => {
    const hello = await recorded();
    const all = await Promise.all(Array.from({ length: 40 }, client));
    let turn = 0;
    let isOver = false;
    const count = (): void => {
      turn += 1;
      if (!isOver) setImmediate(count);
    };
    count();
    const begun: number[] = [];
    const done = new Promise<void>((resolve) => {
      took = () => {
        if (begun.push(turn) === 40) resolve();
      };
    });
    for (const one of all) one.write(hello);
    await done;
    isOver = true;
    expect(new Set(begun).size).toBe(40);
  });

  it("begins with the whole first message, also one that comes in parts, and with every byte of it", async () => {
    const hello = await recorded();
    const one = await client();
    const heard = new Promise<Buffer>((resolve) => {
      took = (socket) => {
        resolve(socket.read() as Buffer);
      };
    });
    one.setNoDelay(true);
    for (const byte of hello) {
      one.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await heard).equals(hello)).toBe(true);
  });

  it("refuses what is no first message, and one without an end", async () => {
    const says = async (bytes: Buffer): Promise<string> => {
      const one = await client();
      return new Promise((resolve) => {
        took = (_socket, what) => {
          resolve(what);
        };
        one.write(bytes);
      });
    };
    expect(await says(Buffer.from("GET / HTTP/1.1\r\n\r\n"))).toBe("refused");
    expect(await says(Buffer.of(21, 3, 1, 0, 2, 1, 0))).toBe("refused");
    expect(await says(Buffer.concat([Buffer.of(22, 3, 1, 0xff, 0xff, 1, 0, 0xff, 0), Buffer.alloc(20_000)]))).toBe(
      "refused",
    );
  });
});
