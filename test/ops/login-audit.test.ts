import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultLimits, type FaultCode } from "../../src/core/index.js";
import type { AuditEvent } from "../../src/ops/index.js";
import { LoginAudit } from "../../src/ops/login-audit.js";
import { LimiterMemory, type LoginEvent } from "../../src/identity/index.js";
import { eventually, startBroker } from "../kit/broker.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";
import { auditLines, folder } from "./kit.js";

function world(burst = 2): {
  readonly written: (AuditEvent | "left out")[];
  readonly logins: LoginAudit;
  readonly clock: FakeClock;
} {
  const clock = new FakeClock();
  const written: (AuditEvent | "left out")[] = [];
  const limits = { ...defaultLimits, auditClaimsPerSecond: 1, auditClaimsBurst: burst };
  const audit = {
    write: (event: AuditEvent): void => void written.push(event),
    leaveOut: (): void => void written.push("left out"),
  };
  const logins = new LoginAudit(audit, new LimiterMemory({ limits, clock }), limits, (name) => name === "operator");
  return { written, logins, clock };
}

function refused(code: FaultCode, agent?: string): LoginEvent {
  return { event: "login.refused", dialect: "zmq", remote: "192.0.2.1", code, ...(agent !== undefined && { agent }) };
}

const claimed: LoginEvent = { event: "login", agent: "eve", dialect: "zmq", trust: "claimed", remote: "192.0.2.1" };
const proved: LoginEvent = {
  event: "login",
  agent: "ada",
  dialect: "zmq",
  trust: "proved",
  remote: "192.0.2.1",
  tokenId: "1",
};

describe("the audit of logins", () => {
  it("counts by dialect and trust, by dialect and fault", () => {
    const { logins } = world();
    for (const event of [claimed, claimed, proved, refused("unauthenticated"), refused("forbidden")])
      logins.take(event);
    expect(logins.logins).toEqual({ zmq: { claimed: 2, proved: 1 } });
    expect(logins.failures).toEqual({ zmq: { unauthenticated: 1, forbidden: 1 } });
  });

  it("leaves out what keys prove as what is claimed: anybody makes as many keys as it likes", () => {
    const { logins, written } = world();
    const byKey: LoginEvent = {
      event: "login",
      agent: "0123456789abcdef",
      dialect: "agentchat",
      trust: "proved",
      remote: "192.0.2.1",
    };
    for (let n = 0; n < 5; n += 1) logins.take(byKey);
    logins.take({ ...byKey, event: "displaced" });
    logins.take(proved);
    expect(written.filter((line) => line === "left out")).toHaveLength(4);
    expect(written.at(-1)).toEqual(proved);
  });

  it("leaves out what many addresses together cause too often", () => {
    const { logins, written } = world();
    for (let n = 0; n < 3_000; n += 1) logins.take({ ...claimed, remote: `10.0.${String(n >> 8)}.${String(n & 255)}` });
    expect(written.filter((line) => line !== "left out")).toHaveLength(defaultLimits.auditClaimsTotalBurst);
  });

  it("leaves out what one address causes too often, and never what is proved by a token, or cut", () => {
    const { logins, written, clock } = world();
    for (let n = 0; n < 5; n += 1) logins.take(refused("unauthenticated"));
    logins.take(proved);
    logins.take({ ...claimed, remote: "192.0.2.2" });
    clock.advance(1_000);
    logins.take(claimed);
    logins.take({ event: "cut", agent: "ada", dialect: "zmq", remote: "192.0.2.1", tokenId: "1", why: "revoked" });
    expect(written.map((event) => (event === "left out" ? event : event.event))).toEqual([
      "login.refused",
      "login.refused",
      "left out",
      "left out",
      "left out",
      "login",
      "login",
      "login",
      "cut",
    ]);
    expect(logins.failures).toEqual({ zmq: { unauthenticated: 5 } });
  });

  it("leaves out what others than we let in, and cut, too often", () => {
    const { logins, written } = world();
    const cut = { event: "cut", agent: "ada", dialect: "pan", remote: "192.0.2.1", why: "expired" } as const;
    for (let n = 0; n < 5; n += 1) logins.take(cut);
    expect(written.filter((line) => line !== "left out")).toHaveLength(2);
  });

  it("tells of guesses at a protected name, and of other addresses, whatever one address causes", () => {
    const { logins, written } = world(10_000);
    for (let n = 0; n < 5_000; n += 1) logins.take(claimed);
    written.length = 0;
    const guess = { ...refused("unauthenticated", "operator"), remote: "192.0.2.9" };
    for (let n = 0; n < 25; n += 1) logins.take(guess);
    for (let n = 0; n < 20; n += 1) logins.take({ ...claimed, remote: "192.0.2.8" });
    expect(written.filter((line) => line !== "left out")).toHaveLength(45);
  });

  it("does not take a frame that cannot be read, or a broker that leaves, for a refused login", () => {
    const { logins, written } = world();
    for (const code of ["malformed", "going-away", "internal", "unsupported"] as const) logins.take(refused(code));
    expect([written, logins.failures]).toEqual([[], {}]);
  });

  it("withholds a token that somebody put where the name belongs", () => {
    const { logins, written } = world();
    const tokens = ["r2v6PdBXQT_TfIuuvUFmlC8KK6GbW7BfMW43MhgHaG8", "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZGEifQ.c2ln"];
    for (const token of tokens) logins.take(refused("unauthenticated", token));
    logins.take({ ...refused("unauthenticated", "ada"), remote: "192.0.2.7" });
    for (const token of tokens) expect(JSON.stringify(written)).not.toContain(token);
    expect(written[2]).toMatchObject({ agent: "ada" });
  });
});

describe("a broker's audit log", () => {
  it("tells of start, logins, displacement, refusals, reload and stop, and of nothing that was said", async () => {
    const home = await folder();
    const broker = await startBroker({ dataDir: home.path, limits: { agentsMax: 100 } });
    const path = join(home.path, "audit.log");
    const [ws, zmq] = [await issueToken(home.path, "ada", "ws"), await issueToken(home.path, "bob")];
    const first = await PanWire.login(broker.pan, "ada", ws);
    const second = await PanWire.login(broker.pan, "ada", ws);
    expect(await first.closed).toMatchObject({ code: 4409 });
    const wrong = await PanWire.open(broker.pan);
    wrong.say({ type: "auth", agentId: "ada", token: "a-wrong-token" });
    await wrong.closed;
    const shared = await PanWire.login(broker.pan, "guest", panToken(home.path));
    const bob = await new PlainAgent("bob", broker, { token: zmq }).meet();
    const eve = new PlainAgent("bob", broker, { token: "another-wrong-token" });
    await eventually(
      () => auditLines(path).some((line) => line.event === "login.refused" && line.dialect === "zmq"),
      "the ZeroMQ refusal is written",
    );
    await bob.send("ada", "request", "words of a message");
    await second.hears("chat");
    broker.broker.reload({
      dataDir: home.path,
      zmqIn: ["tcp://127.0.0.1:0"],
      zmqOut: ["tcp://127.0.0.1:0"],
      ws: ["127.0.0.1:0"],
      limits: { publisherDoorDelayMs: 0, startHoldMs: 0, agentsMax: 101 },
    });
    eve.close();
    bob.close();
    shared.close();
    second.close();
    await broker.broker.stop();
    const text = readFileSync(path, "utf8");
    for (const secret of [ws, zmq, panToken(home.path), "a-wrong-token", "another-wrong-token", "words of a message"])
      expect(text).not.toContain(secret);
    const lines = auditLines(path);
    expect(lines[0]).toMatchObject({ event: "start", pid: process.pid, doors: { zmqIn: [broker.zmqIn] } });
    expect(lines.at(-1)).toMatchObject({ event: "stop" });
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          event: "login",
          agent: "ada",
          dialect: "pan",
          trust: "proved",
          tokenId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
        }),
        expect.objectContaining({ event: "displaced", agent: "ada", dialect: "pan" }),
        expect.objectContaining({ event: "login.refused", dialect: "pan", code: "unauthenticated" }),
        expect.objectContaining({ event: "login", agent: "guest", trust: "shared" }),
        expect.objectContaining({ event: "login", agent: "bob", dialect: "zmq", trust: "proved" }),
        expect.objectContaining({ event: "login.refused", agent: "bob", dialect: "zmq", code: "unauthenticated" }),
        expect.objectContaining({ event: "reload", changed: ["limits.agentsMax"], needRestart: [] }),
      ]),
    );
    await home.remove();
  });
});
