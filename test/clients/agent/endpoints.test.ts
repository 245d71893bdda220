import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findEndpoints } from "../../../clients/typescript/agent/endpoints.js";

const standard = { in: "tcp://127.0.0.1:5555", out: "tcp://127.0.0.1:5556" };
const own = { in: "tcp://127.0.0.1:1", out: "tcp://127.0.0.1:2" };

let dataDir: string;
let path: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "synaptic-endpoints-"));
  path = join(dataDir, "endpoints.json");
});
afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

describe("endpoints.json", () => {
  it("tells where the broker is; without it the standard ports are tried", () => {
    const origin = `the standard ports, because ${path} is not there`;
    expect(findEndpoints({ dataDir })).toEqual({ ...standard, origin });
    expect(findEndpoints({ dataDir: join(dataDir, "none") })).toMatchObject(standard);
    writeFileSync(path, JSON.stringify({ pid: 1, zmqIn: [own.in], zmqOut: [own.out], ws: [] }));
    expect(findEndpoints({ dataDir })).toEqual({ ...own, origin: `from ${path}` });
  });

  it("of a broker without ZeroMQ doors leads to no other broker", () => {
    writeFileSync(path, '{"zmqIn":[],"zmqOut":[]}');
    expect(() => findEndpoints({ dataDir })).toThrow(
      expect.objectContaining({
        code: "unavailable",
        message: expect.stringMatching(/has no ZeroMQ doors; .*broker\.agent\(NAME\)/) as string,
      }),
    );
    expect(() => findEndpoints({ dataDir, in: own.in })).toThrow(/has no ZeroMQ doors/);
    expect(findEndpoints({ ...own, dataDir })).toEqual({ ...own, origin: "as you said" });
  });

  it.each([
    "",
    "{",
    '{"zmqIn":["tcp://127.0.0.1:1"],"zmq',
    "null",
    "7",
    "[]",
    "{}",
    '{"zmqIn":"tcp://127.0.0.1:1","zmqOut":["x"]}',
    '{"zmqIn":[7],"zmqOut":[{}]}',
    "[".repeat(60_000),
    " ".repeat(70_000),
  ])("that a broker has not written is named with the remedy: %.30s", (text) => {
    writeFileSync(path, text);
    expect(() => findEndpoints({ dataDir })).toThrow(
      expect.objectContaining({
        code: "malformed",
        message: expect.stringMatching(
          /endpoints\.json .*move it away and restart the broker, or say where/s,
        ) as string,
      }),
    );
    expect(findEndpoints({ ...own, dataDir }), "who says where is not asked").toMatchObject(own);
  });

  it("that is a folder is named", () => {
    mkdirSync(path);
    expect(() => findEndpoints({ dataDir })).toThrow(/endpoints\.json cannot be read: it is no regular file; move/);
  });
});
