import { describe, expect, it } from "vitest";
import { defaultLimits, subscriptionKind } from "../../../src/core/index.js";
import { LimiterMemory } from "../../../src/identity/index.js";
import { Logins } from "../../../src/zeromq/agents/logins.js";
import { declaredFault, meantOtherwise, subscriptionFault } from "../../../src/zeromq/agents/rights.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { NamesWithOwners, proved } from "../../kit/zeromq-world.js";

const identity = new NamesWithOwners();
identity.owned.add("boss");
identity.carried.set("relay", ["ada"]);
const bot = {
  name: "bot",
  displayName: "bot",
  dialect: "pan",
  trust: "shared",
  via: undefined,
  since: 0,
  connections: 1,
} as const;
const owners = {
  identity,
  dataTopics: ["prices"],
  directory: { agent: (name: string) => (name === "bot" ? bot : undefined) },
};
const local = { principal: undefined, isLocal: true };
const remote = { principal: undefined, isLocal: false };
const plain = { principal: proved("bob"), isLocal: true };
const observer = { principal: proved("watch", ["observe"]), isLocal: false };
const inspector = { principal: proved("watch", ["inspect"]), isLocal: false };
const manager = { principal: proved("watch", ["control", "approve", "edit", "proxy", "operate"]), isLocal: true };

const code = (topic: string, peer: Parameters<typeof subscriptionFault>[1]): string =>
  subscriptionFault(topic, peer, owners)?.code ?? "heard";

it("a name that a session of another dialect bears cannot be claimed, heard or declared", () => {
  expect(code("bot", local)).toBe("conflict");
  expect(declaredFault("bot", owners)).toBeUndefined(); // it may be free later: the name sleeps
});

describe("what a subscription may be", () => {
  it.each(["", "news.", "a/", "b:"])(
    "listens to everything under %j from this machine, or with scope observe or inspect",
    (topic) => {
      for (const peer of [local, observer, inspector]) expect(code(topic, peer)).toBe("heard");
      for (const peer of [remote, plain, manager]) expect(code(topic, peer)).toBe("forbidden");
    },
  );

  it("says which token a tap needs", () => {
    expect(subscriptionFault("", plain, owners)?.message).toContain("--scope observe");
  });

  it("hears a claimed name unless it has an owner", () => {
    expect([code("claude", local), code("claude", remote), code("boss", local)]).toEqual([
      "heard",
      "heard",
      "forbidden",
    ]);
    expect(subscriptionFault("boss", local, owners)?.message).toContain("broker token boss");
  });

  it("hears its own name and no other agent's with a token", () => {
    expect([code("bob", plain), code("claude", plain), code("boss", plain)]).toEqual([
      "heard",
      "forbidden",
      "forbidden",
    ]);
  });

  it("hears the names that a proxy's token lists", () => {
    const relay = { principal: proved("relay", ["proxy"]), isLocal: true };
    expect([code("ada", relay), code("claude", relay)]).toEqual(["heard", "forbidden"]);
  });

  it("hears bytes that a program packed, exactly, whatever they begin or end with", () => {
    for (const packed of ["$\0\0\0", "\0\0\0.", "\udfff\x80.", "#\0\0\0"])
      for (const peer of [local, remote, plain]) expect(code(packed, peer)).toBe("heard");
    expect([subscriptionKind("\0\0\0."), subscriptionKind("\udfff\x80/"), subscriptionKind("a.")]).toEqual([
      "exact",
      "exact",
      "prefix",
    ]);
  });

  it("hears shared data topics and broadcasts in any case", () => {
    for (const peer of [local, remote, plain])
      expect([code("prices", peer), code("all", peer)]).toEqual(["heard", "heard"]);
  });

  it("hears nothing that is for a session that commands, whoever asks and however it is written", () => {
    for (const topic of ["control-1", "Control-1", "CONTROL-", "соntrоl-1", "control-a.b"])
      for (const peer of [local, remote, plain, observer, inspector, manager]) {
        expect(code(topic, peer)).toBe("forbidden");
        expect(meantOtherwise(topic, owners)).toBeUndefined(); // it is told once, and why
      }
    for (const topic of ["control", "controls-1", "my.control-1"]) expect(code(topic, local)).toBe("heard");
  });

  it("hears the broker's events, never what is for the broker, and telemetry as a tap", () => {
    for (const peer of [local, remote, plain])
      expect([code("$events", peer), code("$broker", peer), code("$other", peer)]).toEqual([
        "heard",
        "forbidden",
        "unsupported",
      ]);
    for (const peer of [local, observer, inspector]) expect(code("$telemetry", peer)).toBe("heard");
    for (const peer of [remote, plain, manager]) expect(code("$telemetry", peer)).toBe("forbidden");
  });
});

describe("a topic that looks like a name or a room and can be neither", () => {
  it.each([
    ["e\u0301va", "subscribe to éva"],
    ["#bad room", "A-Z a-z 0-9"],
    ["#all", "not #all"],
    ["claude ", "subscribe to claude"],
    ["claude  code", "subscribe to claude code"],
    ["@claude", "subscribe to claude"],
    ["ALL", "is reserved"],
  ])("%j is said to its author: %s", (topic, words) => {
    expect(meantOtherwise(topic, owners)?.message).toContain(words);
  });

  it.each([
    "claude",
    "all",
    "",
    "#room",
    "#lab.",
    "prices",
    "prices/",
    "BTC",
    "$events",
    "x".repeat(500),
    "\u0001\u0002",
    "\udfff\xff",
  ])("%j is as it is", (topic) => {
    expect(meantOtherwise(topic, owners)).toBeUndefined();
  });
});

describe("a name declared by X-Agent", () => {
  it("is refused with the reason", () => {
    expect(declaredFault("e\u0301va", owners)?.message).toContain("NFC");
    expect(declaredFault("prices", owners)?.message).toContain("topics");
    expect(declaredFault("#room", owners)?.message).toContain("starts with #");
    expect(declaredFault("Control-1", owners)?.message).toContain("begins with control-");
  });

  it("is refused for good only where nobody can have it", () => {
    expect([declaredFault("claude", owners), declaredFault("boss", owners)]).toEqual([undefined, undefined]);
    expect(declaredFault("\udfff\xff", owners)?.message).toContain("0xff");
    expect(declaredFault("#room", owners)?.code).toBe("malformed");
    expect(declaredFault("prices", owners)?.code).toBe("malformed");
  });

  it("is repeated in short, to the client and in the audit log", () => {
    const name = "y".repeat(15_000);
    const fault = declaredFault(name, owners);
    expect(fault?.message.length).toBeLessThan(250);
    const seen: unknown[] = [];
    const limiter = new LimiterMemory({ limits: defaultLimits, clock: new FakeClock() });
    const witness = (event: unknown): unknown => seen.push(event);
    new Logins({ identity, limiter, limits: defaultLimits, witness }).refused(name, "127.0.0.1", fault);
    expect(seen).toMatchObject([{ event: "login.refused", code: "malformed" }]);
    expect(JSON.stringify(seen).length).toBeLessThan(250);
  });
});
