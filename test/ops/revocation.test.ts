import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultLimits, systemClock } from "../../src/core/index.js";
import { DataDirectory } from "../../src/storage/index.js";
import { IdentityTokens } from "../../src/identity/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { auditLines } from "./kit.js";

let world: TestBroker;
let tokens: IdentityTokens;
beforeAll(async () => {
  world = await startBroker({ limits: { graceDeclaredMs: 0 } });
  // Another process, as `broker token` is one.
  tokens = new IdentityTokens({
    dataDirectory: new DataDirectory(world.dataDir),
    clock: systemClock,
    limits: defaultLimits,
    reserved: [],
    damaged: (fault) => {
      throw fault;
    },
  });
  tokens.load();
});
afterAll(() => world.stop());

function idOf(token: string): string {
  return tokens.listing(token)?.id ?? "none";
}

/** The audit log's lines about one token. */
function audited(tokenId: string): readonly unknown[] {
  return auditLines(join(world.dataDir, "audit.log")).filter((line) => "tokenId" in line && line.tokenId === tokenId);
}

function zmqConnections(): number {
  const { zmqIn, zmqOut } = world.broker.status().connections;
  return zmqIn + zmqOut;
}

describe("a token that is revoked", () => {
  it("ends its PAN session, which is told why in PAN's words, then 1008", async () => {
    const token = await tokens.issue({ kind: "ws", subject: "bot" });
    const bot = await PanWire.login(world.pan, "bot", token);
    const id = idOf(token);
    expect(await tokens.revoke(id)).toHaveLength(1);
    expect(await bot.hears("error")).toMatchObject({
      code: "AUTH_FAILED",
      message: expect.stringMatching(/taken back/) as string,
    });
    expect(await bot.closed).toMatchObject({ code: 1008, reason: expect.stringMatching(/taken back/) as string });
    const again = await PanWire.open(world.pan);
    again.say({ type: "auth", agentId: "bot", token });
    expect(await again.hears("error")).toMatchObject({ code: "AUTH_FAILED" });
    await eventually(() => audited(id).length === 2, "both are written down");
    expect(audited(id)).toMatchObject([
      { event: "login", agent: "bot", dialect: "pan", trust: "proved", remote: "127.0.0.1" },
      { event: "cut", agent: "bot", dialect: "pan", why: "revoked" },
    ]);
  });

  it("ends both ZeroMQ connections, and libzmq cannot come back with it", async () => {
    const token = await tokens.issue({ kind: "zmq", subject: "agent" });
    const id = idOf(token);
    const agent = await new PlainAgent("agent", world, { token }).meet();
    const other = await new PlainAgent("other", world).meet();
    expect(zmqConnections()).toBe(4);
    await tokens.revoke("agent");
    await eventually(() => zmqConnections() === 2, "both connections of the agent are closed");
    const refusals = (): number => world.broker.status().ledger.reasons["zmtp-refused-unauthenticated"] ?? 0;
    await eventually(() => refusals() >= 2, "both came back and were refused");
    expect(world.broker.status().ledger.reasons["token-revoked"]).toBe(2);
    await other.settled();
    await eventually(() => audited(id).length === 4, "all is written down");
    expect(
      audited(id)
        .map((line) => (line as { event: string }).event)
        .sort(),
    ).toEqual(["cut", "cut", "login", "login"]);
    agent.close();
    other.close();
  });

  it("leaves the agent's other token alone", async () => {
    const [first, second] = [
      await tokens.issue({ kind: "ws", subject: "twice" }),
      await tokens.issue({ kind: "zmq", subject: "twice" }),
    ];
    const agent = await new PlainAgent("twice", world, { token: second }).meet();
    const bot = await PanWire.login(world.pan, "twice", first);
    await tokens.revoke(idOf(first));
    expect(await bot.closed).toMatchObject({ code: 1008 });
    await agent.settled();
    agent.close();
  });
});

describe("a token that expires", () => {
  it("ends what speaks by it", async () => {
    const token = await tokens.issue({ kind: "ws", subject: "brief", ttlMs: 1_500 });
    const bot = await PanWire.login(world.pan, "brief", token);
    expect(await bot.hears("error")).toMatchObject({ code: "AUTH_FAILED" });
    expect(await bot.closed).toMatchObject({ code: 1008, reason: expect.stringMatching(/valid until/) as string });
  });
});

describe("a shared secret that is changed", () => {
  it("ends who came in by the old one", async () => {
    const path = join(world.dataDir, "pan-token");
    const guest = await PanWire.login(world.pan, "visitor", panToken(world.dataDir));
    const token = await tokens.issue({ kind: "ws", subject: "owner" });
    const owner = await PanWire.login(world.pan, "owner", token);
    writeFileSync(path, `${"x".repeat(43)}\n`);
    expect(await guest.closed).toMatchObject({ code: 1008, reason: expect.stringMatching(/taken back/) as string });
    const again = await PanWire.login(world.pan, "visitor", panToken(world.dataDir));
    await tokens.revoke("owner");
    expect(await owner.closed).toMatchObject({ code: 1008 });
    again.close();
  });

  it("ends them also when the file keeps its time of writing", async () => {
    const path = join(world.dataDir, "pan-token");
    const then = new Date(1_700_000_000_000);
    utimesSync(path, then, then);
    const guest = await PanWire.login(world.pan, "guest", panToken(world.dataDir));
    writeFileSync(path, `${"y".repeat(43)}\n`);
    utimesSync(path, then, then);
    expect(await guest.closed).toMatchObject({ code: 1008 });
  });
});

describe("who holds no token", () => {
  it("goes on when another's is revoked", async () => {
    const claimed = await new PlainAgent("claimed", world, { declare: true }).meet();
    const token = await tokens.issue({ kind: "ws", subject: "last" });
    const bot = await PanWire.login(world.pan, "last", token);
    await tokens.revoke("last");
    expect(await bot.closed).toMatchObject({ code: 1008 });
    await claimed.settled();
    claimed.close();
  });
});
