import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readShared, sharedReadBytes } from "../../../src/zeromq/wire/shared-read.js";

describe("reading an accepted socket", () => {
  let server: Server;
  let client: Socket;
  let accepted: Socket;

  beforeEach(async () => {
    server = createServer({ pauseOnConnect: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const arrived = once(server, "connection");
    client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    [accepted] = (await arrived) as [Socket];
  });
  afterEach(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });

  /** Everything that was read when the client has ended, and which buffers it lay in. */
  async function readAll(socket: Socket, shared: Buffer): Promise<{ text: string; buffers: Set<ArrayBufferLike> }> {
    const buffers = new Set<ArrayBufferLike>();
    let text = "";
    const reading: Socket = readShared(socket, shared, (chunk) => {
      buffers.add(chunk.buffer);
      text += chunk.toString("latin1");
      if (text.endsWith("last")) reading.write("answer");
    });
    client.write("one ");
    client.write("x".repeat(400_000));
    client.write(" last");
    const [answer] = (await once(client, "data")) as [Buffer];
    expect(answer.toString()).toBe("answer");
    const ended = once(reading, "end");
    client.destroy();
    await ended;
    reading.destroy(); // its owner decides when
    return { text, buffers };
  }

  it("uses the shared buffer where Node gives the handle", async () => {
    const shared = Buffer.allocUnsafeSlow(sharedReadBytes);
    const { text, buffers } = await readAll(accepted, shared);
    expect(text).toBe(`one ${"x".repeat(400_000)} last`);
    expect([...buffers]).toEqual([shared.buffer]);
  });

  it("reads as ever where it does not", async () => {
    const shared = Buffer.allocUnsafeSlow(sharedReadBytes);
    const hidden = new Proxy(accepted, {
      get: (socket, name) => (name === "_handle" ? undefined : bound(socket, name)),
    });
    const { text, buffers } = await readAll(hidden, shared);
    expect(text).toBe(`one ${"x".repeat(400_000)} last`);
    expect(buffers.has(shared.buffer)).toBe(false);
  });
});

function bound(socket: Socket, name: string | symbol): unknown {
  const value: unknown = Reflect.get(socket, name);
  return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(socket) : value;
}
