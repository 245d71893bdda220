import { describe, expect, it } from "vitest";
import { readyLines, type Reach } from "../../src/cli/ready.js";

/** What a broker with one WebSocket door says when it is ready. */
function told(ws: string, reach: Partial<Reach> = {}): string {
  const endpoints = { zmqIn: ["tcp://127.0.0.1:5555"], zmqOut: ["tcp://127.0.0.1:5556"], ws: [ws] };
  return readyLines({ dataDir: "/d", dialects: [], endpoints }, { behindProxy: false, hosts: [], ...reach }).join("\n");
}

describe("a broker that is ready", () => {
  it("says who can reach it", () => {
    expect(told("ws://127.0.0.1:1")).toContain(", reachable from this machine only.");
    expect(told("ws://127.0.0.1:1", { behindProxy: true })).toMatch(/from this machine, and .* through the proxy\./);
    expect(told("wss://192.0.2.1:1")).toContain(", reachable from other machines by TLS.");
    expect(told("ws://0.0.0.0:1", { behindProxy: true })).toContain(", REACHABLE FROM OTHER MACHINES, without");
  });

  it("says what bots write where its own address is none that they can", () => {
    const hosts = ["broker.lan", "192.0.2.1"];
    const line = /^ {2}Bots elsewhere write +a name of the certificate as the host: broker\.lan, 192\.0\.2\.1$/m;
    expect(told("wss://0.0.0.0:1", { hosts })).toMatch(line);
    expect(told("wss://[::]:1", { hosts })).toMatch(line);
    for (const other of [told("wss://192.0.2.1:1", { hosts }), told("wss://0.0.0.0:1"), told("ws://0.0.0.0:1")])
      expect(other).not.toContain("Bots elsewhere");
  });
});
