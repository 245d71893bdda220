import { createServer, type Server, type ServerResponse } from "node:http";
import { createConnection, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/index.js";
import { sendFile } from "../../../src/websocket/edge/file-answer.js";
import { eventually } from "../../kit/broker.js";
import { wholeAnswer, WsWorld } from "../../kit/ws-world.js";

const headers = { etag: '"x"' };

describe("a long answer", () => {
  let world: WsWorld;
  const bytes = Buffer.from("0123456789abcdef".repeat(40_000));
  beforeEach(async () => {
    world = new WsWorld();
    world.onPage = ({ ifNoneMatch }) =>
      ifNoneMatch === '"x"'
        ? { status: 304, type: "text/plain", body: "", headers }
        : { status: 200, type: "text/plain", bytes, headers };
    await world.edge.start();
  });
  afterEach(() => world.stop());

  async function ask(method: string, ...more: readonly string[]): Promise<string> {
    const socket = await world.bare();
    socket.write([`${method} /file HTTP/1.1`, "Host: localhost", ...more, "", ""].join("\r\n"));
    return wholeAnswer(socket);
  }

  it("comes whole, with its length, and ends the connection", async () => {
    const [head, body] = (await ask("GET")).split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(head).toContain(`content-length: ${bytes.length}`);
    expect(head).toContain("connection: close");
    expect(body === bytes.toString()).toBe(true);
  });

  it("is its head alone for HEAD", async () => {
    const answer = await ask("HEAD");
    expect(answer).toContain(`content-length: ${bytes.length}`);
    expect(answer.endsWith("\r\n\r\n")).toBe(true);
  });

  it("has no length where nothing has changed", async () => {
    const answer = await ask("GET", 'If-None-Match: "x"');
    expect(answer).toMatch(/^HTTP\/1\.1 304 /);
    expect(answer).not.toMatch(/content-length|content-type/i);
    expect(answer).toContain('etag: "x"');
  });
});

describe("who does not take a long answer", () => {
  let server: Server;
  let socket: Socket;
  let answering: Promise<ServerResponse>;
  let done: Promise<void>;
  // More than two kernels keep for a peer that does not read.
  const bytes = new Uint8Array(64 * 1024 * 1024);

  async function begin(withinMs: number): Promise<void> {
    done = new Promise((resolve, reject) => {
      answering = new Promise((answered) => {
        server = createServer((_request, response) => {
          sendFile(response, bytes, systemClock, withinMs).then(resolve, reject);
          answered(response);
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    socket = createConnection((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => undefined).pause();
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  afterEach(async () => {
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it("has little of it waiting here, and is gone after its time", async () => {
    await begin(300);
    const response = await answering;
    await eventually(() => response.writableNeedDrain, "a peer that takes nothing");
    expect(response.writableLength).toBeLessThan(256 * 1024);
    await done;
    expect(response.destroyed).toBe(true);
  });

  it("and goes, holds up nothing", async () => {
    await begin(600_000);
    const response = await answering;
    await eventually(() => response.writableNeedDrain, "a peer that takes nothing");
    socket.destroy();
    await done;
    expect(response.destroyed).toBe(true);
  });
});
