import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PanClient } from "../../../clients/typescript/pan/client.js";
import { connectProblem } from "../../../clients/typescript/shared/socket.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { makeCertificate } from "../../kit/certificates.js";

describe("a client that cannot connect says what to do", () => {
  let folder: string;
  let secured: TestBroker;
  let clear: TestBroker;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-connect-"));
    const { cert, key } = makeCertificate(folder, "broker");
    [secured, clear] = await Promise.all([startBroker({ tlsCert: cert, tlsKey: key }), startBroker()]);
  });
  afterAll(async () => {
    await Promise.all([secured.stop(), clear.stop()]);
    rmSync(folder, { recursive: true });
  });

  const problem = async (url: string): Promise<string> => {
    const client = new PanClient({ url, agentId: "ada", token: "t" });
    try {
      await client.connect();
      return "connected";
    } catch (thrown) {
      return (thrown as Error).message;
    } finally {
      await client.close();
    }
  };

  it("where TLS is spoken on one side only", async () => {
    expect(await problem(secured.pan.replace("wss:", "ws:"))).toMatch(/socket hang up; .* begins with wss:\/\/$/);
    expect(await problem(clear.pan.replace("ws:", "wss:"))).toMatch(
      /^cannot connect to wss:\/\/[^;]*: this port does not speak TLS; [^\n]* is ws:\/\/$/,
    );
  });

  it("where the path is wrong, or a proxy keeps WebSockets to itself", async () => {
    expect(await problem(`${clear.pan}x`)).toMatch(
      /404; a server is there, but this is not spoken at this path \(PAN: \/pan,/,
    );
    const proxy = createServer().on("upgrade", (_request, socket) => {
      socket.end("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = proxy.address() as AddressInfo;
      expect(await problem(`ws://127.0.0.1:${port}/pan`)).toMatch(/426; .*a proxy before it .*\(Upgrade\)$/);
    } finally {
      proxy.close();
    }
  });

  it("where nobody is", () => {
    const refused = ["::1", "127.0.0.1"].map((host) => new Error(`connect ECONNREFUSED ${host}:1`));
    expect(connectProblem("ws://localhost:1", new AggregateError(refused))).toBe(
      "cannot connect to ws://localhost:1: connect ECONNREFUSED ::1:1; is the server running there?",
    );
    expect(connectProblem("wss://broker.lna", new Error("getaddrinfo ENOTFOUND broker.lna"))).toMatch(
      /ENOTFOUND broker\.lna; no host of this name is known here$/,
    );
  });
});
